"""The arithmetic of a step, on one device and on several."""

import collections
import math
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.training.steps import asking_ahead, make_train_step
from hardvqa_tf.vqa.score import Score
from tests.training.runs import (
    ROOT,
)
from tests.training.small import B, Q, make_batch, make_steps, small_model


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
    score = Score("softmax")
    step = make_train_step(tf.distribute.get_strategy(), model, optimizer, score, clip_norm)
    sums = {name: float(value) for name, value in step(batch).items()}
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


def test_a_step_is_traced_before_its_batch_is_there_and_not_again():
    steps, batch = make_steps(small_model("han", num_cells=3), all_cells_steps=1), make_batch()
    steps.trace(0, tf.nest.map_structure(tf.type_spec_from_value, batch))
    counts = []
    for number in range(3):
        steps(number, iter([batch]), 9, False)
        counts.append([p.one.experimental_get_tracing_count() for p in steps._phases])
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
            deadline = time.monotonic() + 600  # rather than for ever
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
from hardvqa_tf.vqa.score import Score
from tests.training.small import make_batch, small_model

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
        step = make_train_step(strategy, model, optimizer, Score("softmax"), 0.2, average)
        sums = [
            {name: float(value) for name, value in step(batch, tf.constant(0.0)).items()}
            for batch in strategy.experimental_distribute_dataset(data)
        ]
        variables = [*model.variables, *average.variables]
        found.append((sums, [np.asarray(v) for v in variables]))
    (one_sums, one), (two_sums, two) = found
    # float32, added up in another order.
    for a, b in zip(one_sums, two_sums, strict=True):
        np.testing.assert_allclose([b[name] for name in a], [*a.values()], rtol=1e-5)
    assert all(sums["gradient_norm"] > 0.2 for sums in one_sums)  # clipped
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
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == "equal", done.stderr[-3000:]


def test_several_steps_in_one_call():
    """The same weights as one by one; a call ends where the selection begins."""
    batches, found = [make_batch(seed) for seed in (0, 1, 2, 0, 1)], []
    signature = {n: tf.TensorSpec(v.shape, v.dtype) for n, v in batches[0].items()}
    for per_call in (1, 3):
        model = small_model()
        steps = make_steps(model, all_cells_steps=2, steps_per_execution=per_call)
        data = iter(tf.data.Dataset.from_generator(lambda: batches, output_signature=signature))
        total, done, counts = collections.Counter(), 0, []
        while done < 5:
            sums, count = steps(done, data, 5 - done, False)
            total.update(sums)
            done, counts = done + count, [*counts, count]
        assert counts == {1: [1, 1, 1, 1, 1], 3: [2, 3]}[per_call]
        assert total.pop("seconds") > total.pop("waited") > 0
        found.append((total, model.get_weights()))
    (sums, weights), (found_sums, found_weights) = found
    assert found_sums == pytest.approx(sums, rel=1e-6) and sums["questions"] > 0
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
        sums = [steps(n, iter([make_batch(n)]), 1, False)[0] for n in range(2)]
        found.append((sums, model.get_weights()))
    (sums, weights), (found_sums, found_weights) = found
    for a, b in zip(found_sums, sums, strict=True):
        for name in ("loss", "correct", "num_cells", "questions", "gradient_norm"):
            assert a[name] == pytest.approx(b[name], rel=1e-4), name
    for a, b in zip(found_weights, weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
