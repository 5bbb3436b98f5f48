import keras
import numpy as np
import pytest

from benchmarks.encoder_operations import multiply_adds, trained_parameters
from hardvqa_tf import encoders
from hardvqa_tf.encoders.swiftformer import VARIANTS, Variant, swiftformer

# Parameters with both heads as the authors' code counts them; multiply-adds of convolutions
# and linear layers for 224x224 pixels, in millions, as counted in it. (Their table 4: 3.5 M and
# 0.6 G, 6.1 M and 1.0 G, 12.1 M and 1.6 G, 28.5 M and 4.0 G.)
PUBLISHED = [
    ("swiftformer_xs", 3_475_360, 602),
    pytest.param("swiftformer_s", 6_092_128, 984, marks=pytest.mark.slow),
    pytest.param("swiftformer_l1", 12_057_920, 1_596, marks=pytest.mark.slow),
    pytest.param("swiftformer_l3", 28_494_736, 4_008, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "parameters", "millions"), PUBLISHED)
def test_golden_parameters_and_operations(name, parameters, millions):
    model = getattr(encoders, name)((224, 224), num_classes=1000)
    assert model.output_shape == (None, 1000)
    assert trained_parameters(model) == parameters
    assert multiply_adds(model)["linear"] == pytest.approx(1e6 * millions, rel=0.01)
    assert model.name == name


@pytest.fixture(scope="module", name="tiny", autouse=True)
def _tiny():
    """A variant of few blocks, for what does not depend on their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "tiny", Variant((4, 6, 8, 10), (3, 1, 2, 1)))
        yield


@pytest.fixture(scope="module", name="encoder")
def _encoder(tiny):
    keras.utils.set_random_seed(0)
    return swiftformer((75, 50), "tiny", stage=2, drop_path_rate=0.5, name="eye")


@pytest.fixture(scope="module", name="image")
def _image():
    return np.random.default_rng(0).uniform(size=(3, 75, 50, 3)).astype("float32")


def test_any_stage_is_the_grid_and_odd_sizes_are_rounded_up():
    shapes = [swiftformer((75, 50), "tiny", stage=s).output_shape[1:] for s in (1, 2, 3, 4)]
    assert shapes == [(19, 13, 4), (10, 7, 6), (5, 4, 8), (3, 2, 10)]


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


def test_with_one_head_or_two(image):
    models = [
        swiftformer((32, 32), "tiny", num_classes=5, distillation=two) for two in (False, True)
    ]
    one, two = map(trained_parameters, models)
    assert two - one == 10 * 5 + 5
    x = image[:2, :32, :32]
    heads = [models[1].get_layer(name).output for name in ("head", "dist_head")]
    first, second = keras.Model(models[1].input, heads)(x)
    np.testing.assert_allclose(models[1](x), (first + second) / 2, atol=1e-6)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Use one of: xs, s, l1, l3"):
        swiftformer((64, 64), "m")
    with pytest.raises(ValueError, match="`stage` must be 1 to 4"):
        swiftformer((64, 64), stage=0)
    with pytest.raises(ValueError, match="Leave out `num_classes` for a grid, or use stage=4"):
        swiftformer((64, 64), stage=3, num_classes=10)
    with pytest.raises(ValueError, match="which is no file. Correct the path"):
        swiftformer((64, 64), stage=1, weights="nowhere.pth")
