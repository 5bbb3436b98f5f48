"""Multiply-adds of an image encoder, counted from the built model, as papers' tables have them.

A convolution or a linear layer multiplies its whole kernel at every cell that it gives;
attention multiplies queries with keys and weights with values. What works on each number once
is left out, as in `operations`. Where a table says FLOPs of an encoder, it means these: one
multiplication and one addition are one.

    python -m benchmarks.encoder_operations --image_size 224 224 swiftformer_xs biformer_t

Letters: P cells of the grid, R regions, w cells of a region, K routes of a region, D width.
"""

import argparse
import math

import keras

from hardvqa_tf import encoders, layers


def multiply_adds(model):
    """Counts one image's.

    Args:
        model: a functional model of Keras's layers and of this repository's attentions.

    Returns:
        A dictionary: `linear`, of convolutions and linear layers; `attention`, of products of
        queries, keys, weights and values, routing between regions included.
    """
    linear = attention = 0
    for layer in model.layers:
        if not layer.weights:
            continue
        # Attentions give several tensors, cells first (in the order of their names).
        output = layer.output[0] if isinstance(layer.output, list) else layer.output
        cells = math.prod(output.shape[1:-1])
        linear += sum(cells * math.prod(kernel.shape) for kernel in _kernels(layer))
        attention += _products(layer, output.shape)
    return {"linear": linear, "attention": attention}


def _kernels(layer):
    """The kernels of a layer and of those within it."""
    parts = list(layer._flatten_layers(recursive=True, include_self=True))
    return [part.kernel for part in parts if hasattr(part, "kernel")]


def _products(layer, shape):
    """Of queries and keys, and of weights and values."""
    if isinstance(layer, layers.BiLevelRoutingAttention):
        p, d = math.prod(shape[1:3]), shape[-1]
        r = layer.num_regions**2
        looked_at = p * layer.top_k // r  # K · w, without padding
        qk_dim = layer.qk_dim or d
        return p * looked_at * (qk_dim + d) + r * r * qk_dim
    if isinstance(layer, layers.FullAttention):
        p, d = math.prod(shape[1:3]), shape[-1]
        return 2 * p * p * d
    return 0


def trained_parameters(model):
    """Parameters as PyTorch counts them: without the statistics of batch normalisation."""
    return sum(math.prod(variable.shape) for variable in model.trainable_weights)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="+", help="encoders, e.g. swiftformer_xs")
    parser.add_argument("--image_size", nargs=2, type=int, default=(224, 224))
    arguments = parser.parse_args()
    for name in arguments.names:
        model = getattr(encoders, name)(tuple(arguments.image_size), num_classes=1000)
        counts = multiply_adds(model)
        print(
            f"{name}: {trained_parameters(model):,} parameters, {counts['linear'] / 1e9:.3f} G "
            f"multiply-adds in convolutions and linear layers, {counts['attention'] / 1e9:.3f} "
            "G in attention"
        )
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
