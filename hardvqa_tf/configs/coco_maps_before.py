"""COCO at the size of the papers, guided before each stage: else as configs/coco_maps.py.

    python main.py --mode=train --config=hardvqa_tf/configs/coco_maps_before.py

So the public code of Tripathi et al. has it; their abstract says after each. Records, needs and
what is not known: configs/coco_maps.py. Not run on the full data here.
"""

from hardvqa_tf.configs import coco_maps


def get_config():
    config = coco_maps.get_config()
    config.model.guidance.where = "before"
    return config
