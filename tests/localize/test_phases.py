"""In the first steps every cell is kept and the dense head alone learns; then few are kept."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.localize import layer_names, losses, matching, slots
from hardvqa_tf.localize.model import build_localizer
from hardvqa_tf.localize.phases import look_at_every_cell, phases
from tests.localize import small


def test_without_first_steps_there_is_one_phase():
    config = small.config()
    assert [end for end, _ in phases(build_localizer(config), config)] == [None]
    config.train.all_cells_steps = 7
    assert [end for end, _ in phases(build_localizer(config), config)] == [7, None]


@pytest.mark.parametrize("attention", slots.LOCALIZER_ATTENTIONS)
def test_what_learns(attention):
    keras.utils.set_random_seed(3)
    config = small.config(attention=attention)
    config.train.all_cells_steps = 7
    model = build_localizer(config)
    small.spread_norms(model)
    boxes, valid, classes = small.targets()

    def step():
        with tf.GradientTape() as tape:
            outputs = model(small.inputs(), training=True)
            found = losses.localizer_loss(
                outputs, boxes, tf.constant(valid), matching.match, classes
            )
            loss = tf.reduce_sum(found["loss"])
        learns = {
            variable.path
            for variable, gradient in zip(
                model.trainable_variables, tape.gradient(loss, model.trainable_variables)
            )
            if gradient is not None
        }
        return learns, outputs

    (_, every_cell), (_, selecting) = phases(model, config)
    of_decoder = {w.path for w in model.get_layer(layer_names.DECODER).trainable_variables}
    with every_cell():
        learns, outputs = step()
        assert learns == {w.path for w in model.trainable_variables} - of_decoder
        assert outputs["mask"].numpy().all() and outputs["logits"].shape[2] == 12
        for level in (0, 1):  # what the dense head gave, by presence
            found = np.sort(outputs[f"level_{level}_logits"], axis=-1)
            np.testing.assert_array_equal(found, np.sort(outputs["dense_logits"], axis=-1))
    with selecting():
        learns, outputs = step()
        assert learns >= of_decoder
        assert outputs["mask"].numpy().all() == (attention == "none")


def test_a_phase_that_fails_ends():
    model = build_localizer(small.config())
    with pytest.raises(RuntimeError), look_at_every_cell(model):
        raise RuntimeError
    assert not model.get_layer(layer_names.ATTENTION).keep_all
    assert not model.get_layer(layer_names.DECODER).asleep
