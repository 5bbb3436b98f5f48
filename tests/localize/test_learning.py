"""What every task has in learning, for this one: exact resume, averages, devices, and others.

The run is as hard to resume as can be: moved images, dropout, an average of the weights, and a
first phase in which all cells are kept.
"""

import os
import random
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.data import shares
from hardvqa_tf.evaluate import evaluate_run
from hardvqa_tf.localize import data, task
from hardvqa_tf.localize.judging.judge import Judge
from hardvqa_tf.runs import load_run
from hardvqa_tf.stopping import Stopped
from hardvqa_tf.training.loop import train_model
from tests.localize import tiny_records
from tests.training.runs import (
    ROOT,
    check_equal_runs,
    interrupt,
    read_metrics,
    without_pictures,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("untraced"),
]


def resumed_config(records_dir):
    config = tiny_records.config_of(records_dir)
    config.model.guidance.dropout = config.model.decoder.dropout = 0.3
    config.train.augmentation.update({"shift": 2, "rotation": 0.1, "mirror": True})
    config.train.ema_decay = 0.9
    return config


def train(config, workdir, lines=None):
    report = (lambda line: None) if lines is None else lines.append
    return train_model(config, str(workdir), report=report)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    without_pictures(monkeypatch, task)


@pytest.fixture
def config(scene_records):
    return resumed_config(scene_records)


@pytest.fixture(scope="module")
def whole(untraced, scene_records, tmp_path_factory):
    """The workdir of a run that nothing disturbed."""
    workdir = str(tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        without_pictures(monkeypatch, task)
        train(resumed_config(scene_records), workdir)
    return workdir


def test_asked_to_stop_at_any_step_it_resumes_to_the_same_weights(
    whole, config, tmp_path, monkeypatch
):
    """In the first phase, and while val is judged."""
    with monkeypatch.context() as until_then:
        interrupt(until_then, 1, lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Stopped, match="after 2 steps of epoch 1"):  # of three
            train(config, tmp_path)
    with monkeypatch.context() as until_then:
        until_then.setattr(Judge, "ask", lambda *args: signal.raise_signal(signal.SIGINT))
        with pytest.raises(Stopped, match="after 3 steps of epoch 1"):
            train(config, tmp_path)
    train(config, tmp_path)
    check_equal_runs(str(tmp_path), whole)


def test_killed_at_any_step_it_resumes_to_the_same_weights(
    whole, config, tmp_path, monkeypatch
):
    """Between two saves: what was done since the last one is done again."""

    def die():
        raise RuntimeError("killed")

    config.train.checkpoint_minutes = 1e-9
    for number, goes_on in ((2, None), (5, "after epoch 0 and 2 steps")):
        lines = []
        with monkeypatch.context() as until_then:
            interrupt(until_then, number, die)
            with pytest.raises(RuntimeError, match="killed"):
                train(config, tmp_path, lines)
        assert goes_on is None or goes_on in lines[0]
    train(config, tmp_path)
    check_equal_runs(str(tmp_path), whole)


# Arguments: records_dir, workdir.
RUN = """
import sys
import tensorflow as tf
from hardvqa_tf.localize import task
from hardvqa_tf.training.loop import train_model
from tests.localize.test_learning import resumed_config
from tests.training.runs import NoGallery

tf.config.run_functions_eagerly(True)
task.open_gallery = lambda *args: NoGallery()
config = resumed_config(sys.argv[1])
config.train.checkpoint_minutes = 1e-9
train_model(config, sys.argv[2], report=lambda line: print(line, flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_processes_that_end_at_random_and_start_again(whole, scene_records, tmp_path, how):
    """Wherever they are: in a step, while saving, in judging."""
    command = [sys.executable, "-c", RUN, scene_records, str(tmp_path)]
    moments, ended = random.Random(int(how)), 0
    for _ in range(4):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()  # It has begun.
            process.wait(moments.uniform(0.0, 8.0))
        except subprocess.TimeoutExpired:
            process.send_signal(how)
            ended += 1
        assert process.wait(600) in (0, 1, -how)  # 1: `Stopped`, with a traceback here
        process.stdout.close()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and ended, done.stderr[-3000:]
    check_equal_runs(str(tmp_path), whole)


def test_two_evaluations_are_the_same(whole):
    def evaluate():
        result = evaluate_run(whole, "test")
        names = ("annotations_test.json", "predictions_test.json", "evaluation_test.json")
        files = [open(os.path.join(whole, name), "rb").read() for name in names]
        return result, files

    assert evaluate() == evaluate()


def test_the_averaged_weights_are_judged_and_kept(config, tmp_path):
    config.train.epochs = 1
    config.train.ema_decay = 0.5
    train(config, tmp_path)
    kept = [
        np.asarray(v) for v in load_run(str(tmp_path)).model.variables if v.dtype == "float32"
    ]
    reader = tf.train.load_checkpoint(f"{tmp_path}/checkpoints")
    number = sum(name.startswith("variables/") for name in reader.get_variable_to_shape_map())
    stored = [
        reader.get_tensor(f"variables/{i}/.ATTRIBUTES/VARIABLE_VALUE") for i in range(number)
    ]
    averages = stored[-len(kept) :]
    for found, expected in zip(kept, averages, strict=True):
        np.testing.assert_array_equal(found, expected)
    last = [value for value in stored if value.dtype == np.float32][: len(kept)]
    assert sum((a != b).any() for a, b in zip(last, averages, strict=True)) > 50


TWO_DEVICES = """
import sys
import keras, numpy as np, tensorflow as tf
from hardvqa_tf.training import strategies

two_devices = strategies.make_strategy(2)
assert two_devices.num_replicas_in_sync == 2
from hardvqa_tf.localize import task
from hardvqa_tf.localize.matching import match
from hardvqa_tf.training.steps import make_train_step
from tests.localize import small, tiny_records

tf.config.run_functions_eagerly(True)  # Tracing takes longer than the steps.
config = tiny_records.config_of(sys.argv[1])
config.train.batch_size = 8  # 12 scenes: of the last batch a device has nothing that counts
assets = task.assets_from_records(config)
keras.utils.set_random_seed(3)  # The order of the batches, too.
data = task.open_split(config, "train", assets, learns=True)
batches = list(data.training_epoch(0))
assert [b["weights"].numpy().sum() for b in batches] == [24, 12]
assert batches[1]["weights"].numpy()[4:].sum() == 0

def half(batch, device):
    return {name: value[4 * device : 4 * device + 4] for name, value in batch.items()}

for weight in (2.0, 0.0):
    config.train.contrast_weight = weight
    score = task.make_score(config)
    models = []
    for strategy in (tf.distribute.get_strategy(), two_devices):
        with strategy.scope():
            keras.utils.set_random_seed(3)
            model = task.build_model(config, assets)
            small.spread_norms(model)
            optimizer = keras.optimizers.SGD(0.01)
            optimizer.build(model.trainable_variables)
        models.append((model, optimizer, strategy))
    (one, sgd, default), (two, sgd_of_two, _) = models
    step = make_train_step(two_devices, two, sgd_of_two, score, 0.0)
    distributed = iter(two_devices.distribute_datasets_from_function(
        lambda context: data.training_epoch(0, 0, context)))
    on_one = make_train_step(default, one, sgd, score, 0.0)
    for batch in batches:
        found = {n: float(v) for n, v in step(next(distributed)).items()}
        if weight:
            # Each device's part by itself, divided by the objects of both.
            with tf.GradientTape() as tape:
                sums = []
                for device in (0, 1):
                    part = half(batch, device)
                    inputs = {t.name: part[t.name] for t in one.inputs}
                    sums.append(score(one(inputs, training=True), part))
                expected = {n: sums[0][n] + sums[1][n] for n in sums[0]}
                loss = expected["loss"] / expected["objects"]
            gradients = tape.gradient(loss, one.trainable_variables)
            together = score(one({t.name: batch[t.name] for t in one.inputs}), batch)
            if half(batch, 1)["weights"].numpy().any():  # more to be told from
                assert together["contrast"] > expected["contrast"] * 1.01
            for name in set(together) - {"contrast", "loss"}:
                np.testing.assert_allclose(
                    together[name], expected[name], rtol=1e-4, err_msg=f"together {name}"
                )
            sgd.apply(gradients, one.trainable_variables)
        else:
            expected = on_one(batch)
            assert found["contrast"] == 0
        for name in score.names:
            np.testing.assert_allclose(
                found[name], float(expected[name]), rtol=1e-4, err_msg=name
            )
    for a, b in zip(one.trainable_variables, two.trainable_variables, strict=True):
        # float32, added up in another order.
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=5e-6, err_msg=a.path)
print("equal")
"""


@pytest.mark.slow
def test_devices_contrast_their_own_part_and_share_all_else(scene_records):
    command = [sys.executable, "-c", TWO_DEVICES, scene_records]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == "equal", done.stderr[-3000:]


@pytest.mark.parametrize("part", ["image", "sketch", "boxes"])
def test_a_loss_that_is_not_finite_names_the_queries(config, tmp_path, monkeypatch, part):
    """Those that it comes from, although the contrast compares them with all others."""
    finish = data.QueryData.finish

    def one_that_is_not(self, batch):
        batch = dict(finish(self, batch))
        # In the second row, where it is a scene that is not repeated.
        if part == "image":
            where = tf.reshape(tf.range(5) == 1, [5, 1, 1, 1])
        else:
            where = tf.reshape(tf.range(15) == 4, [5, 3, *[1] * (batch[part].shape.rank - 2)])
        return batch | {part: tf.where(where, np.nan, batch[part])}

    monkeypatch.setattr(data.QueryData, "finish", one_that_is_not)
    keras.utils.set_random_seed(config.seed)
    opened = task.open_split(
        config, "train", task.assets_from_records(config), learns=True, with_ids=True
    )
    batch = next(iter(opened.training_epoch(0)))
    counts = batch["weights"].numpy()[1] > 0
    ids = batch["query_id"].numpy()[1]
    bad = ids[counts] if part == "image" else ids[1:2]
    assert counts[1]
    with pytest.raises(ValueError, match="step 1 of epoch 1, at") as error:
        train(config, tmp_path)
    named = ", ".join(query_id.decode() for query_id in bad)
    expected = (
        f"it comes from {len(bad)} of its {int(batch['weights'].numpy().sum())} queries: "
    )
    assert f"{expected}{named}. If" in str(error.value)
    assert not (tmp_path / "config.json").exists()


@pytest.mark.slow
def test_one_batch_is_learnt_by_heart(scene_records, tmp_path, monkeypatch):
    monkeypatch.setattr(shares.OneBatch, "steps_per_epoch", 6)
    config = tiny_records.config_of(scene_records)
    config.train.overfit_one_batch = True
    config.train.learning_rate, config.train.warmup_steps = 1e-2, 0
    config.train.schedule = "constant"
    lines = []
    train(config, tmp_path, lines)
    assert "one batch of 5 scenes x 3 queries; 6 steps an epoch" in lines[0]
    first, second = (epoch["train/loss"] for epoch in read_metrics(str(tmp_path)))
    assert second < 0.9 * first


def test_an_epoch_of_fewer_steps(scene_records, tmp_path):
    config = tiny_records.config_of(scene_records)
    config.train.steps_per_epoch = 1
    lines = []
    train(config, tmp_path, lines)
    assert "; 1 step an epoch of 5 scenes" in lines[0]
    first, second = read_metrics(str(tmp_path))
    assert first["train/loss"] != second["train/loss"]
    opened = task.open_split(
        config, "train", task.assets_from_records(config), learns=True, with_ids=True
    )
    scenes = [
        {*next(iter(opened.training_epoch(epoch)))["image_id"].numpy().ravel()}
        for epoch in (0, 1)
    ]
    assert scenes[0] != scenes[1] and len(scenes[0]) == 5
