"""A small localizer and batches for it: all sizes differ, so that no swapped axis can hide."""

import itertools

import keras
import numpy as np
import pytest

from hardvqa_tf.configs import base
from hardvqa_tf.localize import slots

B, Q, S, G = 2, 3, 2, 2
HEIGHT, WIDTH, D = 3, 4, 8  # of the grid, P = 12
# Every guidance and every attention, most of them twice; the other pairs are slow.
SOON = [
    ("last", "han"),
    ("last", "none"),
    ("after", "adahan"),
    ("after", "han"),
    ("before", "none"),
    ("none", "adahan"),
]
PAIRS = [
    pair if pair in SOON else pytest.param(pair, marks=pytest.mark.slow)
    for pair in itertools.product(slots.GUIDANCES, slots.LOCALIZER_ATTENTIONS)
]


def name_of_pair(pair):
    return "-".join(pair)


def config(**changed):
    """The smallest parts; `guidance__where="after"` changes model.guidance.where."""
    config = base.get_config("localize")
    config.image_size = (24, 32)
    model = config.model
    model.edge_cnn = {"filters": (4, 8, 8), "depths": (1, 1, 2), "num_groups": 2}
    model.small_cnn.filters, model.small_cnn.strides = (4, 8, 8), (2, 2, 2)
    model.sketch.pixels = 16
    model.embedding_dim = 6
    model.guidance.num_heads, model.guidance.hidden_dim = 2, 10
    model.dense_head.hidden_dim = 9
    model.han.num_cells = 5
    model.decoder.num_heads, model.decoder.hidden_dim = 2, 7
    for key, value in changed.items():
        *sections, name = key.split("__")
        section = model
        for part in sections:
            section = section[part]
        section[name] = value
    return config


def spread_norms(model):
    """Gives a new model's cells norms that differ: at first all are equal, up to rounding."""
    change = model.get_layer("guided_out").kernel
    change.assign(keras.random.normal(change.shape, seed=4))


def inputs(b=B, q=Q, s=S, seed=0):
    rng = np.random.default_rng(seed)
    valid = rng.uniform(size=(b, q, s)) < 0.6
    valid[:, :, 0] = True
    strokes = rng.uniform(size=(b, q, s, 64, 64, 1)) < 0.2
    return {
        "image": rng.uniform(size=(b, 24, 32, 3)).astype("float32"),
        "sketch": strokes.astype("float32"),
        "sketch_valid": valid,
    }


def targets(b=B, q=Q, g=G, seed=1):
    """Boxes, which of them count, and the classes that are asked for."""
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(0.2, 0.8, size=(b, q, g, 4)).astype("float32")
    valid = rng.uniform(size=(b, q, g)) < 0.7
    valid[0, 0], valid[0, 1] = True, False  # one query of nothing
    classes = rng.permutation(b * q).reshape(b, q)
    return boxes, valid, classes
