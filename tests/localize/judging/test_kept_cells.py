"""Where kept cells lie, and how they overlap, by hand on a grid of 2x4 cells."""

import numpy as np
import pytest

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.localize.judging.asking import Answers
from hardvqa_tf.localize.judging.kept_cells import (
    chance_of_one,
    expected_overlap,
    format_kept,
    measure_kept,
)
from hardvqa_tf.localize.judging.queries import Query

# Images of 40x80 pixels, which the model takes at half the size, so that cells look at pixels
# (10, 30) down and (10, 30, 50, 70) right of the image.
FIELDS = Fields((5.0, 5.0), (10.0, 10.0), (13.0, 13.0), (20, 40), (2, 4))
TOP_LEFT, TOP, BOTTOM_RIGHT = [0, 0, 20, 20], [25, 0, 60, 20], [62, 24, 78, 36]
SIZE = (40, 80)
QUERIES = [
    Query("1", "fish", SIZE, [TOP_LEFT, BOTTOM_RIGHT], [TOP], crowd=[False, False]),
    Query("1", "sun", SIZE, [TOP], [TOP_LEFT, BOTTOM_RIGHT]),
    Query("1", "cup", SIZE, [], [TOP_LEFT, TOP, BOTTOM_RIGHT]),
]
MASKS = np.array(
    [
        [[1, 1, 0, 0], [1, 0, 0, 0]],
        [[0, 0, 1, 0], [0, 0, 1, 1]],
        [[1, 1, 1, 0], [0, 0, 0, 0]],
    ],
    bool,
)


def answers(masks=MASKS):
    zeros = np.zeros(masks.shape, np.float32)
    return Answers(QUERIES, [None] * 3, masks, zeros, zeros)


def test_where_they_lie():
    measured = measure_kept(answers(), FIELDS)
    # Of fish: one on a fish, one on the sun, one on the ground; of the sun: one, one, one.
    for name in ("on_asked", "on_others", "on_ground"):
        assert measured[name]["share"] == pytest.approx(1 / 3), name
    # Cells at objects: two of fish, two of the sun, of eight.
    assert measured["on_asked"]["chance"] == measured["on_others"]["chance"] == 2 / 8
    assert measured["on_ground"]["chance"] == pytest.approx(4 / 8)
    # One of two fish; the sun's centre (42.5, 10) is nearest to the cell at (50, 10).
    assert measured["centres_kept"] == pytest.approx({"share": 2 / 3, "chance": 3 / 8})
    one, two = chance_of_one(1, 3, 8), chance_of_one(2, 3, 8)
    assert (one, two) == pytest.approx((3 / 8, 1 - 20 / 56))
    assert measured["objects_kept"] == pytest.approx(
        {"share": 2 / 3, "chance": (2 * one + two) / 3}
    )


def test_a_centre_may_be_kept_though_no_cell_of_the_object_is():
    """The sun's cells are 1 and 2; of one that is moved by a pixel, the nearest is cell 1."""
    queries = [QUERIES[0]._replace(boxes=[[21, 0, 39, 8]], others=[], crowd=None)]
    measured = measure_kept(answers()._replace(queries=queries, mask=MASKS[2:]), FIELDS)
    assert measured["centres_kept"]["share"] == 1.0 and measured["objects_kept"]["share"] == 0.0
    assert measured["objects_kept"]["chance"] == 0.0 and measured["on_ground"]["share"] == 1.0


def test_overlaps_with_other_drawings():
    several = answers(np.roll(MASKS, 1, axis=2))
    measured = measure_kept(answers(), FIELDS, several, num_drawings=3)
    assert measured["other_class"]["share"] == 0.0  # fish and sun
    assert measured["absent_class"]["share"] == pytest.approx((2 / 4 + 1 / 5) / 2)
    assert measured["same_class"]["share"] == pytest.approx((1 / 5 + 1 / 5) / 2)
    by_chance = expected_overlap(3, 3, 8)
    assert by_chance == pytest.approx(
        (3 * 10 * (1 / 5) + 3 * 5 * (2 / 4) + 1 * (3 / 3)) / 56  # one, two, three together
    )
    for name in ("same_class", "other_class", "absent_class"):
        assert measured[name]["chance"] == pytest.approx(by_chance)
    lines = format_kept(measured)
    assert len(lines) == 9 and lines[1].split()[-4:] == ["33.33", "%", "25.00", "%"]
    assert lines[6].startswith("overlap: 3 drawings of the class")


def test_who_keeps_all_cells_has_nothing_to_measure():
    assert measure_kept(answers(np.ones_like(MASKS)), FIELDS) == {}
    assert expected_overlap(8, 8, 8) == 1.0 and expected_overlap(1, 1, 8) == pytest.approx(
        1 / 8
    )
