"""Tiny records of sketch scenes, and a tiny localizer's run on them."""

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
