"""The picture of a query: boxes, scores and drawings are where they belong."""

import numpy as np
import pytest

from hardvqa_tf.localize.judging.queries import Found
from hardvqa_tf.localize.pictures.found import draw_boxes, draw_found, draw_sheet, enlarge
from hardvqa_tf.pictures.panels import ORANGE

GREEN = (60, 225, 130)
GREY = np.full((100, 200, 3), 128, np.uint8)


def where(picture, color):
    """(left, top, right, bottom) of the pixels of a colour; None where there is none."""
    rows, columns = np.nonzero((picture == color).all(axis=-1))
    if not len(rows):
        return None
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_boxes_lie_at_their_shares_of_the_image():
    found = Found(np.array([[0.5, 0.5, 0.75, 0.9]]), np.array([0.876]))
    right = np.array([[0.1, 0.2, 0.3, 0.6]])
    picture = draw_boxes(GREY, found, right)
    assert where(picture, GREEN) == (20, 20, 60, 60)
    left, top, right, bottom = where(picture, ORANGE)
    assert (right, bottom) == (150, 90) and left == 99
    assert top < 50  # The score stands on the box.
    assert (draw_boxes(GREY) == GREY).all()


@pytest.mark.parametrize(
    "box",
    [
        [0.0, 0.0, 0.2, 0.3],
        [0.95, 0.9, 1.0, 1.0],
        [-0.5, -0.5, 1.5, 1.5],
        [0.4, 0.4, 0.4, 0.4],
        [0.6, 0.6, 0.4, 0.4],
        [3.0, 3.0, 4.0, 4.0],
    ],
)
def test_a_score_is_seen_wherever_the_box_is(box):
    picture = draw_boxes(GREY, Found(np.array([box]), np.array([0.5])))
    left, top, right, bottom = where(picture, ORANGE)
    assert picture.shape == GREY.shape and right - left > 20 and bottom - top > 10


def test_lines_of_a_box_beyond_the_image_lie_at_its_edge():
    """Without a score in the way: a right box is drawn as one that was found."""
    picture = draw_boxes(GREY, right=np.array([[-0.2, 0.5, 1.3, 1.4]]))
    assert where(picture, GREEN) == (0, 50, 199, 99)
    assert (picture[-1, 5:-5] == GREEN).all() and (picture[60:, -1] == GREEN).all()


def test_the_best_score_lies_on_top():
    boxes = np.array([[0.5, 0.5, 0.9, 0.9]] * 2)
    both = draw_boxes(GREY, Found(boxes, np.array([0.9, 0.1])))
    best = draw_boxes(GREY, Found(boxes[:1], np.array([0.9])))
    np.testing.assert_array_equal(both, best)


def test_drawings_stand_in_the_middle_dark_on_white():
    ink = np.ones((64, 64))
    one = draw_sheet([ink], (100, 200))
    assert where(one, 0) == (50, 0, 149, 99)
    three = draw_sheet([ink] * 3, (100, 100))
    assert (three[50:, 50:] == 255).all() and (three[:50] == 0).all()
    two = draw_sheet([ink] * 2, (100, 200))
    assert where(two, 0) == (0, 0, 199, 99)
    many = draw_sheet([ink] * 30, (10, 10))
    assert many.shape == (10, 10, 3)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (96, 96), (500, 300)])
def test_images_of_any_size(size):
    image = np.full((*size, 3), 90, np.uint8)
    assert max(enlarge(image, 150).shape[:2]) == 150
    nothing = np.zeros((0, 4)), np.zeros(0)
    mask = np.eye(3, dtype=bool)
    picture = draw_found(
        image, np.zeros((2, 64, 64)), nothing, mask, np.ones((3, 3)), text="none", width=700
    )
    assert picture.shape[1] == 700 and picture.dtype == np.uint8
