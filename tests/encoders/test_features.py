import keras
import numpy as np
import pytest

from hardvqa_tf.encoders import features


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_maps_of_any_float_become_the_models_own(dtype):
    maps = keras.ops.cast(np.arange(48.0).reshape(2, 2, 3, 4) / 8, dtype)
    encoder = features((2, 3, 4))
    grid = encoder(maps)
    assert grid.dtype == "float32"
    np.testing.assert_array_equal(grid, np.arange(48.0).reshape(2, 2, 3, 4) / 8)
    assert not encoder.weights


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def test_under_mixed_precision_they_become_bfloat16(mixed_precision):
    encoder = features((2, 3, 4))
    assert encoder(np.ones((1, 2, 3, 4), "float16")).dtype == "bfloat16"


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Leave out the batch axis"):
        features((None, 10, 10, 2048))
