"""Batch normalisation over the global batch."""

import keras
import numpy as np

from hardvqa_tf.layers import BatchNorm

X = np.array([[1.0, 0.0, -3.0], [3.0, 5.0, -3.0], [8.0, 1.0, -3.0], [0.0, 2.0, 9.0]], "float32")


def test_it_normalises_by_the_batch_and_remembers_its_statistics():
    layer = BatchNorm(momentum=0.75, epsilon=0.5)
    found = layer(X, training=True)
    mean, variance = X.mean(0), X.var(0)
    # Keras takes the variance as E(x^2) - E(x)^2, in float32.
    np.testing.assert_allclose(found, (X - mean) / np.sqrt(variance + 0.5), atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.25 * mean, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, 0.75 + 0.25 * variance, rtol=1e-5)


def test_the_backend_decides_what_is_synchronized_not_the_file(tmp_path):
    layer = BatchNorm(momentum=0.75, epsilon=0.5)
    assert layer.synchronized and "synchronized" not in layer.get_config()
    model = keras.Sequential([keras.Input((3,)), layer])
    layer.set_weights(
        [np.array(w, "float32") for w in ([2, 3, 4], [1, 0, 1], [5] * 3, [6] * 3)]
    )
    model.save(tmp_path / "norm.keras")
    loaded = keras.models.load_model(tmp_path / "norm.keras")
    assert loaded.layers[-1].synchronized and loaded.layers[-1].momentum == 0.75
    np.testing.assert_array_equal(loaded(X), model(X))
