"""An encoder's layers called again, and in parts."""

import keras
import numpy as np
import pytest

from hardvqa_tf import encoders
from hardvqa_tf.encoders.stages import encode, stages_of

IMAGES = np.random.default_rng(0).uniform(size=(2, 32, 40, 3)).astype("float32")
MAKERS = {
    "edge_cnn": lambda: encoders.edge_cnn((32, 40), filters=(8, 16, 16)),
    "small_cnn": lambda: encoders.small_cnn((32, 40), (4, 5, 6), strides=(2, 2, 2)),
    "swiftformer": lambda: encoders.swiftformer_xs((32, 40), stage=3),
    "resnet50": lambda: encoders.resnet50((32, 40), weights=None),
    "biformer": lambda: encoders.biformer_t((32, 40), stage=2),
}


@pytest.mark.parametrize("name", MAKERS)
def test_parts_one_after_the_other_are_the_whole(name):
    encoder = MAKERS[name]()
    image = keras.Input((32, 40, 3))
    x, sizes = image, []
    for stage in stages_of(encoder):
        x = stage(x)
        sizes.append(tuple(x.shape[1:3]))
    assert len(set(sizes)) == len(sizes) >= 2 and sizes[0] == (16, 20)
    model = keras.Model(image, [x, encode(encoder, image)])
    assert model.count_params() == encoder.count_params()  # the same weights
    for found in model(IMAGES):
        np.testing.assert_allclose(found, encoder(IMAGES), atol=1e-6)


def test_of_another_size():
    encoder = MAKERS["edge_cnn"]()
    drawing = keras.Input((16, 24, 1))
    assert encode(encoder, drawing).shape == (None, 2, 3, 16)


def test_an_encoder_of_one_size_has_no_stages():
    with pytest.raises(ValueError, match="has no stages to guide: its maps are of 1 sizes"):
        stages_of(encoders.edge_cnn((32, 40), filters=(8,), depths=(2,)))
