"""Multi-scale deformable attention: an object looks at a few places of each of several maps.

Zhu et al., "Deformable DETR" (ICLR 2021, https://arxiv.org/abs/2010.04159). Of an object q with
a reference, in each head m, on each map l, at each of K points,

    offset = W_o q + b      weight = softmax over maps and points of W_a q
    place  = point + offset / (w_l, h_l)               of a reference that is a point (x, y)
    place  = (cx, cy) + offset / K * (w, h) / 2        of a box (cx, cy, w, h)
    out    = W_out concat_m sum_{l,k} weight * value_l(place)          value = W_v cell

value_l(place) is bilinear between the centres of four cells, the first of which lies half a
cell from the border; beyond the border are zeros. Points start around the reference: W_o is
zero and b gives the points of head m the direction 2 pi m / M, one further out than the other.

The work does not depend on the number of cells, but for W_v.

Letters: N rows, O objects, L maps of h_l w_l cells, P = sum_l h_l·w_l cells, M heads, K points
of a head on each map, D width of the objects, Dm of the cells.
"""

import keras
import numpy as np
from keras import ops

from hardvqa_tf.layers.multi_head import check_heads, check_positive
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class DeformableAttention(keras.layers.Layer):
    """Lets objects look at places of several maps, near where they are.

    Args:
        map_shapes: (h, w) of each map, in the order of the cells.
        num_heads: M; divides D.
        num_points: K.

    Call arguments:
        objects: float[N, O, D]; with their positions, if they have any.
        references: float[N, O, 2 or 4] in [0, 1] of the image, points (x, y) or boxes
            (cx, cy, w, h); or float[N, O, L, 2 or 4], one for each map, where maps are padded.
        cells: float[N, P, Dm], of all maps one after the other, each row by row.
        cells_valid: bool[N, P], optional; False is padding, whose value is zero.

    Returns:
        float[N, O, D].

    Attributes:
        offsets_dense, weights_dense, value_dense, out_dense: W_o, W_a, W_v and W_out.

    Reference:
        Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection",
        https://arxiv.org/abs/2010.04159.

    Example:
        >>> attention = DeformableAttention([(4, 6), (2, 3)], num_heads=2)
        >>> points = np.full((3, 5, 2), 0.5)
        >>> attention(np.ones((3, 5, 8)), points, np.ones((3, 30, 7))).shape
        (3, 5, 8)
    """

    def __init__(self, map_shapes, num_heads=8, num_points=4, **kwargs):
        # autocast off: references keep their precision.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads, num_points=num_points)
        self.map_shapes = check_map_shapes(map_shapes)
        self.num_heads = num_heads
        self.num_points = num_points
        self.offsets_dense = self.weights_dense = self.value_dense = self.out_dense = None

    def build(self, objects_shape, references_shape, cells_shape, cells_valid_shape=None):
        check_rank(objects_shape, "NPD", "objects")
        check_rank(cells_shape, "NPD")
        if len(references_shape) not in (3, 4) or references_shape[-1] not in (2, 4):
            raise ValueError(
                "`references` must be points (x, y) or boxes (cx, cy, w, h), [N, O, 2 or 4], "
                "or one for each map, [N, O, L, 2 or 4]. Received: references of shape "
                f"{tuple(references_shape)}."
            )
        if len(references_shape) == 4 and references_shape[2] not in (1, len(self.map_shapes)):
            raise ValueError(
                f"`references` must be one for each of {len(self.map_shapes)} maps. Received: "
                f"references of shape {tuple(references_shape)}. Pass [N, O, 2 or 4] for the "
                "same on all maps."
            )
        check_map_cells(self.map_shapes, cells_shape)
        d, places = objects_shape[-1], self.num_heads * len(self.map_shapes) * self.num_points
        check_heads(self.num_heads, **{"the objects' width": d})
        self.offsets_dense = self._dense(
            2 * places, "offsets", "zeros", keras.initializers.Constant(self._first_offsets())
        )
        self.weights_dense = self._dense(places, "weights", "zeros")
        self.value_dense = self._dense(d, "value")
        self.out_dense = self._dense(d, "out")
        for dense in (self.offsets_dense, self.weights_dense, self.out_dense):
            dense.build(objects_shape)
        self.value_dense.build(cells_shape)
        self.built = True

    def _dense(self, units, name, kernel="glorot_uniform", bias="zeros"):
        return keras.layers.Dense(
            units,
            kernel_initializer=kernel,
            bias_initializer=bias,
            dtype=self.dtype_policy,
            name=name,
        )

    def _first_offsets(self):
        """b: float64[M·L·K·2]."""
        angle = 2 * np.pi * np.arange(self.num_heads) / self.num_heads
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)  # [M, 2]
        direction /= np.abs(direction).max(axis=-1, keepdims=True)
        steps = np.arange(1, self.num_points + 1)[:, None]  # [K, 1]
        one_map = direction[:, None, None] * steps  # [M, 1, K, 2]
        shape = (self.num_heads, len(self.map_shapes), self.num_points, 2)
        return np.broadcast_to(one_map, shape).reshape(-1)

    def call(self, objects, references, cells, cells_valid=None):
        objects, cells = (ops.cast(x, self.compute_dtype) for x in (objects, cells))
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        n, o, d = (*ops.shape(objects)[:2], objects.shape[-1])
        m, num_maps, k = self.num_heads, len(self.map_shapes), self.num_points

        offsets = ops.cast(self.offsets_dense(objects), wide)
        offsets = ops.reshape(offsets, (n, o, m, num_maps, k, 2))
        places = self._places(ops.cast(references, wide), offsets)
        weights = ops.reshape(self.weights_dense(objects), (n, o, m, num_maps * k))
        weights = ops.softmax(ops.cast(weights, wide), axis=-1)
        weights = ops.reshape(weights, (n, o, m, num_maps, k))
        values = self.value_dense(cells)
        if cells_valid is not None:
            values = ops.where(cells_valid[..., None], values, ops.zeros_like(values))
        values = ops.reshape(values, (n, values.shape[1], m, d // m))
        return self.out_dense(look_up(values, self.map_shapes, places, weights))

    def _places(self, references, offsets):
        """float[N, O, M, L, K, 2], (x, y) in [0, 1] of the image where they are inside it."""
        if len(references.shape) == 3:
            references = references[:, :, None]
        references = references[:, :, None, :, None]  # [N, O, 1, L or 1, 1, 2 or 4]
        if references.shape[-1] == 2:
            return references + offsets / _sizes(self.map_shapes, offsets.dtype)
        half = references[..., 2:] / 2
        return references[..., :2] + offsets / self.num_points * half

    def compute_output_spec(self, objects, *args, **kwargs):
        return keras.KerasTensor(objects.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "map_shapes": self.map_shapes,
            "num_heads": self.num_heads,
            "num_points": self.num_points,
        }


def look_up(values, map_shapes, places, weights):
    """Weighted sums of what lies at places of several maps, bilinear between four cells.

    Args:
        values: float[N, P, M, Dh], of the cells, in heads.
        map_shapes: (h, w) of each map.
        places: float[N, O, M, L, K, 2], (x, y) in [0, 1] of the image; elsewhere are zeros.
        weights: float[N, O, M, L, K].

    Returns:
        float[N, O, M·Dh].
    """
    n, o = ops.shape(places)[:2]
    p, m, dh = values.shape[1:]
    sizes = _sizes(map_shapes, places.dtype)  # [L, 1, 2]
    # Further out is nothing either; and integers have an end.
    pixels = ops.minimum(ops.maximum(places * sizes - 0.5, -1.0), sizes)
    low = ops.floor(pixels)
    near = pixels - low  # how near to the next cell, (x, y)
    cells = [h * w for h, w in map_shapes]
    first = np.cumsum([0, *cells[:-1]]).astype("int32")[:, None]  # [L, 1]
    heights, widths = np.array(map_shapes, "int32").T[..., None]  # [L, 1] each
    column, row = (ops.cast(low[..., i], "int32") for i in (0, 1))
    numbers, shares = [], []
    for right in (0, 1):
        for down in (0, 1):
            x, y = column + right, row + down
            inside = (x >= 0) & (x < widths) & (y >= 0) & (y < heights)
            share = weights
            for i, far in enumerate((right, down)):
                share = share * (near[..., i] if far else 1.0 - near[..., i])
            # A product: what is not a number stays none, and training tells of it.
            shares.append(share * ops.cast(inside, share.dtype))
            # Clipped as integers: of a place that is not a number, too, there is a cell.
            x, y = (ops.clip(at, 0, end - 1) for at, end in ((x, widths), (y, heights)))
            numbers.append(first + y * widths + x)
    shape = (n, o, m, 4 * np.prod(numbers[0].shape[3:]))  # [N, O, M, S]
    number = ops.reshape(ops.stack(numbers, axis=-1), shape)
    share = ops.reshape(ops.stack(shares, axis=-1), shape)
    # One `take` over all rows and heads, see `selection.gather_cells`.
    start = ops.reshape(ops.arange(n * m, dtype="int32") * p, (n, 1, m, 1))
    rows = ops.reshape(ops.transpose(values, (0, 2, 1, 3)), (n * m * p, dh))
    looked_at = ops.take(rows, start + number, axis=0)  # [N, O, M, S, Dh]
    share = ops.cast(share, values.dtype)[..., None, :]
    return ops.reshape(ops.matmul(share, looked_at), (n, o, m * dh))


def check_map_shapes(map_shapes):
    """A tuple of (h, w); raises a `ValueError` unless all are positive integers."""
    shapes = tuple(tuple(shape) for shape in map_shapes)
    right = all(
        len(shape) == 2 and all(isinstance(side, int) and side > 0 for side in shape)
        for shape in shapes
    )
    if not shapes or not right:
        raise ValueError(
            "`map_shapes` must hold (h, w) of each map, positive integers, at least one. "
            f"Received: map_shapes={map_shapes!r}. Pass e.g. [(32, 40), (16, 20)]."
        )
    return shapes


def check_map_cells(map_shapes, cells_shape):
    """Raises a `ValueError` unless there are as many cells as all maps have."""
    total = sum(h * w for h, w in map_shapes)
    if cells_shape[1] != total:
        sums = " + ".join(f"{h}·{w}" for h, w in map_shapes)
        raise ValueError(
            f"`cells` must be those of all maps, {sums} = {total}. Received: cells of shape "
            f"{tuple(cells_shape)}. Pass `map_shapes` of the maps that the cells are of."
        )


def _sizes(map_shapes, dtype):
    """[L, 1, 2], (w, h) of each map."""
    return ops.convert_to_tensor([[(w, h)] for h, w in map_shapes], dtype=dtype)
