"""Where each cell of the grid lies: its x and y between -1 and 1.

Relation networks append them to every cell (Santoro et al., 2017), so that pairs of cells
can be compared by place; after a gather, nothing else would say where a cell was.

Letters: N question rows, P = height·width cells, D width.
"""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class CellCoordinates(keras.layers.Layer):
    """The centres of the grid's cells, row by row from the top left.

    The outermost cells' centres are at -1 and 1; the only cell of an axis of one is at 0.

    Args:
        height: rows of the grid.
        width: columns of the grid.

    Call arguments:
        cells: [N, P, D]; only its number of rows is used.

    Returns:
        float[N, P, 2] in [-1, 1]: x from left to right, y from top to bottom.

    Reference:
        Santoro et al., "A simple neural network module for relational reasoning",
        https://arxiv.org/abs/1706.01427.

    Example:
        >>> CellCoordinates(1, 3)(np.zeros((1, 3, 8)))[0]
        [[-1., 0.], [0., 0.], [1., 0.]]
    """

    def __init__(self, height, width, **kwargs):
        super().__init__(**kwargs)
        for name, size in (("height", height), ("width", width)):
            if not isinstance(size, int) or size < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer, the grid's number of cells along "
                    f"that axis. Received: {name}={size!r}. Pass the shape of the grid that "
                    "the image encoder gives."
                )
        self.height = height
        self.width = width

    def build(self, cells_shape):
        if cells_shape[1] != self.height * self.width:
            raise ValueError(
                f"`cells` must hold height·width = {self.height}·{self.width} = "
                f"{self.height * self.width} cells. Received: cells of shape {cells_shape}. "
                "Pass the grid's own height and width."
            )
        y, x = np.meshgrid(_centres(self.height), _centres(self.width), indexing="ij")
        self._grid = np.stack([x, y], axis=-1).reshape(1, -1, 2)  # [1, P, 2]
        self.built = True

    def call(self, cells):
        grid = ops.convert_to_tensor(self._grid, dtype=self.compute_dtype)
        return ops.broadcast_to(grid, (ops.shape(cells)[0], self.height * self.width, 2))

    def compute_output_shape(self, cells_shape):
        return (cells_shape[0], self.height * self.width, 2)

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}


def _centres(size):
    return np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1)
