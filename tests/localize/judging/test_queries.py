"""Queries in COCO's two forms: what is written, and that anyone's tool counts it the same."""

import json

import numpy as np
import pytest

from hardvqa_tf.localize.judging import queries
from hardvqa_tf.localize.judging.coco import evaluate
from hardvqa_tf.localize.judging.queries import Found, Query, to_ground_truth, to_results
from hardvqa_tf.localize.judging.score_files import score_files
from tests.localize.judging.asked import FISH, FOUND, QUERIES, SIZE, found


def test_each_query_is_an_image_of_the_one_category():
    truth = to_ground_truth(QUERIES)
    assert truth["categories"] == [{"id": 1, "name": "what the query asks for"}]
    assert truth["images"] == [
        {"id": 1, "width": 120, "height": 100, "file_name": "scene/1", "query": "fish"}
        | {"query_group": "seen"},
        {"id": 3, "width": 120, "height": 100, "file_name": "scene/1", "query": "sun"}
        | {"query_group": "unseen"},
    ]
    common = {"category_id": 1, "iscrowd": 0}
    assert truth["annotations"] == [
        {"id": 1, "image_id": 1, "bbox": [10, 10, 40, 20], "area": 800} | common,
        {"id": 2, "image_id": 1, "bbox": [60, 40, 30, 30], "area": 900} | common,
        {"id": 3, "image_id": 3, "bbox": [20, 50, 20, 40], "area": 800} | common,
    ]
    assert [row["image_id"] for row in to_results(QUERIES, FOUND)] == [1, 1, 1, 3, 3]


def test_queries_of_nothing_are_there_where_alarms_are_counted():
    truth = to_ground_truth(QUERIES, with_nothing=True)
    assert [image["id"] for image in truth["images"]] == [1, 2, 3]
    assert truth["annotations"] == to_ground_truth(QUERIES)["annotations"]
    results = to_results(QUERIES, FOUND, with_nothing=True)
    assert [row["image_id"] for row in results] == [1, 1, 1, 2, 2, 3, 3]


def test_areas_and_crowds_are_those_that_are_given():
    query = Query("s", "fish", SIZE, [FISH, FISH], areas=[np.nan, 12.5], crowd=[True, False])
    first, second = to_ground_truth([query])["annotations"]
    assert (first["area"], first["iscrowd"]) == (800.0, 1)
    assert (second["area"], second["iscrowd"]) == (12.5, 0)


def test_numbers_are_those_that_were_predicted():
    """A third in single precision is another number than in double."""
    boxes = np.array([[1 / 3, 0.1, 50.7, 30.3]], np.float32)
    (row,) = to_results(QUERIES[:1], [Found(boxes, np.array([1 / 3], np.float32))])
    row = json.loads(json.dumps(row))
    left, top, right, bottom = boxes[0].astype(np.float64)
    assert row["bbox"] == [left, top, right - left, bottom - top]
    assert row["score"] == np.float64(np.float32(1 / 3)) != 1 / 3


def test_the_written_files_have_the_same_numbers(tmp_path):
    areas = {"_smallest": (0.0, 850.0), "_largest": (850.0, 1e10)}
    queries.write_files(tmp_path, "test", QUERIES, FOUND, areas=areas)
    names = ["annotations_test.json", "predictions_test.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    scores = score_files(tmp_path / "predictions_test.json", tmp_path / "annotations_test.json")
    data = queries.check_queries(QUERIES, FOUND)
    expected = evaluate(data, areas=areas)
    assert {name: scores["overall"][name] for name in expected} == expected  # to the bit
    assert scores["overall"]["AP_largest"] > 0
    groups = queries.groups_of(QUERIES)
    assert groups == {"seen": [1], "unseen": [3]}
    for group, imgs in groups.items():
        assert scores["groups"][group]["AP"] == evaluate(data, imgs=imgs)["AP"]
    before = [(tmp_path / name).read_bytes() for name in names]
    queries.write_files(tmp_path, "test", QUERIES, FOUND, areas=areas)
    assert [(tmp_path / name).read_bytes() for name in names] == before


def test_perfect_detections():
    perfect = [Found(q.boxes, np.ones(len(q.boxes))) for q in QUERIES]
    assert evaluate(queries.check_queries(QUERIES, perfect))["AP"] == pytest.approx(1.0)


def test_terciles_of_the_objects_that_are_asked_for():
    boxes = [[0, 0, 10, side] for side in (1, 2, 3)]
    asked = [
        Query("s", "fish", SIZE, boxes, others=[[0, 0, 99, 99]]),
        Query("s", "sun", SIZE, [[0, 0, 90, 90]], crowd=[True]),
    ]
    assert queries.areas_of(asked)["_middle"] == (15.0, 25.0)


def test_every_query_must_have_been_asked():
    with pytest.raises(ValueError, match="`found` must have one entry a query. Received: 2, f"):
        to_results(QUERIES, FOUND[:2])


def test_a_number_that_is_none_is_named():
    broken = [found((FISH, float("nan"))), *FOUND[1:]]
    with pytest.raises(ValueError, match=r"the detections, entry 0 \(image_id 1\): 'score'"):
        queries.check_queries(QUERIES, broken)
