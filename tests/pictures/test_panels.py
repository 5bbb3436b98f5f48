"""What pictures of cells are made of: which pixels a cell has, and in which colours."""

import io

import numpy as np
import pytest
from PIL import Image

from hardvqa_tf.encoders.fields import Fields
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


def test_the_ends_of_a_range_differ_as_they_are_written():
    assert panels.format_range(0.25, 6) == ("0.25", "6")
    assert panels.format_range(11.2, 11.24) == ("11.2", "11.24")
    assert panels.format_range(11.2000001, 11.2000004) == ("11.2000001", "11.2000004")
    assert panels.format_range(1.0, np.nextafter(1.0, 2)) == ("1", "1.0000000000000002")
    assert panels.format_range(11.2, 11.2) == ("11.2", "11.2")
    assert panels.format_range(0.256, 6, digits=2) == ("0.26", "6")


def test_png_round_trip():
    picture = noise()
    opened = Image.open(io.BytesIO(panels.to_png(picture)))
    np.testing.assert_array_equal(np.asarray(opened), picture)


# Where cells look: small_cnn at 75x75, cells of 16 pixels from 2.5 on, that see 31 pixels.
FIELDS = Fields((10.5, 10.5), (16.0, 16.0), (31.0, 31.0), (75, 75), (5, 5))


def kept(*cells):
    mask = np.zeros((5, 5), bool)
    for cell in cells:
        mask[cell] = True
    return mask


def clear_box(shown, image):
    """(top, left, bottom, right) of the pixels that are the image's own."""
    rows, columns = np.nonzero((shown == image).all(axis=-1))
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


@pytest.mark.parametrize(
    ("size", "cell", "box"),
    [
        # By hand: a cell's lines are at 2.5 + 16 i of 75, so twice that of 150.
        ((150, 150), (0, 0), (5, 5, 37, 37)),
        ((150, 150), (1, 3), (37, 101, 69, 133)),
        ((150, 150), (4, 4), (133, 133, 150, 150)),  # 165 is beyond the image.
        # Each side by itself: 30 of 75 rows, lines at 1 + 6.4 i, and 75 columns.
        ((30, 75), (2, 0), (14, 2, 20, 18)),  # 13.8 and 20.2; 2.5 and 18.5 to even.
    ],
)
def test_a_cell_is_drawn_where_it_looks(size, cell, box):
    image = np.full((*size, 3), 200, np.uint8)
    shown = panels.dim_dropped(image, kept(cell), FIELDS)
    assert clear_box(shown, image) == box
    area = (box[2] - box[0]) * (box[3] - box[1])
    assert (shown == 200).all(axis=-1).sum() == area


def test_an_equal_division_is_as_without_fields():
    image, equal = noise(), Fields.equal((77, 99), (2, 3))
    np.testing.assert_array_equal(
        panels.dim_dropped(image, MASK, equal), panels.dim_dropped(image, MASK)
    )


def test_cells_lie_side_by_side_whatever_the_size():
    for size in range(1, 200, 7):
        edges = panels.cell_edges(size, 5, FIELDS)
        assert len(edges) == 6 and (np.diff(edges) >= 0).all()
        assert 0 <= edges[0] and edges[-1] == size


def test_beyond_the_cells_it_is_dim_as_where_nothing_was_looked_at():
    image = np.full((150, 150, 3), 200, np.uint8)
    dim = 34 + 0.3 * 200
    everything = np.ones((5, 5), bool)
    masked = panels.dim_dropped(image, everything, FIELDS)
    assert (masked[:5] == dim).all() and (masked[:, :5] == dim).all()
    assert (masked[5:, 5:] == 200).all()
    presence = panels.draw_presence(image, np.ones((5, 5)), everything, FIELDS)
    presence = presence[panels.FRAME : -panels.FRAME, panels.FRAME : -panels.FRAME]
    assert (presence[:3, 150 // 2] == dim).all()  # The outline is 2 pixels wide.
    assert (presence[5:, 5:] == panels.heat(np.zeros(1))[0]).all()


def test_the_outline_is_around_the_cell_where_it_is_drawn():
    panel = panels.draw_mask(np.full((150, 150, 3), 200, np.uint8), kept((1, 3)), FIELDS)
    orange = (panel[2:-2, 2:-2] == np.array(panels.ORANGE)).all(axis=-1)
    rows, columns = np.nonzero(orange)
    assert (rows.min(), rows.max() + 1) == (37 - 2, 69 + 2)
    assert (columns.min(), columns.max() + 1) == (101 - 2, 133 + 2)
    assert not orange[37:69, 101:133].any()


def test_what_kept_cells_see_is_half_clear():
    image = np.full((75, 150, 3), 200, np.uint8)  # Columns are drawn twice as wide.
    shown = panels.dim_dropped(image, kept((2, 2)), FIELDS, extents=True)[..., 0]
    half = (200 + 34 + 0.3 * 200) / 2
    # The centre is at 42.5, so it sees 27 to 58 of 75, and is drawn from 34.5 to 50.5.
    expected = np.full((75, 150), 34 + 0.3 * 200)
    expected[27:58, 54:116] = half
    expected[34:50, 69:101] = 200
    np.testing.assert_array_equal(shown, expected)


def test_extents_at_the_border_are_clipped_and_the_clearest_wins():
    weights = kept((0, 0)).astype(float) + 0.5 * kept((0, 1))
    image = np.full((75, 75, 3), 255, np.uint8)
    shown = panels.dim_dropped(image, weights, FIELDS, extents=True)[..., 0].astype(float)
    dim = 34 + 0.3 * 255
    share = (shown - dim) / (255 - dim)
    assert share[10, 10] == 1.0
    assert share[10, 25] == pytest.approx(0.5, abs=0.01)  # itself, and half of the first
    assert share[0, 0] == pytest.approx(0.5, abs=0.01)
    assert share[10, 40] == pytest.approx(0.25, abs=0.01)  # seen by the second alone
    assert share[10, 43] == share[27, 10] == pytest.approx(0.0, abs=0.01)


def test_fields_of_another_grid_are_refused():
    with pytest.raises(ValueError, match="2x3 cells. Received: fields of 5x5"):
        panels.dim_dropped(noise(), MASK, FIELDS)
