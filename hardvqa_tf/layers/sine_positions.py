"""Sine positions: where a cell lies, as sines and cosines of growing wave lengths.

As in DETR and in the public code of LocFormer (Tripathi et al., WACV 2024). With n features for
each axis, y = 1..H and x = 1..W, counted from the top left,

    f_j = temperature^(2 floor(j/2) / n)      sin(y/f_j) for even j, cos(y/f_j) for odd j

first the n features of y, then the n of x. Normalised as in Deformable DETR, y is replaced by
(y - 0.5) / (H + 1e-6) · 2 pi, and x likewise: the same place of images of any size.

Letters: N rows, P = H·W cells, D = 2n width.
"""

import keras
import numpy as np
from keras import ops

from hardvqa_tf.layers.multi_head import check_positive
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class SinePositions(keras.layers.Layer):
    """Encodings of the places of a grid's cells, row by row from the top left.

    Args:
        height: H, rows of the grid.
        width: W, columns of the grid.
        dim: D, an even number; None: the width of the cells.
        normalized: places as shares of the grid's sides instead of counts of cells.
        temperature: the longest wave is about 2 pi times that long.

    Call arguments:
        cells: [N, P, any]; only its number of rows, and its width if `dim` is None, is used.

    Returns:
        float[N, P, D] in [-1, 1].

    Reference:
        Carion et al., "End-to-End Object Detection with Transformers",
        https://arxiv.org/abs/2005.12872.

    Example:
        >>> SinePositions(1, 3)(np.zeros((1, 3, 2)))[0]
        [[0.84, 0.84], [0.84, 0.91], [0.84, 0.14]]
    """

    def __init__(
        self, height, width, dim=None, normalized=False, temperature=10_000.0, **kwargs
    ):
        super().__init__(**kwargs)
        check_positive(height=height, width=width)
        if dim is not None:
            _check_even(dim)
        if not temperature > 0:
            raise ValueError(
                "`temperature` must be above 0. Received: "
                f"temperature={temperature!r}. The published models have 10000."
            )
        self.height = height
        self.width = width
        self.dim = dim
        self.normalized = normalized
        self.temperature = temperature

    def build(self, cells_shape):
        check_rank(cells_shape, "NPD")
        if cells_shape[1] != self.height * self.width:
            raise ValueError(
                f"`cells` must hold height·width = {self.height}·{self.width} = "
                f"{self.height * self.width} cells. Received: cells of shape {cells_shape}. "
                "Pass the grid's own height and width."
            )
        n = _check_even(self._dim(cells_shape)) // 2
        y = self._waves(self.height, n)[:, None]  # [H, 1, n]
        x = self._waves(self.width, n)[None]  # [1, W, n]
        shape = (self.height, self.width, n)
        grid = [np.broadcast_to(y, shape), np.broadcast_to(x, shape)]
        self._grid = np.concatenate(grid, axis=-1).reshape(1, -1, 2 * n)  # [1, P, D]
        self.built = True

    def call(self, cells):
        grid = ops.convert_to_tensor(self._grid, dtype=self.compute_dtype)
        return ops.broadcast_to(grid, (ops.shape(cells)[0], *self._grid.shape[1:]))

    def compute_output_shape(self, cells_shape):
        return (*cells_shape[:2], self._dim(cells_shape))

    def get_config(self):
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "dim": self.dim,
            "normalized": self.normalized,
            "temperature": self.temperature,
        }

    def _dim(self, cells_shape):
        return cells_shape[-1] if self.dim is None else self.dim

    def _waves(self, size, n):
        """The n features of each place along an axis: float64[size, n]."""
        place = np.arange(1, size + 1, dtype=np.float64)
        if self.normalized:
            place = (place - 0.5) / (size + 1e-6) * 2 * np.pi
        j = np.arange(n)
        phase = place[:, None] / self.temperature ** (2 * (j // 2) / n)
        return np.where(j % 2 == 0, np.sin(phase), np.cos(phase))


def _check_even(dim):
    if not isinstance(dim, int) or dim < 2 or dim % 2:
        raise ValueError(
            "`dim` must be an even number of at least 2: one half is for y, the other for x. "
            f"Received: dim={dim!r}. Give `dim`, or cells of an even width."
        )
    return dim
