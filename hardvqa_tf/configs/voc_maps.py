"""PASCAL VOC at the size of the papers: the settings of configs/coco_maps.py.

    python main.py --mode=train --config=hardvqa_tf/configs/voc_maps.py

Records: --mode=build --dataset=voc --source_dir=FOLDER --builder_args=drawings=FOLDER. Needs
and what is not known: configs/coco_maps.py. Not run on the full data here.
"""

from hardvqa_tf.configs import coco_maps


def get_config():
    config = coco_maps.get_config()
    config.dataset = "voc"
    config.records_dir = "data/voc"
    return config
