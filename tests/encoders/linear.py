"""Encoders made linear, with kernels that average: their gradients show where a cell looks.

What `encoders.fields` leaves out is left out here in the layers themselves, by hand: a cell
attends to itself alone, activations and layer normalisation pass on what comes, the greatest of
a pool becomes its mean. Batch normalisation of a new model is linear when it predicts.
"""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.layers import (
    BiLevelRoutingAttention,
    EfficientAdditiveAttention,
    LayerScale,
    full_attention,
)


@contextlib.contextmanager
def linear_layers():
    """Layers that are called within this context are linear."""

    def itself(self, regions_of_query, key, value, *_):
        return value

    def only_value(query, key, value, *_):
        return value, None

    def without_others(self, cells):
        weights = keras.ops.ones_like(cells[..., 0])
        return {"cells": self.out(self.query(cells)), "weights": weights}

    def mean(self, inputs):
        return keras.ops.average_pool(inputs, self.pool_size, self.strides, self.padding)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BiLevelRoutingAttention, "_attend_to_gathered", itself)
        patch.setattr(BiLevelRoutingAttention, "_attend_under_mask", itself)
        patch.setattr(full_attention, "attend", only_value)
        patch.setattr(EfficientAdditiveAttention, "call", without_others)
        patch.setattr(keras.layers.LayerNormalization, "call", lambda self, inputs: inputs)
        patch.setattr(keras.layers.ReLU, "call", lambda self, inputs: inputs)
        patch.setattr(keras.layers.MaxPooling2D, "call", mean)
        yield


def make_averaging(model):
    """Kernels become their absolute values, divided by their sums; activations nothing."""
    for layer in model._flatten_layers():
        if hasattr(layer, "activation"):
            layer.activation = keras.activations.linear
        if isinstance(layer, LayerScale):
            layer.factor.assign(np.ones(layer.factor.shape))
        if getattr(layer, "kernel", None) is not None:
            kernel = np.abs(layer.kernel)
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            inputs = (0, 1) if depthwise else tuple(range(kernel.ndim - 1))
            layer.kernel.assign(kernel / kernel.sum(axis=inputs, keepdims=True))


def looked_at(model, cells):
    """|d cell / d pixel|, summed over features: float64[N, H, W].

    Args:
        model: after `make_averaging`; called within `linear_layers`.
        cells: N pairs (row, column).
    """
    image = tf.ones((1, *model.input_shape[1:]))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        grid = model(image, training=False)
        sums = [tf.reduce_sum(grid[0, row, column]) for row, column in cells]
    gradients = np.stack([tape.gradient(total, image)[0] for total in sums])
    return np.abs(gradients).sum(axis=-1, dtype=np.float64)
