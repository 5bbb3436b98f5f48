import keras
import numpy as np
import pytest

from benchmarks.encoder_operations import multiply_adds, trained_parameters
from hardvqa_tf import encoders
from hardvqa_tf.encoders.biformer import VARIANTS, Variant, biformer, modules_of
from tests.encoders.drawn import assert_parity

# Parameters and multiply-adds in millions for 224x224 pixels, of the authors' code.
# (Their README: 13.1 M and 2.2 G, 25.5 M and 4.5 G, 56.8 M and 9.8 G.)
PUBLISHED = [
    ("biformer_t", 13.143, 2_216),
    pytest.param("biformer_s", 25.536, 4_464, marks=pytest.mark.slow),
    pytest.param("biformer_b", 56.805, 9_759, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "parameters", "millions"), PUBLISHED)
def test_golden_parameters_and_operations(name, parameters, millions):
    model = getattr(encoders, name)((224, 224), num_classes=1000)
    assert model.output_shape == (None, 1000)
    assert round(trained_parameters(model) / 1e6, 3) == parameters
    assert sum(multiply_adds(model).values()) == pytest.approx(1e6 * millions, rel=0.01)
    assert model.name == name


@pytest.mark.slow
def test_the_whole_t_is_the_authors():
    model = encoders.biformer_t((224, 224), num_classes=1000)
    assert_parity(model, "biformer_t", modules_of)


@pytest.fixture(scope="module", name="tiny", autouse=True)
def _tiny():
    """A variant of few blocks, for what does not depend on their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "tiny", Variant((32, 64, 96, 32), (2, 1, 1, 1)))
        yield


@pytest.fixture(scope="module", name="encoder")
def _encoder(tiny):
    keras.utils.set_random_seed(0)
    return biformer((75, 50), "tiny", stage=2, num_regions=3, name="eye")


@pytest.fixture(scope="module", name="image")
def _image():
    return np.random.default_rng(0).uniform(size=(3, 75, 50, 3)).astype("float32")


def test_any_stage_is_the_grid_and_odd_sizes_are_rounded_up(encoder):
    assert encoder.output_shape == (None, 10, 7, 64)
    last = biformer((75, 50), "tiny")  # seven regions a side, of grids down to 5x4 cells
    assert last.output_shape == (None, 3, 2, 32)
    _, routes, _ = last.get_layer("stage_3_block_1_attention").output
    assert routes.shape == (None, 49, 49)


def test_it_is_saved_and_loaded(encoder, image, tmp_path):
    encoder.save(tmp_path / "eye.keras")
    loaded = keras.saving.load_model(tmp_path / "eye.keras")
    np.testing.assert_allclose(loaded(image[:2]), encoder(image)[:2], atol=1e-5)


def test_its_routes_are_there(encoder, image):
    for stage, top_k in ((1, 1), (2, 4)):
        attention = encoder.get_layer(f"stage_{stage}_block_1_attention")
        routes = keras.Model(encoder.input, attention.output[1])(image)
        assert (np.array(routes).sum(-1) == top_k).all()


def test_drop_path_leaves_out_whole_branches_in_training_only(image):
    encoder = biformer((75, 50), "tiny", stage=1, num_regions=3, drop_path_rate=0.8)
    dropout = encoder.get_layer("stage_1_block_2_mlp_drop_path")
    assert dropout.rate == pytest.approx(0.8 / 4)  # the second of five blocks
    ones = np.ones((200, 2, 3, 5), "float32")
    np.testing.assert_array_equal(dropout(ones), ones)
    dropped = np.array(dropout(ones, training=True)).reshape(200, -1)
    assert np.ptp(dropped, axis=1).max() == 0  # all of an image or nothing
    assert 20 < (dropped[:, 0] == 0).sum() < 70  # of 200, a fifth
    assert dropped.max() == pytest.approx(1 / 0.8)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Use one of: t, s, b"):
        biformer((64, 64), "l")
