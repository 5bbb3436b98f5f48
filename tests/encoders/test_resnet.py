import keras
import numpy as np
import pytest

from hardvqa_tf.encoders import resnet50, resnet101


@pytest.fixture(scope="module", name="encoder")
def _encoder():
    return resnet101((64, 64), weights=None)


@pytest.fixture(scope="module", name="image")
def _image():
    return np.random.default_rng(0).uniform(size=(2, 64, 64, 3)).astype("float32")


def test_golden_shape_and_parameters(encoder):
    assert encoder.output_shape == (None, 2, 2, 2048)
    # keras.applications.ResNet101(include_top=False).count_params()
    assert encoder.count_params() == 42_658_176


def test_golden_shape_and_parameters_of_resnet50():
    encoder = resnet50((64, 96), weights=None)
    assert encoder.output_shape == (None, 2, 3, 2048)
    # keras.applications.ResNet50(include_top=False).count_params()
    assert encoder.count_params() == 23_587_712 and encoder.name == "resnet50"


def test_it_preprocesses_as_the_weights_expect(encoder, image):
    expected = keras.applications.resnet.preprocess_input(image * 255.0)
    preprocessed = keras.Model(encoder.input, encoder.get_layer("subtract_mean").output)(image)
    np.testing.assert_allclose(preprocessed, expected, atol=1e-4)  # numbers up to 150


def test_frozen_it_does_not_change_even_in_training(encoder, image):
    assert not encoder.trainable_variables
    before = [np.array(v) for v in encoder.variables if "moving" in v.path]
    calm, trained = encoder(image), encoder(image, training=True)
    np.testing.assert_array_equal(trained, calm)
    after = [np.array(v) for v in encoder.variables if "moving" in v.path]
    assert len(before) > 200
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.fixture
def tiny_backbone(monkeypatch):
    """A few weights in the place of 42 million, for what does not depend on which they are."""

    def tiny(include_top, weights, input_shape):
        assert not include_top and weights is None
        image = keras.Input(input_shape)
        grid = keras.layers.Conv2D(4, 32, 32)(image)
        return keras.Model(image, keras.layers.BatchNormalization()(grid), name="resnet101")

    for maker in ("ResNet50", "ResNet101"):
        monkeypatch.setattr(keras.applications, maker, tiny)


def test_it_is_saved_and_loaded(tiny_backbone, image, tmp_path):
    encoder = resnet101((64, 64), weights=None, name="eye")
    encoder.save(tmp_path / "eye.keras")
    loaded = keras.saving.load_model(tmp_path / "eye.keras")
    np.testing.assert_allclose(loaded(image), encoder(image), rtol=1e-5, atol=1e-4)
    assert not loaded.trainable_variables


@pytest.mark.parametrize("file", ["resnet.weights.h5", "resnet.keras"])
def test_a_weights_file_and_unfreezing(tiny_backbone, image, tmp_path, file):
    encoder = resnet101((64, 64), weights=None)
    backbone = encoder.get_layer("resnet101")
    save = backbone.save_weights if "weights" in file else backbone.save
    save(tmp_path / file)
    loaded = resnet101((64, 64), weights=tmp_path / file, trainable=True)
    np.testing.assert_allclose(loaded(image), encoder(image), rtol=1e-5, atol=1e-4)
    assert len(loaded.trainable_variables) == 4


@pytest.mark.parametrize("make", [resnet50, resnet101])
def test_a_failed_download_says_which_file_and_what_to_do(make, tiny_backbone, monkeypatch):
    def fail(name, origin, **_):
        raise Exception(f"URL fetch failure on {origin}: None -- no route to host")

    monkeypatch.setattr(keras.utils, "get_file", fail)
    with pytest.raises(OSError) as error:
        make((64, 64))
    for part in (
        f"{make.keywords['variant']}_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "https://storage.googleapis.com/tensorflow/keras-applications/resnet/",
        "no route to host",
        f"pass its path as `weights` (in a config: model.{make.keywords['variant']}.weights",
        'or pass "random"',
    ):
        assert part in str(error.value)


def test_a_missing_file_says_what_to_do():
    with pytest.raises(ValueError, match="lost.h5', which is no file. Correct the path"):
        resnet101((64, 64), weights="lost.h5")


@pytest.mark.parametrize("make", [resnet50, resnet101])
def test_too_small_images_are_refused(make):
    with pytest.raises(
        ValueError, match=r"at least 32x32 pixels. Received: image_size=.16, 64"
    ):
        make((16, 64), weights=None)
