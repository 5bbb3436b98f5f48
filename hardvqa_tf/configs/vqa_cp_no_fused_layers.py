"""VQA-CP v2 on ResNet-101 maps: HAN without the two layers before it.

    python main.py --mode=train --config=hardvqa_tf/configs/vqa_cp_no_fused_layers.py

The ablation of the paper's table 3, where that costs about 1 % of accuracy.
Records, needs and what is not known: configs/vqa_cp.py. Not run on the full data here.
"""

from hardvqa_tf.configs import vqa_cp


def get_config():
    config = vqa_cp.get_config()
    config.model.fusion.units = ()
    return config
