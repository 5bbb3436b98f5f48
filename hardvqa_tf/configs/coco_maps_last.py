"""COCO at the size of the papers, guided behind the tower: else as configs/coco_maps.py.

    python main.py --mode=train --config=hardvqa_tf/configs/coco_maps_last.py

The tower runs once for all queries of an image, so that it can be asked for more: four here.
Records, needs and what is not known: configs/coco_maps.py. Not run on the full data here.
"""

from hardvqa_tf.configs import coco_maps


def get_config():
    config = coco_maps.get_config()
    config.model.guidance.where = "last"
    config.model.guidance.rounds = 2
    config.train.queries_per_image = 4
    return config
