"""Losses over the answer vocabulary."""

import math

import numpy as np
import tensorflow as tf

from hardvqa_tf.vqa.losses import sigmoid_cross_entropy, softmax_cross_entropy


def test_cross_entropy():
    third = math.log(3)
    logits = np.array([[[0, 0], [third, 0]], [[0, third], [5, 7]]], np.float32)
    losses = softmax_cross_entropy(logits, np.array([[1, 0], [0, -1]]))
    assert losses.shape == (2, 2) and losses.dtype == tf.float32
    expected = [[math.log(2), math.log(4 / 3)], [math.log(4), 0]]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    assert (
        softmax_cross_entropy(logits.astype(np.float16), np.zeros((2, 2))).dtype == tf.float32
    )


def test_an_unknown_answer_gives_no_gradient():
    logits = tf.Variable([[[1.0, 2.0, 4.0], [3.0, 1.0, 1.0]]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(softmax_cross_entropy(logits, tf.constant([[-1, 2]])))
    gradient = tape.gradient(loss, logits).numpy()
    assert (gradient[0, 0] == 0).all() and np.abs(gradient[0, 1]).max() > 0


def test_sigmoid_cross_entropy():
    """Against the formula, and at logits where a careless one overflows."""
    logits = np.array([[[0.5, -2.0, 0.0], [3.0, 1.0, -1.0]]], "float32")
    scores = np.array([[[1.0, 0.3, 0.0], [0.0, 0.0, 0.0]]], "float32")
    p = 1 / (1 + np.exp(-logits))
    expected = -(scores * np.log(p) + (1 - scores) * np.log(1 - p)).sum(-1)
    losses = sigmoid_cross_entropy(logits, scores).numpy()
    np.testing.assert_allclose(losses[0, 0], expected[0, 0], rtol=1e-6)
    assert losses[0, 1] == 0.0  # nobody's answer is known
    extreme = sigmoid_cross_entropy(np.array([[[1e4, -1e4]]]), np.array([[[0.0, 1.0]]]))
    np.testing.assert_allclose(extreme, [[2e4]])
