"""Rows side by side; and the random row, whose AP50 is the share of what is asked for."""

import numpy as np
import pytest

from hardvqa_tf.localize.judging.by_cells import average_precision
from hardvqa_tf.localize.judging.queries import Query
from hardvqa_tf.localize.judging.rows import compare, random_row
from hardvqa_tf.localize.judging.tables import format_rows
from tests.localize.judging.asked import FISH, FISH_2, FOUND, QUERIES, SIZE, SUN, found


def test_rows_of_all_and_of_each_group():
    wrong = [found((SUN, 0.9)), FOUND[1], found((FISH, 0.9))]
    rows = compare(QUERIES, {"right drawing": FOUND, "wrong drawing": wrong})
    assert [*rows] == [
        f"{row}{group}"
        for row in ("right drawing", "wrong drawing")
        for group in ("", ", seen", ", unseen")
    ]
    assert rows["wrong drawing"]["AP50"] == 0.0
    # Right, wrong, right in the order of their scores: 51 recalls at 1, 50 at 2/3.
    assert rows["right drawing, seen"]["AP50"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert rows["right drawing, unseen"]["AP50"] == pytest.approx(1 / 2)
    counts = [(row["num_images"], row["num_objects"]) for row in rows.values()]
    assert counts[:3] == [(2, 3), (1, 2), (1, 1)]
    wrong_seen = format_rows(rows, {})[5]
    assert wrong_seen.split() == ["wrong", "drawing,", "seen", "1", "2", *["0.00"] * 6]


def test_one_group_has_no_rows_of_its_own():
    rows = compare(QUERIES[:2], {"right drawing": FOUND[:2]}, areas={"_slim": (0, 850)})
    assert [*rows] == ["right drawing"]
    assert rows["right drawing"]["num_objects_slim"] == 1


def test_the_random_row_has_every_object_of_the_scene():
    for query, of_query in zip(QUERIES, random_row(QUERIES, seed=3), strict=True):
        boxes = sorted(of_query.boxes.tolist())
        assert boxes == sorted([FISH, FISH_2, SUN]), query.name
        assert ((of_query.scores >= 0) & (of_query.scores < 1)).all()
    crowd = Query("s", "fish", SIZE, [FISH, SUN], [FISH_2], crowd=[False, True])
    assert random_row([crowd])[0].boxes.tolist() == [FISH, FISH_2]


def test_random_scores_depend_on_seed_scene_and_class_alone():
    whole, part = random_row(QUERIES, seed=3), random_row(QUERIES[2:], seed=3)
    np.testing.assert_array_equal(whole[2].scores, part[0].scores)
    assert not np.array_equal(whole[0].scores, whole[1].scores)
    assert not np.array_equal(whole[0].scores, random_row(QUERIES, seed=4)[0].scores)
    other_scene = [QUERIES[0]._replace(scene="scene/2")]
    assert not np.array_equal(whole[0].scores, random_row(other_scene, seed=3)[0].scores)


def test_other_cells_are_judged_over_both_groups():
    """Of a split with seen and unseen classes there are rows of each, and one of all."""
    whole = compare(QUERIES, {"right drawing": FOUND})["right drawing"]
    assert average_precision(QUERIES, FOUND) == {name: whole[name] for name in ("AP50", "AP")}


def test_the_random_row_tends_to_the_share_of_what_is_asked_for():
    """One of four objects, 400 times: a quarter; its standard deviation is some 0.02."""
    corners = [[x, 0, x + 20, 20] for x in (0, 30, 60, 90)]
    queries = [Query(f"scene {i}", "fish", SIZE, corners[:1], corners[1:]) for i in range(400)]
    (row,) = compare(queries, {"random": random_row(queries)}).values()
    assert row["AP50"] == row["AP75"] == pytest.approx(0.25, abs=0.08)
    assert row["AR100"] == 1.0
