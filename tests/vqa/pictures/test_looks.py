"""What a mixer looked at, as pictures: pixels at places that were worked out by hand."""

import subprocess
import sys

import numpy as np
import pytest

from hardvqa_tf.pictures import panels
from hardvqa_tf.vqa.pictures import looks, overlay
from hardvqa_tf.vqa.pictures.board_picture import draw_board_picture

FRAME = panels.FRAME
ORANGE, WHITE = (255, 150, 0), (255, 255, 255)
# A grid of 3 x 5 cells in 2 x 2 regions: two rows of cells above, one below; three columns of
# cells on the left, two on the right.
GRID, S = (3, 5), 2
REGIONS = [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [2, 2, 2, 3, 3]]
MASK = np.zeros(GRID, bool)
MASK[0, 1] = MASK[2, 4] = True
PRESENCE = np.array([[9, 2, 9, 9, 9], [9, 9, 9, 9, 9], [9, 9, 9, 9, 3]], np.float32)
ROUTES = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0], [1, 0, 0, 1]], bool)
WEIGHTS = np.array([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [0, 0, 0, 2, 0]]) / 8


def plain(value=200):
    """30 x 50 pixels: ten along each side of a cell."""
    return np.full((30, 50, 3), value, np.uint8)


def inside(panel):
    return panel[FRAME:-FRAME, FRAME:-FRAME].astype(int)


def middles(panel):
    """[3, 5, 3], the pixel in the middle of each cell."""
    return inside(panel)[5::10, 5::10]


# Weights of cells.


def test_weights_are_colours_from_zero_to_the_greatest_over_the_image():
    assert looks.weight_limits(WEIGHTS) == (0.0, 0.5)
    found = middles(looks.draw_cell_weights(plain(), WEIGHTS))
    # Four fifths of the colour, one of the grey image. The ends of the ramp, and its fourth
    # colour of six at 3/5 of the way.
    assert found[0, 4].tolist() == [round(0.8 * c + 0.2 * 200) for c in (253, 240, 180)]
    assert found[0, 0].tolist() == [round(0.8 * c + 0.2 * 200) for c in (24, 18, 66)]
    tenths = looks.draw_cell_weights(plain(0), np.full(GRID, 6.0) + 4 * (WEIGHTS == 0.5))
    assert middles(tenths)[1, 1].tolist() == [round(0.8 * c) for c in (226, 102, 96)]


def test_equal_weights_look_equal_and_not_extreme():
    """The least weight is not the darkest, where all are well above zero."""
    near = looks.draw_cell_weights(plain(), np.full(GRID, 0.9) + 0.1 * WEIGHTS)
    assert np.ptp(middles(near) @ [0.299, 0.587, 0.114]) < 15
    same = middles(looks.draw_cell_weights(plain(), np.ones(GRID)))
    assert (same == [round(0.8 * c + 40) for c in (253, 240, 180)]).all()


def test_negative_weights_lie_as_far_below_the_middle():
    weights = np.where(WEIGHTS == 0.5, -0.2, WEIGHTS / 10)
    assert looks.weight_limits(weights) == (-0.2, 0.2)
    found = middles(looks.draw_cell_weights(plain(0), weights))
    assert found[0, 4].tolist() == [round(0.8 * c) for c in (24, 18, 66)]
    # Zero is in the middle of the ramp, half way from its third to its fourth colour.
    assert found[0, 0].tolist() == [round(0.8 * c) for c in (191, 80, 119)]


def test_what_is_not_finite_is_the_darkest_and_moves_no_other():
    weights = WEIGHTS.copy()
    weights[1, 2] = np.nan
    expected = middles(looks.draw_cell_weights(plain(), np.where(WEIGHTS == 0.25, 0, WEIGHTS)))
    found = middles(looks.draw_cell_weights(plain(), weights))
    assert (found[1, 2] == expected[1, 2]).all()
    assert (found[0] == middles(looks.draw_cell_weights(plain(), WEIGHTS))[0]).all()
    nothing = looks.draw_cell_weights(plain(), np.full(GRID, np.inf))
    assert len(np.unique(middles(nothing).reshape(-1, 3), axis=0)) == 1


def test_kept_cells_are_outlined_in_white():
    outlined = inside(looks.draw_cell_weights(plain(), WEIGHTS, MASK))
    bare = inside(looks.draw_cell_weights(plain(), WEIGHTS))
    differ = (outlined != bare).any(axis=-1)
    assert differ[10:12, 10:20].all() and differ[0:10, 8:10].all() and differ[18:20, 40:].all()
    assert (outlined[differ] == WHITE).all()
    assert not differ[:10, 10:20].any() and not differ[20:, 40:].any()  # nor in the cells
    soft = looks.draw_cell_weights(plain(), WEIGHTS, MASK.astype(np.float32))
    np.testing.assert_array_equal(inside(soft), bare)


@pytest.mark.parametrize("limits", [(0.0, 0.5), (-0.25, 0.25), (0.0, 0.0)])
def test_the_scale_has_the_colours_of_the_panel(limits):
    scale = looks.draw_scale(limits, 200)
    assert scale.shape[1] == 200
    row = scale[15].astype(int)
    bar = row[(row != 255).any(axis=-1) & ((row.max(-1) - row.min(-1)) > 20)]
    dark, light = ([round(0.8 * n + 0.2 * 128) for n in c] for c in (panels.RAMP[[0, -1]]))
    assert bar[0].tolist() == dark and bar[-1].tolist() == light
    below = (scale[30:] != 255).any()
    assert below == (limits[0] < 0), "a negative scale says where zero is"


# Routes.


def test_regions_are_those_of_the_padded_grid():
    np.testing.assert_array_equal(looks.region_of_cells(S, GRID), REGIONS)
    # Seven regions along five cells: one cell each, and two regions of nothing but padding.
    np.testing.assert_array_equal(looks.region_of_cells(7, (1, 5)), [[0, 1, 2, 3, 4]])
    # Four along five cells: of two cells, the third of one, the fourth of none.
    np.testing.assert_array_equal(looks.region_of_cells(4, (5, 2))[:, 0], [0, 0, 4, 4, 8])


def test_regions_are_those_of_the_layer():
    from hardvqa_tf.layers import BiLevelRoutingAttention

    layer = BiLevelRoutingAttention(num_heads=1, num_regions=S, top_k=1, local_kernel=0)
    number = np.arange(1.0, 16.0).reshape(1, *GRID, 1)
    cut = np.asarray(layer._to_regions(layer._pad(number)))[0, :, :, 0]  # [R, w], 0 is padding
    for region, cells in enumerate(cut):
        expected = number[0, ..., 0][np.array(REGIONS) == region]
        np.testing.assert_array_equal(cells[cells > 0], expected)


def test_regions_that_are_looked_at_are_clear_and_the_asking_one_is_outlined():
    panel = looks.draw_routes(plain(), ROUTES, 1, GRID)
    seen = inside(panel)
    dim = 34 + 0.3 * 200
    expected = np.full((3, 5), dim)
    expected[2] = 200  # region 1 looks at 2 and 3, the last row, and not at itself
    np.testing.assert_array_equal(middles(panel)[..., 0], expected)
    orange = (panel == np.array(ORANGE)).all(axis=-1)
    # Around the cells of region 1, rows 0 to 20, columns 30 to 50, in pixels of the image; the
    # frame is two pixels wide.
    assert orange[:22, 30:32].all() and orange[22:24, 30:].all() and orange[:2, 30:].all()
    assert not orange[2:22, 32:52].any() and not orange[:, :30].any() and not orange[24:].any()
    # Borders between regions, on the first pixels of the later one.
    assert (seen[20, :28] == looks._REGION_LINE).all()
    assert (seen[24:, 30] == looks._REGION_LINE).all()
    assert (seen[10, 1:28] == dim).all(), "no line between rows of cells of one region"


def test_an_image_whose_size_no_cell_divides():
    image = np.full((31, 52, 3), 200, np.uint8)  # rows end at 10, 21, 31; columns at 31 of 52
    seen = inside(looks.draw_routes(image, ROUTES, 0, GRID))
    line = np.array(looks._REGION_LINE)
    assert (seen[21, 4:20] == line).all() or (seen[21, 4:20] == ORANGE).all()
    assert (seen[:21, :31] == 200).all()  # region 0 looks at itself and at 1
    assert (seen[:19, 34:] == 200).all() and (seen[24:, 34:] == 94).all()


@pytest.mark.parametrize(
    ("presence", "mask", "region"),
    [
        (PRESENCE, MASK, 3),  # cell (2, 4), presence 3, before (0, 1), presence 2
        (np.where(PRESENCE == 3, np.nan, PRESENCE), MASK, 0),
        (PRESENCE, np.where(REGIONS == np.array(2), 0.1, 0.0), 2),  # soft attention's weights
        (PRESENCE, np.ones(GRID), 0),  # of equal ones the first
    ],
)
def test_the_asking_region_has_the_kept_cell_of_greatest_presence(presence, mask, region):
    assert looks.strongest_region(presence, mask, S) == region


def test_a_place_is_a_region():
    outputs = {"routes": ROUTES, "mask": MASK, "presence": PRESENCE}
    assert [looks.region_at(p, outputs) for p in ([1, 1], [1, 2], [2, 1], [2, 2])] == [
        0,
        1,
        2,
        3,
    ]
    many = outputs | {"routes": np.ones((16, 16), bool)}  # 4 x 4, of which 3 x 3 have cells
    assert looks.region_at((3, 2), many) == 9
    for place in ((4, 1), (1, 4), (0, 1), (1,), (1, 2, 3)):
        with pytest.raises(ValueError, match=r"a row, 1 to 3, and a column, 1 to 3. Received"):
            looks.region_at(place, many)
    with pytest.raises(ValueError, match="no regions. Received: region 1,2. Leave it out"):
        looks.region_at((1, 2), {"mask": MASK})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"routes": ROUTES[:3, :3]}, r"Received: bool\[3, 3\]"),
        ({"routes": ROUTES * 1.0}, r"Received: float64\[4, 4\]. Pass one question's row"),
        ({"routes": ROUTES[None]}, r"Received: bool\[1, 4, 4\]"),
        ({"region": 4}, "Received: 4; those with cells are 0, 1, 2, 3"),
        ({"image": plain() / 255}, r"must be uint8\[H, W, 3\]"),
    ],
)
def test_errors_of_routes_say_what_to_do(changed, message):
    arguments = {"image": plain(), "routes": ROUTES, "region": 0, "grid_shape": GRID}
    with pytest.raises(ValueError, match=message):
        looks.draw_routes(**(arguments | changed))


# Words.


def word_weights():
    """[3, 5, 4]: cell (0, 1) looks at words 0 and 1, (2, 4) at 1, the others at 2."""
    weights = np.zeros((*GRID, 4))
    weights[..., 2] = 1
    weights[0, 1] = [0.5, 0.5, 0, 0]
    weights[2, 4] = [0, 1, 0, 0]
    return weights


def test_the_mean_over_the_kept_cells():
    weights = word_weights()
    np.testing.assert_allclose(looks.word_means(weights, MASK), [0.25, 0.75, 0, 0])
    soft = np.zeros(GRID)
    soft[0, 1], soft[2, 4], soft[0, 0] = 0.5, 0.25, 0.25
    np.testing.assert_allclose(looks.word_means(weights, soft), [0.25, 0.5, 0.25, 0])
    everywhere = looks.word_means(weights, np.zeros(GRID))  # Nothing kept: all alike.
    np.testing.assert_allclose(everywhere, np.array([0.5, 1.5, 13, 0]) / 15)


def bars_of(picture):
    """(left, right, height) of each bar, in pixels."""
    blue = (picture == np.array(panels.BAR)).all(axis=-1)
    columns = np.flatnonzero(np.diff(np.pad(blue.any(axis=0), 1).astype(int)))
    pairs = columns.reshape(-1, 2)
    return [(a, b, int(blue[:, a].sum())) for a, b in pairs.tolist()]


def test_each_word_bears_a_bar_as_high_as_its_weight():
    picture = looks.draw_words(["what", "red", "?"], np.array([0.1, 0.4, 0.2, 9.0]), 300)
    bars = bars_of(picture)
    assert [height for *_, height in bars] == [10, 40, 20]  # The fourth has no word.
    assert all(right - left == 14 for left, right, _ in bars)
    assert bars_of(looks.draw_words(["a", "b"], np.array([0.0, np.nan]), 300)) == []


def test_words_go_on_in_the_next_line_and_too_many_are_left_out():
    few, more, most = (looks.draw_words(["w" * 9] * n, np.ones(n), 280) for n in (1, 2, 3))
    assert few.shape[0] == more.shape[0] == most.shape[0] - 72
    endless = [looks.draw_words(["w" * n] * 400, np.ones(400), 150) for n in (3, 500)]
    assert endless[0].shape == endless[1].shape == (5 * 72, 150, 3)
    assert looks.draw_words([], np.ones(0), 150).shape[1] == 150


# Looks.


def look(words=("is", "it", "red"), region=None, **outputs):
    return looks.look_of({"mask": MASK, "presence": PRESENCE, **outputs}, words, region)


def test_a_model_without_a_mixer_has_no_look():
    assert look() is None


def test_a_look_at_cells_says_its_scale():
    seen = look(cell_weights=WEIGHTS)
    assert seen.caption == "weights 0-0.5" and "below zero" not in seen.legend
    below = look(cell_weights=-WEIGHTS)
    assert below.caption == "weights ±0.5" and "as far below zero" in below.legend
    np.testing.assert_array_equal(
        seen.draw(plain()), looks.draw_cell_weights(plain(), WEIGHTS, MASK)
    )
    np.testing.assert_array_equal(below.draw_beside(90), looks.draw_scale((-0.5, 0.5), 90))


def test_a_look_at_regions_says_which_one_asks():
    seen = look(routes=ROUTES)
    assert seen.title.endswith("one region looks at 2 of 4 regions")
    assert "(row 2, column 2), which has the kept cell of greatest presence" in seen.legend
    np.testing.assert_array_equal(
        seen.draw(plain()), looks.draw_routes(plain(), ROUTES, 3, GRID)
    )
    chosen = look(routes=ROUTES, region=2)
    assert "(row 2, column 1); clear" in chosen.legend
    np.testing.assert_array_equal(
        chosen.draw(plain()), looks.draw_routes(plain(), ROUTES, 2, GRID)
    )


def test_regions_of_nothing_but_padding_are_not_counted():
    """As the authors' code routes, with whom padding takes part."""
    routes = np.zeros((16, 16), bool)
    routes[10, [3, 12, 10, 0]] = True  # 3 and 12 have no cell of 3 x 5
    assert look(routes=routes).caption == "looks at 2 of 9 regions"


def test_a_look_at_words_shows_the_first_of_them_on_the_image():
    seen = look(word_weights=word_weights())
    assert seen.caption == 'looks at "it": 0.75'
    np.testing.assert_array_equal(
        seen.draw(plain()), looks.draw_cell_weights(plain(), word_weights()[..., 1], MASK)
    )
    means = looks.word_means(word_weights(), MASK)
    np.testing.assert_array_equal(
        seen.draw_beside(300), looks.draw_words(["is", "it", "red"], means, 300)
    )
    # Beyond T = 4 words no cell looked at any.
    longer = look([*"abcdef"], word_weights=word_weights())
    np.testing.assert_array_equal(
        longer.draw_beside(300), looks.draw_words([*"abcd"], means, 300)
    )
    assert look([], word_weights=word_weights()) is None


LOOKS = {
    "cell_weights": WEIGHTS,
    "routes": ROUTES,
    "word_weights": word_weights(),
}


@pytest.mark.parametrize("name", LOOKS)
def test_the_large_picture_has_a_row_of_it(name):
    seen = look(**{name: LOOKS[name]})
    texts = {"question": "Is it red?", "predictions": [("yes", 1.0)]}
    without = overlay.draw_overlay(plain(), MASK, PRESENCE, **texts)
    picture = overlay.draw_overlay(plain(), MASK, PRESENCE, **texts, look=seen)
    # Below the first row: 24 + 28 + 184 high (six times the image, framed) + 46; a title of 28.
    top = 24 + 28 + 184 + 46
    np.testing.assert_array_equal(picture[:top], without[:top])
    panel = seen.draw(plain().repeat(6, axis=0).repeat(6, axis=1))
    np.testing.assert_array_equal(picture[top + 28 : top + 212, 24 : 24 + 304], panel)
    below = without.shape[0] - top
    np.testing.assert_array_equal(picture[-below:], without[-below:])


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("shape", [(30, 50), (900, 31), (1, 1)])
def test_the_boards_picture_has_a_third_panel(name, shape):
    seen = look(words=["größe", "w" * 99, "是"], **{name: LOOKS[name]})
    image = np.full((*shape, 3), 9, np.uint8)
    predictions = [("w" * 99, 0.9)] * 5
    picture = draw_board_picture(
        image, MASK, PRESENCE, question="x" * 300, predictions=predictions, look=seen
    )
    assert picture.shape == (215, 350, 3)
    top, left = 3 + 53 + 22, 5 + 2 * (75 + 7)
    drawn = picture[top + FRAME : top + 75, left + FRAME : left + 75]
    height, width = (max(1, round(71 * n / max(shape))) for n in shape)
    panel = seen.draw(np.full((height, width, 3), 9, np.uint8))
    np.testing.assert_array_equal(drawn[:height, :width], panel[FRAME:-FRAME, FRAME:-FRAME])
    assert (picture[-18:, :] == 255).all(), "nothing is below the captions"


@pytest.mark.parametrize("width", [400, 1080])
def test_a_long_legend_stays_within_the_margins(width):
    seen = look(words=["这是", "w" * 300, "x" * 50], word_weights=word_weights())
    picture = overlay.draw_overlay(
        plain(), MASK, PRESENCE, question="", predictions=[("a", 1.0)], look=seen, width=width
    )
    assert (picture[:, -overlay.MARGIN // 2 :] == 255).all() and picture.shape[0] < 1300


def test_drawing_needs_neither_tensorflow_nor_keras():
    module = "hardvqa_tf.vqa.pictures.looks"
    code = f"import sys, {module}; print({{'tensorflow', 'keras'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600
    )
    assert done.stdout.strip() == "set()", done.stderr
