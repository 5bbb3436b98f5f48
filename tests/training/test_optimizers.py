"""Precision, and the schedule that a config names."""

import keras
import numpy as np
import pytest

from hardvqa_tf.training.optimizers import make_optimizer, precision
from tests.training.small import make_batch, make_steps, small_model


def test_an_unknown_schedule_lists_the_known_ones(config):
    config.train.schedule = "cosin"
    with pytest.raises(ValueError, match="'cosin'. Use one of: constant, cosine, slow_start"):
        make_optimizer(config.train, steps_per_epoch=5)


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
    losses = [steps(n, iter([batch]), 1, False)[0]["loss"] for n in range(5)]
    assert losses[-1] < losses[0]
    for a, b in zip(model.get_weights(), before, strict=True):
        assert a.dtype == np.float32 and (a != b).any()
