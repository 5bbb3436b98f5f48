"""What hard and adaptive attention share: ranking cells and gathering the kept ones.

Letters: N question rows, P cells of the grid, K kept cells, D width.
"""

from keras import ops


def rank_cells(presence):
    """Orders each row's cells by descending presence; of equal cells the lower index is first.

    A NaN ranks behind every number, so that a broken cell is the first to be dropped.
    Nothing here carries a gradient.

    Args:
        presence: float[N, P], not negative.

    Returns:
        order: int32[N, P], the cell at each rank; rank: int32[N, P], the rank of each cell.
    """
    presence = ops.stop_gradient(presence)
    presence = ops.where(ops.isnan(presence), -ops.ones_like(presence), presence)
    # argsort of the negative is stable on the TensorFlow, JAX and torch backends.
    order = ops.cast(ops.argsort(-presence, axis=-1), "int32")
    rank = ops.cast(ops.argsort(order, axis=-1), "int32")
    return order, rank


def gather_cells(cells, indices):
    """Picks cells of each row.

    One `take` over all rows' cells: on TensorFlow, `ops.take_along_axis` was measured several
    times slower, forward and backward.

    Args:
        cells: [N, P, D].
        indices: int32[N, K].

    Returns:
        [N, K, D].
    """
    n, p, d = ops.shape(cells)
    first_cell = ops.arange(n, dtype="int32")[:, None] * p  # [N, 1]
    return ops.take(ops.reshape(cells, (-1, d)), indices + first_cell, axis=0)  # [N, K, D]


def zero_unless(valid, cells):
    """Cells where `valid` (bool[N, K]), zeros elsewhere.

    `where` and not a product: zero times NaN is NaN, and the gradient of what is dropped
    must be exactly zero.
    """
    return ops.where(valid[:, :, None], cells, ops.zeros_like(cells))
