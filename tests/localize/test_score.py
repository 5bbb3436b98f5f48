"""The loss of a batch and its counts: what counts, and what does not."""

import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.localize.classes import Classes
from hardvqa_tf.localize.data import open_split
from hardvqa_tf.localize.model import build_localizer
from hardvqa_tf.localize.score import Score
from tests.localize import small


def test_padding_changes_nothing(scene_config):
    """The last batch, of two scenes and three that repeat them with weight 0."""
    assets = Classes.from_records(scene_config)
    data = open_split(scene_config, "train", assets, learns=True)
    *_, batch = data.training_epoch(0)
    keras.utils.set_random_seed(3)
    model, score = build_localizer(scene_config), Score(2.0)
    small.spread_norms(model)
    inputs = [tensor.name for tensor in model.inputs]

    def sums(batch):
        outputs = model({name: batch[name] for name in inputs}, training=False)
        return {name: float(value) for name, value in score(outputs, batch).items()}

    found, alone = sums(batch), sums({name: value[:2] for name, value in batch.items()})
    assert found.keys() == set(score.names)
    assert found["queries"] == 6 and found["objects"] == batch["box_valid"][:2].numpy().sum()
    for name, value in alone.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)
    parts = found["dense"] + 2.0 * found["contrast"]
    assert 0 < parts < found["loss"] and found["contrast"] > 0
    means = score.means(found)
    np.testing.assert_allclose(means["train/loss"], found["loss"] / found["objects"])
    assert means["train/num_cells"] == 5


def test_a_query_without_a_drawing_or_an_object_gives_numbers(scene_config):
    """Padding is asked with a blank drawing: no part of what it gives may be NaN."""
    assets = Classes.from_records(scene_config)
    scene_config.train.queries_per_image = 2
    data = open_split(scene_config, "train", assets, learns=True)
    batch = next(iter(data.training_epoch(0)))
    assert (batch["weights"].numpy() == 0).any()
    model, score = build_localizer(scene_config), Score(2.0)
    with tf.GradientTape() as tape:
        outputs = model({t.name: batch[t.name] for t in model.inputs}, training=True)
        loss = score(outputs, batch)["loss"]
    gradients = tape.gradient(loss, model.trainable_variables)
    assert np.isfinite(score.losses(outputs, batch).numpy()).all()
    found = [tf.convert_to_tensor(g).numpy() for g in gradients if g is not None]
    assert len(found) > 50 and all(np.isfinite(gradient).all() for gradient in found)
