"""Hard attention (HAN): keep the k cells with the greatest presence, drop the others.

Malinowski et al. (ECCV 2018, https://arxiv.org/abs/1808.00300): with presence
p_i = ||x_i||_2, the cells of the k greatest p_i go on to the aggregation and no other does.

Selection has no parameters and no gradient; the kept cells' *values* carry all of it, and
their norms follow from learning to answer.

Letters: N question rows, P cells of the grid, K kept cells, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers.presence import cell_presence
from hardvqa_tf.layers.selection import gather_cells, rank_cells, zero_unless
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class HardAttention(keras.layers.Layer):
    """Keeps a fixed number of cells, those with the greatest L2 norm.

    Of cells with equal presence the one with the lower index wins, so an all-zero grid keeps
    its first K cells. A cell with a NaN is the first to be dropped.

    Args:
        num_cells: K, cells kept, from 1 to P. Give this or `fraction`, not both.
        fraction: K as a share of P in (0, 1]: K = max(1, round(fraction·P)).
        mode: "gather" gives the K kept cells, in descending presence, so that later work
            really shrinks. "mask" gives all P cells with the dropped ones at zero: slower,
            the reference that "gather" is tested against.

    Call arguments:
        cells: float[N, P, D], P known when the layer is built.
        question: ignored; there so that all attentions are called alike.
        coordinates: float[N, P, 2], or of any other width, optional; travel with their cells.

    Returns:
        A dictionary: `cells` float[N, K, D]; `coordinates` float[N, K, 2] if they were given;
        `mask` bool[N, P], True = kept; `presence` float32[N, P].
        With mode="mask", `cells` is [N, P, D], and `valid` bool[N, P] says which rows count.
        With mode="gather" there is no `valid`: every row counts.

    Attributes:
        keep_all: True suspends the selection, so that every cell is kept. Set by the training
            loop for its first steps; not part of the layer's config.

    Reference:
        Malinowski et al., "Learning Visual Question Answering by Bootstrapping Hard
        Attention", https://arxiv.org/abs/1808.00300.

    Example:
        >>> cells = np.array([[[0.0, 1.0], [3.0, 4.0], [2.0, 0.0]]])
        >>> HardAttention(num_cells=2)(cells)["cells"]
        [[[3., 4.], [2., 0.]]]
    """

    def __init__(self, num_cells=None, fraction=None, mode="gather", **kwargs):
        super().__init__(**kwargs)
        if (num_cells is None) == (fraction is None):
            raise ValueError(
                "Exactly one of `num_cells` and `fraction` must be given. Received: "
                f"num_cells={num_cells!r}, fraction={fraction!r}. Pass e.g. num_cells=16, or "
                "fraction=0.25."
            )
        if num_cells is not None and (not isinstance(num_cells, int) or num_cells < 1):
            raise ValueError(
                "`num_cells` must be an integer between 1 and the number of cells. Received: "
                f"num_cells={num_cells!r}. Use `fraction` for a share of the cells."
            )
        if fraction is not None and not 0 < fraction <= 1:
            raise ValueError(
                "`fraction` must be a share of the cells in (0, 1]. Received: "
                f"fraction={fraction!r}. Use `num_cells` for a number of cells."
            )
        if mode not in ("gather", "mask"):
            raise ValueError(
                '`mode` must be "gather" or "mask". Received: '
                f'mode={mode!r}. Use "gather", unless you test against "mask".'
            )
        self.num_cells = num_cells
        self.fraction = fraction
        self.mode = mode
        self.keep_all = False

    def build(self, cells_shape):
        check_rank(cells_shape, "NPD")
        self._num_kept(cells_shape[1])  # raises now rather than while training
        self.built = True

    def call(self, cells, question=None, coordinates=None):
        p = cells.shape[1]
        num_kept = p if self.keep_all else self._num_kept(p)
        presence = cell_presence(cells)
        order, rank = rank_cells(presence)
        mask = ops.less(rank, num_kept)  # [N, P]
        outputs = {"mask": mask, "presence": presence}
        if self.mode == "mask":
            outputs.update(cells=zero_unless(mask, cells), valid=mask)
            if coordinates is not None:
                outputs["coordinates"] = coordinates
            return outputs
        kept = order[:, :num_kept]  # [N, K]
        outputs["cells"] = gather_cells(cells, kept)
        if coordinates is not None:
            outputs["coordinates"] = gather_cells(coordinates, kept)
        return outputs

    def _num_kept(self, p):
        if p is None:
            raise ValueError(
                "The number of cells must be known when the layer is built. Received: cells "
                "of shape [N, None, D]. Give the image encoder a fixed image size."
            )
        if self.fraction is not None:
            return max(1, round(self.fraction * p))
        if self.num_cells > p:
            raise ValueError(
                "`num_cells` must be between 1 and the number of cells. Received: "
                f"num_cells={self.num_cells} for a grid of {p} cells. Use a smaller number, "
                "or `fraction`."
            )
        return self.num_cells

    def compute_output_spec(self, cells, question=None, coordinates=None):
        n, p, d = cells.shape
        rows = p if self.mode == "mask" else self._num_kept(p)
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        outputs = {
            "cells": keras.KerasTensor((n, rows, d), dtype=self.compute_dtype),
            "mask": keras.KerasTensor((n, p), dtype="bool"),
            "presence": keras.KerasTensor((n, p), dtype=wide),
        }
        if self.mode == "mask":
            outputs["valid"] = keras.KerasTensor((n, p), dtype="bool")
        if coordinates is not None:
            shape = (n, rows, coordinates.shape[-1])
            outputs["coordinates"] = keras.KerasTensor(shape, dtype=self.compute_dtype)
        return outputs

    def get_config(self):
        return {
            **super().get_config(),
            "num_cells": self.num_cells,
            "fraction": self.fraction,
            "mode": self.mode,
        }
