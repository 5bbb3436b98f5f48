"""Sort-of-CLEVR for up to an hour: the default's images, a wider relation network.

python main.py --mode=train --config=hardvqa_tf/configs/sort_of_clevr_full.py
"""

from hardvqa_tf.configs import sort_of_clevr


def get_config():
    config = sort_of_clevr.get_config()
    config.model.relation.units = (256, 256)
    config.train.learning_rate = 5e-4
    config.train.epochs = 26
    return config
