import keras
import numpy as np
import pytest

from hardvqa_tf.encoders import small_cnn


def test_golden_shape_and_parameters_of_the_relation_networks_encoder():
    encoder = small_cnn((128, 128))
    assert encoder.output_shape == (None, 8, 8, 24)
    # 3·3·3·24 + 24, three times 3·3·24·24 + 24, four times 4·24 of batch normalisation.
    assert encoder.count_params() == 672 + 3 * 5208 + 4 * 96 == 16_680


def test_odd_sizes_are_rounded_up_and_it_is_saved_and_loaded(tmp_path):
    encoder = small_cnn((33, 21), filters=(4, 5), kernel_size=5, strides=(2, 1), name="eye")
    image = np.random.default_rng(0).uniform(size=(2, 33, 21, 3)).astype("float32")
    assert encoder(image).shape == (2, 17, 11, 5)
    encoder.save(tmp_path / "eye.keras")
    loaded = keras.saving.load_model(tmp_path / "eye.keras")
    assert loaded.name == "eye"
    np.testing.assert_allclose(loaded(image), encoder(image), atol=1e-6)


def test_a_grey_image_is_the_origin():
    encoder = small_cnn((8, 6), filters=(4,), strides=(2,))
    grey = np.full((1, 8, 6, 3), 0.5, "float32")
    np.testing.assert_array_equal(encoder(grey), np.zeros((1, 4, 3, 4)))


def test_batch_normalisation_follows_the_relu_and_forgets_as_fast_as_told():
    encoder = small_cnn((8, 6), filters=(4,), strides=(2,), batch_norm_momentum=0.75)
    image = np.random.default_rng(0).uniform(size=(5, 8, 6, 3)).astype("float32")
    grid = np.array(encoder(image, training=True))
    # Normalised last: no mean, and negative numbers, which a ReLU would have cut off.
    np.testing.assert_allclose(grid.mean(axis=(0, 1, 2)), 0.0, atol=1e-5)
    assert (grid < 0).any()
    batch_norm = encoder.get_layer("batch_norm_0")
    relu = keras.Model(encoder.input, encoder.get_layer("relu_0").output)(image)
    mean = np.array(relu).mean(axis=(0, 1, 2))
    assert (np.array(relu) >= 0).all()
    np.testing.assert_allclose(batch_norm.moving_mean, 0.25 * mean, rtol=1e-4, atol=1e-6)


def test_normalising_first_leaves_the_last_layer_as_it_is():
    encoder = small_cnn((8, 6), filters=(4, 5), strides=(2, 1), norm_first=True)
    image = np.random.default_rng(0).uniform(size=(5, 8, 6, 3)).astype("float32")
    names = [layer.name for layer in encoder.layers[2:]]
    assert names == ["conv_0", "batch_norm_0", "relu_0", "conv_1", "relu_1", "batch_norm_1"]
    grid = np.array(encoder(image, training=True))
    np.testing.assert_allclose(grid.mean(axis=(0, 1, 2)), 0.0, atol=1e-5)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Give both the same length"):
        small_cnn((8, 8), filters=(4, 4), strides=(2,))
