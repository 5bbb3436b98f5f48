"""The raster of a drawing is the rule's, to the bit."""

import numpy as np
import pytest

from records.drawings.rasterize import rasterize_points, rasterize_strokes
from records.drawings.strokes import pad
from tests.records.drawings.rasters import CORNERS, many_drawings, random_drawing, reference

# Of 184 pixels, two: sample by sample, each takes a second.
LARGE = ("a level line", "diagonals")


@pytest.mark.parametrize(
    ("name", "size"),
    [*((name, size) for size in (8, 64) for name in CORNERS), *((name, 184) for name in LARGE)],
)
def test_corner_cases_equal_the_rule(name, size):
    raster = rasterize_strokes(CORNERS[name], size)
    assert raster.shape == (size, size) and raster.dtype == np.float32
    np.testing.assert_array_equal(raster, reference(CORNERS[name], size))


@pytest.mark.parametrize("size", [8, 16, 24, 40])
def test_many_random_drawings_equal_the_rule(size):
    drawings = many_drawings(40 if size > 16 else 150)
    rasters = rasterize_points(*pad(drawings), size)
    for drawing, raster in zip(drawings, rasters, strict=True):
        np.testing.assert_array_equal(raster, reference(drawing, size), str(drawing))


def test_a_level_line_by_hand():
    """A margin of two pixels, of which the round ends take one; two pixels wide."""
    raster = rasterize_strokes([[[0, 0], [255, 0]]])
    np.testing.assert_array_equal(raster[29:35, 20], [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(raster[31, 2:-2], 1)
    np.testing.assert_array_equal(raster[:, 0], 0)
    assert 0 < raster[31, 1] < 1
    np.testing.assert_array_equal(raster, raster[:, ::-1])
    np.testing.assert_array_equal(raster, raster[::-1])


def test_a_dot_lies_in_the_middle():
    raster = rasterize_strokes([[[200, 3]]])
    assert raster.sum() == pytest.approx(np.pi, abs=0.4)  # a radius of one pixel
    assert raster[31:33, 31:33].sum() > 0.9 * raster.sum()


def test_place_and_scale_change_nothing():
    drawing = [np.array([[0, 0], [30, 40], [60, 10]]), np.array([[5, 50]])]
    moved = [4 * stroke + [1000, -77] for stroke in drawing]
    np.testing.assert_array_equal(rasterize_strokes(drawing), rasterize_strokes(moved))


def test_the_order_of_strokes_and_their_direction_change_nothing():
    drawing = [[[0, 0], [30, 40], [60, 10]], [[5, 50]], [[9, 0], [9, 9]]]
    turned = [stroke[::-1] for stroke in drawing[::-1]]
    np.testing.assert_array_equal(rasterize_strokes(drawing), rasterize_strokes(turned))


def test_padding_between_and_behind_changes_nothing():
    points, stroke = pad([[[[0, 0], [9, 3]], [[5, 5], [2, 9]]]])
    gap = np.array([[[0, 0], [9, 3], [77, 1], [5, 5], [2, 9], [0, 900]]])
    rows = np.array([[0, 0, -1, 1, 1, -5]])
    np.testing.assert_array_equal(rasterize_points(points, stroke), rasterize_points(gap, rows))


def test_any_leading_axes():
    rng = np.random.default_rng(1)
    drawings = [random_drawing(rng) for _ in range(12)]
    points, stroke = pad(drawings, 41)
    rasters = rasterize_points(points.reshape(2, 3, 2, 41, 2), stroke.reshape(2, 3, 2, 41), 16)
    assert rasters.shape == (2, 3, 2, 16, 16)
    np.testing.assert_array_equal(rasters[1, 2, 0], rasterize_strokes(drawings[10], 16))
    np.testing.assert_array_equal(rasterize_points(points[3], stroke[3], 16), rasters[0, 1, 1])
    assert rasterize_points(points[:0], stroke[:0]).shape == (0, 64, 64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[[0, 0]]], [[0]], 60), "multiple of 8 between 8 and 184. Received: 60"),
        (([[[0, 0]]], [[0]], 192), "Received: 192"),
        (([[[0, 0]]], [[0, 0]]), r"Received: \(1, 1, 2\) and \(1, 2\)"),
        (([[[0.5, 0]]], [[0]]), "whole numbers. Received: float64 and int64"),
        (([[[0, 300_000]]], [[0]]), "Received: 0 to 300000. Scale"),
        ((np.zeros((0, 2), int), np.zeros(0, int)), "N at least 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        rasterize_points(*arguments)
