"""What training does to pixels."""

import numpy as np

from hardvqa_tf.data.pixels import augment, scale_pixels

FOUR = np.arange(4 * 5 * 6 * 3, dtype=np.uint8).reshape(4, 5, 6, 3) % 200


def test_a_shift_moves_whole_pixels_and_fills():
    """Every image by its own draw; what comes in from outside has the fill's brightness."""
    moved = augment(FOUR, [3, 1], shift=2, rotation=0.0, fill=1.0).numpy()
    padded = np.pad(FOUR, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=255)
    places = []
    for image, found in zip(padded, moved, strict=True):
        places += [
            (dy, dx)
            for dy in range(5)
            for dx in range(5)
            if (image[dy : dy + 5, dx : dx + 6] == found).all()
        ]
    assert len(places) == 4 and len(set(places)) > 1
    again = augment(FOUR, [3, 1], shift=2, rotation=0.0, fill=1.0)
    np.testing.assert_array_equal(again, moved)


def test_a_rotation_is_about_the_middle():
    image = np.zeros((1, 7, 7, 3), np.uint8)
    image[0, 3, 3] = 200  # the middle
    image[0, 3, 6] = 200  # on the right: goes up or down
    turned = augment(image, [1, 1], shift=0, rotation=0.5, fill=0.0).numpy()[0]
    np.testing.assert_allclose(turned[3, 3], 200, atol=1)
    assert turned[3, 6].max() < 200 and turned[:, 5:].max() > 50
    same = augment(image, [1, 1], shift=0, rotation=0.0, fill=0.0)
    np.testing.assert_array_equal(same, image)


def test_pixels_are_scaled_to_0_and_1():
    np.testing.assert_array_equal(scale_pixels(np.uint8([0, 51, 255])), np.float32([0, 0.2, 1]))
