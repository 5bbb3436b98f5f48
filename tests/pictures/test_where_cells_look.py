"""What a picture shows clear of a kept cell is what that cell's encoder looks at.

By the gradient of the cell with respect to the pixels, of kernels that average: see
tests/encoders/linear.py.
"""

import keras
import numpy as np
import pytest

from hardvqa_tf import encoders
from hardvqa_tf.encoders.fields import Fields, fields_of
from hardvqa_tf.pictures import panels
from tests.encoders.linear import linear_layers, looked_at, make_averaging

CASES = [
    pytest.param("small_cnn", {}, (75, 75), id="small_cnn-75x75"),
    pytest.param("small_cnn", {}, (64, 256), id="small_cnn-64x256"),
    pytest.param("small_cnn", {"centred": True}, (75, 75), id="centred-75x75"),
    pytest.param("small_cnn", {"centred": True}, (64, 256), id="centred-64x256"),
    # What a cell sees fits into these images at these stages.
    pytest.param("swiftformer_xs", {"stage": 2}, (112, 160), id="swiftformer_xs"),
    pytest.param("biformer_t", {"stage": 2}, (192, 176), id="biformer_t"),
]


def inner_cell(fields):
    return tuple(
        int(np.abs(centres - pixels / 2).argmin())
        for centres, pixels in zip(fields.centres(), fields.image_size, strict=True)
    )


def clear_centre(size, fields, cell):
    """Where the clear pixels of a picture with one kept cell have their middle, in 0..1."""
    image = np.full((*size, 3), 200, np.uint8)
    mask = np.zeros(fields.grid, bool)
    mask[cell] = True
    shown = panels.draw_mask(image, mask, fields)[2:-2, 2:-2]
    places = np.argwhere((shown == image).all(axis=-1))
    return (places.mean(axis=0) + 0.5) / size


@pytest.mark.parametrize(("name", "arguments", "size"), CASES)
def test_the_clear_pixels_are_around_what_the_cell_sees(name, arguments, size):
    keras.utils.set_random_seed(0)
    encoder = getattr(encoders, name)(size, **arguments)
    fields = fields_of(encoder)
    cell = inner_cell(fields)
    make_averaging(encoder)
    with linear_layers():
        (seen,) = looked_at(encoder, [cell])
    looked = np.array(
        [
            np.average(np.arange(size[side]) + 0.5, weights=seen.sum(axis=1 - side))
            / size[side]
            for side in (0, 1)
        ]
    )
    drawn = (301, 299)  # no multiple of the image, each side by itself
    pitch = np.array(fields.pitch) / size
    off = np.abs(clear_centre(drawn, fields, cell) - looked) / pitch
    # A tenth of a cell, and half a pixel of the picture that its borders are rounded by.
    assert (off <= 0.1 + 0.5 / (pitch * drawn)).all(), off
    before = clear_centre(drawn, Fields.equal(size, fields.grid), cell)
    is_off = (np.abs(before - looked) / pitch > 0.15).any()
    assert is_off or "centred" in arguments, "the test sees no difference"
