"""Sketch scenes, drawn here: 16 of 144 cells are kept, one tower for image and drawing.

    python main.py --mode=train --dataset=sketch_scenes

Scenes of 96x96 pixels, a grid of 12x12 cells, three queries each. On the test split AP50 77.6
(75.5 - 80.7), of unseen classes 71.1 (69.1 - 74.5): three seeds; a wrong drawing 15.6, perfect
boxes with random scores 34.7. 18 minutes of processor time on one of two CPU cores. More:
docs/localizer.md, Measured.
"""

from hardvqa_tf.configs import base


def get_config():
    config = base.get_config("localize")
    config.dataset = "sketch_scenes"
    config.records_dir = "data/sketch_scenes"
    config.image_size = (96, 96)  # a grid of 12x12 cells
    config.model.han.num_cells = 16
    config.train.batch_size = 16  # scenes
    config.train.learning_rate = 1e-3
    config.train.weight_decay = 1e-4
    config.train.clip_norm = 1.0
    config.train.all_cells_steps = 200
    return config
