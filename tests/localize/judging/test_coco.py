"""Each rule of COCO's evaluation in a case that a person can count."""

import json

import numpy as np
import pytest

from hardvqa_tf.localize.judging.coco import evaluate, match, precision_curve
from hardvqa_tf.localize.judging.coco_data import check
from tests.localize.judging.coco_files import found, truth

A, B = [10, 10, 40, 20], [100, 50, 30, 30]
FAR = [150, 5, 20, 20]  # meets neither


def scores(ground_truth, detections, **options):
    """Rounded: the tool adds 2.2e-16 to what it divides by, and may miss 1 by it."""
    values = evaluate(check(ground_truth, detections), **options)
    return {name: round(value, 12) for name, value in values.items()}


def test_ground_truth_as_detections_is_perfect():
    values = scores(truth((1, A), (1, B), (2, A)), found((1, A, 1.0), (1, B, 1.0), (2, A, 1.0)))
    assert values["AP"] == values["AP50"] == values["AP75"] == values["AR10"] == 1.0
    assert values["AR1"] == pytest.approx(2 / 3)  # one an image, of three objects
    assert values["APs"] == values["AP50s"] == values["ARs"] == 1.0
    assert values["APm"] == values["AP50m"] == values["ARl"] == -1.0  # there are none


def test_an_iou_counts_for_the_thresholds_up_to_it():
    """Of .50, .55, ..., .80 it is enough, not of .85."""
    values = scores(truth((1, [0, 0, 100, 10])), found((1, [0, 0, 82, 10], 0.9)))
    assert values["AP"] == values["AR100"] == pytest.approx(7 / 10)
    assert (values["AP50"], values["AP75"]) == (1.0, 1.0)


def test_an_iou_exactly_on_the_threshold_is_enough():
    assert scores(truth((1, [0, 0, 100, 10])), found((1, [0, 0, 50, 10], 1)))["AP"] == 0.1


def test_what_is_found_first_counts_at_every_recall_up_to_its_own():
    """One of three objects: recall 1/3, which 34 of the 101 recalls do not exceed."""
    detections = found((1, A, 0.9), (1, FAR, 0.8))
    assert scores(truth((1, A), (1, B), (2, A)), detections)["AP50"] == pytest.approx(34 / 101)


def test_precision_never_rises_from_what_comes_later():
    """Wrong, right, right: precisions 0, 1/2, 2/3; the best from there on is 2/3 everywhere."""
    detections = found((1, FAR, 0.9), (1, A, 0.8), (1, B, 0.7))
    assert scores(truth((1, A), (1, B)), detections)["AP50"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("order", "ap"), [((A, FAR), 1.0), ((FAR, A), 0.5)])
def test_equal_scores_keep_the_order_of_the_list(order, ap):
    detections = found(*((1, box, 0.5) for box in order))
    assert scores(truth((1, A)), detections)["AP50"] == ap


def test_equal_scores_of_several_images_are_in_ascending_order_of_the_image():
    """As numbers, 9 before 10; the list's own order does not matter here."""
    detections = found((10, FAR, 0.5), (9, A, 0.5))
    assert scores(truth((9, A), (10, B)), detections)["AP50"] == pytest.approx(51 / 101)
    assert scores(truth((9, B), (10, FAR)), detections)["AP50"] == pytest.approx(51 * 0.5 / 101)


def test_of_equal_ious_the_last_object_is_taken():
    """Both objects have an IoU of 1/2 with the first box: it takes the second, and the exact
    box of the first object is left for the other."""
    first, second, between = [0, 0, 20, 10], [20, 0, 20, 10], [0, 0, 40, 10]
    detections = found((1, between, 0.9), (1, first, 0.8))
    assert scores(truth((1, first), (1, second)), detections)["AP50"] == 1.0
    assert scores(truth((1, second), (1, first)), detections)["AP50"] == pytest.approx(51 / 101)


def test_an_object_is_taken_once():
    detections = found((1, A, 0.9), (1, A, 0.8), (1, B, 0.7))
    assert scores(truth((1, A), (1, B)), detections)["AP50"] == pytest.approx(
        (51 + 50 * 2 / 3) / 101
    )


def test_a_crowd_ignores_all_that_lies_in_it():
    """Its IoU is the share of the detection's area; neither right nor wrong, however many."""
    crowd = (1, [100, 0, 100, 100], {"iscrowd": 1})
    detections = found((1, FAR, 0.9), (1, B, 0.8), (1, A, 0.7))
    assert scores(truth((1, A), crowd), detections)["AP50"] == 1.0
    assert scores(truth((1, A)), detections)["AP50"] == pytest.approx(1 / 3)
    only = scores(truth(crowd), detections)
    assert set(only.values()) == {-1.0}


def test_objects_without_a_detection_count():
    values = scores(truth((1, A), (2, B)), [])
    assert values["AP"] == values["AR100"] == values["APs"] == 0.0
    assert values["APl"] == -1.0


def test_bounds_of_areas_are_included():
    """By the field `area`, which need not be that of the box."""
    values = scores(truth((1, A, {"area": 1024})), found((1, A, 1.0)))
    assert (values["APs"], values["APm"], values["APl"]) == (1.0, 1.0, -1.0)
    values = scores(truth((1, A, {"area": 9216})), found((1, A, 1.0)))
    assert (values["APs"], values["APm"], values["APl"]) == (-1.0, 1.0, 1.0)


def test_a_wrong_detection_of_another_size_does_not_count_for_a_size():
    large = [0, 0, 150, 90]
    values = scores(truth((1, A)), found((1, large, 0.9), (1, A, 0.8)))
    assert (values["AP50"], values["AP50s"]) == (0.5, 1.0)


def test_areas_of_ones_own():
    areas = {"_slim": (0, 800), "_broad": (801, 1e10)}
    values = scores(truth((1, A), (1, B)), found((1, A, 1.0)), areas=areas)
    assert (values["AP_slim"], values["AP_broad"]) == (1.0, 0.0)
    assert "APs" not in values
    alone = scores(truth((1, A), (1, B)), found((1, A, 1.0)), areas={})
    assert alone == {n: v for n, v in values.items() if "_" not in n}


def test_categories_are_counted_apart_or_as_one():
    ground_truth = truth((1, A), (1, B, {"category_id": 9}), categories=(7, 9))
    detections = found((1, A, 0.9)) + found((1, B, 0.8), category=7)
    assert scores(ground_truth, detections)["AP"] == 0.5  # 1 of category 7, 0 of category 9
    assert scores(ground_truth, detections, use_cats=False)["AP"] == 1.0
    assert scores(ground_truth, detections, cats=[7])["AP"] == 1.0
    assert scores(ground_truth, detections, cats=[9])["AP"] == 0.0


def test_some_images_alone():
    ground_truth = truth((1, A), (2, B))
    detections = found((1, A, 0.9), (2, FAR, 0.8))
    assert scores(ground_truth, detections, imgs=[1])["AP"] == 1.0
    assert scores(ground_truth, detections, imgs=[2])["AP"] == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [({"imgs": [1, 5]}, r"`imgs` .*\[5\].*1"), ({"cats": []}, r"`cats` must be ids.*\[\]")],
)
def test_what_is_not_there_cannot_be_chosen(options, message):
    with pytest.raises(ValueError, match=message):
        scores(truth((1, A)), [], **options)


def test_the_best_hundred_count():
    many = found(*((1, FAR, 0.9) for _ in range(100)), (1, A, 0.8))
    assert scores(truth((1, A)), many)["AP"] == 0.0
    assert scores(truth((1, A)), many[1:])["AP"] == pytest.approx(0.01)
    (note,) = check(truth((1, A)), many).notes
    assert "1 detection beyond the best 100" in note


def test_boxes_are_counted_in_double_precision():
    """Single precision would make the width 50, and the IoU one half."""
    ground_truth = truth((1, [0, 0, 100, 10]))
    assert scores(ground_truth, found((1, [0, 0, 49.9999999, 10], 1.0)))["AP50"] == 0.0


def test_it_prints_nothing(capfd):
    scores(truth((1, A)), found((1, A, 1.0)))
    assert capfd.readouterr() == ("", "")


def test_files_are_left_as_they_are():
    ground_truth, detections = truth((1, A)), found((1, A, 1.0))
    before = json.dumps([ground_truth, detections])
    data = check(ground_truth, detections)
    first = evaluate(data)
    assert evaluate(data) == first  # nor is `data` changed
    assert json.dumps([ground_truth, detections]) == before


def test_the_curve_has_the_ap_as_its_mean():
    detections = found((1, A, 0.9), (1, FAR, 0.8), (1, B, 0.7))
    data = check(truth((1, A), (1, B)), detections)
    curve = precision_curve(data)
    np.testing.assert_allclose(curve["recall"], np.arange(101) / 100, atol=1e-15)
    np.testing.assert_allclose(curve["precision"], [1.0] * 51 + [2 / 3] * 50, atol=1e-12)
    assert curve["precision"].mean() == pytest.approx(evaluate(data)["AP50"], abs=1e-15)
    assert set(precision_curve(check(truth(images=[1]), []))["precision"]) == {-1.0}


def test_matches_are_in_descending_order_without_those_on_crowds():
    crowd = (2, [100, 0, 100, 100], {"iscrowd": 1})
    detections = found((2, FAR, 0.95), (1, FAR, 0.5), (1, A, 0.5), (2, B, 0.6), (2, A, 0.7))
    matches = match(check(truth((1, A), (2, A), crowd), detections))
    assert matches.score.tolist() == [0.7, 0.5, 0.5]
    assert matches.right.tolist() == [True, False, True]
    assert matches.num_objects == 2
    nothing = match(check(truth(images=[1]), []))
    assert (nothing.score.size, nothing.right.size, nothing.num_objects) == (0, 0, 0)
