import keras
import numpy as np
import pytest

from hardvqa_tf.encoders import edge_cnn
from hardvqa_tf.encoders.fields import fields_of


@pytest.mark.parametrize("size", [(96, 96), (75, 50)])
def test_cells_look_at_their_own_part_of_the_image(size):
    encoder = edge_cnn(size)
    fields = fields_of(encoder)
    assert fields.pitch == (8, 8)
    for pixels, cells, origin in zip(size, fields.grid, fields.origin):
        assert cells == -(-pixels // 8)
        assert abs(origin - (pixels - (cells - 1) * 8) / 2) <= 0.5


def test_colour_and_sign_of_an_edge_do_not_matter():
    """A shape in one channel, in another, and dark on bright."""
    encoder = edge_cnn((16, 24), filters=(8, 8), depths=(1, 2), num_groups=2)
    image = np.zeros((3, 16, 24, 3), "float32")
    image[0, 4:9, 7:15, 0] = 1
    image[1, 4:9, 7:15, 2] = 1
    image[2] = 1 - image[0]
    grids = keras.ops.convert_to_numpy(encoder(image))
    assert grids.shape == (3, 4, 6, 8) and np.ptp(grids[0]) > 0.1
    np.testing.assert_allclose(grids[1], grids[0], atol=1e-5)
    np.testing.assert_allclose(grids[2], grids[0], atol=1e-5)


def test_an_image_does_not_depend_on_its_neighbours():
    encoder = edge_cnn((16, 24), channels=1)
    images = np.random.default_rng(0).uniform(size=(3, 16, 24, 1)).astype("float32")
    together = encoder(images, training=True)
    np.testing.assert_allclose(together[1:2], encoder(images[1:2]), atol=1e-5)
    assert np.isfinite(encoder(np.zeros((1, 16, 24, 1)))).all()  # padding


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": (8, 16)}, "must have one number per stage"),
        ({"filters": (), "depths": ()}, "at least one"),
        ({"filters": (8, 12, 8)}, "`num_groups` must divide each of `filters`"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        edge_cnn((16, 16), **arguments)
