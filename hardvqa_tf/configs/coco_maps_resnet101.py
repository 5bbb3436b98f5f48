"""COCO at the size of the papers, with ResNet-101: else as configs/coco_maps.py.

    python main.py --mode=train --config=hardvqa_tf/configs/coco_maps_resnet101.py

Records, needs and what is not known: configs/coco_maps.py. Not run on the full data here.
"""

from hardvqa_tf.configs import coco_maps


def get_config():
    config = coco_maps.get_config()
    config.model.image_encoder = "resnet101"
    config.model.resnet101.trainable = True
    return config
