"""Tiny models with norms that differ, and their answers to the tiny records."""

import keras

from hardvqa_tf.localize.classes import Classes
from hardvqa_tf.localize.data import open_split
from hardvqa_tf.localize.judging.asking import ask_split, make_ask
from hardvqa_tf.localize.model import build_localizer
from hardvqa_tf.localize.scenes import read_scenes
from tests.localize import small, tiny_records


def answer(records_dir, **changed):
    """(model, data, answers) of the split test; `changed` as of `small.config`."""
    config = tiny_records.config_of(records_dir, **changed)
    keras.utils.set_random_seed(0)  # With other weights all scores may be nearly the same.
    model = build_localizer(config)
    small.spread_norms(model)
    assets = Classes.from_records(config)
    data = open_split(config, "test", assets, with_ids=True, whole_images=True)
    scenes = {scene.image_id: scene for scene in read_scenes(records_dir, "test")}
    return model, data, ask_split(make_ask(model), data, scenes, assets.group_of)
