"""Adaptive hard attention (AdaHAN): keep as many cells as the input asks for.

Malinowski et al. (ECCV 2018, https://arxiv.org/abs/1808.00300): the softmax of the presence
over the P cells of the grid is a distribution; the cells that hold at least the uniform
level are kept,

    p = softmax_P(||x_1||, ..., ||x_P||),    keep i where p_i >= 1/P.

Whether the paper feeds the norm or the squared norm to the softmax, and compares with `>` or
`>=`, is not known. We take the norm, since the square saturates the softmax, and `>=`, so
that a grid of equal cells is kept whole.

As in hard attention, selection has no parameters and no gradient.

Where shapes must be static, K is the upper limit and not the next of a few sizes: a program
that chooses one of several branches by the data needs the same shape from each, and [N, K, D]
differs in K. Only behind the aggregator do shapes agree again; so it is there that cells are
cut to the next of a few sizes: `buckets` of `RelationNetwork`.

Letters: N question rows, P cells of the grid, K the most cells that a row of this batch
keeps, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers.presence import cell_presence
from hardvqa_tf.layers.selection import gather_cells, rank_cells, zero_unless
from hardvqa_tf.layers.shapes import check_rank

# Equal cells hold 1/P only up to the rounding of a softmax; below this relative difference a
# probability counts as equal to the threshold. Float32 softmax errs by some 1e-7 to 1e-6.
TOLERANCE = 1e-5


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class AdaptiveHardAttention(keras.layers.Layer):
    """Keeps the cells whose share of the presence reaches a threshold.

    The strongest cell is always kept, whatever the threshold. A grid of equal cells (all
    zero, for instance) is kept whole by the default threshold. Of cells with equal presence
    the one with the lower index comes first, which matters under `max_cells`. A cell with a
    NaN is never kept, unless all are.

    Args:
        threshold: least probability of a kept cell, in (0, 1]. None: 1/P, the uniform level.
        norm: what the softmax is taken over: "l2", the norm, or "squared", its square.
        max_cells: upper limit to the number of kept cells; the strongest stay. None: P.
        mode: "gather" gives the kept cells in descending presence, padded with zeros to the
            longest row of the batch. "mask" gives all P cells with the dropped ones at zero:
            slower, the reference, and what to use under XLA, which cannot have a K that
            depends on the data.

    Call arguments:
        cells: float[N, P, D], P known when the layer is built.
        question: ignored; there so that all attentions are called alike.
        coordinates: float[N, P, 2], or of any other width, optional; travel with their cells.

    Returns:
        A dictionary: `cells` float[N, K, D]; `valid` bool[N, K], False for padding;
        `coordinates` float[N, K, 2] if they were given; `mask` bool[N, P], True = kept;
        `presence` float32[N, P], always the L2 norm.
        K is the largest count of the batch with mode="gather" on the TensorFlow and torch
        backends, `max_cells` or P on the others, P with mode="mask".

    Attributes:
        keep_all: True suspends the selection, so that every cell is kept. Set by the training
            loop for its first steps; not part of the layer's config.

    Reference:
        Malinowski et al., "Learning Visual Question Answering by Bootstrapping Hard
        Attention", https://arxiv.org/abs/1808.00300.

    Example:
        >>> cells = np.array([[[9.0], [0.0], [9.0]], [[0.0], [8.0], [1.0]]])
        >>> AdaptiveHardAttention()(cells)["mask"]
        [[True, False, True], [False, True, False]]
    """

    def __init__(self, threshold=None, norm="l2", max_cells=None, mode="gather", **kwargs):
        super().__init__(**kwargs)
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(
                "`threshold` must be a probability in (0, 1], or None for 1/P. Received: "
                f"threshold={threshold!r}. The uniform level of a grid of P cells is 1/P."
            )
        if norm not in ("l2", "squared"):
            raise ValueError(
                '`norm` must be "l2" or "squared". Received: '
                f'norm={norm!r}. Use "l2": the square saturates the softmax.'
            )
        if max_cells is not None and (not isinstance(max_cells, int) or max_cells < 1):
            raise ValueError(
                "`max_cells` must be a positive integer, or None for no limit. Received: "
                f"max_cells={max_cells!r}. At least one cell is always kept."
            )
        if mode not in ("gather", "mask"):
            raise ValueError(
                '`mode` must be "gather" or "mask". Received: '
                f'mode={mode!r}. Use "gather", or "mask" under XLA.'
            )
        self.threshold = threshold
        self.norm = norm
        self.max_cells = max_cells
        self.mode = mode
        self.keep_all = False
        # Tells Keras not to compile a model that holds this layer with XLA.
        self.supports_jit = not (mode == "gather" and _shapes_may_be_dynamic())

    def build(self, cells_shape):
        check_rank(cells_shape, "NPD")
        if cells_shape[1] is None:
            raise ValueError(
                "The number of cells must be known when the layer is built. Received: cells "
                f"of shape {cells_shape}. Give the image encoder a fixed image size."
            )
        self.built = True

    def call(self, cells, question=None, coordinates=None):
        presence = cell_presence(cells)
        order, mask = self._select(cells, presence)
        outputs = {"mask": mask, "presence": presence}
        if self.mode == "mask":
            outputs.update(cells=zero_unless(mask, cells), valid=mask)
            if coordinates is not None:
                outputs["coordinates"] = coordinates
            return outputs
        counts = ops.sum(ops.cast(mask, "int32"), axis=1)  # [N]
        k = ops.max(counts) if _shapes_may_be_dynamic() else self._max_kept(cells.shape[1])
        kept = order[:, :k]  # [N, K]
        valid = ops.less(ops.arange(k, dtype="int32")[None], counts[:, None])  # [N, K]
        outputs.update(cells=zero_unless(valid, gather_cells(cells, kept)), valid=valid)
        if coordinates is not None:
            outputs["coordinates"] = zero_unless(valid, gather_cells(coordinates, kept))
        return outputs

    def _select(self, cells, presence):
        """The cells by descending presence, int32[N, P], and which are kept, bool[N, P]."""
        p = cells.shape[1]
        order, rank = rank_cells(presence)
        level = ops.stop_gradient(presence if self.norm == "l2" else ops.square(presence))
        level = ops.where(ops.isnan(level), ops.full_like(level, -float("inf")), level)
        probability = ops.softmax(level, axis=-1)
        threshold = 1.0 / p if self.threshold is None else self.threshold
        mask = ops.greater_equal(probability, threshold * (1.0 - TOLERANCE))
        if self.keep_all:
            mask = ops.ones_like(mask)
        # The strongest is kept, and no more than the limit. Cells that pass come first in the
        # order, since probability grows with presence: the kept ones are a prefix of it.
        mask = ops.logical_or(mask, ops.equal(rank, 0))
        mask = ops.logical_and(mask, ops.less(rank, self._max_kept(p)))
        return order, mask

    def _max_kept(self, p):
        unlimited = self.keep_all or self.max_cells is None
        return p if unlimited else min(self.max_cells, p)

    def compute_output_spec(self, cells, question=None, coordinates=None):
        n, p, d = cells.shape
        rows = p
        if self.mode == "gather":
            rows = None if _shapes_may_be_dynamic() else self._max_kept(p)
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        outputs = {
            "cells": keras.KerasTensor((n, rows, d), dtype=self.compute_dtype),
            "valid": keras.KerasTensor((n, rows), dtype="bool"),
            "mask": keras.KerasTensor((n, p), dtype="bool"),
            "presence": keras.KerasTensor((n, p), dtype=wide),
        }
        if coordinates is not None:
            shape = (n, rows, coordinates.shape[-1])
            outputs["coordinates"] = keras.KerasTensor(shape, dtype=self.compute_dtype)
        return outputs

    def get_config(self):
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "norm": self.norm,
            "max_cells": self.max_cells,
            "mode": self.mode,
        }


def _shapes_may_be_dynamic():
    return keras.backend.backend() in ("tensorflow", "torch")
