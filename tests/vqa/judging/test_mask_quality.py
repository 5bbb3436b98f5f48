"""Whether masks hold objects, counted by hand."""

import numpy as np
import pytest

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.vqa.judging.mask_quality import (
    asked_objects,
    cells_after_cut,
    cut_masks,
    format_masks,
    keep_greatest,
    measure_masks,
    read_objects,
)
from hardvqa_tf.vqa.judging.metrics import Answers
from records import build
from records.schema import Object
from tests.records.trees import read_records, write_image, write_lines

NAMES = ("prediction", "target", "num_cells", "has_answer", "question_id", "question_type")


MASK_QUALITY = "hardvqa_tf.vqa.judging.mask_quality"


def answers_with(masks, image_ids, texts):
    nothing = {name: np.zeros(len(masks)) for name in (*NAMES, "answer_text")}
    return Answers(
        **nothing,
        question_text=np.array(texts, object),
        image_id=np.array(image_ids, object),
        mask=np.array(masks),
    )


@pytest.fixture
def two_images(monkeypatch):
    """Image a: three objects, two of them in one cell of a 2 x 3 grid; image b: none."""
    objects = {
        "a": [Object("red circle", 0.1, 0.1), Object("blue square", 0.3, 0.4)]
        + [Object("green circle", 1.0, 1.0)],
        "b": [],
    }
    monkeypatch.setattr(
        "hardvqa_tf.vqa.judging.mask_quality.read_objects", lambda *args: objects
    )
    info = {"dataset": "sort_of_clevr"}
    monkeypatch.setattr(f"{MASK_QUALITY}.read_info", lambda *args: info)
    return info


LEFT = [[True, False, False], [True, False, False]]
CORNER = [[False, False, False], [False, True, True]]


def test_shares_and_chance(two_images):
    texts = ["Is the red object on the left?", "Is Green next to blue?", "What is red?"]
    answers = answers_with([LEFT, CORNER, LEFT], ["a", "a", "b"], texts)
    measured = measure_masks(answers, "records", "val")
    # One of two kept cells holds an object, in both masks; two of six cells hold one.
    assert measured["cells_with_object"] == {"share": 0.5, "chance": pytest.approx(1 / 3)}
    # Two of three objects, then one of three; two of six cells were kept.
    assert measured["objects_kept"] == {"share": 0.5, "chance": pytest.approx(1 / 3)}
    # Red is kept; of green and blue, green. Image b has no object and does not count.
    assert measured["asked_objects_kept"] == {
        "share": pytest.approx((1 + 1 / 2) / 2),
        "chance": pytest.approx(1 / 3),
    }
    assert format_masks(measured) == [
        "masks                              share  random cells",
        "kept cells that hold an object   50.00 %       33.33 %",
        "objects in a kept cell           50.00 %       33.33 %",
        "asked objects in a kept cell     75.00 %       33.33 %",
    ]
    assert format_masks(measured, mask_cells=2)[0].startswith("masks, the 2 greatest weights ")


def test_an_object_is_in_the_cell_that_looks_at_it(monkeypatch):
    """At 75x75 pixels the cells of small_cnn are 16 apart from 2.5 on, not 15 from 0 on."""
    fields = Fields((10.5, 10.5), (16, 16), (31, 31), (75, 75), (5, 5))
    objects = {"a": [Object("red circle", 0.22, 0.01), Object("blue circle", 0.99, 0.25)]}
    monkeypatch.setattr(f"{MASK_QUALITY}.read_objects", lambda *args: objects)
    monkeypatch.setattr(f"{MASK_QUALITY}.read_info", lambda *args: {"dataset": "sort_of_clevr"})
    # Pixel 16.5 is in column 0, 0.75 in row 0, though above all that is drawn; 74.25 is in
    # column 4, 18.75 in row 1. Divided equally, the first one is in column 1.
    masks = np.zeros((2, 5, 5), bool)
    masks[0, 0, 0] = masks[1, 0, 1] = masks[:, 1, 4] = True
    answers = answers_with(masks, ["a", "a"], ["Is it red?", "Is it red?"])
    measured = measure_masks(answers, "records", "val", fields=fields)
    assert measured["objects_kept"]["share"] == measured["cells_with_object"]["share"] == 0.75
    assert measured["asked_objects_kept"]["share"] == 0.5
    equal = measure_masks(answers.take([0]), "records", "val")
    assert equal["asked_objects_kept"]["share"] == 0.0


def test_weights_are_cut_to_as_many_cells(two_images):
    weights = np.array([[[0.4, 0.0, 0.1], [0.3, 0.1, 0.1]]])
    answers = answers_with(weights, ["a"], ["?"])
    measured = measure_masks(answers, "records", "val", num_cells=2)
    assert measured["objects_kept"] == {
        "share": pytest.approx(2 / 3),
        "chance": pytest.approx(1 / 3),
    }
    assert "asked_objects_kept" not in measured  # nobody is asked for
    kept = keep_greatest(weights, 3)[0]
    assert kept.tolist() == [[True, False, True], [True, False, False]]  # of ties the first


def test_how_many_cells_are_left_of_weights():
    weights, masks = np.full((4, 2, 5), 0.1), np.ones((4, 2, 5), bool)
    assert cells_after_cut(weights) == 2 and cells_after_cut(weights, 7) == 7
    assert cells_after_cut(weights[:, :1, :3]) == 1
    assert cells_after_cut(masks) is None and cells_after_cut(masks, 7) is None
    assert cut_masks(weights).sum(axis=(1, 2)).tolist() == [2] * 4
    assert cut_masks(masks, 7) is masks
    for number in (0, 11):
        expected = rf"one cell or more.*mask_cells={number} for a 2x5 grid \(10 cells\)"
        with pytest.raises(ValueError, match=expected):
            cut_masks(weights, number)


def test_only_where_names_begin_with_what_questions_say(two_images):
    two_images["dataset"] = "clevr"
    answers = answers_with([LEFT], ["a"], ["Is it red?"])
    assert "asked_objects_kept" not in measure_masks(answers, "records", "val")


def test_asked_objects():
    objects = [Object("red circle", 0, 0), Object("blue square", 0, 0)]
    found = asked_objects(["How RED is it?", "reddish?"], [objects, objects])
    assert found == [objects[:1], []]


def test_objects_of_records(records_dir, tmp_path):
    objects = read_objects(records_dir, "val")
    records = {r["image/id"].decode(): r for r in read_records(records_dir, "val")}
    assert objects.keys() == records.keys() and len(objects) == 6
    for image_id, found in objects.items():
        assert [o.name.encode() for o in found] == list(records[image_id]["object/name"])
        assert [o.x for o in found] == pytest.approx(list(records[image_id]["object/x"]))
    write_image(tmp_path / "a.png")
    line = {"image": "a.png", "question": "Is it?", "answer": "yes"}
    write_lines(tmp_path / "train.jsonl", line)
    folder = str(tmp_path / "records")
    build.build("jsonl", folder, source_dir=str(tmp_path), num_processes=1)
    (image_id,) = read_objects(folder, "train")
    answers = answers_with([LEFT], [image_id], ["?"])
    assert measure_masks(answers, folder, "train") == {}
