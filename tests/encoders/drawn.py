"""Whole models of the family's authors with drawn weights: ../fixtures/parity/README.md."""

import json
import pathlib
import zlib

import numpy as np

from hardvqa_tf.encoders.pytorch_checkpoint import assign

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "parity"


def drawn_checkpoint(name):
    """Every name and shape of the authors' model, with drawn tensors."""
    shapes = json.loads((FOLDER / f"{name}_names.json").read_text())
    return {name: _draw(name, shape) for name, shape in shapes.items()}


def _draw(name, shape):
    """A tensor that depends on its name alone: so the reference was drawn, too."""
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        return rng.uniform(0.5, 1.5, shape).astype("float32")
    if "layer_scale" in name or (name.endswith("weight") and len(shape) == 1):
        return rng.uniform(0.5, 1.0, shape).astype("float32")
    if len(shape) <= 1:
        return (0.1 * rng.normal(size=shape)).astype("float32")
    return (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype("float32")


def assert_parity(model, name, modules_of):
    """The logits are the authors', from the same weights and image.

    Relative to the greatest; in float32 the authors' own are 6e-7 from theirs in float64.
    """
    assign(model, drawn_checkpoint(name), modules_of)
    with np.load(FOLDER / f"{name}.npz") as reference:
        size, expected = int(reference["size"]), reference["logits"]
    image = np.random.RandomState(0).uniform(size=(1, size, size, 3)).astype("float32")
    logits = np.asarray(model(image))
    assert logits.shape == expected.shape
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()
