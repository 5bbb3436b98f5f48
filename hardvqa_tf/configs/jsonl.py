"""Your own images and questions: data.jsonl in a folder (docs/data.md).

    python main.py --mode=train --dataset=jsonl --source_dir=FOLDER

A start, to be adapted: how large an image must be and how long to train depends on your data.
"""

from hardvqa_tf.configs import base


def get_config():
    config = base.get_config()
    config.dataset = "jsonl"
    config.records_dir = "data/jsonl"
    config.image_size = (128, 128)  # a grid of 8x8 cells
    config.model.small_cnn.filters = (32, 48, 64, 64)
    config.model.small_cnn.norm_first = True
    config.model.fusion.how = "multiply"
    config.model.fusion.units = (128,)
    config.model.relation.units = (128, 128)
    config.train.epochs = 30
    config.train.all_cells_steps = 500
    config.train.patience = 5
    return config
