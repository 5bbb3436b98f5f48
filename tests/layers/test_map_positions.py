import numpy as np
import pytest

from hardvqa_tf.layers import MapPositions, SinePositions

SHAPES = ((2, 3), (1, 2))
CELLS = np.zeros((2, 8, 6), "float32")


def test_sines_of_each_map_and_a_vector_that_tells_it():
    layer = MapPositions(SHAPES)
    layer(CELLS)
    vectors = np.random.default_rng(0).normal(size=(2, 6)).astype("float32")
    layer.set_weights([vectors])
    expected = [
        np.asarray(SinePositions(h, w, normalized=True)(CELLS[:, : h * w])) + vector
        for (h, w), vector in zip(SHAPES, vectors, strict=True)
    ]
    np.testing.assert_allclose(layer(CELLS), np.concatenate(expected, axis=1), atol=1e-6)


def test_the_maps_of_a_new_layer_differ():
    first, second = np.asarray(MapPositions(((1, 1), (1, 1)))(CELLS[:, :2]))[0]
    assert np.abs(first - second).max() > 0.1


def test_errors():
    with pytest.raises(ValueError, match=r"2·3 \+ 1·2 = 8\. Received: cells of shape"):
        MapPositions(SHAPES)(CELLS[:, 1:])
    with pytest.raises(ValueError, match="`dim` must be an even number"):
        MapPositions(SHAPES)(CELLS[..., :5])
