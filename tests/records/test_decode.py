"""Image bytes to pixels."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from records.decode import decode_image


def test_resizing_is_antialiased_and_each_side_by_itself():
    # A 4x2 image: halved on one side, every pixel is the mean of the two under it or nearly so.
    pixels = np.zeros((4, 2, 3), np.uint8)
    pixels[2:] = 200
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    small = decode_image(buffer.getvalue(), (2, 2))
    assert small.dtype == tf.uint8 and small.shape == (2, 2, 3)
    assert small[0, 0, 0] < 50 and small[1, 0, 0] > 150
    np.testing.assert_array_equal(small[:, 0], small[:, 1])
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), (4, 2)), pixels)


def test_gray_images_get_three_channels():
    buffer = io.BytesIO()
    Image.fromarray(np.uint8([[0, 128], [255, 7]])).save(buffer, "PNG")
    decoded = decode_image(buffer.getvalue(), (2, 2))
    np.testing.assert_array_equal(decoded[..., 2], [[0, 128], [255, 7]])
