"""VQA-CP v2 on ResNet-101 maps: HAN with 25 of 100 cells, non-local pairwise.

    python main.py --mode=train --config=hardvqa_tf/configs/vqa_cp_han_pairwise.py

Records, needs and what is not known: configs/vqa_cp.py. Not run on the full data here.
"""

from hardvqa_tf.configs import vqa_cp


def get_config():
    config = vqa_cp.get_config()
    config.model.aggregator = "pairwise"
    return config
