"""Drawings that training moves, against what can be said of each by eye."""

import numpy as np
import pytest

from hardvqa_tf.localize.moved_drawings import move_drawings

SIZE = 64


def rasters(batch=20, queries=3, number=2):
    """uint8[B, Q, S, 64, 64]: a frame of 40 x 40 with a dot in its upper left part."""
    drawings = np.zeros((batch, queries, number, SIZE, SIZE), np.uint8)
    drawings[..., 12:52, 12:14] = drawings[..., 12:52, 50:52] = 16
    drawings[..., 12:14, 12:52] = drawings[..., 50:52, 12:52] = 16
    drawings[..., 20:24, 20:24] = 16
    return drawings


def moved(seed=(1, 2), **arguments):
    given = rasters()
    found = move_drawings(given, seed, **arguments).numpy()
    assert found.shape == given.shape and found.dtype == np.uint8
    return found.reshape(-1, SIZE, SIZE)


def sides(raster):
    """(width, height) of the ink."""
    rows, columns = np.nonzero(raster >= 4)
    return np.ptp(columns) + 1, np.ptp(rows) + 1


def test_nothing_moves_by_nothing():
    np.testing.assert_array_equal(moved(), rasters().reshape(-1, SIZE, SIZE))


def test_about_half_are_mirrored_each_by_itself():
    plain = rasters()[0, 0, 0]
    found = moved(mirror=True)
    is_mirrored = [np.array_equal(raster, plain[:, ::-1]) for raster in found]
    for raster, mirrored in zip(found, is_mirrored, strict=True):
        np.testing.assert_array_equal(raster, plain[:, ::-1] if mirrored else plain)
    assert 35 < sum(is_mirrored) < 85  # of 120: four and a half standard deviations
    of_a_query = np.reshape(is_mirrored, (-1, 2))
    assert (of_a_query[:, 0] != of_a_query[:, 1]).any()


def test_sides_become_shorter_each_by_its_own_factor():
    wide, high = np.transpose([sides(raster) for raster in moved(stretch=0.25)])
    for lengths in (wide, high):
        assert lengths.min() >= 40 / 1.25 - 1 and lengths.max() <= 41
        assert lengths.min() < 34 and lengths.max() > 38
    assert abs(wide - high).max() > 4


@pytest.mark.parametrize("mirror", [False, True])
def test_a_drawing_is_turned_about_its_middle(mirror):
    angles = []
    given = np.zeros((60, 1, 1, SIZE, SIZE), np.uint8)
    given[..., 30:34, 50:54] = 16  # to the right of the middle
    found = move_drawings(given, (3, 4), rotation=0.5, mirror=mirror).numpy()[:, 0, 0]
    for raster in found:
        rows, columns = np.nonzero(raster)
        ink = raster[rows, columns].astype(float)
        x, y = (ink @ (at - 31.5) / ink.sum() for at in (columns, rows))
        assert np.hypot(x, y) == pytest.approx(20, abs=0.3)
        angles.append(np.arctan2(y, abs(x)))
        assert mirror or x > 0
    assert max(np.abs(angles)) <= 0.52 and min(angles) < -0.3 and max(angles) > 0.3


def test_a_bend_moves_ink_a_little_and_lines_stay_whole():
    given = np.zeros((30, 1, 1, SIZE, SIZE), np.uint8)
    given[..., 31:33, 8:56] = 16  # a level line
    found = move_drawings(given, (5, 6), bend=0.1).numpy()[:, 0, 0].astype(int)
    heights = []
    for raster in found:
        columns = raster[:, 16:48]
        assert (columns.sum(axis=0) > 8).all()  # not broken
        middles = (np.arange(SIZE)[:, None] * columns).sum(axis=0) / columns.sum(axis=0)
        assert np.abs(middles - 31.5).max() <= 0.1 * SIZE + 1
        assert np.abs(np.diff(middles)).max() < 1.5  # neighbours move alike
        heights.append(np.ptp(middles))
    assert max(heights) > 3 and len(np.unique(np.round(heights, 3))) > 20


def test_what_is_bent_in_from_outside_is_empty():
    full = np.full((20, 1, 1, SIZE, SIZE), 16, np.uint8)
    found = move_drawings(full, (5, 6), bend=0.1).numpy()
    assert (found[..., 10:-10, 10:-10] == 16).all()
    assert (found[..., 0, :] == 0).any() and set(np.unique(found)) == {0, 16}


def test_moves_repeat_by_seed_and_row():
    arguments = {"rotation": 0.3, "stretch": 0.2, "mirror": True, "bend": 0.1}
    whole = move_drawings(rasters(), (1, 2), **arguments).numpy()
    np.testing.assert_array_equal(move_drawings(rasters(), (1, 2), **arguments), whole)
    part = move_drawings(rasters(batch=6), (1, 2), **arguments, first_row=14)
    np.testing.assert_array_equal(part, whole[14:])
    assert (move_drawings(rasters(), (2, 2), **arguments).numpy() != whole).any()
    assert len(np.unique(whole.reshape(-1, SIZE * SIZE), axis=0)) == 120
