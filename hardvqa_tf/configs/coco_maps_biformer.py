"""COCO at the size of the papers, with BiFormer-S: else as configs/coco_maps.py.

    python main.py --mode=train --config=hardvqa_tf/configs/coco_maps_biformer.py

The authors' checkpoint: --config.model.biformer_s.weights=FILE; without it the tower begins
from random numbers. Regions as in their models for detection. Records, needs and what is not
known: configs/coco_maps.py. Not run on the full data here.
"""

from hardvqa_tf.configs import coco_maps


def get_config():
    config = coco_maps.get_config()
    config.model.image_encoder = "biformer_s"
    config.model.biformer_s.stage = 4
    config.model.biformer_s.num_regions = 16
    return config
