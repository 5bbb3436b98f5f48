"""Learning rate as a function of the step."""

import json
import math

import keras
import numpy as np
import pytest

from hardvqa_tf.training.schedules import SlowStart, WarmupCosine


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
