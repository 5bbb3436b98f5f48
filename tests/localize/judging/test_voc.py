"""PASCAL VOC's average precision, counted by hand."""

import numpy as np
import pytest

from hardvqa_tf.localize.judging.asking import query_of
from hardvqa_tf.localize.judging.queries import Found, Query
from hardvqa_tf.localize.judging.rows import compare
from hardvqa_tf.localize.judging.voc import (
    Image,
    _best_box,
    average_precision,
    format_voc,
    of_queries,
)
from hardvqa_tf.localize.scenes import read_scenes
from records.build import build
from tests.records import photo_trees

BOX = (0, 0, 10, 10)
AWAY = (50, 50, 60, 60)


def image(boxes, found, scores, difficult=None):
    boxes = np.array(boxes, float).reshape(-1, 4)
    difficult = np.zeros(len(boxes), bool) if difficult is None else np.array(difficult, bool)
    return Image(boxes, difficult, np.array(found, float).reshape(-1, 4), np.array(scores))


def test_right_wrong_right_of_three():
    """Precision 1, 1/2, 2/3 at the recalls 1/3, 1/3, 2/3."""
    found = [BOX, AWAY, (20, 20, 30, 30)]
    images = [
        image([BOX, (20, 20, 30, 30)], found, [0.9, 0.8, 0.7]),
        image([BOX], [], []),
    ]
    values = average_precision(images)
    # Recalls 0 to .3: 1; .4, .5, .6: 2/3; from .7 on: 0.
    assert values["AP07"] == pytest.approx((4 * 1 + 3 * 2 / 3) / 11)
    assert values["AP10"] == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)


def test_a_box_is_taken_once_by_the_best_score():
    values = average_precision([image([BOX, AWAY], [BOX, BOX, AWAY], [0.5, 0.9, 0.1])])
    # right, wrong (a double), right: precision 1, 1/2, 2/3.
    assert values["AP10"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_a_double_does_not_take_the_second_best_box():
    """Unlike COCO's rule: it is judged by the box that it overlaps most, taken or not."""
    near = (0, 0, 10, 8)
    values = average_precision([image([BOX, near], [BOX, BOX], [0.9, 0.8])])
    assert values["AP10"] == pytest.approx(0.5)


@pytest.mark.parametrize(("right", "is_found"), [(10, True), (9, False)])
def test_an_iou_of_one_half_is_enough(right, is_found):
    """In VOC's own pixels, last one included: xmin 1, xmax 20 against xmax 10 or 9."""
    whole, part = (0, 0, 20, 10), (0, 0, right, 10)
    assert average_precision([image([whole], [part], [0.9])])["AP10"] == float(is_found)


def test_one_is_added_to_widths_of_pixels():
    """xmin 1, xmax 2 against 2, 3: one of three columns is common; by edges alone, none."""
    first, second = (1, 1, 2, 1), (2, 1, 3, 1)  # xmin, ymin, xmax, ymax, all inclusive
    edges = [(x0 - 1, y0 - 1, x1, y1) for x0, y0, x1, y1 in (first, second)]
    assert _best_box(image([edges[0]], [edges[1]], [1.0]), 0)[1] == pytest.approx(1 / 3)


def test_difficult_ones_neither_count_nor_hurt():
    easy = average_precision([image([BOX], [AWAY, BOX], [0.9, 0.8])])
    hard = average_precision(
        [
            image(
                [BOX, (20, 20, 30, 30)],
                [(20, 20, 30, 30), (20, 20, 30, 30), AWAY, BOX],
                [1.0, 0.95, 0.9, 0.8],
                [False, True],
            )
        ]
    )
    assert hard == easy == {"AP07": pytest.approx(0.5), "AP10": pytest.approx(0.5)}
    only = image([BOX], [BOX], [0.5], [True])
    assert average_precision([only]) == {"AP07": -1.0, "AP10": -1.0}


def test_nothing_found_is_zero():
    assert average_precision([image([BOX], [], [])]) == {"AP07": 0.0, "AP10": 0.0}


def test_equal_scores_stay_in_order():
    first = average_precision([image([BOX], [BOX, AWAY], [0.5, 0.5])])
    last = average_precision([image([BOX], [AWAY, BOX], [0.5, 0.5])])
    assert (first["AP10"], last["AP10"]) == (1.0, 0.5)


def query(name, boxes, difficult=None, scene="s"):
    return Query(
        scene, name, (80, 90), np.array(boxes, float).reshape(-1, 4), difficult=difficult
    )


def test_the_mean_is_that_of_classes_over_all_their_images():
    queries = [
        query("cat", [BOX]),
        query("cat", [BOX], np.array([False]), scene="t"),
        query("dog", [BOX]),
        query("cow", []),  # of nothing
        query("hen", [BOX], np.array([True])),
    ]
    one, nothing = Found(np.array([BOX], float), np.array([0.5])), Found(np.zeros((0, 4)), [])
    values = of_queries(queries, [one, nothing, one, one, one])
    assert values["classes"]["cat"]["AP10"] == pytest.approx(0.5)
    assert values["classes"]["hen"]["AP10"] == -1 and "cow" not in values["classes"]
    assert values["num_classes"] == 2 and values["AP10"] == pytest.approx(0.75)
    assert values["AP07"] == pytest.approx((6 / 11 + 1) / 2)
    lines = format_voc({"right drawing": values})
    assert lines[1].split() == ["right", "drawing", f"{100 * values['AP07']:.2f}", "75.00"]
    assert "2 classes" in lines[-1]


def test_difficult_objects_from_the_official_file_to_the_numbers(tmp_path):
    """Found or missed, the difficult cat of 000030 changes neither VOC's AP nor COCO's."""
    drawings = photo_trees.write_drawings(tmp_path / "drawings", "cat", "dog", "couch")
    tree = photo_trees.voc_tree(tmp_path / "tree")
    arguments = {"classes": "cat+dog+sofa", "drawings": str(drawings)}
    build("voc", str(tmp_path / "r"), source_dir=str(tree), builder_args=arguments)
    scenes = read_scenes(str(tmp_path / "r"), "test")
    queries = [query_of(scene, name) for scene in scenes for name in scene.classes()]
    asked = sorted((q.scene.removeprefix("VOC2007_0000"), q.name) for q in queries)
    assert asked == [("30", "cat"), ("31", "dog"), ("32", "cat")]
    easy = [
        Found(q.boxes[~q.difficult], np.full(int(np.sum(~q.difficult)), 0.5)) for q in queries
    ]
    everything = [Found(q.boxes, np.arange(len(q.boxes), 0.0, -1)) for q in queries]
    for found in (easy, everything):
        values = of_queries(queries, found)
        assert (values["AP07"], values["AP10"], values["num_classes"]) == (1.0, 1.0, 2)
        row = compare(queries, {"": found})[""]
        assert row["AP"] == 1.0 and row["num_objects"] == 3
