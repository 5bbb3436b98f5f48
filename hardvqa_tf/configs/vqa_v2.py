"""VQA v2 on ResNet-101 maps: the settings of configs/vqa_cp.py.

    python main.py --mode=build --dataset=vqa_v2 --source_dir=FOLDER
    python main.py --mode=build --dataset=vqa_v2 --features
    python main.py --mode=train --dataset=vqa_v2
    python main.py --mode=evaluate --workdir=runs/vqa_v2 --split=val2014

The best epoch is chosen on `val`, carved from train2014, so that val2014 stays unseen. With
--resplit=changing_priors in the first command the same questions become a train and a test
split with other answers, in the manner of VQA-CP.

Not run on the full data here. It needs about 50 GB of disk for the maps (409,600 bytes for each
of 82,783 + 40,504 images; 33 GB more for the images of a test split) and about 2 GB of memory
for shuffling.
"""

from hardvqa_tf.configs import vqa_cp


def get_config():
    config = vqa_cp.get_config()
    config.dataset = "vqa_v2"
    config.records_dir = "data/vqa_v2_resnet101"
    config.maps.image_records_dir = "data/vqa_v2"
    return config
