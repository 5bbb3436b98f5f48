"""Training, runs and evaluation serve a task that they have never heard of."""

import json
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import tasks
from hardvqa_tf.evaluate import evaluate_run, format_evaluation
from hardvqa_tf.runs import load_run
from hardvqa_tf.stopping import Stopped
from hardvqa_tf.training.loop import train_model
from tests.training import brightness
from tests.training.runs import final_weights, interrupt, read_metrics


@pytest.fixture(autouse=True)
def task(monkeypatch):
    """In the place of VQA, whose name the config's table knows."""
    monkeypatch.setitem(tasks.TASKS, "vqa", brightness.__name__)


def test_it_trains_resumes_and_is_evaluated(config, tmp_path, monkeypatch):
    whole, parts, lines = str(tmp_path / "whole"), str(tmp_path / "parts"), []
    train_model(config, whole, report=lines.append)
    assert lines[0].startswith("a mean, 21 parameters; some images; 5 steps an epoch of a few")
    assert lines[1] == "the closest is 1" and len(lines) == 4
    assert "| closeness 0." in lines[2] and " images/s | " in lines[2]
    metrics = read_metrics(whole)
    names = {"images_per_second", "train/loss", "val/closeness", "train/gradient_norm"}
    assert names <= metrics[-1].keys() and "train/accuracy" not in metrics[-1]
    assert json.load(open(f"{whole}/scale.json")) == {"factor": 2.0}
    with monkeypatch.context() as until_then:
        interrupt(until_then, 7, lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Stopped, match="after 3 steps of epoch 2"):
            train_model(config, parts, report=lambda line: None)
    train_model(config, parts, report=lambda line: None)
    found, expected = final_weights(parts), final_weights(whole)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert [line["train/loss"] for line in read_metrics(parts)] == [
        line["train/loss"] for line in metrics
    ]

    result = evaluate_run(whole, "test")
    assert result["num_images"] == 5 and result["masks_dir"].endswith("masks_test")
    assert len(json.load(open(f"{whole}/predictions_test.json"))) == 5
    assert json.loads(format_evaluation(result)) == result
    with pytest.raises(ValueError, match="has no option mask_cells"):
        evaluate_run(whole, "test", mask_cells=3)


def shift_after(steps, config, workdir):
    config.train.epochs, config.train.steps_per_epoch = 1, steps
    train_model(config, str(workdir), report=lambda line: None)
    weights = load_run(str(workdir)).model.get_layer("shift").get_weights()
    keras.utils.set_random_seed(config.seed)
    return weights[0].item()


def test_in_the_first_phase_a_part_of_the_model_does_not_learn(config, tmp_path):
    first, second, third = (shift_after(n, config, tmp_path / str(n)) for n in (1, 2, 3))
    assert first == second != third


def test_what_is_not_finite_is_named_by_its_ids(config, tmp_path, monkeypatch):
    config.train.epochs = 1
    finish = brightness.Images.finish

    def one_that_is_not(self, batch):
        batch = dict(finish(self, batch))
        is_bad = batch["image_id"] == "train-000003"
        return batch | {"brightness": tf.where(is_bad, np.nan, batch["brightness"])}

    monkeypatch.setattr(brightness.Images, "finish", one_that_is_not)
    with pytest.raises(ValueError, match="it comes from 1 of its . images: train-000003"):
        train_model(config, str(tmp_path), report=lambda line: None)
