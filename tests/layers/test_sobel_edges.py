import numpy as np
import pytest

from hardvqa_tf.layers import SobelEdges


def test_a_straight_edge_has_its_step():
    image = np.zeros((1, 5, 6, 2), "float32")
    image[:, :, 3:, 1] = 0.5
    edges = np.asarray(SobelEdges(epsilon=1e-12)(image))
    assert edges.shape == (1, 5, 6, 1)
    # On both sides of it, up to the borders, which are no edges.
    np.testing.assert_allclose(edges[0, :, :, 0], [[0, 0, 0.5, 0.5, 0, 0]] * 5, atol=1e-5)
    turned = np.asarray(SobelEdges(epsilon=1e-12)(np.swapaxes(image, 1, 2)))
    np.testing.assert_allclose(np.swapaxes(turned, 1, 2), edges, atol=1e-6)


def test_channels_add_their_squares():
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(2, 5, 4, 3)).astype("float32")
    layer = SobelEdges(epsilon=1e-12)
    alone = [np.asarray(layer(image[..., c : c + 1])) for c in range(3)]
    expected = np.sqrt(sum(e**2 for e in alone))
    np.testing.assert_allclose(layer(image), expected, atol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match="`epsilon` must be above 0"):
        SobelEdges(epsilon=0)
    with pytest.raises(ValueError, match="`image` must have the shape"):
        SobelEdges()(np.ones((4, 4, 3)))
