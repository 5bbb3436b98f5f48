"""What refines the fused cells before the attention, in the whole model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.losses import softmax_cross_entropy
from hardvqa_tf.report import runs as report_runs
from hardvqa_tf.vqa_model import IMAGE_ENCODERS, MIXERS, build_vqa_model

B, Q, T, V, A = 2, 3, 5, 11, 4
HEIGHT, WIDTH = 2, 4  # of the grid
MIXER_ARGS = {
    "additive": {"use_question": True},
    "bilevel_routing": {"num_heads": 2, "num_regions": 2, "top_k": 3, "use_question": True},
    "query_guided": {"num_heads": 2, "hidden_dim": 9},
}
LOOKED_AT = {  # name, shape after [B, Q], dtype
    "additive": ("cell_weights", (HEIGHT, WIDTH), "float32"),
    "bilevel_routing": ("routes", (4, 4), "bool"),
    "query_guided": ("word_weights", (HEIGHT, WIDTH, T), "float32"),
}


def build(mixer, **changed):
    arguments = {
        "image_size": (16, 32),
        "vocabulary_size": V,
        "num_answers": A,
        "image_encoder_args": {"filters": (4, 5, 6), "strides": (2, 2, 2)},
        "question_encoder_args": {"embedding_dim": 3, "units": 7},
        "fusion_args": {"units": (8,)},
        "mixer": mixer,
        "mixer_args": MIXER_ARGS[mixer],
        "attention": "han",
        "attention_args": {"num_cells": 3},
        "aggregator": "sum",
        "classifier_units": (13,),
    }
    return build_vqa_model(**(arguments | changed))


def inputs(b=B, q=Q, t=T, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.random((b, 16, 32, 3), np.float32),
        "question_tokens": rng.integers(1, V, (b, q, t)).astype(np.int32),
    }


def numpy(outputs):
    return {name: np.asarray(value) for name, value in outputs.items()}


def assert_close(found, expected, atol=1e-5):
    # Rounding alone: matrix products of other shapes add in another order.
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], atol=atol, err_msg=name)


@pytest.fixture(scope="module", params=MIXER_ARGS, name="mixer")
def _mixer(request):
    return request.param


@pytest.fixture(scope="module", name="model")
def _model(mixer):
    keras.utils.set_random_seed(5)
    return build(mixer)


def test_all_are_tested_and_known_to_the_report():
    assert {"none", *MIXER_ARGS} == MIXERS.keys() == set(report_runs._MIXERS)
    assert IMAGE_ENCODERS.keys() == set(report_runs._IMAGE_ENCODERS)


def test_what_it_looked_at_is_an_output(model, mixer):
    outputs = numpy(model(inputs()))
    extra = outputs.keys() - {"logits", "mask", "presence", "num_cells"}
    name, shape, dtype = LOOKED_AT[mixer]
    assert extra == {name}
    assert outputs[name].shape == (B, Q, *shape) and outputs[name].dtype.name == dtype
    symbolic = model.output[name]
    assert symbolic.dtype == dtype and symbolic.shape[2:4] == shape[:2]
    if mixer == "additive":
        norms = np.linalg.norm(outputs[name].reshape(B, Q, -1), axis=-1)
        np.testing.assert_allclose(norms, 1.0, atol=1e-5)
    elif mixer == "bilevel_routing":
        assert (outputs[name].sum(-1) == 3).all()
    else:
        np.testing.assert_allclose(outputs[name].sum(-1), 1.0, atol=1e-5)


def test_a_training_step_reaches_every_weight(model):
    answers = np.array([[0, 1, 2], [3, 0, 1]], np.int32)
    with tf.GradientTape() as tape:
        logits = model(inputs(), training=True)["logits"]
        loss = tf.reduce_sum(softmax_cross_entropy(logits, answers))
    gradients = tape.gradient(loss, model.trainable_variables)
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        assert gradient is not None, variable.path
        gradient = tf.convert_to_tensor(gradient)
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, variable.path


def test_saves_and_loads(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    batch = inputs(3, 2, 4)
    assert_close(numpy(loaded(batch)), numpy(model(batch)), atol=1e-6)


def test_padding_does_not_move_the_outputs(model, mixer):
    batch = inputs()
    batch["question_tokens"][1, 0, 2:] = 0
    longer = np.pad(batch["question_tokens"], ((0, 0), (0, 0), (0, 3)))
    found, expected = numpy(model(batch | {"question_tokens": longer})), numpy(model(batch))
    if mixer == "query_guided":
        assert (found["word_weights"][..., T:] == 0).all()
        assert (found["word_weights"][1, 0, ..., 2:] == 0).all()
        found["word_weights"] = found["word_weights"][..., :T]
    assert_close(found, expected)


def test_a_question_does_not_depend_on_its_neighbours(model):
    batch = inputs()
    batch["question_tokens"][0, 2] = batch["question_tokens"][0, 0]  # encoded once
    expected = numpy(model(batch))
    one = {"image": batch["image"][:1], "question_tokens": batch["question_tokens"][:1, 1:2]}
    assert_close(numpy(model(one)), {n: value[:1, 1:2] for n, value in expected.items()})


def test_words_of_equal_questions_are_the_same_encoded_once_or_each():
    once = build("query_guided")
    each = build("query_guided", static_shapes=True)
    weights = {variable.path: variable for variable in once.weights}
    for variable in each.weights:
        variable.assign(weights[variable.path])
    batch = inputs()
    batch["question_tokens"][1] = batch["question_tokens"][0, 2]
    assert_close(numpy(each(batch)), numpy(once(batch)))


def test_word_weights_are_in_the_order_of_the_question_whichever_way_it_is_read():
    keras.utils.set_random_seed(6)
    forwards, backwards = (
        build("query_guided", question_encoder_args={"units": 7, "reverse": reverse})
        for reverse in (False, True)
    )
    backwards.set_weights(forwards.get_weights())
    batch = inputs()
    tokens = batch["question_tokens"]
    tokens[1, 2, 3:] = 0
    turned = tokens[..., ::-1].copy()
    turned[1, 2] = [*tokens[1, 2, 2::-1], 0, 0]
    found = numpy(backwards(batch))
    expected = numpy(forwards(batch | {"question_tokens": turned}))
    weights = expected["word_weights"].copy()
    expected["word_weights"] = weights[..., ::-1].copy()
    expected["word_weights"][1, 2] = weights[1, 2][..., [2, 1, 0, 3, 4]]
    assert_close(found, expected)
    assert np.ptp(found["word_weights"], axis=-1).min() > 1e-3, "words must be told apart"
