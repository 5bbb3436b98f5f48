"""VQA-CP v2 on ResNet-101 maps: stacked soft attention with 2 hops (SAN), sum pooling.

    python main.py --mode=train --config=hardvqa_tf/configs/vqa_cp_san.py

The baseline that HAN is compared with in the paper's table 1.
Records, needs and what is not known: configs/vqa_cp.py. Not run on the full data here.
"""

from hardvqa_tf.configs import vqa_cp


def get_config():
    config = vqa_cp.get_config()
    config.model.attention = "soft"
    config.model.soft.num_hops = 2
    return config
