"""Bi-level routing attention: every region chooses a few regions, its cells attend to theirs.

Zhu et al., "BiFormer: Vision Transformer with Bi-Level Routing Attention" (CVPR 2023,
https://arxiv.org/abs/2303.08810), as the authors' code has it (github.com/rayleizhu/BiFormer at
1697bbb, ops/bra_legacy.py). The grid is cut into S x S regions of equal size:

    [q; k; v] = W x + b                             for every cell
    q_r, k_r  = the means of q and k over region r, without gradient
    routes(r) = the regions with the K greatest  s · q_r · k_r'
    o_i       = softmax_j(s · q_i · k_j) v_j        j: all cells of the regions routes(r of i)
    y         = W_o (o + local(v)) + b_o            local: a depthwise convolution of the grid

in heads, but for the routes, which all heads share. s = 1/sqrt(Dk) of the *whole* width Dk and
not of a head's: the published weights were trained so. Routing has no parameters and no
gradient of its own; q and k learn by the attention between cells, and the routes follow.

Where we differ: where S does not divide the grid it is padded on the right and at the bottom,
and padding is left out of means, routes, attention and convolution. The authors' code lets it
take part (its keys and values are the biases); `mask_padding=False` does so too. And a question
may be added to every q (`use_question`), and so to q_r, by a product that starts at zero.

Letters: N rows, H W grid, S regions along each side, R = S·S regions, K routes of a region,
w cells of a region, D width, Dk of query and key, Dq of the question.
"""

import keras
import numpy as np
from keras import ops

from hardvqa_tf.layers.multi_head import (
    NEVER,
    attend,
    check_heads,
    check_kernel,
    check_positive,
    dense,
    question_projection,
)
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class BiLevelRoutingAttention(keras.layers.Layer):
    """Cells attend to the cells of those regions that their own region chose.

    With `top_k` = R it is full attention. Of regions with equal scores the one with the lower
    index comes first, row by row from the top left. A region of nothing but padding is never
    chosen; where `top_k` is more than the other regions, all of those are.

    Args:
        num_heads: heads of the attention; divides D and Dk.
        num_regions: S, regions along each side of the grid.
        top_k: K, regions that each region looks at, at most R.
        qk_dim: Dk. None: D.
        scale: of the logits. None: 1/sqrt(Dk).
        local_kernel: side of the depthwise convolution, odd; 0 for none.
        mask_padding: False lets padding take part as in the authors' code.
        mode: "gather" copies keys and values of the chosen regions, K copies of each on
            average, so that work shrinks with K. "mask" attends to all cells and masks what
            was not chosen: the reference.
        use_question: whether a product of the question, zero at first, is added to q.

    Call arguments:
        cells: float[N, H, W, D], the grid; H and W known when the layer is built.
        question: float[N, Dq]; needed with `use_question`, else ignored.

    Returns:
        A dictionary: `cells` float[N, H, W, D]; `routes` bool[N, R, R], True where the region
        of the row looks at the region of the column; `scores` float32[N, R, R], by which it
        chose, -1e30 for a region of nothing but padding.

    Attributes:
        qkv, out: the `Dense` layers W and W_o; local: the convolution, or None.

    Reference:
        Zhu et al., "BiFormer: Vision Transformer with Bi-Level Routing Attention",
        https://arxiv.org/abs/2303.08810.

    Example:
        >>> attention = BiLevelRoutingAttention(num_heads=2, num_regions=5, top_k=4)
        >>> seen = attention(np.ones((3, 10, 10, 8)))
        >>> seen["cells"].shape, seen["routes"].shape
        ((3, 10, 10, 8), (3, 25, 25))
    """

    def __init__(
        self,
        num_heads=8,
        num_regions=7,
        top_k=4,
        qk_dim=None,
        scale=None,
        local_kernel=5,
        mask_padding=True,
        mode="gather",
        use_question=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads, num_regions=num_regions, top_k=top_k)
        check_kernel(local_kernel)
        if top_k > num_regions**2:
            raise ValueError(
                "`top_k` must not be more than the number of regions. Received: "
                f"top_k={top_k} of {num_regions}x{num_regions} regions ({num_regions**2}). "
                "Use a smaller number, or more regions."
            )
        if qk_dim is not None:
            check_positive(qk_dim=qk_dim)
            check_heads(num_heads, qk_dim=qk_dim)
        if mode not in ("gather", "mask"):
            raise ValueError(
                '`mode` must be "gather" or "mask". Received: '
                f'mode={mode!r}. Use "gather"; "mask" is the reference.'
            )
        self.num_heads = num_heads
        self.num_regions = num_regions
        self.top_k = top_k
        self.qk_dim = qk_dim
        self.scale = scale
        self.local_kernel = local_kernel
        self.mask_padding = mask_padding
        self.mode = mode
        self.use_question = use_question
        self.qkv = self.out = self.local = self.question_projection = None

    def build(self, cells_shape, question_shape=None):
        check_rank(cells_shape, "NHWD")
        n, height, width, d = cells_shape
        if height is None or width is None:
            raise ValueError(
                "The grid's height and width must be known when the layer is built. Received: "
                f"cells of shape {cells_shape}. Give the image encoder a fixed image size."
            )
        check_heads(self.num_heads, **{"the cells' width": d})
        qk_dim = self.qk_dim or d
        self.qkv = dense(2 * qk_dim + d, "qkv", self.dtype_policy)
        self.qkv.build(cells_shape)
        if self.local_kernel:
            self.local = local_convolution(self.local_kernel, self.dtype_policy)
            self.local.build(cells_shape)
        self.out = dense(d, "out", self.dtype_policy)
        self.out.build(cells_shape)
        if self.use_question:
            self.question_projection = question_projection(
                question_shape, qk_dim, self.dtype_policy
            )
        self.built = True

    def call(self, cells, question=None):
        height, width, d = cells.shape[1:]
        if not self.mask_padding:
            cells = self._pad(cells)
        qk_dim = self.qk_dim or d
        query, key, value = ops.split(self.qkv(cells), [qk_dim, 2 * qk_dim], axis=-1)
        if self.question_projection is not None:
            query = query + self.question_projection(question)[:, None, None]
        real = self._real_cells(*cells.shape[1:3])  # [R, w]
        regions = [self._to_regions(self._pad(x)) for x in (query, key, value)]  # [N, R, w, D]
        scores = self._scores(regions[0], regions[1], real)  # [N, R, R]
        order = ops.argsort(-scores, axis=-1)  # stable: equal scores stay in order
        routes = ops.less(ops.argsort(order, axis=-1), self.top_k)  # [N, R, R]
        if not real.all():
            routes = ops.logical_and(routes, ops.convert_to_tensor(real.any(axis=1)))
        if self.mode == "gather" and self.top_k < self.num_regions**2:
            attended = self._attend_to_gathered(*regions, order, real)
        else:
            attended = self._attend_under_mask(*regions, routes, real)
        attended = self._to_grid(attended, *cells.shape[1:3])  # [N, H, W, D]
        if self.local is not None:
            attended = attended + self.local(value)
        refined = self.out(attended)[:, :height, :width]  # the padding of the authors' way
        return {"cells": refined, "routes": routes, "scores": scores}

    def _scores(self, query, key, real):
        """s · q_r · k_r' of all pairs of regions: float32[N, R, R]."""
        # In float32 at least: with bfloat16 many scores would tie.
        wide = keras.backend.result_type(query.dtype, "float32")
        # Padding is zero here, so that it counts in the divisor only.
        counts = np.maximum(real.sum(axis=1), 1)[:, None]  # [R, 1]
        counts = ops.convert_to_tensor(counts, dtype=wide)
        query, key = (
            ops.sum(ops.cast(ops.stop_gradient(x), wide), axis=2) / counts for x in (query, key)
        )  # [N, R, Dk]
        scores = ops.matmul(query * self._scale(), ops.swapaxes(key, 1, 2))
        if real.all():
            return scores
        exists = ops.convert_to_tensor(real.any(axis=1))  # [R]
        return ops.where(exists, scores, ops.full_like(scores, NEVER))

    def _scale(self):
        qk_dim = self.qk_dim or self.out.units
        return qk_dim**-0.5 if self.scale is None else self.scale

    def _attend_to_gathered(self, query, key, value, order, real):
        routes = order[:, :, : self.top_k]  # [N, R, K]
        key, value = _gather_regions(key, routes), _gather_regions(value, routes)
        keep = None
        if not real.all():
            keep = ops.take(ops.convert_to_tensor(real), routes, axis=0)  # [N, R, K, w]
            keep = ops.reshape(keep, (-1, real.shape[0], 1, self.top_k * real.shape[1]))
        return attend(query, key, value, self.num_heads, self._scale(), keep)[0]

    def _attend_under_mask(self, query, key, value, routes, real):
        r, w = real.shape
        keep = None
        if self.top_k < r or not real.all():
            keep = ops.repeat(ops.repeat(routes, w, axis=1), w, axis=2)  # [N, R·w, R·w]
            keep = ops.logical_and(keep, ops.convert_to_tensor(real.reshape(-1)))
        query, key, value = (
            ops.reshape(x, (-1, r * w, x.shape[-1])) for x in (query, key, value)
        )
        attended, _ = attend(query, key, value, self.num_heads, self._scale(), keep)
        return ops.reshape(attended, (-1, r, w, attended.shape[-1]))

    def _padded(self, size):
        """The least multiple of S that is not below `size`."""
        return -(-size // self.num_regions) * self.num_regions

    def _pad(self, grid):
        height, width = grid.shape[1:3]
        below, right = self._padded(height) - height, self._padded(width) - width
        if not (below or right):
            return grid
        return ops.pad(grid, [(0, 0), (0, below), (0, right), (0, 0)])

    def _real_cells(self, height, width):
        """Which cells of the regions are no padding: bool[R, w]."""
        real = np.zeros((1, self._padded(height), self._padded(width), 1), bool)
        real[:, :height, :width] = True
        return _cut(np, real, self.num_regions)[0, :, :, 0]

    def _to_regions(self, grid):
        """[N, H, W, D] -> [N, R, w, D]."""
        return _cut(ops, grid, self.num_regions)

    def _to_grid(self, regions, height, width):
        """[N, R, w, D] -> [N, H, W, D]."""
        s = self.num_regions
        high, wide = self._padded(height) // s, self._padded(width) // s
        grid = ops.reshape(regions, (-1, s, s, high, wide, regions.shape[-1]))
        grid = ops.transpose(grid, (0, 1, 3, 2, 4, 5))
        grid = ops.reshape(grid, (-1, s * high, s * wide, regions.shape[-1]))
        return grid[:, :height, :width]

    def field_branches(self):
        """From cells to cells without attention: in place, and through the convolution."""
        return [[]] if self.local is None else [[], [self.local]]

    def compute_output_spec(self, cells, question=None):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        n, r = cells.shape[0], self.num_regions**2
        return {
            "cells": keras.KerasTensor(cells.shape, dtype=self.compute_dtype),
            "routes": keras.KerasTensor((n, r, r), dtype="bool"),
            "scores": keras.KerasTensor((n, r, r), dtype=wide),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "num_regions": self.num_regions,
            "top_k": self.top_k,
            "qk_dim": self.qk_dim,
            "scale": self.scale,
            "local_kernel": self.local_kernel,
            "mask_padding": self.mask_padding,
            "mode": self.mode,
            "use_question": self.use_question,
        }


def local_convolution(kernel_size, dtype):
    """A depthwise convolution that keeps the grid's size, started as torch starts it."""
    limit = 1 / kernel_size  # one over the root of the inputs of a feature
    return keras.layers.DepthwiseConv2D(
        kernel_size,
        padding="same",
        depthwise_initializer=keras.initializers.RandomUniform(-limit, limit),
        dtype=dtype,
        name="local",
    )


def _cut(library, grid, s):
    """A grid that S divides, [N, H, W, D] -> [N, R, w, D]; of NumPy or `keras.ops`."""
    height, width, d = grid.shape[1:]
    grid = library.reshape(grid, (-1, s, height // s, s, width // s, d))
    grid = library.transpose(grid, (0, 1, 3, 2, 4, 5))
    return library.reshape(grid, (-1, s * s, (height // s) * (width // s), d))


def _gather_regions(regions, routes):
    """[N, R, w, D] and int32[N, R, K] -> [N, R, K·w, D].

    One `take` over all rows' regions: see `selection.gather_cells`.
    """
    _, r, w, d = regions.shape
    n, _, k = ops.shape(routes)
    first_region = ops.arange(n, dtype="int32")[:, None, None] * r
    index = ops.cast(routes, "int32") + first_region
    taken = ops.take(ops.reshape(regions, (-1, w * d)), index, axis=0)  # [N, R, K, w·D]
    return ops.reshape(taken, (-1, r, k * w, d))
