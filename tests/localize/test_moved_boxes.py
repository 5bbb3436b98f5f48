"""What is drawn in a box lies in the moved box of the moved image."""

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.data.pixels import Moves, draw_moves, move_images
from hardvqa_tf.localize.moved_boxes import LEAST_SEEN, move_boxes

HEIGHT, WIDTH = 30, 40
B, Q, G = 3, 1, 2


def drawn(seed):
    """Images of one bright rectangle each, and their boxes [B, Q, G, 4], G times the same."""
    rng = np.random.default_rng(seed)
    images = np.zeros((B, HEIGHT, WIDTH, 3), np.uint8)
    boxes = np.zeros((B, Q, G, 4), np.float32)
    for image, box in zip(images, boxes, strict=True):
        w, h = rng.integers(4, 15, 2)
        left, top = rng.integers(0, WIDTH - w + 1), rng.integers(0, HEIGHT - h + 1)
        image[top : top + h, left : left + w] = 255
        box[:] = [
            (left + w / 2) / WIDTH,
            (top + h / 2) / HEIGHT,
            w / WIDTH,
            h / HEIGHT,
        ]
    return images, boxes


def bounds(image, least):
    """(left, top, right, bottom) of the pixels that are at least so bright, in pixels."""
    rows, columns = np.nonzero(image[..., 0] >= least)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def corners(box):
    cx, cy, w, h = box * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    return np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])


def moved(seed, **how):
    images, boxes = drawn(seed)
    moves = draw_moves(B, [seed, 5], **how)
    found, is_seen = move_boxes(boxes, moves, (HEIGHT, WIDTH))
    pixels = move_images(images, moves, 0.0, smooth=bool(how["rotation"]))
    for value in (found, is_seen):  # one box of an image as the other
        np.testing.assert_array_equal(value[:, :, 0], value[:, :, 1])
    return images, pixels.numpy(), found.numpy()[:, 0, 0], is_seen.numpy()[:, 0, 0]


@pytest.mark.parametrize("mirror", [False, True])
def test_a_shifted_box_is_the_bounds_of_what_is_left_of_it(mirror):
    seen, gone = 0, 0
    for seed in range(150):
        for image, pixels, box, is_seen in zip(
            *moved(seed, shift=14, rotation=0.0, mirror=mirror), strict=True
        ):
            share = (pixels > 0).sum() / (image > 0).sum()
            assert is_seen == (share >= LEAST_SEEN)
            seen, gone = seen + is_seen, gone + (not is_seen)
            if is_seen:
                np.testing.assert_allclose(corners(box), bounds(pixels, 255), atol=1e-4)
    assert gone > 10 and seen > 300


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("shift, rotation", [(0, 0.3), (5, 0.15), (3, 2.0)])
def test_a_turned_box_holds_what_it_held(shift, rotation, mirror):
    checked = 0
    for seed in range(60):
        for _, pixels, box, is_seen in zip(
            *moved(seed, shift=shift, rotation=rotation, mirror=mirror), strict=True
        ):
            if not is_seen:
                continue
            left, top, right, bottom = corners(box)
            # The middles of pixels, more than half of whose light is the rectangle's.
            inner = np.array(bounds(pixels, 128)) + [0.5, 0.5, -0.5, -0.5]
            assert left <= inner[0] + 0.01 and top <= inner[1] + 0.01
            assert right >= inner[2] - 0.01 and bottom >= inner[3] - 0.01
            # And it is not larger than that takes: a corner is less than a pixel of light.
            whole = (
                left > 0.01 and top > 0.01 and right < WIDTH - 0.01 and bottom < HEIGHT - 0.01
            )
            if whole:
                np.testing.assert_allclose(corners(box), bounds(pixels, 8), atol=1.5)
                checked += 1
    assert checked > 40


def test_moves_repeat_by_seed_and_row():
    first, again, other = (
        [*map(np.asarray, draw_moves(16, seed, 4, 0.2, mirror=True))]
        for seed in ([1, 2], [1, 2], [2, 2])
    )
    part = draw_moves(2, [1, 2], 4, 0.2, mirror=True, first_row=14)
    plain = draw_moves(16, [1, 2], 4, 0.2)
    for i, name in enumerate(Moves._fields):
        np.testing.assert_array_equal(first[i], again[i])
        np.testing.assert_array_equal(first[i][14:], part[i])
        assert (first[i] != other[i]).any(), name
        if name != "mirrored":  # which changes no other move
            np.testing.assert_array_equal(first[i], plain[i])
    assert set(first[-1]) == {False, True} and not plain.mirrored.numpy().any()


def test_half_of_many_are_mirrored():
    number = draw_moves(1000, [1, 2], 0, 0.0, mirror=True).mirrored.numpy().sum()
    assert 420 < number < 580  # five standard deviations


def test_how_much_must_be_seen_and_boxes_without_an_area():
    shift = Moves(*(tf.constant([value]) for value in (1.0, 0.0, 30.0, 0.0, False)))
    boxes = np.zeros((1, 1, 5, 4), np.float32)
    x, w = np.array([[32, 8], [29, 8], [28, 8], [30, 0], [10, 0]]).T
    boxes[..., 0], boxes[..., 2] = x / WIDTH, w / WIDTH
    boxes[..., 1], boxes[..., 3] = 0.5, 0.2
    found, is_seen = move_boxes(boxes, shift, (HEIGHT, WIDTH))
    # By 30 to the left: 6 of 8 pixels are seen, then 3, then 2, a quarter; and all that a line
    # at the image's edge has, and nothing of one beyond.
    np.testing.assert_array_equal(is_seen, [[[True, True, True, True, False]]])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0, 0, 1], [1.5 / WIDTH, 0.5, 3 / WIDTH, 0.2], atol=1e-6)
    less = Moves(*(tf.constant([value]) for value in (1.0, 0.0, 30.01, 0.0, False)))
    assert not move_boxes(boxes, less, (HEIGHT, WIDTH))[1][0, 0, 2]
