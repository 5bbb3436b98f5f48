import keras
import numpy as np
import pytest

from hardvqa_tf.encoders import small_cnn
from hardvqa_tf.encoders.fields import fields_of


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


def test_as_ever_it_has_the_layers_and_the_function_of_stored_models():
    encoder = small_cnn((12, 9), filters=(4, 5), strides=(2, 2))
    of_one = ("conv_{}", "relu_{}", "batch_norm_{}")
    names = ["image", "centre", *(name.format(i) for i in (0, 1) for name in of_one)]
    assert [layer.name for layer in encoder.layers] == names
    convolutions = [encoder.get_layer(f"conv_{i}") for i in (0, 1)]
    assert all(layer.padding == "same" for layer in convolutions)


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [
        ({}, 0.5),
        ({"kernel_size": 5}, 0.5),
        ({"strides": (2, 1, 2, 1)}, 0.5),
        ({"strides": (3, 2, 2, 1)}, 1.5),  # Of 75 pixels the first one needs no zeros.
    ],
    ids=str,
)
def test_centred_cells_lie_evenly_in_images_of_any_size(arguments, limit):
    for height in (64, 75, 100, 128, 33, 18, 97, 226):
        for width in (64, 256, 51):
            plain = small_cnn((height, width), **arguments)
            encoder = small_cnn((height, width), centred=True, **arguments)
            assert encoder.output_shape == plain.output_shape
            assert encoder.count_params() == plain.count_params()
            fields = fields_of(encoder)
            for centres, pixels in zip(fields.centres(), fields.image_size):
                assert abs(centres.mean() - pixels / 2) <= limit


def test_which_zeros_centre_the_cells_of_75_pixels():
    encoder = small_cnn((75, 75), centred=True)
    assert fields_of(encoder).origin == (5.5, 5.5)  # 16 pixels apart to 69.5, of 75
    before = [encoder.get_layer(f"pad_{i}").padding[0] for i in range(4)]
    # 38, 19, 10 and 5 outputs; with a, c is 1/2 + (1-a) + 2·(1-a) + 4·(1-a) + 8·(1-a).
    assert before == [(0, 2), (1, 0), (0, 2), (1, 0)]


def test_where_same_is_centred_nothing_is_padded_before():
    names = [layer.name for layer in small_cnn((33, 33), centred=True).layers]
    assert not any(name.startswith("pad") for name in names)  # odd: 33, 17, 9, 5, 3
    names = [layer.name for layer in small_cnn((64, 64), centred=True).layers]
    assert [name for name in names if name.startswith("pad")] == ["pad_3"]


def test_a_centred_one_is_saved_and_loaded(tmp_path):
    encoder = small_cnn((30, 21), filters=(4, 5), strides=(2, 2), centred=True)
    image = np.random.default_rng(0).uniform(size=(2, 30, 21, 3)).astype("float32")
    encoder.save(tmp_path / "eye.keras")
    loaded = keras.saving.load_model(tmp_path / "eye.keras")
    np.testing.assert_allclose(loaded(image), encoder(image), atol=1e-6)
    assert fields_of(loaded) == fields_of(encoder)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Give both the same length"):
        small_cnn((8, 8), filters=(4, 4), strides=(2,))
