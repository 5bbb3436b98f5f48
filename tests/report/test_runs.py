"""Runs on disk: which are finished, and which are evaluated anew."""

import json
import os

import pytest

from hardvqa_tf.report.runs import find_runs, read_runs, why_unfinished
from hardvqa_tf.vqa import task


def test_an_evaluation_of_an_older_model_is_made_anew(runs_dir, monkeypatch):
    asked = []
    monkeypatch.setattr("hardvqa_tf.evaluate.evaluate_run", lambda *args: asked.append(args))
    workdir = str(runs_dir / "hard")
    evaluation, model = (
        os.path.join(workdir, n) for n in ("evaluation_val.json", "model.keras")
    )
    with open(evaluation, "w", encoding="utf-8") as file:
        json.dump({"measures": task.MEASURES}, file)
    os.utime(evaluation, (os.path.getmtime(model) + 5,) * 2)
    read_runs([workdir], "val", say=str)
    assert asked == []
    os.utime(evaluation, (os.path.getmtime(model) - 5,) * 2)
    read_runs([workdir], "val", records_dir="not there", say=str)
    assert asked == []
    read_runs([workdir], "val", say=str)
    assert asked == [(workdir, "val", None)]


def test_an_evaluation_that_measured_otherwise_is_made_anew(runs_dir, monkeypatch):
    asked = []
    monkeypatch.setattr("hardvqa_tf.evaluate.evaluate_run", lambda *args: asked.append(args))
    workdir = runs_dir / "hard"
    (workdir / "evaluation_train.json").write_text("{}")  # of before anyone said
    read_runs([str(workdir)], "train", records_dir="not there", say=str)
    assert asked == []
    read_runs([str(workdir)], "train", say=str)
    assert asked == [(str(workdir), "train", None)]


def write_epochs(workdir, accuracies, patience=0, epochs=4):
    workdir.mkdir(exist_ok=True)
    config = {"train": {"epochs": epochs, "patience": patience}}
    (workdir / "config.json").write_text(json.dumps(config))
    (workdir / "model.keras").touch()
    lines = [json.dumps({"epoch": i, "val/all": a}) for i, a in enumerate(accuracies, 1)]
    (workdir / "metrics.jsonl").write_text("\n".join(lines))


@pytest.mark.parametrize(
    "accuracies, patience, reason",
    [
        ([0.1, 0.2, 0.3, 0.4], 0, None),
        ([0.1, 0.2, 0.3], 0, "it has done 3 of 4 epochs"),
        ([], 0, "it has done 0 of 4 epochs"),
        ([0.3, 0.2, 0.3], 2, None),  # an equal epoch is no better one
        ([0.3, 0.2, 0.31], 2, "it has done 3 of 4 epochs"),
        ([0.3, 0.2], 2, "it has done 2 of 4 epochs"),
    ],
)
def test_finished_or_not(accuracies, patience, reason, tmp_path):
    write_epochs(tmp_path, accuracies, patience)
    assert why_unfinished(tmp_path) == reason


def test_an_unfinished_run_is_named(tmp_path):
    write_epochs(tmp_path / "half", [0.1])
    with pytest.raises(
        ValueError, match="half is not finished: it has done 1 of 4 epochs.*or l"
    ):
        read_runs([str(tmp_path / "half")], "test")
    (tmp_path / "half" / "model.keras").unlink()
    assert why_unfinished(tmp_path / "half") == "model.keras is missing"
    with pytest.raises(ValueError, match="no run to report. Received: '.*nothing'.*--runs="):
        find_runs([str(tmp_path / "nothing")])
    # Once, however often it is named.
    half = str(tmp_path / "half")
    assert find_runs([half, half + os.sep, str(tmp_path / "h*")]) == [half]
