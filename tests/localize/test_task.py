"""The task through the house: train, resume, evaluate, predict, report, and what it refuses."""

import io
import json
import os
import re

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from hardvqa_tf.command_line import flags
from hardvqa_tf.evaluate import evaluate_run, format_evaluation
from hardvqa_tf.localize.judging.judge import RANDOM, RIGHT, WRONG, Judge
from hardvqa_tf.localize.judging.score_files import score_files
from hardvqa_tf.predict import format_prediction, predict_image
from hardvqa_tf.report.write import write_report
from hardvqa_tf.runs import load_run, read_metrics
from hardvqa_tf.tasks import task_of
from hardvqa_tf.training.loop import train_model
from tests.localize import tiny_records
from tests.report.written_pages import check_markdown, check_page

pytestmark = pytest.mark.usefixtures("untraced")


@pytest.fixture(scope="module")
def run(untraced, scene_records, tmp_path_factory):
    """(workdir, lines that were reported). Only read what was trained."""
    workdir, lines = str(tmp_path_factory.mktemp("localize_run")), []
    train_model(tiny_records.config_of(scene_records), workdir, report=lines.append)
    return workdir, lines


def test_it_trains_and_says_how(run):
    workdir, lines = run
    assert lines[0].startswith("edge CNN + HAN + 2 decoder levels, ")
    assert "36 queries of 12 scenes; 3 steps an epoch of 5 scenes x 3 queries" in lines[0]
    assert re.match(
        r"epoch 2/2 \| loss .*\| val AP50 .*, wrong drawing .*\| 5.0 cells", lines[2]
    )
    epochs = read_metrics(workdir)
    assert len(epochs) == 2 and all(0 <= epoch["val/AP50"] <= 1 for epoch in epochs)
    assert all(epoch["train/contrast"] > 0 for epoch in epochs)
    loaded = load_run(workdir)
    assert loaded.best_epoch in epochs and len(loaded.assets.unseen) == 16


def test_tensorboard_shows_the_same_queries_after_every_epoch(run):
    """Read by its own reader: the drawing stays, on the left, and what is found changes."""
    shown = EventAccumulator(os.path.join(run[0], "logs")).Reload().Tensors("queries/val")
    assert [event.step for event in shown] == [1, 2]
    first, second = (
        [
            np.asarray(Image.open(io.BytesIO(png)))
            for png in event.tensor_proto.string_val[2:]  # behind width and height
        ]
        for event in shown
    )
    assert len(first) == len(second) == 5
    for one, other in zip(first, second, strict=True):
        assert one.shape == other.shape and one.shape[1] == 900
        np.testing.assert_array_equal(one[:, :223], other[:, :223])  # the drawing's panel
        assert (one[:, 223:] != other[:, 223:]).any()
    drawings = {picture[46:190, 20:223].tobytes() for picture in first}
    assert len(drawings) == 5


@pytest.mark.parametrize("split", ["test", "test_unseen"])
def test_a_split_is_judged_and_anyone_can_score_its_files(run, split, monkeypatch):
    workdir, _ = run
    if split == "test_unseen":  # One split shows what is measured of the cells.
        nothing = dict.fromkeys(("by_cells", "kept_cells", "faithfulness"), {})
        monkeypatch.setattr(Judge, "_cells", lambda *_: nothing)
    result = evaluate_run(workdir, split)
    assert (result["num_queries"], result["num_nothing"], result["num_scenes"]) == (12, 4, 4)
    rows = result["rows"]
    assert {RIGHT, "3 drawings", "5 drawings", WRONG, RANDOM} <= rows.keys()
    assert rows[RANDOM]["AR100"] == 1.0 and rows[RIGHT]["num_images"] == 12
    files = (os.path.join(workdir, f"{n}_{split}.json") for n in ("predictions", "annotations"))
    again = score_files(*files)["overall"]
    assert again == pytest.approx(rows[RIGHT], abs=1e-12)
    threshold = result["threshold"]["threshold"]
    assert threshold == pytest.approx(load_run(workdir).best_epoch["val/threshold"], rel=1e-5)
    assert result["alarms"]["num_queries"] == 4
    shown = format_evaluation(result)
    assert "12 queries of 4 scenes, and 4 of nothing; 5.0 of 12 cells kept" in shown
    assert "Alarms" in shown and WRONG in shown
    measured = ("by norm", "found again", "on an asked object")
    assert [text in shown for text in measured] == [split == "test"] * 3
    curves = result["precision_recall"]
    assert np.mean(curves[RIGHT]) == pytest.approx(rows[RIGHT]["AP50"], abs=1e-12)
    assert curves.keys() == {RIGHT, WRONG, RANDOM}
    if split == "test":
        assert result["by_cells"]["rows"][0]["AP50"] == rows[RIGHT]["AP50"]
    with Image.open(os.path.join(workdir, f"precision_recall_{split}.png")) as plot:
        assert plot.format == "PNG" and plot.width > 500
    group = {"test": "seen", "test_unseen": "unseen"}[split]
    stored = json.load(open(os.path.join(workdir, f"annotations_{split}.json")))
    assert {image["query_group"] for image in stored["images"]} == {group}
    assert len(os.listdir(os.path.join(workdir, f"masks_{split}"))) == 4


def test_a_drawing_is_looked_for_in_an_image(run, scene_config, tmp_path):
    workdir, _ = run
    asked = task_of(scene_config).first_try(scene_config, str(tmp_path))
    assert asked.keys() == {"image", "sketch"}
    picture = str(tmp_path / "found.png")
    result = predict_image(
        workdir, asked["image"], picture, sketch=[asked["sketch"]] * 2, threshold=0.0
    )
    assert len(result["found"]) == 5 and result["num_cells"] == 5
    for found in result["found"]:
        left, top, width, height = found["box"]
        assert 0 <= left <= left + width <= 36 and 0 <= top <= top + height <= 36
    scores = [found["score"] for found in result["found"]]
    assert scores == sorted(scores, reverse=True)
    one = predict_image(workdir, asked["image"], picture, sketch=[asked["sketch"]])
    assert one["threshold"] == load_run(workdir).best_epoch["val/threshold"]
    assert one["best_score"] == pytest.approx(result["best_score"], abs=1e-5)
    said = format_prediction(result)
    assert said.startswith("Found 5, at the threshold 0:") and f"cells: {picture}" in said
    none = predict_image(
        workdir, asked["image"], picture, sketch=[asked["sketch"]], threshold=1
    )
    assert none["found"] == [] and "Found none" in format_prediction(none)
    for message, options in {
        "Give its file": {},
        "is not a file": {"sketch": ["no.png"]},
        "has no name. Received: sketch=\\['.*', ''\\]": {"sketch": [asked["sketch"], ""]},
        "from 0 to 1": {"sketch": [asked["sketch"]], "threshold": 3.0},
        "Received: threshold=nan": {"sketch": [asked["sketch"]], "threshold": float("nan")},
        "has no option question": {"question": "Where?"},
    }.items():
        with pytest.raises(ValueError, match=message):
            predict_image(workdir, asked["image"], picture, **options)


def test_runs_are_reported(run, tmp_path):
    write_report([run[0]], str(tmp_path / "report"), say=lambda line: None)
    text = check_markdown(tmp_path / "report" / "report.md")
    page = check_page(tmp_path / "report" / "report.html")
    assert "AP50, wrong drawing" in text and "Average precision" in text
    assert "HAN 5" in text and "| by norm, 12 |" in text and "12 queries" in text
    for name in ("precision_recall", "cells", "found", "time"):
        assert (tmp_path / "report" / f"{name}.png").is_file(), name
    assert len(page.all("img")) == 3 + 4 * 3  # plots; of four queries drawing, image, found


def test_what_it_cannot_do_is_said_before_anything_is_written(
    run, scene_config, tmp_path, door
):
    flags.define_config()
    given = {"mode": "export", "workdir": run[0], "export_format": "onnx"}
    with flagsaver.as_parsed(**given), pytest.raises(SystemExit, match="loses a shape") as end:
        door.main(["main.py"])
    assert end.value.code.endswith("Use the SavedModel, --export_format=savedmodel.")
    for given in ({"model_dir": run[0]}, {"workdir": run[0]}):
        with flagsaver.as_parsed(mode="serve", **given), pytest.raises(SystemExit) as ended:
            door.main(["main.py"])
        assert "xport" in ended.value.code and "--mode=export" in ended.value.code
    assert not os.path.exists(os.path.join(run[0], "export"))
    for key, value, expected in (
        ("jit_compile", True, "XLA cannot compile"),
        ("augmentation", {"shift": 30}, "moved out of itself"),
        ("split", "trian", "trian"),
    ):
        config = tiny_records.config_of(scene_config.records_dir)
        config.train.update({key: value})
        with pytest.raises(ValueError, match=expected):
            train_model(config, str(tmp_path / "other"), report=lambda line: None)
        assert not os.path.exists(tmp_path / "other" / "config.json")
