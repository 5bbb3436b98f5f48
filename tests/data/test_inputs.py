"""Maps or images: the same answer of a config and of a model."""

import keras
import pytest

from hardvqa_tf.configs import base
from hardvqa_tf.data import inputs


def model_of(*names):
    given = [keras.Input((2,), name=name) for name in names]
    return keras.Model(given, keras.layers.Concatenate()(given))


def test_what_a_model_takes():
    asked = [model_of(name, "question_tokens") for name in ("image", "features", "other")]
    assert [inputs.takes_images(model) for model in asked] == [True, False, False]
    assert [inputs.takes_maps(model) for model in asked] == [False, True, False]


@pytest.mark.parametrize("encoder", ["small_cnn", "none", "features"])
def test_what_a_config_trains_on(encoder):
    config = base.get_config()
    config.model.image_encoder = encoder
    assert inputs.trains_on_maps(config) == (encoder == "features")


def test_what_is_asked_for_and_what_records_hold():
    maps = {"features": {"shape": [2, 3, 4], "encoder": "resnet101"}}
    assert inputs.check_size("folder", maps, None) == (2, 3, 4)
    assert inputs.check_size("folder", {}, (75, 60)) == (75, 60, 3)
    with pytest.raises(
        ValueError, match=r"folder hold maps \(2, 3, 4\) of resnet101. .*\(5, 3"
    ):
        inputs.check_size("folder", maps, (5, 3, 4))
