"""Your own photographs, asked for by drawings: the settings of configs/coco.py.

    python main.py --mode=build --dataset=boxes --source_dir=FOLDER \
        --builder_args=drawings=FOLDER_OF_DRAWINGS,format=jsonl
    python main.py --mode=train --dataset=boxes
    python main.py --mode=evaluate --workdir=runs/boxes --split=test

For few photographs: shorter epochs, and the dense head alone for the first 200 steps. Change
image_size to what your photographs need, and han.num_cells to about a tenth of the cells.
"""

from hardvqa_tf.configs import coco


def get_config():
    config = coco.get_config()
    config.dataset = "boxes"
    config.records_dir = "data/boxes"
    config.train.epochs = 30
    config.train.all_cells_steps = 200
    return config
