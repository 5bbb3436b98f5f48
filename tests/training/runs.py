"""What tests of training share: what a run left, and ways to disturb one."""

import json
import pathlib
import types

import numpy as np
import tensorflow as tf

from hardvqa_tf.training.loop import _Training
from hardvqa_tf.training.steps import TrainSteps
from hardvqa_tf.vqa import task
from hardvqa_tf.vqa.judging.judge import Judge

ROOT = pathlib.Path(__file__).parents[2]


def read_metrics(workdir):
    lines = pathlib.Path(workdir, "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def final_weights(workdir):
    """Those of the newest checkpoint, with optimizer and random generators."""
    reader = tf.train.load_checkpoint(f"{workdir}/checkpoints")
    names = [name for name in reader.get_variable_to_shape_map() if "VARIABLE_VALUE" in name]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def check_equal_runs(found, expected):
    """To the last bit."""
    found_weights, weights = final_weights(found), final_weights(expected)
    assert found_weights.keys() == weights.keys() and len(weights) > 30
    for name in weights:
        np.testing.assert_array_equal(found_weights[name], weights[name], err_msg=name)
    timing = ("seconds", "questions_per_second", "queries_per_second", "input_wait")
    for a, b in zip(read_metrics(found), read_metrics(expected), strict=True):
        assert a.keys() == b.keys()
        assert {n: a[n] for n in a if n not in timing} == {
            n: b[n] for n in b if n not in timing
        }


def without_pictures(monkeypatch, task=task):
    """They take a second and change nothing."""
    monkeypatch.setattr(task, "open_gallery", lambda *args: NoGallery())


class NoGallery:
    def for_board(self):
        return {}, {}

    def for_files(self):
        return []


def scripted(monkeypatch, accuracies):
    """Replaces the data and the work of an epoch by given accuracies on val, one an epoch."""
    sizes = {"contents": "24 images", "steps_per_epoch": 5, "batch_contents": "5 images"}
    data = types.SimpleNamespace(**sizes, read_ahead=lambda: None, batch_spec=None)
    accuracies = iter(accuracies)
    metrics = {
        "seconds": 1.0,
        "questions_per_second": 1.0,
        "input_wait": 0.0,
        "train/loss": 1.0,
        "train/accuracy": 0.5,
        "train/num_cells": 2.0,
        "learning_rate": 0.1,
    }
    monkeypatch.setattr(TrainSteps, "trace", lambda *args: None)
    monkeypatch.setattr(task, "open_split", lambda *args, **kwargs: data)
    monkeypatch.setattr(_Training, "_run_epoch", lambda *args: (dict(metrics), None))
    monkeypatch.setattr(Judge, "ask", lambda *args: None)
    monkeypatch.setattr(Judge, "values", lambda *args: {"val/all": next(accuracies)})
    without_pictures(monkeypatch)


def interrupt(monkeypatch, at_step, how):
    """Makes the step `at_step` of the run, counted from 0, call `how` when it is done."""
    do_step = TrainSteps.__call__

    def step(self, number, batches, left, asked):
        if number == at_step:
            # The step that runs while a signal comes is the last one.
            how()
            asked = True
        return do_step(self, number, batches, left, asked)

    monkeypatch.setattr(TrainSteps, "__call__", step)
