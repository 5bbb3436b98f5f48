"""A moving average of the weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.training.averages import WeightAverage


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
