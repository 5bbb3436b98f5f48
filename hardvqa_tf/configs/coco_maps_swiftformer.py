"""COCO at the size of the papers, with SwiftFormer-L1: else as configs/coco_maps.py.

    python main.py --mode=train --config=hardvqa_tf/configs/coco_maps_swiftformer.py

The authors' checkpoint: --config.model.swiftformer_l1.weights=FILE; without it the tower begins
from random numbers. Records, needs and what is not known: configs/coco_maps.py. Not run on the
full data here.
"""

from hardvqa_tf.configs import coco_maps


def get_config():
    config = coco_maps.get_config()
    config.model.image_encoder = "swiftformer_l1"
    config.model.swiftformer_l1.stage = 4
    return config
