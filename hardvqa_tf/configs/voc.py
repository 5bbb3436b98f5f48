"""PASCAL VOC's photographs, asked for by drawings: the settings of configs/coco.py.

    python main.py --mode=build --dataset=voc --source_dir=FOLDER \
        --builder_args=drawings=FOLDER_OF_DRAWINGS
    python main.py --mode=train --dataset=voc
    python main.py --mode=evaluate --workdir=runs/voc --split=test

Evaluation also counts as VOC does (docs/localizer.md). Not run on the full data here.
"""

from hardvqa_tf.configs import coco


def get_config():
    config = coco.get_config()
    config.dataset = "voc"
    config.records_dir = "data/voc"
    config.train.all_cells_steps = 500
    return config
