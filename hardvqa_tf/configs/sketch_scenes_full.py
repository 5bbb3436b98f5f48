"""Sketch scenes for an hour: the default's model and scenes, 24 epochs, mirrored by chance.

    python main.py --mode=train --config=hardvqa_tf/configs/sketch_scenes_full.py
    python main.py --mode=evaluate --workdir=runs/sketch_scenes_full --split=test

On the test split AP50 86.8, of unseen classes (--split=test_unseen) 76.3: one seed, 40 minutes
of processor time on one of two CPU cores. More: docs/localizer.md, Measured.
"""

from hardvqa_tf.configs import sketch_scenes


def get_config():
    config = sketch_scenes.get_config()
    config.train.augmentation.mirror = True
    config.train.epochs = 24
    config.train.learning_rate = 2e-3
    config.train.ema_decay = 0.999
    return config
