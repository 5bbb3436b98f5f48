"""How much of something there is in a cell: the L2 norm of its vector, its *presence*.

Malinowski et al., "Learning Visual Question Answering by Bootstrapping Hard Attention"
(ECCV 2018, https://arxiv.org/abs/1808.00300), figure 2: the norm of the vector that leaves
the 1x1 convolutions says how relevant a cell is, so selection needs no parameters of its own.

Letters: N question rows, P cells of the grid, D width.
"""

import keras
from keras import ops


def cell_presence(cells, squared=False):
    """The L2 norm of every cell, in float32 even where the cells are float16 or bfloat16.

    With eight bits of mantissa (bfloat16) many cells would tie; hence the wider sum. The
    gradient at an all-zero cell is zero, where that of a plain square root would be NaN.

    Args:
        cells: float[N, P, D].
        squared: True gives the squared norm.

    Returns:
        float32[N, P] (float64 for float64 cells), not negative.
    """
    cells = ops.cast(cells, keras.backend.result_type(cells.dtype, "float32"))
    squares = ops.sum(ops.square(cells), axis=-1)  # [N, P]
    if squared:
        return squares
    # Two `where`: the inner keeps the square root away from zero in the backward pass too.
    not_zero = ops.not_equal(squares, 0)
    root = ops.sqrt(ops.where(not_zero, squares, ops.ones_like(squares)))
    return ops.where(not_zero, root, ops.zeros_like(root))
