"""VQA-CP v2 on ResNet-101 maps: AdaHAN, sum pooling.

    python main.py --mode=train --config=hardvqa_tf/configs/vqa_cp_adahan_sum.py

The paper's used 25.66 of 100 cells on average (its table 2).
Records, needs and what is not known: configs/vqa_cp.py. Not run on the full data here.
"""

from hardvqa_tf.configs import vqa_cp


def get_config():
    config = vqa_cp.get_config()
    config.model.attention = "adahan"
    return config
