"""A localizer that works learns a few scenes by heart: images, drawings and boxes.

Always the same batch, asked with the drawings that evaluation asks with; trained by the steps,
and judged by the judge, of any run.
"""

import itertools

import keras
import pytest
import tensorflow as tf

from hardvqa_tf.configs import sketch_scenes
from hardvqa_tf.data.words import split_words
from hardvqa_tf.localize import task
from hardvqa_tf.training.optimizers import make_optimizer
from hardvqa_tf.training.steps import TrainSteps
from records import build
from tests.localize import small


def learnt_by_heart(config, records_dir, num_scenes, num_steps):
    """What the judge says of a model that was trained on a few scenes alone."""
    build.build(
        "sketch_scenes",
        str(records_dir),
        builder_args={
            "num_train_images": num_scenes,
            "num_val_images": 1,
            "num_test_images": 1,
            "drawings_per_class": 10,
            "num_random_classes": 0,
        },
        num_shards=1,
        num_processes=1,
        split_words=split_words,
    )
    config.records_dir, config.train.batch_size = str(records_dir), num_scenes
    config.train.schedule, config.train.clip_norm = "constant", 1.0
    config.train.all_cells_steps = 0
    keras.utils.set_random_seed(0)
    assets = task.assets_from_records(config)
    model = task.build_model(config, assets)
    optimizer = make_optimizer(config.train, 1)
    optimizer.build(model.trainable_variables)
    score, phases = task.make_score(config), task.phases(model, config)
    strategy = tf.distribute.get_strategy()
    steps = TrainSteps(strategy, model, optimizer, score, phases, config.train)
    (batch,) = task.open_split(config, "train", assets, learns=True).in_order()
    for number in range(num_steps):
        steps(number, itertools.repeat(batch), 1, False)
    judge = task.Judge(model, config, assets, "train")
    data = task.open_split(config, "train", assets, with_ids=True)
    return judge.values(judge.ask(data), data)


def check(values):
    assert values["val/AP50"] >= 0.95
    assert values["val/AP50_of_a_wrong_drawing"] < 0.5  # by the drawing, too


def test_three_scenes_by_a_tiny_model(tmp_path):
    config = small.config()
    config.image_size = (48, 48)
    model = config.model
    model.edge_cnn = {"filters": (8, 16, 16), "depths": (1, 1, 1), "num_groups": 4}
    model.embedding_dim = model.guidance.hidden_dim = model.dense_head.hidden_dim = 16
    model.decoder.hidden_dim, model.decoder.num_levels = 16, 1
    model.han.num_cells = 8
    config.train.learning_rate = 5e-3
    check(learnt_by_heart(config, tmp_path, 3, 100))


@pytest.mark.slow
def test_eight_scenes_by_the_real_model(tmp_path):
    config = sketch_scenes.get_config()
    config.train.learning_rate = 2e-3
    check(learnt_by_heart(config, tmp_path, 8, 100))
