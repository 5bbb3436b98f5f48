"""Accuracy by type, and the files and the table of an evaluation."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.evaluate import evaluate_run, format_evaluation
from hardvqa_tf.runs import load_run, save_model, start_run
from hardvqa_tf.vqa.judging import blind
from hardvqa_tf.vqa.judging.asking import answer_split, make_ask
from hardvqa_tf.vqa.judging.judge import to_result_format
from hardvqa_tf.vqa.judging.metrics import Answers, accuracy_by_type, attention_statistics
from hardvqa_tf.vqa.task import build_model, open_split
from records import build
from tests.records.trees import write_image, write_lines


def answers_of(*rows):
    """rows: (question id, type, prediction, target, whether there is an answer)."""
    ids, types, prediction, target, has_answer = zip(*rows, strict=True)
    return Answers(
        prediction=np.array(prediction),
        target=np.array(target),
        num_cells=np.full(len(rows), 4),
        has_answer=np.array(has_answer),
        question_id=np.array(ids, object),
        question_type=np.array(types, object),
        question_text=np.array(["?"] * len(rows), object),
        answer_text=np.array([""] * len(rows), object),
    )


def test_accuracy_by_type_and_group():
    answers = answers_of(
        ("1", "relational: count", 2, 2, True),
        ("2", "relational: count", 2, 0, True),
        ("3", "relational: closest", 1, 1, True),
        ("4", "exist", 0, 0, True),
        ("5", "exist", 0, -1, True),  # outside the vocabulary: no prediction is right
        ("6", "exist", 0, -1, False),  # hidden: does not count
        ("7", "relational: count", 1, -1, False),
        ("8", "", 3, 1, True),  # without a type: in "all" only
    )
    rows = accuracy_by_type(answers)
    assert list(rows) == [
        "all",
        "exist",
        "relational",
        "relational: closest",
        "relational: count",
    ]
    assert rows == {
        "all": (3 / 6, 6),
        "exist": (1 / 2, 2),
        "relational": (2 / 3, 3),
        "relational: closest": (1.0, 1),
        "relational: count": (1 / 2, 2),
    }


def test_a_group_that_is_a_type_too_counts_once():
    answers = answers_of(
        ("1", "count", 0, 0, True), ("2", "count: of color", 0, 1, True), ("3", "x", 0, 1, True)
    )
    assert accuracy_by_type(answers) == {
        "all": (1 / 3, 3),
        "count": (1 / 2, 2),
        "count: of color": (0.0, 1),
        "x": (0.0, 1),
    }


def test_nothing_is_answered():
    assert accuracy_by_type(answers_of(("1", "a", 0, -1, False))) == {}


def test_what_was_looked_at_in_numbers():
    answers = answers_of(*((str(i), "", 0, 0, True) for i in range(4)))
    answers.num_cells = np.array([2, 2, 6, 6])
    assert attention_statistics(answers) == {"num_cells_mean": 4.0, "num_cells_std": 2.0}
    answers.presence_entropy = np.array([0.5, 0.5, 1.0, 0.0], np.float32)
    assert attention_statistics(answers)["presence_entropy"] == 0.5
    some = answers.take(np.array([3, 0]))
    assert some.question_id.tolist() == ["3", "0"] and some.num_cells.tolist() == [6, 2]
    assert some.presence_entropy.tolist() == [0.0, 0.5] and some.mask is None


def test_the_entropy_of_presence_is_that_of_its_softmax():
    image = keras.Input((None, 1, 3), name="image")
    presence = keras.layers.Identity()(image)
    names = ("presence", "logits", "num_cells", "mask")
    ask = make_ask(keras.Model([image], dict.fromkeys(names, presence)))
    levels = [[0, np.log(2), 0], [7, 7, 7]], [[900, 0, 0], [0, 0, np.log(3)]]
    entropy = ask({"image": tf.constant(levels, tf.float32)[:, :, None]})["presence_entropy"]
    # Shares 1/4 1/2 1/4, and thirds; 1 0 0, and 1/5 1/5 3/5.
    expected = [
        [np.log(4) / 2 + np.log(2) / 2, np.log(3)],
        [0, np.log(5) * 2 / 5 + np.log(5 / 3) * 3 / 5],
    ]
    np.testing.assert_allclose(entropy, expected, atol=1e-6)


def test_the_vqa_result_format():
    """Whole numbers as numbers, everything else as it is: the ids must be found again."""
    ids = ["12", "0", "007", "-5", "train-3", "1.5", "", "٣", "²", "12345678901234567890"]
    answers = answers_of(*((id_, "", i % 3, 0, True) for i, id_ in enumerate(ids)))
    found = to_result_format(answers, ["yes", "no", "größer"])
    assert [row["question_id"] for row in found] == [
        12,
        0,
        "007",
        "-5",
        "train-3",
        "1.5",
        "",
        "٣",
        "²",
        12345678901234567890,
    ]
    assert [row["answer"] for row in found[:4]] == ["yes", "no", "größer", "yes"]
    assert [set(row) for row in found] == [{"question_id", "answer"}] * len(ids)
    json.dumps(found)


@pytest.fixture(scope="module")
def evaluated(trained_run, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(trained_run[0], workdir)
    return workdir, evaluate_run(str(workdir), "test")


def test_evaluating_a_run(evaluated):
    workdir, result = evaluated
    assert (result["workdir"], result["split"]) == (str(workdir), "test")
    assert (result["num_questions"], result["num_answered"]) == (30, 30)
    assert (result["num_cells"], result["total_cells"]) == (2.0, 9)
    counts = {row["type"]: row["num_questions"] for row in result["rows"]}
    assert list(counts)[0] == "all" and counts["all"] == 30
    assert counts["relational"] == counts["non-relational"] == 15
    kinds = [name for name in counts if ": " in name]
    assert sum(counts[name] for name in kinds) == 30
    by_type = {row["type"]: row for row in result["rows"]}
    assert by_type["all"]["accuracy"] == pytest.approx(
        sum(by_type[name]["accuracy"] * counts[name] for name in kinds) / 30
    )
    stored = json.loads((workdir / "evaluation_test.json").read_text())
    assert stored == result


def test_the_masks_of_a_run(evaluated):
    _, result = evaluated
    assert (result["num_cells_std"], result["mask_cells"]) == (0.0, None)
    assert 0 < result["presence_entropy"] <= np.log(9)
    assert set(result["masks"]) == {"cells_with_object", "objects_kept", "asked_objects_kept"}
    assert result["masks"]["objects_kept"]["chance"] == pytest.approx(2 / 9)
    found = result["faithfulness"]
    assert (found["num_questions"], found["num_cells"]) == (30, 2.0)
    all_types = {"accuracy": result["rows"][0]["accuracy"], "same_answer": 1.0}
    assert found["model"] == found["kept"] == all_types
    assert {*found} == {"num_questions", "num_cells", "model", "kept", "removed", "random"}


def test_soft_attention_is_cut_to_as_many_cells_as_asked_for(config, vocabularies, tmp_path):
    config.model.attention = "soft"
    start_run(str(tmp_path), config, vocabularies)
    save_model(str(tmp_path), build_model(config, vocabularies))
    with pytest.raises(ValueError, match=r"mask_cells=10 for a 3x3 grid \(9 cells\)"):
        evaluate_run(str(tmp_path), "val", mask_cells=10)
    assert not list(tmp_path.glob("predictions_*"))
    result = evaluate_run(str(tmp_path), "val", mask_cells=5)
    assert (result["num_cells"], result["mask_cells"]) == (9.0, 5)
    assert result["masks"]["objects_kept"]["chance"] == pytest.approx(5 / 9)
    assert result["faithfulness"]["num_cells"] == 5.0
    lines = format_evaluation(result).splitlines()
    assert any(line.startswith("masks, the 5 greatest weights ") for line in lines)
    assert any(line.startswith("the 5 greatest weights ") for line in lines)


def test_the_blind_baselines_stand_beside(evaluated, records_dir):
    _, result = evaluated
    train, test = (blind.read_questions(records_dir, split) for split in ("train", "test"))
    expected = blind.blind_accuracy(train, test)
    for row in result["rows"]:
        assert row["blind_by_text"] == expected["text"][row["type"]][0]
        assert row["blind_by_type"] == expected["type"][row["type"]][0]
        assert expected["text"][row["type"]][1] == row["num_questions"]


def test_the_predictions_are_the_models(evaluated, config, vocabularies, records_dir):
    workdir, result = evaluated
    predictions = json.loads((workdir / "predictions_test.json").read_text())
    said = {row["question_id"]: row["answer"] for row in predictions}
    questions = list(blind.read_questions(records_dir, "test"))
    assert [row["question_id"] for row in predictions] == [q.id for q in questions]
    right = sum(said[q.id] == q.answers[0] for q in questions)
    assert result["rows"][0]["accuracy"] == right / 30
    # Whatever the batches: here 3 images x 4 questions with padding, before 5 x 6.
    config.train.batch_size, config.train.questions_per_image = 3, 4
    data = open_split(config, "test", vocabularies, with_ids=True)
    answers = answer_split(make_ask(load_run(str(workdir)).model), data)
    assert sorted(answers.question_id) == sorted(said)
    for id_, prediction, text in zip(
        answers.question_id, answers.prediction, answers.answer_text, strict=True
    ):
        assert vocabularies.answers.answers[prediction] == said[id_]
        assert text == next(q.answers[0] for q in questions if q.id == id_)


def test_other_records_whose_answers_are_hidden(evaluated, tmp_path):
    """As a challenge's test set: predictions are written, and no accuracy is claimed."""
    write_image(tmp_path / "a.png", width=30, height=20)
    asked = [{"image": "a.png", "question": f"Is {i} red?", "id": f"{i}"} for i in (40, 7)]
    write_lines(tmp_path / "test.jsonl", *asked)
    write_lines(tmp_path / "train.jsonl", {**asked[0], "image": "b.png", "id": "1"})
    write_image(tmp_path / "b.png")
    folder = str(tmp_path / "records")
    build.build("jsonl", folder, source_dir=str(tmp_path), num_processes=1)
    workdir = shutil.copytree(evaluated[0], tmp_path / "run")
    result = evaluate_run(str(workdir), "test", records_dir=folder)
    assert (result["num_questions"], result["num_answered"]) == (2, 0)
    assert result["rows"] == [] and result["num_cells"] == 2
    assert result["faithfulness"]["kept"] == {"accuracy": None, "same_answer": 1.0}
    assert "hidden" in format_evaluation(result).splitlines()[-1]
    predictions = json.loads((workdir / "predictions_test.json").read_text())
    assert [row["question_id"] for row in predictions] == [40, 7]


def test_the_table():
    row = {"accuracy": 0.51, "blind_by_text": 0.5, "blind_by_type": 0.25}
    seen = {"accuracy": 0.75, "same_answer": 0.5}
    result = {
        "split": "val",
        "num_cells": 6.25,
        "num_cells_std": 1.55,
        "total_cells": 25,
        "mask_cells": None,
        "masks_dir": "run/masks_val",
        "metric": "exact",
        "num_classes": 10,
        "masks": {"objects_kept": {"share": 0.875, "chance": 0.25}},
        "faithfulness": {"num_questions": 1000}
        | dict.fromkeys(("model", "kept", "removed", "random"), seen),
        "coverage": {"answers": 1.0, "questions": 1.0},
        "rows": [
            {"type": "all", "num_questions": 1234, **row, "accuracy": 1.0},
            {"type": "relational", "num_questions": 600, **row},
            {"type": "relational: count", "num_questions": 34, **row, "accuracy": 0.09},
        ],
    }
    assert format_evaluation(result).splitlines() == [
        "val         questions  accuracy  blind by question  blind by type",
        "all             1,234  100.00 %            50.00 %        25.00 %",
        "relational        600   51.00 %            50.00 %        25.00 %",
        "  count            34    9.00 %            50.00 %        25.00 %",
        "Looked at 6.2 of 25 cells on average (standard deviation 1.6); "
        "pictures in run/masks_val",
        "",
        "masks                              share  random cells",
        "objects in a kept cell           87.50 %       25.00 %",
        "",
        "seen, in 1,000 questions  accuracy  same answer",
        "what the model sees        75.00 %      50.00 %",
        "the kept cells             75.00 %      50.00 %",
        "all but these              75.00 %      50.00 %",
        "random ones, as many       75.00 %      50.00 %",
    ]
    hidden = format_evaluation(result | {"rows": [], "split": "test"})
    assert hidden.splitlines()[0] == "test: the answers are hidden, so there is no accuracy."


def test_the_table_of_the_vqa_metric():
    row = {"num_questions": 7, "accuracy": 0.3298, "blind_by_text": 0.5, "blind_by_type": 0.25}
    names = ["all", "yes/no", "question type: how many", "question type: is it"]
    result = {
        "split": "val2014",
        "num_cells": 8.0,
        "num_cells_std": 0.0,
        "total_cells": 100,
        "mask_cells": None,
        "masks_dir": "masks",
        "metric": "vqa",
        "evaluator": 2018,
        "num_classes": 1000,
        "masks": {},
        "faithfulness": {},
        "coverage": {"answers": 0.75, "questions": 0.5, "best_score": 0.625},
        "rows": [row | {"type": name} for name in names],
    }
    lines = format_evaluation(result).splitlines()
    assert [line.split("  ")[0] for line in lines[:4]] == [
        "val2014",
        "all",
        "yes/no",
        "question type",
    ]
    assert lines[4].startswith("  how many ") and lines[5].startswith("  is it ")
    assert lines[6:8] == [
        "VQA accuracy as the official evaluator of 2018 has it.",
        "The 1,000 answers of the model are 75.0 % of all that people gave, and hold one to "
        "50.0 % of the questions; the best score they allow is 62.50 %.",
    ]
    assert lines[8:] == ["Looked at 8.0 of 100 cells on average; pictures in masks"]


def test_an_unknown_split_and_an_untrained_folder(trained_run, tmp_path):
    with pytest.raises(ValueError, match="split='dev'. Use one of: train, val, test"):
        evaluate_run(trained_run[0], "dev")
    with pytest.raises(ValueError, match="no trained model"):
        evaluate_run(str(tmp_path), "val")
    assert not list(pathlib.Path(trained_run[0]).glob("evaluation_*"))


def test_an_option_of_another_task_is_refused(trained_run):
    with pytest.raises(
        ValueError, match="vqa has no option threshold. .*: evaluator, mask_cel"
    ):
        evaluate_run(trained_run[0], "val", threshold=0.5)
