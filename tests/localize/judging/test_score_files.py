"""Result files against ground truth in COCO's form: the numbers, and the table."""

import gzip
import json

import pytest

from hardvqa_tf.localize.judging.score_files import format_scores, recognises, score_files
from tests.localize.judging.coco_files import found, truth
from tests.shared_data import shared

A, B = [10, 10, 40, 20], [100, 50, 30, 30]  # areas 800 and 900
FAR = [150, 5, 20, 20]


@pytest.fixture
def files(tmp_path):
    """Writes two files and returns their paths."""

    def write(ground_truth, detections, pack=lambda data: data):
        paths = {}
        for name, content in (("truth", ground_truth), ("results", detections)):
            (tmp_path / f"{name}.json").write_bytes(pack(json.dumps(content).encode()))
            paths[name] = str(tmp_path / f"{name}.json")
        return paths["results"], paths["truth"]

    return write


def near(values):
    return {name: pytest.approx(value, abs=1e-12) for name, value in values.items()}


def test_anybodys_files(files):
    ground_truth = truth((1, A), (1, B, {"area": 2000}), (2, A), images=[1, 2, 3])
    paths = files(ground_truth, found((1, A, 0.9), (2, FAR, 0.8)))
    result = score_files(*paths)
    assert json.loads(json.dumps(result)) == result
    third = 34 / 101
    assert result["overall"] == near(
        {"AP": third, "AP50": third, "AP75": third, "AR1": 1 / 3, "AR10": 1 / 3}
        | {"AR100": 1 / 3, "APs": 51 / 101, "AP50s": 51 / 101, "ARs": 1 / 2}
        | {"APm": 0.0, "AP50m": 0.0, "ARm": 0.0, "APl": -1, "AP50l": -1, "ARl": -1}
        | {"num_images": 3, "num_objects": 3, "num_objectss": 2, "num_objectsm": 1}
        | {"num_objectsl": 0}
    )
    assert (result["groups"], result["notes"]) == ({}, [])
    assert json.dumps(score_files(*paths)) == json.dumps(result)  # to the bit
    assert format_scores(result).splitlines() == [
        "           images   objects      AP    AP50    AP75     AR1    AR10   AR100",
        "all             3         3   33.66   33.66   33.66   33.33   33.33   33.33",
        "  small                   2   50.50   50.50                           50.00",
        "  medium                  1    0.00    0.00                            0.00",
        "  large                   0       -       -                               -",
        "",
        "Areas in square pixels: small to 1,024, medium 1,024 to 9,216, large from 9,216.",
        "",
        f"In per cent, counted by {result['tool']}; - where there is no object.",
    ]
    assert result["tool"].startswith("pycocotools 2.")


def test_files_may_be_gzipped(files):
    contents = truth((1, A)), found((1, A, 0.9))
    plain = score_files(*files(*contents))
    assert score_files(*files(*contents, pack=gzip.compress)) == plain


def test_areas_and_groups_of_the_file(files):
    ground_truth = truth(
        (1, A), (2, B), info={"object_areas": {"slim": [0, 850], "broad": [850, 1e10]}}
    )
    for image, group in zip(ground_truth["images"], ("unseen", "seen"), strict=True):
        image["query_group"] = group
    result = score_files(*files(ground_truth, found((1, A, 0.9), (2, FAR, 0.8))))
    assert result["areas"] == {"_slim": [0.0, 850.0], "_broad": [850.0, 1e10]}
    assert [*result["groups"]] == ["seen", "unseen"]
    assert result["groups"]["seen"]["AP"] == 0.0
    assert result["groups"]["unseen"]["AP"] == pytest.approx(1.0)
    assert result["groups"]["unseen"]["AP_broad"] == -1.0
    lines = format_scores(result).splitlines()
    assert [line.split()[0] for line in lines[1:10]] == ["all", "slim", "broad"] + [
        "seen", "slim", "broad", "unseen", "slim", "broad"
    ]  # fmt: skip
    assert "Areas in square pixels: slim to 850, broad from 850." in lines


def test_one_group_is_all(files):
    ground_truth = truth((1, A))
    ground_truth["images"][0]["query_group"] = "seen"
    assert score_files(*files(ground_truth, []))["groups"] == {}


@pytest.mark.parametrize("group", [["seen"], {"a": 1}, 7, True])
def test_a_group_is_a_name(files, group):
    ground_truth = truth((1, A))
    ground_truth["images"][0]["query_group"] = group
    with pytest.raises(ValueError, match="truth.json, image 1: 'query_group' must be a string"):
        score_files(*files(ground_truth, []))


@pytest.mark.parametrize("areas", [{"a": [5]}, {"a": [9, 5]}, {"a": "xy"}, [1, 2], {"a": None}])
def test_areas_that_cannot_be(files, areas):
    paths = files(truth((1, A), info={"object_areas": areas}), [])
    with pytest.raises(ValueError, match="truth.json: 'object_areas' of 'info' must be"):
        score_files(*paths)


def test_notes_stand_below(files):
    result = score_files(*files(truth((1, A)), found((1, A, 0.9), category=5)))
    assert format_scores(result).splitlines()[-1] == result["notes"][0]
    assert "results.json: 1 detection of a category that" in result["notes"][0]


def test_mistakes_name_the_file(files):
    paths = files(truth((1, A)), found((4, A, 0.9)))
    with pytest.raises(ValueError, match=r"^\S+results.json: 1 image id .*truth.json .*: 4"):
        score_files(*paths)
    with pytest.raises(ValueError, match=r"^\S+truth.json: expected COCO's results"):
        score_files(paths[1], paths[1])


@pytest.mark.parametrize(
    ("content", "is_ours"),
    [
        (truth((1, A)), True),
        ({"images": [], "annotations": []}, True),
        (found((1, A, 0.9)), True),
        ([{"image_id": 1, "score": 0.5}], True),  # whose box was forgotten
        ([{"image_id": 1, "question_id": 2, "score": 0.5}], False),
        ([{"image_id": 1, "caption": "a"}], False),
        ({"annotations": [{"question_id": 1}]}, False),
        ([], False),
        (5, False),
    ],
)
def test_what_is_recognised(content, is_ours):
    assert recognises(content) == is_ours


def test_the_published_numbers(files):
    """cocoapi's own example, as its results/val2014_fake_eval_res.txt prints it."""
    case = json.loads(shared("coco_eval/official_fakebbox100.json").read_text())
    overall = score_files(*files(case["ground_truth"], case["detections"]))["overall"]
    names = ("AP", "AP50", "AP75", "APs", "APm", "APl")
    names += ("AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
    printed = "0.505 0.697 0.573 0.586 0.519 0.501 0.387 0.594 0.595 0.640 0.566 0.564"
    assert " ".join(f"{overall[name]:.3f}" for name in names) == printed
