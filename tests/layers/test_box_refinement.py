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


@pytest.mark.parametrize(("num_layers", "size"), [(1, 4), (2, 2), (4, 4), (3, 2)])
def test_it_is_the_equation(num_layers, size):
    """Of references that lie on the borders, too."""
    rng = np.random.default_rng(num_layers)
    reference = rng.uniform(0, 1, (2, 3, size)).astype("float32")
    reference[0, 0], reference[1, 2] = 0.0, 1.0
    layer = BoxRefinement(7, num_layers, size=0.2)
    layer.build(OBJECTS.shape, reference.shape)
    weights = [rng.normal(size=w.shape) / 2 for w in layer.get_weights()]
    layer.set_weights(weights)
    hidden = OBJECTS.astype("float64")
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        hidden = np.maximum(hidden @ kernel + bias, 0)
    start = np.full((2, 3, 4), 0.2)
    start[..., :size] = reference
    start = np.log(np.maximum(start, 1e-5)) - np.log(np.maximum(1 - start, 1e-5))
    expected = 1 / (1 + np.exp(-(hidden @ weights[-2] + weights[-1] + start)))
    np.testing.assert_allclose(layer(OBJECTS, reference), expected, atol=1e-5)


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
