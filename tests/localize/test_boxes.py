import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.localize import boxes


def test_corners():
    found = boxes.to_corners(np.array([[0.5, 0.4, 0.2, 0.6]], "float32"))
    np.testing.assert_allclose(found, [[0.4, 0.1, 0.6, 0.7]], atol=1e-6)


def test_agreement_of_boxes_by_hand():
    one = np.array([[2.0, 2.0, 2.0, 2.0]], "float32")  # from 1 to 3
    others = np.array(
        [
            [2, 2, 2, 2],  # the same
            [3, 2, 2, 2],  # half of it: 2 of 6
            [5, 2, 2, 2],  # apart: the hull of 5 x 2 has 2 of 10 empty
            [2, 2, 1, 1],  # within
        ],
        "float32",
    )
    np.testing.assert_allclose(boxes.box_iou(one, others), [1, 1 / 3, 0, 1 / 4], atol=1e-6)
    np.testing.assert_allclose(boxes.box_giou(one, others), [1, 1 / 3, -0.2, 1 / 4], atol=1e-6)
    np.testing.assert_allclose(boxes.pair_l1(one, others), [[0, 1, 3, 2]], atol=1e-6)
    pairs = boxes.pair_giou(others, others)
    for i, j in np.ndindex(4, 4):
        np.testing.assert_allclose(pairs[i, j], boxes.box_giou(others[i], others[j]), atol=1e-6)


def test_small_boxes_agree_as_large_ones():
    """Sizes are powers of two, so that nothing is rounded but the last division."""
    one = np.array([4.0, 4.0, 2.0, 4.0], "float32")
    other = np.array([5.0, 5.0, 4.0, 2.0], "float32")
    large = boxes.box_iou(one, other), boxes.box_giou(one, other)
    np.testing.assert_allclose(large, [4 / 12, 4 / 12 - 4 / 16], rtol=1e-6)
    for scale in (2.0**-8, 2.0**-14):  # shares of the sides: 0.4 of a pixel of a hundred
        small = [one * np.float32(scale), other * np.float32(scale)]
        np.testing.assert_allclose(boxes.box_iou(*small), large[0], rtol=1e-6)
        np.testing.assert_allclose(boxes.box_giou(*small), large[1], rtol=1e-6)


def test_boxes_without_an_area_have_numbers_and_gradients():
    empty = tf.constant([[0.5, 0.5, 0.0, 0.0], [0.2, 0.5, 0.0, 0.3], [0.5, 0.5, 0.2, 0.2]])
    for other in (empty, empty[::-1], empty[:1] + [[0.1, 0.0, 0.0, 0.0]]):
        with tf.GradientTape() as tape:
            tape.watch(empty)
            agreement = boxes.box_giou(empty, other)
            total = tf.reduce_sum(agreement) + tf.reduce_sum(boxes.box_iou(empty, other))
        assert np.isfinite(agreement).all() and np.abs(agreement).max() <= 1 + 1e-6
        assert np.isfinite(tape.gradient(total, empty)).all()


def test_inverse_sigmoid_undoes_the_sigmoid():
    x = np.linspace(-5, 5, 11).astype("float32")
    np.testing.assert_allclose(boxes.inverse_sigmoid(keras.ops.sigmoid(x)), x, atol=1e-4)
