import keras
import numpy as np
import pytest

from hardvqa_tf.layers import BoxRefinement, inverse_sigmoid

OBJECTS = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")


def test_it_starts_at_the_reference():
    reference = np.random.default_rng(1).uniform(0.01, 0.99, (2, 3, 4)).astype("float32")
    # In bfloat16, too: boxes are not rounded to its eight bits.
    for dtype in ("float32", "mixed_bfloat16"):
        boxes = BoxRefinement(7, dtype=dtype)(OBJECTS, reference)
        assert keras.backend.standardize_dtype(boxes.dtype) == "float32"
        np.testing.assert_allclose(boxes, reference, atol=1e-6)


def test_a_point_is_a_centre():
    points = np.full((2, 3, 2), 0.3, "float32")
    boxes = BoxRefinement(7, size=0.2)(OBJECTS, points)
    np.testing.assert_allclose(boxes, np.tile([0.3, 0.3, 0.2, 0.2], (2, 3, 1)), atol=1e-6)


def test_borders_are_finite():
    """log(1e-5) = -11.51 at the least, and the gradient is a number there."""
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0], "float32")
    expected = [np.log(1e-5), np.log(1e-5), 0, -np.log(1e-5), -np.log(1e-5)]
    np.testing.assert_allclose(inverse_sigmoid(x), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "size", "message"),
    [
        ({"hidden_dim": 0}, 4, "`hidden_dim` must be a positive integer"),
        ({"num_layers": 0}, 4, "`num_layers` must be a positive integer"),
        ({"size": 1.0}, 2, r"share of the image's sides in \(0, 1\)"),
        ({}, 3, r"Received: reference of shape \(2, 3, 3\)"),
    ],
)
def test_errors(arguments, size, message):
    with pytest.raises(ValueError, match=message):
        BoxRefinement(**arguments)(OBJECTS, np.zeros((2, 3, size)))
