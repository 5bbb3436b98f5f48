"""The picture of one answer: its geometry, its marks, and text that breaks careless drawing."""

import subprocess
import sys

import numpy as np
import pytest

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.pictures import panels, paper
from hardvqa_tf.vqa.pictures import overlay

# 21 x 34 pixels in 2 x 3 cells: no side is divisible by its number of cells.
HEIGHT, WIDTH = 21, 34
MASK = np.array([[False, True, False], [True, False, False]])
PRESENCE = np.array([[0.5, 3.0, 1.0], [2.5, 0.25, 1.5]], np.float32)
GREEN, RED = (22, 120, 60), (190, 40, 40)


def noise():
    return np.random.default_rng(0).integers(40, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def draw(image=None, mask=MASK, presence=PRESENCE, **changed):
    arguments = {"question": "How many?", "predictions": [("two", 0.75), ("one", 0.25)]}
    image = noise() if image is None else image
    return overlay.draw_overlay(image, mask, presence, **(arguments | changed))


def panels_of(picture, factor, num_panels=3, width=1080):
    """The three panels without their frames, found by their place on the page."""
    column = WIDTH * factor + 2 * panels.FRAME
    step = (width - 2 * overlay.MARGIN - column) // (num_panels - 1)
    top = overlay.MARGIN + overlay.TITLE_HEIGHT + panels.FRAME
    for i in range(num_panels):
        left = overlay.MARGIN + i * step + panels.FRAME
        yield picture[top : top + HEIGHT * factor, left : left + WIDTH * factor]


def has_color(picture, color):
    return bool((picture == np.array(color, np.uint8)).all(axis=-1).any())


def test_geometry_of_a_non_square_grid_on_the_enlarged_panels():
    image = noise()
    picture = draw(image)
    factor = 9  # 1080 wide: slots of 330 pixels without frames 326; 326 // 34 = 9
    plain, masked, _ = panels_of(picture, factor)
    large = image.repeat(factor, 0).repeat(factor, 1)
    np.testing.assert_array_equal(plain, large)
    same = (masked == large).all(axis=-1)
    assert same[:94, 102:204].all()  # 189/2 = 94.5 -> 94, 306/3 = 102: cell (0, 1)
    assert same[94:, :102].all()  # cell (1, 0)
    assert not same[94:, 102:].any()
    assert not same[:94, 204:].any()


def test_kept_cells_are_outlined_outside_themselves():
    _, masked, _ = panels_of(draw(), 9)
    orange = (masked == np.array([255, 150, 0])).all(axis=-1)
    assert orange[:94, 204:206].all() and not orange[:94, 206].any()  # right of cell (0, 1)
    assert orange[94:96, 104:204].all()  # below it
    assert not orange[:94, 102:204].any()


def test_two_kept_neighbours_have_no_line_between_them():
    mask = np.array([[True, True, False], [False, False, False]])
    _, masked, _ = panels_of(draw(mask=mask), 9)
    assert not (masked[:90, :204] == np.array([255, 150, 0])).all(axis=-1).any()


def test_soft_attention_is_as_clear_as_its_weight_relative_to_the_greatest():
    image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    weights = np.array([[0.0, 0.2, 0.1], [0.4, 0.2, 0.1]])
    shown = panels.dim_dropped(image, weights)[..., 0]
    dim = 34 + 0.3 * 200
    assert shown[15, 5] == 200
    assert shown[2, 2] == dim
    assert shown[2, 15] == (200 + dim) / 2  # half of the greatest weight
    assert "weighted" in overlay._describe_mask(weights)


def test_the_heat_map_runs_from_the_least_to_the_greatest_presence():
    _, _, heat = panels_of(draw(), 9)
    corner = heat[4:90, 206:300]  # cell (0, 2), presence 1.0
    colors = panels.heat(PRESENCE)
    assert (corner[:, 4:] == colors[0, 2]).all()
    luminance = colors @ np.array([0.299, 0.587, 0.114])
    assert (np.argsort(luminance.ravel()) == np.argsort(PRESENCE.ravel())).all()


def test_mask_and_presence_are_drawn_where_cells_look():
    # Cells that look up and left of an equal division, whose boxes leave a margin.
    fields = Fields((3.0, 2.0), (9.0, 10.0), (15.0, 15.0), (HEIGHT, WIDTH), MASK.shape)
    image = noise()
    large = image.repeat(9, 0).repeat(9, 1)
    _, masked, heat = panels_of(draw(image, fields=fields), 9)
    inner = slice(panels.FRAME, -panels.FRAME)
    expected = panels.draw_mask(large, MASK, fields)
    np.testing.assert_array_equal(masked, expected[inner, inner])
    expected = panels.draw_presence(large, PRESENCE, MASK, fields)
    np.testing.assert_array_equal(heat, expected[inner, inner])
    assert (expected != panels.draw_presence(large, PRESENCE, MASK)).any()


def test_right_and_wrong_are_marked():
    right, wrong, unknown = (draw(answer=answer) for answer in ("two", "one", None))
    assert has_color(right, GREEN) and not has_color(right, RED)
    assert has_color(wrong, RED) and has_color(wrong, GREEN)  # green: beside the right answer
    assert not has_color(unknown, RED) and not has_color(unknown, GREEN)


def test_the_words_of_a_picture(monkeypatch):
    written = []
    monkeypatch.setattr(
        overlay.Paper, "text", lambda self, x, y, text, *_: written.append(text)
    )
    draw(presence=np.array([[11.2, 11.2000004, 11.2000002]]), mask=MASK[:1])
    assert {"11.2", "11.2000004"} <= set(written)
    # About one's own photograph nobody knows the right answer, which need not be said.
    assert not any("right answer" in text for text in written)
    written.clear()
    draw(presence=np.full((1, 3), 11.2), mask=MASK[:1], answer="two")
    assert "11.2 in every cell" in written and "two is right" in written
    monkeypatch.setattr(paper, "_font_names", lambda: [None])
    monkeypatch.setattr(paper.system_fonts, "font_with", lambda character: None)
    draw(question="これは何ですか")
    assert "[…] is a script of which this system has no font." in written


def test_bars_are_as_long_as_the_probabilities():
    picture = draw(predictions=[("ab", 0.5), ("cd", 1.0), ("ef", float("nan"))])
    blue = (picture == np.array([70, 90, 140])).all(axis=-1).sum(axis=1)
    lengths = [n for n in dict.fromkeys(blue) if n]
    assert len(lengths) == 2 and lengths[0] == pytest.approx(lengths[1] / 2, abs=1)


def test_only_five_answers_are_drawn():
    seven = [(str(i), 0.1) for i in range(7)]
    assert draw(predictions=seven).shape == draw(predictions=seven[:5]).shape
    assert draw(predictions=seven[:4]).shape[0] < draw(predictions=seven[:5]).shape[0]


def test_a_large_image_is_made_smaller_and_a_page_is_as_wide_as_asked():
    picture = draw(np.full((1200, 1600, 3), 9, np.uint8), width=700)
    assert picture.shape[1] == 700
    assert picture.shape[0] < 700


def test_without_presence_there_are_two_panels():
    image = noise()
    picture = draw(image, presence=None)
    factor = 14  # slots of 506 pixels, without frames 502; 502 // 34 = 14
    plain, _ = panels_of(picture, factor, num_panels=2)
    np.testing.assert_array_equal(plain, image.repeat(factor, 0).repeat(factor, 1))


@pytest.mark.parametrize(
    "text",
    ["", "größte Façade?", "这是什么?", "🙂", "a\x00b\x07\n\tc", "x" * 3000, "w " * 3000],
    ids=["empty", "accents", "chinese", "emoji", "control", "long word", "many words"],
)
def test_any_text_is_drawn_within_the_margins(text):
    picture = draw(question=text, predictions=[(text, 0.9)], answer=text)
    assert picture.shape[0] < 1000
    assert (picture[:, -overlay.MARGIN // 2 :] == 255).all()
    assert (picture[-overlay.MARGIN // 2 :] == 255).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image": np.zeros((4, 5, 3), np.float32)}, r"Received: float32\[4, 5, 3\]"),
        ({"image": np.zeros((4, 5), np.uint8)}, r"must be uint8\[H, W, 3\]"),
        ({"mask": np.zeros((2, 3, 1), bool)}, r"Pass one question's row of the model's `mask`"),
        ({"mask": np.zeros((2, 3), np.int32)}, r"Received: int32\[2, 3\]"),
        ({"presence": np.zeros(6)}, r"`presence` must be"),
        ({"width": 99}, "at least 400 pixels"),
    ],
)
def test_errors_say_what_to_do(changed, message):
    with pytest.raises(ValueError, match=message):
        draw(**changed)


def test_drawing_needs_neither_tensorflow_nor_keras():
    module = "hardvqa_tf.vqa.pictures.overlay"
    code = f"import sys, {module}; print({{'tensorflow', 'keras'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600
    )
    assert done.stdout.strip() == "set()", done.stderr
