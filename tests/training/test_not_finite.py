"""A gradient that is not a number: nothing moves, and what it came from is named."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.training.loop import train_model
from hardvqa_tf.training.not_finite import (
    check_finite_metrics,
    check_finite_weights,
    find_not_finite,
    list_ids,
)
from hardvqa_tf.training.steps import TrainSteps, names_of_sums
from hardvqa_tf.vqa import task
from hardvqa_tf.vqa.score import Score
from tests.training.runs import without_pictures
from tests.training.small import B, Q, make_batch, make_steps, small_model


def test_a_gradient_that_is_not_finite_moves_nothing(eagerly):
    """And the questions that it comes from are found, among those that count."""
    model, batch = small_model(), make_batch()
    batch["features"][3, 1, 2] = np.inf
    ids = [[f"q{b}{q}".encode() for q in range(Q)] for b in range(B)]
    before = model.get_weights()
    steps = make_steps(model, clip_norm=1.0)
    sums, _ = steps(0, iter([batch]), 1, False)
    assert np.isnan(sums["gradient_norm"])
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    batch = {name: tf.constant(value) for name, value in batch.items()}
    with_ids = [batch | {"question_id": tf.constant(ids)}]
    bad, every = find_not_finite(model, Score("softmax"), with_ids, "question_id")
    assert bad == [b"q30", b"q31", b"q32"]
    assert every == [b"q00", *(f"q{b}{q}".encode() for b in (1, 2, 3) for q in range(Q))]
    assert list_ids(every, limit=2) == "q00, q10 and 8 more"


def test_a_run_that_is_not_finite_names_its_questions(
    config, vocabularies, tmp_path, monkeypatch
):
    def step(self, number, batches, left, asked):
        next(batches)
        sums = dict.fromkeys(names_of_sums(Score("softmax")), np.float32(1))
        gradient_norm = np.float32(np.nan if number == 2 else 1)
        return sums | {"asked_to_stop": 0, "gradient_norm": gradient_norm}, 1

    monkeypatch.setattr(TrainSteps, "__call__", step)
    with pytest.raises(
        ValueError, match="step 3 of epoch 1, at .* by itself, none of its 30"
    ) as e:
        train_model(config, str(tmp_path), report=lambda line: None)
    keras.utils.set_random_seed(config.seed)
    data = task.open_split(config, "train", vocabularies, with_ids=True)
    batch = next(iter(data.training_epoch(0, 2)))
    for question_id in batch["question_id"].numpy().ravel()[:20]:
        assert question_id.decode() in str(e.value)


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_a_step_that_breaks_the_model_ends_the_run_with_its_epoch(
    config, tmp_path, monkeypatch, ema_decay
):
    """The last step of an epoch: no other one sees its gradient."""
    without_pictures(monkeypatch)
    config.train.update(epochs=1, steps_per_epoch=1, warmup_steps=0, learning_rate=1e30)
    config.train.ema_decay = ema_decay
    workdir = tmp_path / "run"
    with pytest.raises(ValueError, match="Epoch 1 ended with what is not a finite number: "):
        train_model(config, str(workdir), report=lambda line: None)
    assert not workdir.exists()


def test_weights_that_are_not_finite_are_named():
    model = small_model()
    check_finite_weights(model, 1)
    weight = model.trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(ValueError, match=f"Epoch 2 .*: 1 of its weights: {weight.path}. Most"):
        check_finite_weights(model, 2)


def test_metrics_that_are_not_finite_are_named():
    metrics = {"epoch": 3, "val/all": 0.5, "attention/threshold": None}
    check_finite_metrics(metrics, 3)
    metrics |= {"a": np.nan, "b": np.inf}
    with pytest.raises(ValueError, match="Epoch 3 ended .* number: a=nan, b=inf. Most often"):
        check_finite_metrics(metrics, 3)
