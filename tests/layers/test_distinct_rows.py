"""Equal questions are encoded once, and nothing else changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.encoders import question_lstm
from hardvqa_tf.layers import DistinctRows, TakeRows

TOKENS = np.array([[7, 5, 0], [9, 1, 2], [7, 5, 0], [7, 5, 1], [9, 1, 2]], np.int32)


def test_distinct_rows_in_order_of_their_first_occurrence():
    distinct, index = DistinctRows()(TOKENS)
    np.testing.assert_array_equal(distinct, [[7, 5, 0], [9, 1, 2], [7, 5, 1]])
    np.testing.assert_array_equal(index, [0, 1, 0, 2, 1])
    assert distinct.dtype == index.dtype == tf.int32


def test_taking_rows_undoes_it():
    distinct, index = DistinctRows()(TOKENS)
    np.testing.assert_array_equal(TakeRows()(tf.cast(distinct, tf.float32), index), TOKENS)


@pytest.mark.parametrize("rows", [TOKENS[:1], TOKENS[[1, 1]], TOKENS[[3, 0, 1]]])
def test_all_equal_or_all_different(rows):
    distinct, index = DistinctRows()(rows)
    np.testing.assert_array_equal(np.asarray(distinct)[index], rows)
    assert len(distinct) == len(np.unique(rows, axis=0))


@pytest.fixture(scope="module")
def models():
    """The encoder of every row, and of distinct rows with the same weights."""
    encoder = question_lstm(10, embedding_dim=4, units=6)
    tokens = keras.Input((None,), dtype="int32")
    distinct, index = DistinctRows()(tokens)
    assert distinct.shape == (None, None) and index.shape == (None,)
    rows = TakeRows()(encoder(distinct), index)
    assert rows.shape == (None, 6)
    return encoder, keras.Model(tokens, rows)


def test_outputs_and_gradients_equal_those_of_every_row(models):
    weights = np.random.default_rng(0).normal(size=(len(TOKENS), 6)).astype("float32")
    found = []
    for model in models:
        with tf.GradientTape() as tape:
            outputs = model(TOKENS)
            loss = tf.reduce_sum(outputs * weights)
        gradients = tape.gradient(loss, models[0].trainable_variables)
        found.append([outputs, *map(tf.convert_to_tensor, gradients)])
    for plain, distinct in zip(*found, strict=True):
        # The gradients of equal rows are added before the LSTM instead of after: rounding.
        np.testing.assert_allclose(distinct, plain, atol=1e-5)
        assert np.abs(plain).max() > 0


def test_the_encoder_sees_distinct_rows_only(models):
    model = models[1]
    inside = keras.Model(model.inputs, model.layers[1].output[0])
    assert inside([TOKENS]).shape == (3, 3)


def test_saves_and_loads(models, tmp_path):
    models[1].save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(TOKENS), models[1](TOKENS), atol=1e-6)


def test_within_a_graph_of_unknown_sizes(models):
    compiled = tf.function(models[1], input_signature=[tf.TensorSpec([None, None], tf.int32)])
    for rows in (TOKENS, TOKENS[:2, :2]):
        np.testing.assert_allclose(compiled(rows), models[0](rows), atol=1e-6)
