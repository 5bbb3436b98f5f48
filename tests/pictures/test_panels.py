"""What pictures of cells are made of: which pixels a cell has, and in which colours."""

import io

import numpy as np
from PIL import Image

from hardvqa_tf.pictures import panels

# 21 x 34 pixels in 2 x 3 cells: no side is divisible by its number of cells.
HEIGHT, WIDTH = 21, 34
MASK = np.array([[False, True, False], [True, False, False]])


def noise():
    return np.random.default_rng(0).integers(40, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def test_kept_cells_are_the_image_itself_and_dropped_ones_are_not():
    image = noise()
    shown = panels.dim_dropped(image, MASK)
    # By hand: rows end at 21/2 = 10.5 -> 10 (to even), columns at 34/3 -> 11 and 68/3 -> 23.
    kept = np.zeros((HEIGHT, WIDTH), bool)
    kept[:10, 11:23] = True
    kept[10:, :11] = True
    same = (shown == image).all(axis=-1)
    assert same[kept].all()
    assert not same[~kept].any()
    dropped = shown[~kept]
    assert (dropped == dropped[:, :1]).all(), "dropped cells must have no colour"
    assert dropped.max() <= 34 + 0.3 * 255 + 1


def test_the_ramp_grows_lighter_evenly():
    ramp = panels.heat(np.linspace(0, 1, 101)) @ np.array([0.299, 0.587, 0.114])
    steps = np.diff(ramp)
    assert (steps > 0).all()
    assert steps.max() < 3 * steps.mean()


def test_heat_of_what_is_not_a_number_or_all_equal_is_the_darkest():
    values = np.array([[np.nan, np.inf, 1.0, 2.0]])
    darkest = panels.heat(np.array([0.0, 1.0]))[0]
    assert (panels.heat(values)[0, :3] == darkest).all()
    assert (panels.heat(np.full((2, 3), 7.0)) == darkest).all()
    assert (panels.heat(np.full((2, 3), np.nan)) == darkest).all()


def test_png_round_trip():
    picture = noise()
    opened = Image.open(io.BytesIO(panels.to_png(picture)))
    np.testing.assert_array_equal(np.asarray(opened), picture)
