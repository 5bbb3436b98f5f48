"""Accuracy by type, and the files and the table of an evaluation."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from hardvqa_tf import blind
from hardvqa_tf.evaluate import (
    answer_split,
    evaluate,
    format_evaluation,
    make_ask,
    to_result_format,
)
from hardvqa_tf.metrics import Answers, accuracy_by_type
from hardvqa_tf.runs import load_run
from hardvqa_tf.train import open_split
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
    return workdir, evaluate(str(workdir), "test")


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
    data = open_split(config, "test", vocabularies, with_strings=True)
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
    result = evaluate(str(workdir), "test", records_dir=folder)
    assert (result["num_questions"], result["num_answered"]) == (2, 0)
    assert result["rows"] == [] and result["num_cells"] == 2
    predictions = json.loads((workdir / "predictions_test.json").read_text())
    assert [row["question_id"] for row in predictions] == [40, 7]


def test_the_table():
    row = {"accuracy": 0.51, "blind_by_text": 0.5, "blind_by_type": 0.25}
    result = {
        "split": "val",
        "num_cells": 6.25,
        "total_cells": 25,
        "masks_dir": "run/masks_val",
        "metric": "exact",
        "num_classes": 10,
        "masks": {"objects_kept": {"share": 0.875, "chance": 0.25}},
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
        "Looked at 6.2 of 25 cells on average; pictures in run/masks_val",
        "Masks, and random ones of as many cells: objects kept 87.5 % (25.0 %)",
    ]
    hidden = format_evaluation(result | {"rows": [], "split": "test"})
    assert hidden.splitlines()[0] == "test: the answers are hidden, so there is no accuracy."


def test_the_table_of_the_vqa_metric():
    row = {"num_questions": 7, "accuracy": 0.3298, "blind_by_text": 0.5, "blind_by_type": 0.25}
    names = ["all", "yes/no", "question type: how many", "question type: is it"]
    result = {
        "split": "val2014",
        "num_cells": 8.0,
        "total_cells": 100,
        "masks_dir": "masks",
        "metric": "vqa",
        "evaluator": 2018,
        "num_classes": 1000,
        "masks": {},
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


def test_an_unknown_split_and_an_untrained_folder(trained_run, tmp_path):
    with pytest.raises(ValueError, match="split='dev'. Use one of: train, val, test"):
        evaluate(trained_run[0], "dev")
    with pytest.raises(ValueError, match="no trained model"):
        evaluate(str(tmp_path), "val")
    assert not list(pathlib.Path(trained_run[0]).glob("evaluation_*"))
