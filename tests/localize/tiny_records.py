"""Tiny records of sketch scenes, and a tiny localizer's run on them."""

import json
import os

from hardvqa_tf.data.words import split_words
from records import build
from tests.localize import small

BUILDER_ARGS = {
    "num_train_images": 12,
    "num_val_images": 5,
    "num_test_images": 4,
    "drawings_per_class": 10,
    "num_random_classes": 0,
}


def write(folder):
    """12 train, 5 val, 4 test and 4 test_unseen scenes of named doodles."""
    build.build(
        "sketch_scenes",
        str(folder),
        builder_args=BUILDER_ARGS,
        num_shards=2,
        num_processes=1,
        split_words=split_words,
    )
    return str(folder)


def config_of(records_dir, **changed):
    """The smallest parts, 2 epochs, of which the first looks at every cell for two steps."""
    config = small.config(**changed)
    config.dataset = "sketch_scenes"
    config.records_dir = records_dir
    config.image_size = (24, 32)
    config.seed = 3
    config.train.epochs = 2
    config.train.batch_size = 5  # 12 scenes: the last batch is filled with three of weight 0
    config.train.warmup_steps = 2
    config.train.all_cells_steps = 2
    return config


def export_run(records_dir, workdir):
    """Writes a run that was not trained, and exports it; returns the folder of the version."""
    import keras

    from hardvqa_tf import runs
    from hardvqa_tf.export.savedmodel import export
    from hardvqa_tf.localize.classes import Classes
    from hardvqa_tf.localize.task import build_model

    config = config_of(records_dir)
    assets = Classes.from_records(config)
    keras.utils.set_random_seed(1)
    model = build_model(config, assets)
    small.spread_norms(model)
    runs.start_run(workdir, config, assets)
    runs.save_model(workdir, model)
    epoch = {"epoch": 1, "val/AP50": 0.5, "val/AP": 0.25, "val/threshold": 0.0625}
    with open(os.path.join(workdir, "metrics.jsonl"), "w", encoding="utf-8") as file:
        file.write(json.dumps(epoch) + "\n")
    return export(workdir)


def export_localizer(folder):
    """Records, a run and its export in a folder; returns that of the version."""
    return export_run(write(os.path.join(folder, "scenes")), os.path.join(folder, "run"))
