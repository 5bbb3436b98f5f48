"""Thresholds, counted by hand.

In descending order of score: .9 right, .8 wrong, .7 wrong (a query of nothing), .6 wrong, .5
right twice, .2 wrong (of nothing); three objects.
"""

import numpy as np
import pytest

from hardvqa_tf.localize.judging.coco import Matches
from hardvqa_tf.localize.judging.tables import format_threshold
from hardvqa_tf.localize.judging.thresholds import (
    alarms,
    at_threshold,
    best_threshold,
    match_queries,
    precision_recall,
)
from tests.localize.judging.asked import FOUND, QUERIES


def matches(scores, right, num_objects):
    return Matches(np.array(scores, float), np.array(right, bool), num_objects)


def test_queries_of_nothing_are_wrong_in_every_box():
    of_all = match_queries(QUERIES, FOUND)
    assert of_all.score.tolist() == [0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.2]
    assert of_all.right.tolist() == [True, False, False, False, True, True, False]
    assert of_all.num_objects == 3


def test_at_a_threshold():
    of_all = match_queries(QUERIES, FOUND)
    shown = at_threshold(of_all, 0.5)  # which is shown itself
    assert shown == {"threshold": 0.5, "num_shown": 6, "precision": 1 / 2, "recall": 1.0} | {
        "f1": pytest.approx(2 / 3)
    }
    assert at_threshold(of_all, 0.51)["num_shown"] == 4
    nothing = at_threshold(of_all, 0.95)
    assert (nothing["precision"], nothing["recall"], nothing["f1"]) == (None, 0.0, 0.0)


def test_the_best_f1():
    """F1 is 1/2 at .9 (1 of 1, 1 of 3) and 2/3 at .5 (3 of 6, 3 of 3)."""
    assert best_threshold(match_queries(QUERIES, FOUND))["threshold"] == 0.5


def test_of_equal_f1_the_greatest_threshold_is_chosen():
    """One of one, and two of four, of two objects: F1 is 2/3 both times."""
    best = best_threshold(matches([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 1], 2))
    assert (best["threshold"], best["f1"]) == (0.9, pytest.approx(2 / 3))


def test_equal_scores_are_shown_together():
    """The first of them alone would be 1 of 1."""
    best = best_threshold(matches([0.5, 0.5, 0.4], [1, 0, 1], 2))
    assert (best["threshold"], best["f1"]) == (0.4, pytest.approx(4 / 5))
    best = best_threshold(matches([0.5, 0.5], [1, 0], 1))
    assert (best["threshold"], best["precision"]) == (0.5, 0.5)


@pytest.mark.parametrize(
    "nothing_right", [matches([0.9, 0.4], [0, 0], 2), matches([], [], 2), matches([], [], 0)]
)
def test_where_no_detection_is_right_nothing_is_shown(nothing_right):
    best = best_threshold(nothing_right)
    assert (best["threshold"], best["num_shown"], best["precision"]) == (1.0, 0, None)


def test_points_of_the_curve():
    points = precision_recall(matches([0.9, 0.8, 0.5, 0.5], [1, 0, 1, 0], 4))
    assert points["threshold"].tolist() == [0.9, 0.8, 0.5]
    assert points["num_shown"].tolist() == [1, 2, 4]
    assert points["precision"].tolist() == [1.0, 0.5, 0.5]
    assert points["recall"].tolist() == [0.25, 0.25, 0.5]
    for i, threshold in enumerate(points["threshold"]):
        at = at_threshold(matches([0.9, 0.8, 0.5, 0.5], [1, 0, 1, 0], 4), threshold)
        assert at["precision"] == points["precision"][i]
        assert at["recall"] == points["recall"][i]
    assert all(len(column) == 0 for column in precision_recall(matches([], [], 2)).values())


def test_alarms():
    expected = {"num_queries": 1, "alarmed": 1.0, "boxes": 1.0}
    assert alarms(QUERIES, FOUND, 0.7) == expected
    assert alarms(QUERIES, FOUND, 0.2) == expected | {"boxes": 2.0}
    assert alarms(QUERIES, FOUND, 0.71) == expected | {"alarmed": 0.0, "boxes": 0.0}
    two = [*QUERIES, QUERIES[1]], [*FOUND, FOUND[1]._replace(scores=np.array([0.1, 0.1]))]
    assert alarms(*two, 0.5) == {"num_queries": 2, "alarmed": 0.5, "boxes": 0.5}
    none = {"num_queries": 0, "alarmed": None, "boxes": None}
    assert alarms(QUERIES[:1], FOUND[:1], 0.5) == none


def test_in_words():
    point = at_threshold(match_queries(QUERIES, FOUND), 0.5)
    assert format_threshold(point, alarms(QUERIES, FOUND, 0.5), "val") == [
        "At the threshold 0.5, of the best F1 on val: precision 50.00, recall 100.00, F1 66.67 "
        "per cent, of 6 boxes.",
        "Alarms: 100.00 per cent of the 1 queries of nothing; 1.00 boxes a query.",
    ]
    nothing = at_threshold(match_queries(QUERIES, FOUND), 0.95)
    (line,) = format_threshold(nothing, alarms(QUERIES[:1], FOUND[:1], 0.95), "val")
    assert "precision -, recall 0.00, F1 0.00" in line
