"""Normalisation over the distinct questions of a batch."""

import keras
import numpy as np
import pytest

from hardvqa_tf.layers import QuestionNorm

# Questions A A B A C, padded: C is B without its first word, and 0 is padding.
TOKENS = np.array([[7, 5, 0], [7, 5, 0], [3, 9, 2], [7, 5, 0], [9, 2, 0]], np.int32)
ROWS = np.array([[1, 8], [1, 8], [4, 2], [1, 8], [10, 2]], np.float32)
DISTINCT = ROWS[[0, 2, 4]]


def expected(rows, mean, variance, gamma=0.5, beta=0.0, epsilon=0.25):
    return gamma * (rows - mean) / np.sqrt(variance + epsilon) + beta


def test_equal_questions_count_once():
    layer = QuestionNorm(scale=0.5, epsilon=0.25)
    found = layer(ROWS, TOKENS, training=True)
    mean, variance = DISTINCT.mean(0), DISTINCT.var(0)
    np.testing.assert_allclose(found, expected(ROWS, mean, variance), atol=1e-5)
    # Padding to another length makes no other question.
    longer = np.pad(TOKENS, ((0, 0), (0, 4)))
    np.testing.assert_allclose(layer(ROWS, longer, training=True), found, atol=1e-6)
    # Nor does the order of the rows, but that of the words does.
    turned = TOKENS[:, ::-1].copy()
    turned[1] = TOKENS[0]
    other = layer(ROWS, turned, training=True)  # now the first A differs from the second
    weights = np.array([0.5, 1, 1, 0.5, 1])[:, None]
    mean = (weights * ROWS).sum(0) / 4
    variance = (weights * (ROWS - mean) ** 2).sum(0) / 4
    np.testing.assert_allclose(other, expected(ROWS, mean, variance), atol=1e-5)


def test_outside_of_training_the_moving_statistics_count():
    layer = QuestionNorm(scale=0.5, momentum=0.75, epsilon=0.25)
    layer(ROWS, TOKENS, training=True)
    mean, variance = 0.25 * DISTINCT.mean(0), 0.75 + 0.25 * DISTINCT.var(0)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-6)
    found = layer(ROWS[:2], TOKENS[:2])
    np.testing.assert_allclose(found, expected(ROWS[:2], mean, variance), atol=1e-5)
    layer.trainable = False
    frozen = layer(ROWS[:2], TOKENS[:2], training=True)
    np.testing.assert_allclose(frozen, found, atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_rebuilt_from_its_config(tmp_path, policy):
    layer = QuestionNorm(scale=0.5, momentum=0.75, epsilon=0.25, dtype=policy)
    questions, tokens = keras.Input((2,)), keras.Input((None,), dtype="int32")
    model = keras.Model([questions, tokens], layer(questions, tokens))
    layer.set_weights([np.array(w, np.float32) for w in ([2, 3], [1, 0], [5, 4], [6, 7])])
    found = model([ROWS, TOKENS])
    assert found.dtype == layer.compute_dtype and layer.gamma.dtype == "float32"
    model.save(tmp_path / "norm.keras")
    loaded = keras.models.load_model(tmp_path / "norm.keras")
    np.testing.assert_array_equal(loaded([ROWS, TOKENS]), found)
    again = QuestionNorm.from_config(layer.get_config())
    again(ROWS, TOKENS)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(ROWS, TOKENS), layer(ROWS, TOKENS))


def test_very_many_and_very_large_tokens():
    """Sums stay within int32: no question of these is taken for another."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(65_000, 65_536, (40, 120)).astype(np.int32)
    rows = rng.normal(size=(40, 2)).astype(np.float32)
    found = QuestionNorm(scale=0.5, epsilon=0.25)(rows, tokens, training=True)
    np.testing.assert_allclose(found, expected(rows, rows.mean(0), rows.var(0)), atol=1e-5)
