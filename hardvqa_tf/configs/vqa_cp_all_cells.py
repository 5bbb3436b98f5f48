"""VQA-CP v2 on ResNet-101 maps: no attention, the sum of all 100 cells.

    python main.py --mode=train --config=hardvqa_tf/configs/vqa_cp_all_cells.py

Records, needs and what is not known: configs/vqa_cp.py. Not run on the full data here.
"""

from hardvqa_tf.configs import vqa_cp


def get_config():
    config = vqa_cp.get_config()
    config.model.attention = "none"
    return config
