"""Training: what a run leaves, and that it goes on exactly."""

import json
import math
import pathlib
import shutil
import signal
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import runs
from hardvqa_tf.configs.table import values
from hardvqa_tf.stopping import Stopped
from hardvqa_tf.training import loop
from hardvqa_tf.training.loop import train_model
from hardvqa_tf.vqa import task
from hardvqa_tf.vqa.judging.judge import Judge
from hardvqa_tf.vqa.judging.metrics import accuracy_by_type
from tests.training.runs import (
    ROOT,
    check_equal_runs,
    interrupt,
    read_metrics,
    scripted,
    without_pictures,
)

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


def test_what_a_run_leaves(trained_run, config, vocabularies):
    workdir, lines = trained_run
    found = {path.name for path in pathlib.Path(workdir).iterdir()}
    assert found == {
        "checkpoints",
        "config.json",
        "logs",
        "metrics.jsonl",
        "model.keras",
        "records.json",
        "vocabularies.json",
    }
    assert list(pathlib.Path(workdir, "logs").glob("events*"))
    stored = json.loads(pathlib.Path(workdir, "config.json").read_text())
    assert stored == values.complete(values.as_json(config))
    stored = json.loads(pathlib.Path(workdir, "vocabularies.json").read_text())
    assert stored == vocabularies.to_json()


def test_a_line_per_epoch(trained_run):
    workdir, lines = trained_run
    metrics = read_metrics(workdir)
    assert [m["epoch"] for m in metrics] == [1, 2]
    for m in metrics:
        # Dropout and an untrained classifier: around ln 8, the loss of guessing.
        assert 1 < m["train/loss"] < 3
        assert 0 <= m["train/accuracy"] <= 1 and 0 <= m["val/all"] <= 1
        assert m["train/num_cells"] == 2  # a quarter of 3 x 3, rounded
        assert m["train/gradient_norm"] > 0 and m["questions_per_second"] > 0
        assert 0 <= m["input_wait"] <= 1
        assert {"val/relational", "val/non-relational"} <= m.keys()
    # After 5 and 10 of 10 steps, 3 of them warm-up.
    expected = [0.5e-3 * (1 + math.cos(math.pi * 2 / 7)), 0]
    np.testing.assert_allclose([m["learning_rate"] for m in metrics], expected, atol=1e-9)
    first, *epochs = lines
    assert "small_cnn + han + sum" in first and "144 questions about 24 images" in first
    assert "5 steps an epoch of 5 images x 6 questions on 1 device" in first
    assert [line.split(" | ")[0] for line in epochs] == ["epoch 1/2", "epoch 2/2"]


def test_the_model_is_that_of_the_best_epoch(trained_run, vocabularies, config):
    workdir, _ = trained_run
    run = runs.load_run(workdir)
    data = task.open_split(config, "val", vocabularies, with_ids=True)
    answers = Judge(run.model, config, vocabularies, "val").ask(data)
    best = max(m["val/all"] for m in read_metrics(workdir))
    assert accuracy_by_type(answers)["all"] == (best, 36)


def as_killed_in_the_second_epoch(run, workdir):
    workdir = shutil.copytree(run, workdir)
    for path in workdir.glob("checkpoints/ckpt-2*"):
        path.unlink()
    newest = 'model_checkpoint_path: "ckpt-1"\nall_model_checkpoint_paths: "ckpt-1"\n'
    (workdir / "checkpoints" / "checkpoint").write_text(newest)
    first, _ = (workdir / "metrics.jsonl").read_text().splitlines(keepends=True)
    (workdir / "metrics.jsonl").write_text(first)
    return workdir


def die():
    raise RuntimeError("killed")


def test_a_run_that_is_asked_to_stop_goes_on_from_that_step(
    trained_run, config, tmp_path, monkeypatch
):
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    without_pictures(monkeypatch)
    workdir, lines = str(tmp_path / "run"), []
    with monkeypatch.context() as until_then:
        interrupt(until_then, 7, lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Stopped, match="after 3 steps of epoch 2. The same com"):
            train_model(config, workdir, report=lines.append)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
    lines.clear()
    with monkeypatch.context() as until_then:  # In validation no step is waited for.
        until_then.setattr(Judge, "ask", lambda *args: signal.raise_signal(signal.SIGINT))
        with pytest.raises(Stopped, match="after 5 steps of epoch 2"):
            train_model(config, workdir, report=lines.append)
    assert "going on after epoch 1 and 3 steps" in lines[0] and len(lines) == 1
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
    train_model(config, workdir, report=lines.append)
    assert "going on after epoch 1 and 5 steps" in lines[1] and len(lines) == 3
    check_equal_runs(workdir, trained_run[0])


def test_a_killed_run_goes_on_from_its_last_save(trained_run, config, tmp_path, monkeypatch):
    """Within an epoch too; and what it left of an epoch that it does again is replaced.

    Equal to the last bit to the run of the fixture, so the same seed gives the same run, too.
    """
    without_pictures(monkeypatch)
    config.train.checkpoint_minutes = 1e-9
    workdir = str(tmp_path / "run")
    for at_step, going_on in ((2, None), (8, "after epoch 0 and 2 steps")):
        lines = []
        with monkeypatch.context() as until_then:
            interrupt(until_then, at_step, die)
            with pytest.raises(RuntimeError, match="killed"):
                train_model(config, workdir, report=lines.append)
        assert going_on is None or going_on in lines[0]
    with open(f"{workdir}/metrics.jsonl", "a") as file:
        file.write('{"epoch": 2, "val/all": 0.9}\n')  # killed before the state was saved
    train_model(config, workdir, report=lambda line: None)
    check_equal_runs(workdir, trained_run[0])


RUN_ON_TWO_DEVICES = """
import sys
from hardvqa_tf.training.loop import train_model
from tests.conftest import tiny_config
config = tiny_config(sys.argv[1])
config.train.batch_size = 10
train_model(config, sys.argv[2], num_virtual_devices=2)
"""


@pytest.mark.slow
def test_an_interrupted_run_on_two_devices(records_dir, tmp_path):
    """Every replica's state is saved and restored."""

    def run(workdir):
        command = [sys.executable, "-c", RUN_ON_TWO_DEVICES, records_dir, str(workdir)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    assert "on 2 devices" in run(tmp_path / "whole")
    workdir = as_killed_in_the_second_epoch(tmp_path / "whole", tmp_path / "parts")
    assert "going on after epoch 1" in run(workdir)
    check_equal_runs(workdir, tmp_path / "whole")


def test_another_config_in_the_same_folder_is_refused(trained_run, config):
    config.train.learning_rate = 0.5
    config.model.fusion.how = "add"
    config.model.han.num_cells = 4
    with pytest.raises(
        ValueError,
        match=r"another config.json: model.fusion.how \(concatenate there, add here\), "
        r"model.han.num_cells \(None there, 4 here\), train.learning_rate \(0.001 there, 0.5 "
        r"here\) differ.*another --workdir",
    ):
        train_model(config, trained_run[0], report=pytest.fail)


@pytest.fixture(name="scripted")
def _scripted(monkeypatch):
    return lambda accuracies: scripted(monkeypatch, accuracies)


def test_a_finished_run_is_left_alone(scripted, trained_run, config, tmp_path):
    workdir = shutil.copytree(trained_run[0], tmp_path / "run")
    before = {p: p.read_bytes() for p in workdir.rglob("*") if p.is_file()}
    lines = []
    scripted([])
    assert train_model(config, str(workdir), report=lines.append) == {}
    assert "going on after epoch 2" in lines[0] and len(lines) == 1
    assert {p: p.read_bytes() for p in before} == before


def test_what_a_resumed_run_lost_of_its_metrics_is_said(
    scripted, trained_run, config, tmp_path
):
    workdir, lines = shutil.copytree(trained_run[0], tmp_path / "run"), []
    scripted([])
    (workdir / "metrics.jsonl").write_text("")
    train_model(config, str(workdir), report=lines.append)
    assert any("metrics.jsonl has no line of epoch 1, 2, but" in line for line in lines)


def test_patience(scripted, config, tmp_path, monkeypatch):
    saved, save = [], loop.save_model
    monkeypatch.setattr(loop, "save_model", lambda *args: saved.append(save(*args)))
    config.train.epochs, config.train.patience = 9, 2
    scripted([0.5, 0.4, 0.6, 0.6, 0.1, 0.9])
    last = train_model(config, str(tmp_path), report=lambda line: None)
    # Best after 3; as good is not better; stopped after 5, and stays so when started again.
    assert last["epoch"] == 5 and len(saved) == 2
    assert train_model(config, str(tmp_path), report=lambda line: None) == {}
    assert len(list((tmp_path / "checkpoints").glob("*.index"))) == 2


def test_without_patience_all_epochs_run(scripted, config, tmp_path):
    config.train.epochs = 4
    scripted([0.5, 0.4, 0.3, 0.2])
    assert train_model(config, str(tmp_path), report=lambda line: None)["epoch"] == 4


def test_another_seed_gives_another_model(scripted, config, tmp_path):
    found = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        config.seed, config.train.epochs = seed, 1
        scripted([0.5])
        workdir = tmp_path / name
        train_model(config, str(workdir), report=lambda line: None)
        found.append(runs.load_run(str(workdir)).model.get_weights())
    first, same, other = (np.concatenate([w.ravel() for w in weights]) for weights in found)
    np.testing.assert_array_equal(first, same)
    assert (first != other).mean() > 0.5  # biases start at zero


def test_xla_is_for_one_device(config):
    config.train.jit_compile = True
    strategy = types.SimpleNamespace(num_replicas_in_sync=3)
    with pytest.raises(ValueError, match="jit_compile=True on 3 devices. Leave it out"):
        loop._refuse_to_compile_for_many(config, strategy)


def test_deterministic_operations_are_asked_for(scripted, config, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        tf.config.experimental, "enable_op_determinism", lambda: asked.append(1)
    )
    config.train.epochs = 1
    for deterministic in (False, True):
        scripted([0.5])
        config.train.deterministic = deterministic
        train_model(config, str(tmp_path / str(deterministic)), report=lambda line: None)
        assert asked == [1] * deterministic


def test_no_model_is_chosen_on_the_test_split(eagerly, config, tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    config.train.val_split = "test"
    with pytest.raises(ValueError, match="'test' is for testing.*select_on_test=True"):
        train_model(config, str(tmp_path / "run"))
    config.train.select_on_test = True
    config.train.epochs = 1
    assert "val/all" in train_model(config, str(tmp_path / "run"), report=lambda line: None)
