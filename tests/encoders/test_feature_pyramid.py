"""Maps of several scales of every encoder that has stages."""

import keras
import numpy as np
import pytest

from hardvqa_tf import encoders
from hardvqa_tf.encoders.feature_pyramid import FeaturePyramid
from hardvqa_tf.encoders.fields import fields_of
from tests.encoders.test_stages import IMAGES, MAKERS


def model_of(encoder, *arguments, **keywords):
    image = keras.Input(IMAGES.shape[1:], name="image")
    pyramid = FeaturePyramid(encoder, *arguments, **keywords)
    return keras.Model(image, pyramid(pyramid.stem(image)))


@pytest.mark.parametrize("name", MAKERS)
def test_each_map_halves_the_one_before(name, tmp_path):
    model = model_of(MAKERS[name](), (1, 2), extra_maps=2, width=12, num_groups=3)
    shapes = [tuple(tensor.shape[1:]) for tensor in model.outputs]
    assert shapes == [(8, 10, 12), (4, 5, 12), (2, 3, 12), (1, 2, 12)]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for found, expected in zip(loaded(IMAGES), model(IMAGES), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    for tensor in model.outputs:
        assert fields_of(model, tensor).grid == tuple(tensor.shape[1:3])


def test_a_map_is_a_projection_of_its_stage_and_normalised():
    """Each image by itself, over the cells and the features of a group."""
    encoder = MAKERS["edge_cnn"]()
    model = model_of(encoder, (2,), extra_maps=0, width=4, num_groups=2)
    kernel, bias = model.get_layer("pyramid_0_project").get_weights()
    projected = np.asarray(encoder(IMAGES)) @ kernel[0, 0] + bias
    groups = projected.reshape(2, -1, 2, 2)
    mean, variance = (f(groups, axis=(1, 3), keepdims=True) for f in (np.mean, np.var))
    expected = ((groups - mean) / np.sqrt(variance + 1e-5)).reshape(projected.shape)
    found = np.asarray(model(IMAGES)).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_stages_behind_the_last_map_are_not_built():
    encoder = MAKERS["swiftformer"]()  # of 3 stages
    model = model_of(encoder, (1, 2), extra_maps=0, width=4, num_groups=1)
    names = [layer.name for layer in model.layers]
    assert any("stage_2" in name for name in names)
    assert not any("stage_3" in name for name in names)


def test_what_is_done_between_stages():
    seen = {"before": [], "after": []}

    def look(where):
        def do(x, i):
            seen[where].append((i, tuple(x.shape[1:3])))
            return x

        return do

    pyramid = FeaturePyramid(MAKERS["edge_cnn"](), (2,), 1, 4, 2)
    image = keras.Input(IMAGES.shape[1:])
    pyramid(pyramid.stem(image), **{where: look(where) for where in seen})
    assert seen == {
        "before": [(0, (16, 20)), (1, (8, 10))],
        "after": [(0, (8, 10)), (1, (4, 5))],
    }


def test_called_again_it_has_the_same_weights():
    pyramid = FeaturePyramid(MAKERS["edge_cnn"](), (1, 2), 1, 4, 2)
    image, other = keras.Input(IMAGES.shape[1:]), keras.Input(IMAGES.shape[1:])
    both = [pyramid(pyramid.stem(x)) for x in (image, other)]
    model = keras.Model([image, other], both)
    for one, two in zip(*model([IMAGES, IMAGES]), strict=True):
        np.testing.assert_array_equal(one, two)
    alone = keras.Model(image, both[0])
    assert alone.count_params() == model.count_params()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ((1, 3),),
            "has 2 stages behind its stem. Received: stages=.1, 3.. Use numbers up to 2",
        ),
        (((2, 1),), "must be ascending numbers"),
        (((0, 1),), "must be ascending numbers"),
        (((),), "must be ascending numbers"),
        (((1,), 1, 10, 4), "`num_groups` must divide `width`"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        FeaturePyramid(MAKERS["edge_cnn"](), *arguments)


def test_an_encoder_without_stages_is_refused():
    encoder = encoders.edge_cnn((32, 40), filters=(8,), depths=(1,))
    with pytest.raises(ValueError, match="has no stages"):
        FeaturePyramid(encoder, (1,))
