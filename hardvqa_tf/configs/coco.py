"""COCO's photographs, asked for by drawings: the light model, 100 of 1,024 cells are kept.

    python main.py --mode=build --dataset=coco --source_dir=FOLDER \
        --builder_args=drawings=FOLDER_OF_DRAWINGS
    python main.py --mode=train --dataset=coco
    python main.py --mode=evaluate --workdir=runs/coco --split=test

Which classes, and which of them are unseen, the builder's arguments say (docs/data.md). Images
are resized to 256x256 pixels, a grid of 32x32 cells. Not run on the full data here.
"""

from hardvqa_tf.configs import base


def get_config():
    config = base.get_config("localize")
    config.dataset = "coco"
    config.records_dir = "data/coco"
    config.image_size = (256, 256)  # a grid of 32x32 cells
    config.model.han.num_cells = 100
    config.train.batch_size = 8  # photographs
    config.train.queries_per_image = 4
    config.train.learning_rate = 1e-3
    config.train.weight_decay = 1e-4
    config.train.clip_norm = 1.0
    config.train.all_cells_steps = 1000
    config.train.augmentation.mirror = True
    return config
