"""Training: what a run leaves, that it goes on exactly, and the arithmetic of a step."""

import json
import math
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import evaluate, runs
from hardvqa_tf.configs.table import values
from hardvqa_tf.data.shares import OneBatch
from hardvqa_tf.stopping import Stopped
from hardvqa_tf.training import checkpoints
from hardvqa_tf.training import loop as train_module
from hardvqa_tf.training.averages import WeightAverage
from hardvqa_tf.training.loop import format_epoch, train_model
from hardvqa_tf.training.not_finite import find_not_finite, list_ids
from hardvqa_tf.training.schedules import SlowStart, WarmupCosine
from hardvqa_tf.training.steps import SUMS, TrainSteps, asking_ahead, make_train_step
from hardvqa_tf.vqa import Vocabularies
from hardvqa_tf.vqa.experiment import open_split, precision
from hardvqa_tf.vqa.judging.metrics import accuracy_by_type
from hardvqa_tf.vqa.losses import sigmoid_cross_entropy, softmax_cross_entropy
from hardvqa_tf.vqa.model import build_vqa_model

ROOT = pathlib.Path(__file__).parents[2]
# Said of every tf.data pipeline while other functions run eagerly.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


def read_metrics(workdir):
    lines = pathlib.Path(workdir, "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def final_weights(workdir):
    """Those of the newest checkpoint, with optimizer and random generators."""
    reader = tf.train.load_checkpoint(f"{workdir}/checkpoints")
    names = [name for name in reader.get_variable_to_shape_map() if "VARIABLE_VALUE" in name]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def test_what_a_run_leaves(trained_run, config, vocabularies):
    workdir, lines = trained_run
    found = {path.name for path in pathlib.Path(workdir).iterdir()}
    assert found == {
        "checkpoints",
        "config.json",
        "logs",
        "metrics.jsonl",
        "model.keras",
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
    data = open_split(config, "val", vocabularies, with_strings=True)
    answers = evaluate.answer_split(evaluate.make_ask(run.model), data)
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


def check_equal_runs(found, expected):
    """To the last bit."""
    found_weights, weights = final_weights(found), final_weights(expected)
    assert found_weights.keys() == weights.keys() and len(weights) > 30
    for name in weights:
        np.testing.assert_array_equal(found_weights[name], weights[name], err_msg=name)
    timing = ("seconds", "questions_per_second", "input_wait")
    for a, b in zip(read_metrics(found), read_metrics(expected), strict=True):
        assert a.keys() == b.keys()
        assert {n: a[n] for n in a if n not in timing} == {
            n: b[n] for n in b if n not in timing
        }


def without_pictures(monkeypatch):
    """They take a second and change nothing."""
    monkeypatch.setattr(train_module, "Gallery", lambda *args, **kwargs: NoGallery())


class NoGallery:
    def ask(self):
        return {}

    def pictures(self, outputs):
        return []


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
        until_then.setattr(
            evaluate, "answer_split", lambda *args: signal.raise_signal(signal.SIGINT)
        )
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
        file.write('{"epoch": 2, "val/all": "killed before the state was saved"}\n')
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
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
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
        match="another config.json: model.fusion.how, model.han.num_cells, train.learning_rate "
        "differ.*another --workdir",
    ):
        train_model(config, trained_run[0], report=pytest.fail)


def test_other_words_in_the_same_folder_are_refused(trained_run, config, vocabularies):
    fewer = Vocabularies(["what"], vocabularies.answers.answers, 13)
    with pytest.raises(ValueError, match="another vocabularies.json: words differ"):
        runs.start_run(trained_run[0], config, fewer)


def test_a_damaged_folder_says_what_to_do(trained_run, tmp_path):
    with pytest.raises(ValueError, match="model.keras is missing. Train one: python main.py"):
        runs.load_run(str(tmp_path / "nothing"))
    workdir = shutil.copytree(trained_run[0], tmp_path / "run")
    whole = (workdir / "model.keras").read_bytes()
    (workdir / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be loaded .* copy it again"):
        runs.load_run(str(workdir))
    (workdir / "model.keras").write_bytes(whole)
    (workdir / "config.json").write_text('{"seed": ')
    with pytest.raises(ValueError, match="config.json is not JSON"):
        runs.load_run(str(workdir))


def test_a_run_that_is_older_than_a_value_loads(trained_run, tmp_path):
    workdir = shutil.copytree(trained_run[0], tmp_path / "run")
    stored = json.loads((workdir / "config.json").read_text())
    del stored["metric"], stored["train"]["ema_decay"], stored["task"]
    (workdir / "config.json").write_text(json.dumps(stored))
    found = runs.load_run(str(workdir)).config
    assert (found.metric, found.train.ema_decay) == ("exact", 0.0)
    assert (found.train.epochs, found.model.question_lstm.units) == (2, 7)  # as it was trained


@pytest.fixture
def scripted(monkeypatch):
    """Replaces the data and the work of an epoch by given accuracies on val, one an epoch."""
    sizes = {"num_questions": 144, "num_images": 24, "steps_per_epoch": 5}
    sizes |= {"batch_size": 5, "questions_per_image": 6}

    def script(accuracies):
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
        data = types.SimpleNamespace(**sizes, read_ahead=lambda: None, batch_spec=None)
        monkeypatch.setattr(TrainSteps, "trace", lambda *args: None)
        monkeypatch.setattr(train_module, "open_split", lambda *args, **kwargs: data)
        monkeypatch.setattr(
            train_module._Training, "_run_epoch", lambda *args: (dict(metrics), None)
        )
        monkeypatch.setattr(evaluate, "answer_split", lambda *args: None)
        monkeypatch.setattr(train_module, "attention_statistics", lambda answers: {})
        monkeypatch.setattr(
            train_module, "accuracy_by_type", lambda answers: {"all": (next(accuracies), 36)}
        )
        without_pictures(monkeypatch)

    return script


def test_a_finished_run_is_left_alone(scripted, trained_run, config, tmp_path):
    workdir = shutil.copytree(trained_run[0], tmp_path / "run")
    before = {p: p.read_bytes() for p in workdir.rglob("*") if p.is_file()}
    lines = []
    scripted([])
    assert train_model(config, str(workdir), report=lines.append) == {}
    assert "going on after epoch 2" in lines[0] and len(lines) == 1
    assert {p: p.read_bytes() for p in before} == before


def test_patience(scripted, config, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(train_module, "save_model", lambda *args: saved.append(1))
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


def test_an_unknown_schedule_lists_the_known_ones(scripted, config, tmp_path):
    scripted([])
    config.train.schedule = "cosin"
    with pytest.raises(ValueError, match="must be one of: constant, cosine, slow_start"):
        train_model(config, str(tmp_path), report=pytest.fail)


def test_the_line_of_an_epoch():
    metrics = {
        "epoch": 3,
        "train/loss": 0.12345,
        "train/accuracy": 0.5,
        "train/num_cells": 6.0,
        "questions_per_second": 5123.4,
        "input_wait": 0.025,
        "seconds": 41.2,
        "val/all": 0.876,
        "val/relational": 0.75,
        "val/relational: count": 0.5,
    }
    assert format_epoch(metrics, 20) == (
        "epoch 3/20 | loss 0.123 | train 50.0 % | val 87.6 % (relational 75.0) | 6.0 cells | "
        "5,123 questions/s | waited for input 2.5 % | 41 s"
    )


# One step. On stored maps: no convolutions.

B, Q, T, A = 5, 3, 4, 6


def small_model(attention="han", changed=None, **attention_args):
    keras.utils.set_random_seed(2)
    arguments = {
        "image_size": (2, 4, 7),
        "vocabulary_size": 9,
        "num_answers": A,
        "image_encoder": "features",
        "question_encoder_args": {"embedding_dim": 3, "units": 8},
        "fusion_args": {"units": (8,)},
        "attention": attention,
        "attention_args": attention_args or {"num_cells": 3},
        "aggregator": "sum",
        "classifier_units": (10,),
    }
    return build_vqa_model(**arguments | (changed or {}))


def make_batch(seed=0):
    """Answers are unknown, and questions without weight, unevenly over the batch."""
    rng = np.random.default_rng(seed)
    weights = np.ones((B, Q), np.float32)
    weights[0, 1:] = weights[4] = 0
    if seed == 2:
        weights[3:] = 0  # all that a second device of two would get
    answers = rng.integers(0, A, (B, Q)).astype(np.int32)
    answers[1, 2] = -1
    return {
        "features": rng.normal(size=(B, 2, 4, 7)).astype(np.float16),
        "question_tokens": rng.integers(0, 9, (B, Q, T)).astype(np.int32),
        "answers": answers,
        "weights": weights,
    }


@pytest.mark.parametrize("clip_norm", [0.0, 0.01, 100.0])
def test_a_step_is_what_one_computes_by_hand(eagerly, clip_norm):
    model, batch = small_model(), make_batch()
    before, variables = model.get_weights(), model.trainable_variables
    with tf.GradientTape() as tape:
        outputs = model([batch["features"], batch["question_tokens"]])
        probabilities = tf.nn.softmax(outputs["logits"])
        total, num_questions = 0.0, 0
        for b, q in np.ndindex(B, Q):
            if batch["weights"][b, q]:
                num_questions += 1
                if batch["answers"][b, q] >= 0:
                    total -= tf.math.log(probabilities[b, q, batch["answers"][b, q]])
        mean = total / num_questions
    gradients = [np.asarray(tf.convert_to_tensor(g)) for g in tape.gradient(mean, variables)]
    norm = math.sqrt(sum((g**2).sum() for g in gradients))
    assert num_questions == 10 and 0.01 < norm < 100
    scale = min(1, clip_norm / norm) if clip_norm else 1

    optimizer = keras.optimizers.SGD(1.0)
    step = make_train_step(tf.distribute.get_strategy(), model, optimizer, clip_norm)
    sums = dict(zip(SUMS, step(batch).numpy().tolist(), strict=False))
    # float32, in another order of operations.
    for old, new, gradient in zip(before, model.get_weights(), gradients, strict=True):
        np.testing.assert_allclose(new, old - scale * gradient, atol=1e-6)
    right = np.argmax(outputs["logits"], -1) == batch["answers"]
    assert sums == pytest.approx(
        {
            "loss": float(total),
            "correct": (right * batch["weights"]).sum(),
            "num_cells": 3 * 10,
            "questions": 10,
            "gradient_norm": norm,
            "asked_to_stop": 0,
        },
        rel=1e-5,
    )


def make_steps(model, average=None, **changed):
    config = {"all_cells_steps": 0, "clip_norm": 0.0, "loss": "softmax", "jit_compile": False}
    config = types.SimpleNamespace(**config | {"steps_per_execution": 1} | changed)
    strategy, optimizer = tf.distribute.get_strategy(), keras.optimizers.SGD(0.01)
    optimizer.build(model.trainable_variables)
    return TrainSteps(strategy, model, optimizer, config, average)


@pytest.mark.parametrize(
    "attention, arguments, cells",
    [
        ("han", {"num_cells": 3}, [80, 80, 30, 30]),  # of 8 cells and 10 counted questions
        ("adahan", {"max_cells": 1}, [80, 80, 10, 10]),
        ("soft", {"hidden_dim": 5}, [80, 80, 80, 80]),
    ],
)
def test_the_first_steps_look_at_every_cell(eagerly, attention, arguments, cells):
    model = small_model(attention, **arguments)
    steps, batch = make_steps(model, all_cells_steps=2), make_batch()
    found = [steps(number, iter([batch]), 9, False) for number in range(4)]
    assert [sums[SUMS.index("num_cells")] for sums, _ in found] == cells
    assert [number for _, number in found] == [1, 1, 1, 1]
    # Whatever comes after a step, e.g. evaluation, selects.
    steps(0, iter([batch]), 9, False)
    inputs = [batch["features"], batch["question_tokens"]]
    assert (np.asarray(model(inputs)["num_cells"]) == cells[-1] // 10).all()


def test_a_step_is_traced_before_its_batch_is_there_and_not_again():
    steps, batch = make_steps(small_model("han", num_cells=3), all_cells_steps=1), make_batch()
    steps.trace(0, tf.nest.map_structure(tf.type_spec_from_value, batch))
    counts = []
    for number in range(3):
        steps(number, iter([batch]), 9, False)
        counts.append([steps._one[k].experimental_get_tracing_count() for k in (True, False)])
    assert counts == [[1, 0], [1, 1], [1, 1]]


def test_the_next_value_is_asked_for_while_one_is_used():
    given, used = [], []

    def give():
        for number in range(3):
            given.append(number)
            yield number
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"), asking_ahead(give()) as values:
        for value in values:
            deadline = time.monotonic() + 10
            while len(given) < min(value + 2, 3) and time.monotonic() < deadline:
                time.sleep(0.001)
            used.append((value, len(given)))
    assert used == [(0, 2), (1, 3), (2, 3)]
    with asking_ahead(iter([4])) as values:
        assert list(values) == [4]


TWO_DEVICES = """
import keras, numpy as np, tensorflow as tf
from hardvqa_tf.training import strategies
from hardvqa_tf.training.averages import WeightAverage
from hardvqa_tf.training.steps import make_train_step
from hardvqa_tf.vqa.model import AGGREGATORS
from tests.training.test_loop import make_batch, small_model

two_devices = strategies.make_strategy(2)
assert two_devices.num_replicas_in_sync == 2
tf.config.run_functions_eagerly(True)  # Tracing takes longer than three steps.
batches = [make_batch(seed) for seed in range(3)]
for batch in batches:  # Also through convolutions, with their batch normalisation.
    batch["image"] = batch["features"][..., :6].astype("float32").reshape(5, 4, 4, 3)
data = tf.data.Dataset.from_generator(
    lambda: batches,
    output_signature={n: tf.TensorSpec(v.shape, v.dtype) for n, v in batches[0].items()},
)
cnn = {"filters": (4, 5), "strides": (2, 1)}
for attention, aggregator in (("han", "sum"), ("soft", "pairwise"), ("adahan", "relation")):
    arguments = {"adahan": {"max_cells": 5}, "soft": {"hidden_dim": 5}, "han": {"num_cells": 3}}
    changed = {
        "image_size": (4, 4),
        "image_encoder": "small_cnn",
        "image_encoder_args": cnn,
        "question_norm_scale": 0.5,
        "aggregator": aggregator,
        "aggregator_args": {"sum": {}, "pairwise": {"units": 6}, "relation": {"units": (6, 7)}}[
            aggregator
        ],
    }
    found = []
    for strategy in (tf.distribute.get_strategy(), two_devices):
        with strategy.scope():
            model = small_model(attention, changed, **arguments[attention])
            optimizer = keras.optimizers.SGD(0.5, momentum=0.9)
            optimizer.build(model.trainable_variables)
        average = WeightAverage(strategy, model, 0.9)
        step = make_train_step(strategy, model, optimizer, 0.2, "softmax", average)
        sums = [
            step(batch, tf.constant(0.0)).numpy()
            for batch in strategy.experimental_distribute_dataset(data)
        ]
        variables = [*model.variables, *average.variables]
        found.append((np.array(sums), [np.asarray(v) for v in variables]))
    (one_sums, one), (two_sums, two) = found
    # float32, added up in another order.
    np.testing.assert_allclose(two_sums, one_sums, rtol=1e-5)
    assert (one_sums[:, 4] > 0.2).all()  # clipped
    assert len(one) > 30
    for a, b in zip(one, two):
        np.testing.assert_allclose(b, a, atol=2e-6)
print("equal")
"""


def test_two_devices_equal_one():
    """In a process of its own, since devices cannot be split once TensorFlow has started.

    Five images over two devices, three and two, with other numbers of counted questions on
    each: the mean over the global batch, its statistics, clipped after the all-reduce.
    """
    command = [sys.executable, "-c", TWO_DEVICES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "equal", done.stderr[-3000:]


def test_several_steps_in_one_call():
    """The same weights as one by one; a call ends where the selection begins."""
    batches, found = [make_batch(seed) for seed in (0, 1, 2, 0, 1)], []
    signature = {n: tf.TensorSpec(v.shape, v.dtype) for n, v in batches[0].items()}
    for per_call in (1, 3):
        model = small_model()
        steps = make_steps(model, all_cells_steps=2, steps_per_execution=per_call)
        data = iter(tf.data.Dataset.from_generator(lambda: batches, output_signature=signature))
        total, done, counts = 0, 0, []
        while done < 5:
            sums, count = steps(done, data, 5 - done, False)
            total, done, counts = total + sums, done + count, [*counts, count]
        assert counts == {1: [1, 1, 1, 1, 1], 3: [2, 3]}[per_call]
        assert total[SUMS.index("seconds")] > total[SUMS.index("waited")] > 0
        found.append((total[: SUMS.index("seconds")], model.get_weights()))
    (sums, weights), (found_sums, found_weights) = found
    np.testing.assert_allclose(found_sums, sums, rtol=1e-6)
    for a, b in zip(found_weights, weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_step_compiled_by_xla():
    """The same as uncompiled, where shapes would depend on the data."""
    found = []
    for compiled in (False, True):
        changed = {"aggregator": "relation", "aggregator_args": {"units": (6, 7)}}
        changed |= {"static_shapes": compiled, "question_norm_scale": 0.5}
        model = small_model("adahan", changed, max_cells=5)
        steps = make_steps(model, jit_compile=compiled)
        sums = [steps(n, iter([make_batch(n)]), 1, False)[0][:6] for n in range(2)]
        found.append((sums, model.get_weights()))
    (sums, weights), (found_sums, found_weights) = found
    np.testing.assert_allclose(found_sums, sums, rtol=1e-4)
    for a, b in zip(found_weights, weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_xla_is_for_one_device(config):
    config.train.jit_compile = True
    strategy = types.SimpleNamespace(num_replicas_in_sync=3)
    with pytest.raises(ValueError, match="jit_compile=True on 3 devices. Leave it out"):
        train_module._refuse_to_compile_for_many(config, strategy)


def test_precision(eagerly):
    with pytest.raises(ValueError, match="'float16'. Use one of: float32, mixed_bfloat16"):
        with precision("float16"):
            pass
    with precision("mixed_bfloat16"):
        model = small_model()
    assert keras.config.dtype_policy().name == "float32"
    assert model.get_layer("aggregator").compute_dtype == "bfloat16"
    before, batch = model.get_weights(), make_batch()
    steps = make_steps(model)
    losses = [steps(n, iter([batch]), 1, False)[0][0] for n in range(5)]
    assert losses[-1] < losses[0]
    for a, b in zip(model.get_weights(), before, strict=True):
        assert a.dtype == np.float32 and (a != b).any()


def test_a_gradient_that_is_not_finite_moves_nothing(eagerly):
    """And the questions that it comes from are found, among those that count."""
    model, batch = small_model(), make_batch()
    batch["features"][3, 1, 2] = np.inf
    ids = [[f"q{b}{q}".encode() for q in range(Q)] for b in range(B)]
    before = model.get_weights()
    steps = make_steps(model, clip_norm=1.0)
    sums, _ = steps(0, iter([batch]), 1, False)
    assert np.isnan(sums[SUMS.index("gradient_norm")])
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    batch = {name: tf.constant(value) for name, value in batch.items()}
    bad, every = find_not_finite(model, "softmax", [batch | {"question_id": tf.constant(ids)}])
    assert bad == [b"q30", b"q31", b"q32"]
    assert every == [b"q00", *(f"q{b}{q}".encode() for b in (1, 2, 3) for q in range(Q))]
    assert list_ids(every, limit=2) == "q00, q10 and 8 more"


def test_a_run_that_is_not_finite_names_its_questions(
    config, vocabularies, tmp_path, monkeypatch
):
    def step(self, number, batches, left, asked):
        next(batches)
        sums = np.ones(len(SUMS), np.float32)
        sums[SUMS.index("asked_to_stop")] = 0
        sums[SUMS.index("gradient_norm")] = np.nan if number == 2 else 1
        return sums, 1

    monkeypatch.setattr(TrainSteps, "__call__", step)
    with pytest.raises(
        ValueError, match="step 3 of epoch 1, at .* by itself, none of its 30"
    ) as e:
        train_model(config, str(tmp_path), report=lambda line: None)
    keras.utils.set_random_seed(config.seed)
    data = open_split(config, "train", vocabularies, with_strings=True)
    batch = next(iter(data.training_epoch(0, 2)))
    for question_id in batch["question_id"].numpy().ravel()[:20]:
        assert question_id.decode() in str(e.value)


def test_one_batch_again_and_again(config, vocabularies):
    keras.utils.set_random_seed(config.seed)
    data = open_split(config, "train", vocabularies)
    first = next(data.training_epoch(0).as_numpy_iterator())
    one = OneBatch(data)
    for epoch, start in ((0, 0), (7, 98)):
        found = list(one.training_epoch(epoch, start).as_numpy_iterator())
        assert len(found) == one.steps_per_epoch - start
        for name, value in first.items():
            np.testing.assert_array_equal(found[-1][name], value)
    assert (one.num_images, one.num_questions) == (5, 30)


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


def test_an_average_of_the_weights():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.add(keras.layers.Dropout(0.5))  # its random state is no weight
    weights = [np.array([[1.0], [-2.0]], np.float32)]
    model.set_weights([*weights])
    average = WeightAverage(tf.distribute.get_strategy(), model, 0.25)
    expected = weights[0].copy()
    for step, decay in ((0, 0.1), (1, 2 / 11), (2, 0.25), (3, 0.25)):  # (1 + t) / (10 + t)
        weights[0] = weights[0] * 3 + step
        model.layers[0].kernel.assign(weights[0])
        average.update(step)
        expected = decay * expected + (1 - decay) * weights[0]
        np.testing.assert_allclose(average.variables[0], expected, rtol=1e-6)
    with average.in_place():
        np.testing.assert_allclose(model.layers[0].kernel, expected, rtol=1e-6)
    np.testing.assert_array_equal(model.layers[0].kernel, weights[0])
    assert len(average.variables) == 1
    with pytest.raises(ValueError, match=r"in \[0, 1\). Received: train.ema_decay=1.0"):
        WeightAverage(tf.distribute.get_strategy(), model, 1.0)


def test_virtual_devices_must_come_first():
    tf.config.list_logical_devices()
    with pytest.raises(ValueError, match="already split into 1 devices. .*=2. Ask for them"):
        from hardvqa_tf.training.strategies import make_strategy

        make_strategy(2)


# Schedules and losses.


def test_warmup_and_cosine():
    schedule = WarmupCosine(peak=0.4, warmup_steps=4, total_steps=12)
    rates = [float(schedule(step)) for step in (0, 1, 3, 4, 6, 8, 10, 12, 99)]
    half = math.sqrt(0.5)
    expected = [0.1, 0.2, 0.4, 0.4, 0.2 * (1 + half), 0.2, 0.2 * (1 - half), 0, 0]
    np.testing.assert_allclose(rates, expected, atol=1e-7)
    assert float(WarmupCosine(0.4, 0, 12)(0)) == pytest.approx(0.4)
    # A run that is shorter than its warm-up never reaches the peak.
    assert float(WarmupCosine(0.4, 100, 10)(9)) == pytest.approx(0.04)


def test_slow_start():
    schedule = SlowStart(start=0.1, peak=0.5, steps_per_doubling=3)
    rates = [float(schedule(step)) for step in (0, 2, 3, 5, 6, 8, 9, 10_000)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.2, 0.2, 0.4, 0.4, 0.5, 0.5], rtol=1e-6)


@pytest.mark.parametrize("schedule", [WarmupCosine(0.4, 4, 12), SlowStart(0.1, 0.5, 3)])
def test_schedules_are_rebuilt_from_their_config(schedule):
    optimizer = keras.optimizers.Adam(schedule)
    config = json.loads(json.dumps(keras.optimizers.serialize(optimizer)))
    rebuilt = keras.optimizers.deserialize(config)
    assert rebuilt._learning_rate.get_config() == schedule.get_config()


def test_cross_entropy():
    third = math.log(3)
    logits = np.array([[[0, 0], [third, 0]], [[0, third], [5, 7]]], np.float32)
    losses = softmax_cross_entropy(logits, np.array([[1, 0], [0, -1]]))
    assert losses.shape == (2, 2) and losses.dtype == tf.float32
    expected = [[math.log(2), math.log(4 / 3)], [math.log(4), 0]]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    assert (
        softmax_cross_entropy(logits.astype(np.float16), np.zeros((2, 2))).dtype == tf.float32
    )


def test_an_unknown_answer_gives_no_gradient():
    logits = tf.Variable([[[1.0, 2.0, 4.0], [3.0, 1.0, 1.0]]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(softmax_cross_entropy(logits, tf.constant([[-1, 2]])))
    gradient = tape.gradient(loss, logits).numpy()
    assert (gradient[0, 0] == 0).all() and np.abs(gradient[0, 1]).max() > 0


def test_a_run_state_counts_and_keeps_the_best(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    state = checkpoints.RunState(str(tmp_path), model, optimizer)
    assert (state.epoch, state.best, state.best_epoch) == (0, -1, 0)
    assert [state.finish_epoch(accuracy) for accuracy in (0.0, 0.7, 0.7, 0.2)] == [
        True,
        True,
        False,
        False,
    ]
    state.save()
    kept = model.get_weights()
    model.set_weights([2 * w + 1 for w in kept])
    again = checkpoints.RunState(str(tmp_path), model, optimizer)
    again.restore()
    assert (again.epoch, again.best, again.best_epoch) == (4, 0.7, 2)
    for a, b in zip(model.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def state(tmp_path):
    """A run's state, saved twice: after epoch 1, of weights 1, and after epoch 2, of 2."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    state = checkpoints.RunState(str(tmp_path), model, optimizer, num_sums=2)
    state.model = model
    for epoch in (1.0, 2.0):
        model.set_weights([np.full((2, 3), epoch), np.full(3, epoch)])
        state.finish_epoch(0.5)
        state.save()
    return state


def restored(state, lines):
    state.model.set_weights([np.zeros((2, 3)), np.zeros(3)])
    state.restore(lines.append)
    values = np.unique(np.concatenate([w.ravel() for w in state.model.get_weights()]))
    return [state.epoch, *values]


@pytest.mark.parametrize("damage", ["short", "empty", "other"])
@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_a_damaged_checkpoint_is_left_out(state, tmp_path, part, damage):
    path = tmp_path / "checkpoints" / f"ckpt-2.{part}"
    whole = bytearray(path.read_bytes())
    if damage == "other":
        whole[3] ^= 1
    path.write_bytes({"short": whole[: len(whole) // 2], "empty": b"", "other": whole}[damage])
    lines = []
    assert restored(state, lines) == [1, 1.0]
    assert len(lines) == 1 and "ckpt-2 is damaged and left out" in lines[0]
    (tmp_path / "checkpoints" / "ckpt-1.index").write_bytes(b"")
    with pytest.raises(ValueError, match="None of the 2 checkpoints in .* can be read"):
        restored(state, lines)


def test_a_lost_list_of_checkpoints_is_not_needed(state, tmp_path):
    (tmp_path / "checkpoints" / "checkpoint").unlink()
    assert restored(state, []) == [2, 2.0]


def test_a_full_disk(state, tmp_path):
    """What was saved before stays, and is what a run goes on from."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # A write then fails as on a full disk.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    state.finish_epoch(0.9)
    try:
        with pytest.raises(OSError, match="state cannot be written to .*make room, and the sa"):
            state.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    assert restored(state, []) == [2, 2.0]
    state.save()
    assert restored(state, []) == [2, 2.0]


def test_a_machine_that_does_not_write(state, tmp_path):
    before = sorted(path.name for path in tmp_path.rglob("*"))
    state._writes = False
    state.save_within_epoch(3, [1.0, 2.0])
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_sigmoid_cross_entropy():
    """Against the formula, and at logits where a careless one overflows."""
    logits = np.array([[[0.5, -2.0, 0.0], [3.0, 1.0, -1.0]]], "float32")
    scores = np.array([[[1.0, 0.3, 0.0], [0.0, 0.0, 0.0]]], "float32")
    p = 1 / (1 + np.exp(-logits))
    expected = -(scores * np.log(p) + (1 - scores) * np.log(1 - p)).sum(-1)
    losses = sigmoid_cross_entropy(logits, scores).numpy()
    np.testing.assert_allclose(losses[0, 0], expected[0, 0], rtol=1e-6)
    assert losses[0, 1] == 0.0  # nobody's answer is known
    extreme = sigmoid_cross_entropy(np.array([[[1e4, -1e4]]]), np.array([[[0.0, 1.0]]]))
    np.testing.assert_allclose(extreme, [[2e4]])


@pytest.mark.parametrize("loss", ["softmax_sampled", "sigmoid"])
def test_other_losses_train(eagerly, loss, config, tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    config.train.loss = loss
    config.train.epochs = 1
    metrics = train_model(config, str(tmp_path / "run"), report=lambda line: None)
    assert math.isfinite(metrics["train/loss"]) and metrics["train/loss"] > 0


def test_an_unknown_loss_lists_the_known_ones(config, tmp_path):
    config.train.loss = "soft"
    with pytest.raises(ValueError, match="must be one of: softmax, softmax_sampled, sigmoid"):
        train_model(config, str(tmp_path / "run"))


def test_no_model_is_chosen_on_the_test_split(eagerly, config, tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    config.train.val_split = "test"
    with pytest.raises(ValueError, match="'test' is for testing.*select_on_test=True"):
        train_model(config, str(tmp_path / "run"))
    config.train.select_on_test = True
    config.train.epochs = 1
    assert "val/all" in train_model(config, str(tmp_path / "run"), report=lambda line: None)
