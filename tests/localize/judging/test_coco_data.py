"""What is wrong in COCO's files is named, with the file, the id and what to do."""

import copy
import re

import pytest

from hardvqa_tf.localize.judging.coco import evaluate
from hardvqa_tf.localize.judging.coco_data import check
from tests.localize.judging.coco_files import found, truth

A, B = [10, 10, 40, 20], [100, 50, 30, 30]
NAMES = ("truth.json", "results.json")


def precision(data, **options):
    """Rounded: the tool adds 2.2e-16 to what it divides by."""
    return round(evaluate(data, **options)["AP"], 12)


def changed(content, path, value):
    """A copy in which what `path` leads to is another; `del` removes it."""
    content = copy.deepcopy(content)
    *way, last = path
    inside = content
    for key in way:
        inside = inside[key]
    if value is del_:
        del inside[last]
    else:
        inside[last] = value
    return content


class del_:
    """Says: without it."""


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["images"], del_, "truth.json: expected COCO.*no list \"?'?images"),
        (["annotations"], {}, "truth.json: expected COCO.*no list 'annotations'"),
        (["images"], [], "truth.json: it has no image"),
        (["categories"], [], "truth.json: it has no category"),
        (["images", 1, "id"], 1, "truth.json, image 1 of the list: its id 1 came before"),
        (["images", 1, "id"], "b", "some ids of its image list are numbers, others strings"),
        (["images", 0, "id"], True, "truth.json, image 0 .*'id' must be an integer.*true"),
        (["images", 0], "x", "truth.json, image 0 .*expected an object"),
        (["categories", 0, "id"], del_, "truth.json, category 0 .*'id' is missing"),
        (["annotations", 0, "id"], del_, r"truth.json, annotations\[0\]: 'id' is missing"),
        (["annotations", 0], None, r"truth.json, annotations\[0\]: expected an object"),
        (["annotations", 1, "id"], 1, "truth.json, annotation 1: the id is that of two"),
        (["annotations", 1, "area"], del_, "truth.json, annotation 2: 'area' is missing.*Add"),
        (["annotations", 1, "area"], NAN, "annotation 2: 'area' must be a finite number.*nan"),
        (["annotations", 1, "area"], -1, "annotation 2: 'area' is below 0. Received: -1"),
        (
            ["annotations", 1, "iscrowd"],
            del_,
            "annotation 2: 'iscrowd' is missing. Add 0",
        ),
        (["annotations", 1, "iscrowd"], 2, "annotation 2: 'iscrowd' must be 0 or 1.*: 2"),
        (["annotations", 1, "iscrowd"], None, "annotation 2: 'iscrowd' must be 0 or 1.*None"),
        (["annotations", 1, "image_id"], 5, "annotation 2: there is no image.*: 5. There are"),
        (["annotations", 1, "image_id"], "1", "annotation 2: there is no image.*: '1'. There"),
        (["annotations", 1, "category_id"], 1, "annotation 2: there is no category.*: 7"),
        (["annotations", 1, "bbox"], del_, "annotation 2: 'bbox' is missing"),
        (["annotations", 1, "bbox"], [1, 2, 3], "annotation 2: 'bbox' must be four finite"),
        (["annotations", 1, "bbox"], [1, 2, 3, INF], "annotation 2: 'bbox' must be four"),
        (["annotations", 1, "bbox"], [1, 2, 3, "4"], "annotation 2: 'bbox' must be four"),
        (["annotations", 1, "bbox"], [1, 2, 3, 10**400], "annotation 2: 'bbox' must be four"),
        (["annotations", 1, "bbox"], [0, 0, 1e200, 1e200], "annotation 2: .*no finite area"),
        (["annotations", 1, "bbox"], [9, 9, -3, 4], "annotation 2: .*below 0.*not two corners"),
    ],
)
def test_ground_truth(path, value, message):
    content = changed(truth((1, A), (2, B)), path, value)
    with pytest.raises(ValueError, match=message) as raised:
        check(content, [], NAMES)
    assert str(raised.value).startswith("truth.json")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ([0], 5, "entry 0: expected an object"),
        ([1, "image_id"], del_, "entry 1: 'image_id' is missing"),
        ([1, "image_id"], 2.0, "entry 1: 'image_id' must be an integer"),
        ([1, "category_id"], del_, "entry 1: 'category_id' is missing"),
        ([1, "bbox"], del_, r"entry 1 \(image_id 2\): 'bbox' is missing"),
        ([1, "bbox"], [1, 1, NAN, 1], r"entry 1 \(image_id 2\): 'bbox' must be four"),
        ([1, "bbox"], [50, 50, 30, -20], r"\(image_id 2\): .*below 0.*not two corners"),
        ([1, "score"], del_, r"entry 1 \(image_id 2\): 'score' is missing"),
        ([1, "score"], NAN, r"entry 1 \(image_id 2\): 'score' must be a finite number.*nan"),
        ([1, "score"], "0.5", r"entry 1 \(image_id 2\): 'score' must be a finite"),
        ([1, "score"], True, r"entry 1 \(image_id 2\): 'score' must be a finite"),
        ([1, "image_id"], 3, "1 image id that truth.json does not have.*3, first in entry 1"),
        ([1, "image_id"], "2", "1 image id that .*'2', first in entry 1.*truth.json has 1, 2"),
    ],
)
def test_results(path, value, message):
    content = changed(found((1, A, 0.9), (2, B, 0.8)), path, value)
    with pytest.raises(ValueError, match=message) as raised:
        check(truth((1, A), (2, B)), content, NAMES)
    assert str(raised.value).startswith("results.json")


def test_results_must_be_a_list():
    with pytest.raises(ValueError, match="results.json: expected COCO's results, a JSON list"):
        check(truth((1, A)), {"annotations": []}, NAMES)


def test_a_category_that_is_not_there_is_said_and_does_not_count():
    """As COCO's tool has it, which does not say so."""
    detections = found((1, A, 0.9)) + found((1, A, 0.9), (1, B, 0.8), category=1)
    data = check(truth((1, A)), detections, NAMES)
    (note,) = data.notes
    assert "results.json: 2 detections of a category that truth.json does not have" in note
    assert re.search(r"id 1; known: 7", note)
    assert precision(data) == precision(data, use_cats=False) == 1.0


@pytest.mark.parametrize("first", [0, -1])
def test_annotations_numbered_from_zero_lose_nothing(first):
    """COCO's tool stores the id as the match, and takes 0 for none."""
    content = truth((1, A, {"id": first}), (1, B, {"id": first + 1}))
    data = check(content, found((1, A, 0.9), (1, B, 0.8)), NAMES)
    assert precision(data) == 1.0
    (note,) = data.notes
    assert f"truth.json: {'1 annotation id' if not first else '2 annotation ids'} below" in note


def test_images_and_categories_may_be_numbered_from_zero_or_be_strings():
    for image, category in ((0, 0), ("a.jpg", "fish"), (2**70, -3)):
        content = truth((image, A), categories=(category,))
        data = check(content, found((image, A, 0.9), category=category), NAMES)
        assert precision(data) == 1.0
        assert not data.notes


def test_ignore_is_said_to_be_ignored():
    data = check(truth((1, A), (1, B, {"ignore": 1})), found((1, A, 0.9)), NAMES)
    assert "truth.json: 1 annotation with 'ignore' (2)" in data.notes[0]
    assert evaluate(data)["AR100"] == 0.5  # it counts
