import keras
import numpy as np
import pytest

from benchmarks.encoder_operations import multiply_adds, trained_parameters
from hardvqa_tf import encoders
from hardvqa_tf.encoders.swiftformer import VARIANTS, Variant, modules_of, swiftformer
from tests.encoders.drawn import assert_parity

# Parameters with both heads as the authors' code counts them; multiply-adds of convolutions
# and linear layers for 224x224 pixels, in millions, as counted in it. (Their table 4: 3.5 M and
# 0.6 G, 6.1 M and 1.0 G, 12.1 M and 1.6 G, 28.5 M and 4.0 G.)
PUBLISHED = [
    ("swiftformer_s", 6_092_128, 984),
    ("swiftformer_l1", 12_057_920, 1_596),
    ("swiftformer_l3", 28_494_736, 4_008),
]


def _check_golden(model, parameters, millions):
    assert model.output_shape == (None, 1000)
    assert trained_parameters(model) == parameters
    assert multiply_adds(model)["linear"] == pytest.approx(1e6 * millions, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters", "millions"), PUBLISHED)
def test_golden_parameters_and_operations(name, parameters, millions):
    model = getattr(encoders, name)((224, 224), num_classes=1000)
    assert model.name == name
    _check_golden(model, parameters, millions)


def test_the_whole_xs_is_the_authors():
    model = encoders.swiftformer_xs((224, 224), num_classes=1000)
    _check_golden(model, 3_475_360, 602)
    assert_parity(model, "swiftformer_xs", modules_of)


@pytest.fixture(scope="module", name="tiny", autouse=True)
def _tiny():
    """A variant of few blocks, for what does not depend on their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "tiny", Variant((4, 6, 8, 10), (3, 1, 1, 1)))
        yield


@pytest.fixture(scope="module", name="encoder")
def _encoder(tiny):
    keras.utils.set_random_seed(0)
    return swiftformer((75, 50), "tiny", stage=2, drop_path_rate=0.5, name="eye")


@pytest.fixture(scope="module", name="image")
def _image():
    return np.random.default_rng(0).uniform(size=(3, 75, 50, 3)).astype("float32")


def test_any_stage_is_the_grid_and_odd_sizes_are_rounded_up(encoder):
    assert encoder.output_shape == (None, 10, 7, 6)
    last = swiftformer((75, 50), "tiny")
    assert last.output_shape == (None, 3, 2, 10)
    assert last.get_layer("downsample_3_norm").output.shape == (None, 5, 4, 8)


def test_it_scales_the_image_as_imagenets_networks_expect(encoder):
    normalized = keras.Model(encoder.input, encoder.get_layer("normalize").output)
    image = np.full((1, 75, 50, 3), [0.485, 0.456 + 0.224, 0.406 - 0.225], "float32")
    np.testing.assert_allclose(normalized(image)[0, 0, 0], [0.0, 1.0, -1.0], atol=1e-6)


def test_it_is_saved_and_loaded(encoder, image, tmp_path):
    encoder.save(tmp_path / "eye.keras")
    loaded = keras.saving.load_model(tmp_path / "eye.keras")
    np.testing.assert_allclose(loaded(image[:2]), encoder(image)[:2], atol=1e-5)


def test_weights_of_keras_and_freezing(encoder, image, tmp_path):
    encoder.save_weights(tmp_path / "eye.weights.h5")
    file = tmp_path / "eye.weights.h5"
    frozen = swiftformer((75, 50), "tiny", stage=2, weights=file, trainable=False)
    np.testing.assert_allclose(frozen(image), encoder(image), atol=1e-5)
    assert not frozen.trainable_variables
    before = frozen.get_weights()
    frozen(image, training=True)
    for old, new in zip(before, frozen.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_kernels_of_one_shape_start_apart(encoder):
    first, second = (encoder.get_layer(f"stage_1_block_{i}_expand").kernel for i in (1, 2))
    assert np.abs(np.array(first) - second).max() > 0.01


def test_the_logits_are_the_mean_of_both_heads(image):
    model = swiftformer((32, 32), "tiny", num_classes=5)
    heads = [model.get_layer(name).output for name in ("head", "dist_head")]
    first, second = keras.Model(model.input, heads)(image[:2, :32, :32])
    np.testing.assert_allclose(model(image[:2, :32, :32]), (first + second) / 2, atol=1e-6)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Use one of: xs, s, l1, l3"):
        swiftformer((64, 64), "m")
    with pytest.raises(ValueError, match="`stage` must be 1 to 4"):
        swiftformer((64, 64), stage=0)
    with pytest.raises(ValueError, match="Leave out `num_classes` for a grid, or use stage=4"):
        swiftformer((64, 64), stage=3, num_classes=10)
    with pytest.raises(ValueError, match="which is no file. Correct the path"):
        swiftformer((64, 64), stage=1, weights="nowhere.pth")
