"""Small layers between images, their queries and the drawings of these, each a few lines.

Letters: B images, Q queries of an image, N = B·Q rows, S drawings of a query, T tokens of a
drawing, P = h·w cells, D width, E width of an embedding.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from hardvqa_tf.layers import cell_presence

_register = keras.saving.register_keras_serializable(package="hardvqa_tf")


@_register
class MergeDrawings(layers.Layer):
    """[B, Q, S, ...] -> [B·Q·S, ...]."""

    def call(self, inputs):
        return ops.reshape(inputs, (-1, *ops.shape(inputs)[3:]))

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[3:])


@_register
class JoinDrawings(layers.Layer):
    """The tokens of a query's drawings side by side: [B·Q·S, T, D] -> [N, S·T, D].

    Call arguments:
        tokens: float[B·Q·S, T, D].
        sketch_valid: bool[B, Q, S], for B, Q and S.
    """

    def call(self, tokens, sketch_valid):
        b, q, s = ops.shape(sketch_valid)
        return ops.reshape(tokens, (b * q, s * tokens.shape[1], tokens.shape[2]))

    def compute_output_spec(self, tokens, sketch_valid):
        return keras.KerasTensor((None, None, tokens.shape[2]), dtype=tokens.dtype)


@_register
class ValidTokens(layers.Layer):
    """bool[B, Q, S] of drawings -> bool[N, S·T] of their tokens.

    Args:
        num_tokens: T.
    """

    def __init__(self, num_tokens, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = num_tokens

    def call(self, sketch_valid):
        b, q, s = ops.shape(sketch_valid)
        shape = (b, q, s, self.num_tokens)
        spread = ops.broadcast_to(sketch_valid[..., None], shape)
        return ops.reshape(spread, (b * q, s * self.num_tokens))

    def compute_output_spec(self, sketch_valid):
        return keras.KerasTensor((None, None), dtype="bool")

    def get_config(self):
        return {**super().get_config(), "num_tokens": self.num_tokens}


@_register
class GreatestToken(layers.Layer):
    """The maximum over the tokens that are valid, of each feature: [N, T, D] -> [N, D].

    Zeros where none is.
    """

    def call(self, tokens, valid):
        return greatest_of_valid(tokens, valid)

    def compute_output_spec(self, tokens, valid):
        return keras.KerasTensor((tokens.shape[0], tokens.shape[2]), dtype=self.compute_dtype)


def greatest_of_valid(tokens, valid):
    """See `GreatestToken`; float[N, T, D], bool[N, T] -> float[N, D]."""
    lowest = ops.full_like(tokens, -1e4)
    greatest = ops.max(ops.where(valid[..., None], tokens, lowest), axis=1)
    none = ops.zeros_like(greatest)
    return ops.where(ops.any(valid, axis=1, keepdims=True), greatest, none)


@_register
class GreatestOfDrawings(layers.Layer):
    """The maximum over a query's valid drawings, of each feature: [B·Q·S, h, w, D] -> [N, ...].

    Zeros where none is valid.
    """

    def call(self, grids, sketch_valid):
        b, q, s = ops.shape(sketch_valid)
        shape = grids.shape[1:]
        flat = ops.reshape(grids, (b * q, s, math.prod(shape)))
        greatest = greatest_of_valid(flat, ops.reshape(sketch_valid, (b * q, s)))
        return ops.reshape(greatest, (b * q, *shape))

    def compute_output_spec(self, grids, sketch_valid):
        return keras.KerasTensor((None, *grids.shape[1:]), dtype=grids.dtype)


@_register
class AnyDrawing(layers.Layer):
    """Whether a query has a valid drawing: bool[B, Q, S] -> bool[B, Q, 1]."""

    def call(self, sketch_valid):
        return ops.any(sketch_valid, axis=-1, keepdims=True)

    def compute_output_spec(self, sketch_valid):
        return keras.KerasTensor((*sketch_valid.shape[:2], 1), dtype="bool")


@_register
class MeanOfDrawings(layers.Layer):
    """The unit vectors of a query's valid drawings, as one: [B·Q·S, E] -> float32[N, E].

    Their mean, scaled to unit length; zeros where none is valid.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, vectors, sketch_valid):
        b, q, s = ops.shape(sketch_valid)
        vectors = ops.reshape(ops.cast(vectors, "float32"), (b * q, s, vectors.shape[-1]))
        valid = ops.reshape(sketch_valid, (b * q, s, 1))
        total = ops.sum(ops.where(valid, vectors, 0.0), axis=1)
        count = ops.sum(ops.cast(valid, "float32"), axis=1)
        return unit_length(total / ops.maximum(count, 1.0))

    def compute_output_spec(self, vectors, sketch_valid):
        return keras.KerasTensor((None, vectors.shape[-1]), dtype="float32")


@_register
class UnitLength(layers.Layer):
    """Vectors scaled to unit length, in float32: float[..., E] -> float32[..., E]."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, vectors):
        return unit_length(ops.cast(vectors, "float32"))

    def compute_output_spec(self, vectors):
        return keras.KerasTensor(vectors.shape, dtype="float32")


def unit_length(vectors):
    """Zeros stay zeros, with a gradient that is a number."""
    return vectors * ops.rsqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + 1e-12)


@_register
class InnerMean(layers.Layer):
    """The mean of a grid's cells without the outermost ones: [R, h, w, D] -> [R, D].

    Cells at the border hardly see what lies in the middle. A side of up to two has all its
    cells.
    """

    def call(self, grid):
        down, across = (int(side > 2) for side in grid.shape[1:3])
        h, w = grid.shape[1:3]
        return ops.mean(grid[:, down : h - down, across : w - across], axis=(1, 2))

    def compute_output_shape(self, grid_shape):
        return (grid_shape[0], grid_shape[3])


@_register
class RepeatForQueries(layers.Layer):
    """[B, ...] -> [N, ...], once for each query of an image.

    Call arguments:
        inputs: of images.
        sketch_valid: bool[B, Q, S], for Q.
    """

    def call(self, inputs, sketch_valid):
        b, q = ops.shape(sketch_valid)[:2]
        rest = ops.shape(inputs)[1:]
        spread = ops.broadcast_to(inputs[:, None], (b, q, *rest))
        return ops.reshape(spread, (b * q, *rest))

    def compute_output_spec(self, inputs, sketch_valid):
        return keras.KerasTensor((None, *inputs.shape[1:]), dtype=inputs.dtype)


@_register
class SplitQueries(layers.Layer):
    """[N, ...] -> [B, Q, ...], with B and Q those of `sketch_valid`."""

    def __init__(self, **kwargs):
        # autocast off: a float32 result stays float32 under mixed precision.
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs, sketch_valid):
        return ops.reshape(inputs, (*ops.shape(sketch_valid)[:2], *ops.shape(inputs)[1:]))

    def compute_output_spec(self, inputs, sketch_valid):
        shape = (*sketch_valid.shape[:2], *inputs.shape[1:])
        return keras.KerasTensor(shape, dtype=inputs.dtype)


@_register
class Similarity(layers.Layer):
    """The cosine of each query with each cell of its image, times a scale: float32[N, P].

    Args:
        scale: what it is multiplied by.

    Call arguments:
        queries: float32[N, E], of unit length.
        cells: float32[B, P, E], of unit length.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.scale = scale

    def call(self, queries, cells):
        b, p, e = ops.shape(cells)
        queries = ops.reshape(queries, (b, -1, e))
        cosine = ops.matmul(queries, ops.swapaxes(cells, 1, 2))  # [B, Q, P]
        return self.scale * ops.reshape(cosine, (-1, p))

    def compute_output_spec(self, queries, cells):
        return keras.KerasTensor((queries.shape[0], cells.shape[1]), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@_register
class Presence(layers.Layer):
    """The norm of every cell, see `layers.cell_presence`: [N, P, D] -> float32[N, P]."""

    def call(self, cells):
        return cell_presence(cells)

    def compute_output_spec(self, cells):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        return keras.KerasTensor(cells.shape[:2], dtype=wide)


@_register
class CellBoxes(layers.Layer):
    """A box around the centre of each cell, all of one size: float32[N, P, 4], (cx, cy, w, h).

    Args:
        height: h, rows of the grid.
        width: w, columns of the grid.
        size: width and height of the boxes, as a share of the image's sides.

    Call arguments:
        cells: [N, P, D]; only its number of rows is used.
    """

    def __init__(self, height, width, size, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.height = height
        self.width = width
        self.size = size

    def call(self, cells):
        y, x = np.indices((self.height, self.width)).reshape(2, -1)
        x, y = (x + 0.5) / self.width, (y + 0.5) / self.height
        size = np.full_like(x, self.size)
        boxes = np.stack([x, y, size, size], axis=-1).astype("float32")[None]
        boxes = ops.convert_to_tensor(boxes)
        return ops.broadcast_to(boxes, (ops.shape(cells)[0], *boxes.shape[1:]))

    def compute_output_spec(self, cells):
        return keras.KerasTensor((*cells.shape[:2], 4), dtype="float32")

    def get_config(self):
        own = {"height": self.height, "width": self.width, "size": self.size}
        return {**super().get_config(), **own}


@_register
class Columns(layers.Layer):
    """The features from `start` to `stop`: [..., D] -> [..., stop - start]."""

    def __init__(self, start, stop, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.start = start
        self.stop = stop

    def call(self, inputs):
        return inputs[..., self.start : self.stop]

    def compute_output_spec(self, inputs):
        shape = (*inputs.shape[:-1], self.stop - self.start)
        return keras.KerasTensor(shape, dtype=inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "start": self.start, "stop": self.stop}


@_register
class CountKept(layers.Layer):
    """Cells that are kept: bool[B, Q, h, w] -> int32[B, Q]; of a list of maps, of all."""

    def call(self, mask):
        masks = mask if isinstance(mask, list | tuple) else [mask]
        return sum(ops.sum(ops.cast(one, "int32"), axis=(2, 3)) for one in masks)

    def compute_output_spec(self, mask):
        first = mask[0] if isinstance(mask, list | tuple) else mask
        return keras.KerasTensor(first.shape[:2], dtype="int32")
