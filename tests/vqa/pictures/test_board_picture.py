"""The picture for TensorBoard: its size, its geometry, and marks that are seen in greyscale."""

import numpy as np
import pytest

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.pictures import panels
from hardvqa_tf.vqa.pictures import board_picture
from hardvqa_tf.vqa.pictures.board_picture import draw_board_picture

MASK = np.array([[False, True, False], [True, False, False]])
PRESENCE = np.array([[0.5, 3.0, 1.0], [2.5, 0.25, 1.5]], np.float32)
LUMINANCE = np.array([0.299, 0.587, 0.114])
LONG = (
    "What number of other objects are there of the same size as the shiny cylinder that is in "
    "front of the small metallic thing on the right side of the tiny cube?"
)
# By hand: 2 + 50 + 3 of the question, 18 + 4 of the band above, frames of 2 around; 112 pixels.
TOP, LEFT, SIDE = 3 + 53 + 22 + 2, 5 + 2, 112


def draw(image=None, mask=MASK, presence=PRESENCE, **changed):
    image = np.full((20, 30, 3), 200, np.uint8) if image is None else image
    arguments = {"question": "How many?", "predictions": [("two", 0.75), ("one", 0.25)]}
    return draw_board_picture(image, mask, presence, **(arguments | changed))


def band(picture):
    return picture[3 + 53 : 3 + 53 + 18]


@pytest.mark.parametrize("question", ["", "Red?", LONG, "x" * 300, "größte 是 🙂 " * 30])
@pytest.mark.parametrize("shape", [(20, 30), (900, 31), (1, 1)])
def test_it_has_the_size_that_tensorboard_shows(question, shape):
    image = np.full((*shape, 3), 9, np.uint8)
    predictions = [(question, 0.9)] + [("w" * 99, 0.02)] * 4
    picture = draw(image, question=question, predictions=predictions, answer="w" * 99)
    assert picture.shape == (215, 350, 3) and picture.dtype == np.uint8
    below = picture[TOP + SIDE + 4 + 16 :]
    assert (below == 255).all(), "nothing is below the captions"
    assert (picture[3 + 53 + 18 :, -4:] == 255).all(), "nothing is in the margin"


def test_a_clevr_question_is_shown_whole():
    page = board_picture.Paper(350, LONG)
    size, _, num_lines = board_picture._QUESTION_SIZES[-1]
    lines = page.font.wrap(LONG, size, 340, 99)
    assert len(lines) <= num_lines and size >= 11


def test_the_mask_lies_in_the_grids_geometry():
    picture = draw()  # 30 wide becomes 112, 20 high becomes 75 (74.67)
    panel = picture[TOP : TOP + 75, LEFT : LEFT + SIDE]
    # Cells end at 75/2 = 37.5 -> 38 (to even), at 112/3 = 37.3 -> 37 and 74.7 -> 75.
    clear = (panel == 200).all(axis=-1)
    assert clear[:38, 37:75].all() and clear[38:, :37].all()
    assert not clear[:38, 77:].any() and not clear[40:, 39:].any()


def test_the_heat_map_is_light_where_presence_is_great():
    picture = draw()
    left = 5 + 116 + 7 + 2
    panel = picture[TOP : TOP + 75, left : left + SIDE] @ LUMINANCE
    middles = panel[np.ix_([18, 56], [18, 55, 93])]
    assert (np.argsort(middles.ravel()) == np.argsort(PRESENCE.ravel())).all()


def test_mask_and_presence_are_drawn_where_cells_look():
    fields = Fields((5.0, 3.0), (9.0, 8.0), (15.0, 15.0), (20, 30), MASK.shape)
    large = np.full((75, SIDE, 3), 200, np.uint8)  # see above
    expected = [
        panels.draw_mask(large, MASK, fields),
        panels.draw_presence(large, PRESENCE, MASK, fields),
    ]
    picture = draw(fields=fields)
    for left, panel in zip((LEFT, 5 + 116 + 7 + 2), expected, strict=True):
        found = picture[TOP : TOP + 75, left : left + SIDE]
        np.testing.assert_array_equal(found, panel[2:-2, 2:-2])


def test_right_and_wrong_differ_without_colour():
    right, wrong, unknown = (
        band(draw(answer=answer)) @ LUMINANCE for answer in ("two", "one", None)
    )
    # The band's ground at its end, where nothing is written.
    assert right[:, -20:].min() > 200 and unknown[:, -20:].min() > 200
    assert wrong[:, -20:].max() < 120
    # The signs, by their shape alone: dark on light, light on dark.
    check, cross = right[3:15, 5:17] < 150, wrong[3:15, 5:17] > 180
    assert (cross == cross[:, ::-1]).all(), "a cross is symmetric"
    assert not (check == check[:, ::-1]).all(), "a check mark is not"
    assert cross.any() and check.any()


def test_the_words_say_what_the_sign_says(monkeypatch):
    written = []
    monkeypatch.setattr(
        board_picture.Paper, "text", lambda self, x, y, text, *_: written.append(text)
    )
    draw(answer="two")
    assert "right: two" in written
    assert {"How many?", "2 of 6 cells", "presence 0.25-3", "75%", "25%"} <= set(written)
    draw(answer="one")
    assert "wrong: said two, right is one" in written
    draw(answer=None)
    assert "The right answer is not known." in written
    draw(presence=np.array([[11.2, 11.2000004]]))
    draw(presence=np.array([[11.2, 11.2]]))
    assert {"11.2-11.2000004", "presence 11"} <= set(written)
    draw(mask=np.array([[0.0, 0.75, 0.25]]))
    assert "weights to 0.75" in written


def test_bars_are_as_long_as_the_probabilities():
    picture = draw(predictions=[("ab", 0.5), ("cd", 1.0), ("ef", float("inf"))])
    blue = (picture == np.array([70, 90, 140])).all(axis=-1).sum(axis=1)
    lengths = [n for n in dict.fromkeys(blue) if n]
    assert len(lengths) == 2 and lengths[0] == pytest.approx(lengths[1] / 2, abs=1)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"Received: float32\[4, 5, 3\]"):
        draw(np.zeros((4, 5, 3), np.float32))
    with pytest.raises(ValueError, match="Pass one question's row of the model's `mask`"):
        draw(mask=np.zeros((2, 3, 1), bool))
