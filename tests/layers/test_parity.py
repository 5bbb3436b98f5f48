"""The attention family against its authors' own modules: fixtures/parity/README.md."""

import pathlib

import keras
import numpy as np
import pytest

from hardvqa_tf import layers
from hardvqa_tf.encoders import biformer, swiftformer
from hardvqa_tf.encoders.pytorch_checkpoint import assign

FOLDER = pathlib.Path(__file__).parents[1] / "fixtures" / "parity"
PREFIX = {"swiftformer": "network.0.0.", "biformer": "stages.0.0."}
BLOCK = "stage_1_block_1"


def _stored(name):
    """(inputs, outputs, {name of the author's parameter: tensor})."""
    with np.load(FOLDER / f"{name}.npz") as file:
        tensors = {key[2:]: file[key] for key in file.files if key.startswith("w/")}
        return file["x"], file["y"], tensors


def _assert_parity(found, expected, rtol=1e-5):
    """Relative to the greatest number. Float32 sums in another order differ by some 1e-7."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= rtol * np.abs(expected).max()


LAYERS = {
    "eaa": lambda: layers.EfficientAdditiveAttention(name="layer"),
    "bra_k4": lambda: layers.BiLevelRoutingAttention(2, 7, 4, name="layer"),
    "bra_pad": lambda: layers.BiLevelRoutingAttention(
        2, 7, 4, mask_padding=False, name="layer"
    ),
}


@pytest.mark.parametrize("case", LAYERS)
def test_a_layer(case):
    x, y, tensors = _stored(case)
    cells = keras.Input(x.shape[1:])
    model = keras.Model(cells, LAYERS[case]()(cells))
    assign(model, tensors, lambda name: [""])
    outputs = model(x)
    found = np.asarray(outputs["cells"])
    if "routes" in outputs:
        found = found[:, ::3, ::3]  # every third cell is stored
        # Else rounding could choose other regions: the last chosen and the next one differ.
        scores = np.sort(np.asarray(outputs["scores"]), axis=-1)
        assert (scores[..., -4] - scores[..., -5]).min() > 1e-6
    _assert_parity(found, y)


def _swiftformer_encoder(x):
    return swiftformer.swiftformer_encoder(x, "l2", 0.0, BLOCK)


def _routed_block(x):
    attention = layers.BiLevelRoutingAttention(2, 7, 4, name=f"{BLOCK}_attention")
    return biformer.biformer_block(x, attention, 0.0, BLOCK)


def _full_block(x):
    attention = layers.FullAttention(8, name=f"{BLOCK}_attention")
    return biformer.biformer_block(x, attention, 0.0, BLOCK)


BLOCKS = {
    "swift_conv": (swiftformer, lambda x: swiftformer.convolutional_encoder(x, 192, BLOCK)),
    "swift_encoder": (swiftformer, _swiftformer_encoder),
    "bi_block_bra": (biformer, _routed_block),
    "bi_block_stage4": (biformer, _full_block),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_a_block(case):
    x, y, tensors = _stored(case)
    family, block = BLOCKS[case]
    x, y = (np.transpose(images, (0, 2, 3, 1)) for images in (x, y))
    image = keras.Input(x.shape[1:])
    model = keras.Model(image, block(image))
    prefix = PREFIX[family.__name__.split(".")[-1]]
    assign(model, {prefix + name: t for name, t in tensors.items()}, family.modules_of)
    _assert_parity(model(x), y)
