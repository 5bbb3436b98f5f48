"""Relation network: a small network looks at every pair of kept cells, with the question.

Santoro et al., "A simple neural network module for relational reasoning" (NeurIPS 2017,
https://arxiv.org/abs/1706.01427), with the question q given to every pair:

    RN(O) = f( sum_{i,j} g(o_i, o_j, q) ),    o = [cell, coordinates].

This layer is the sum of g; f is the classifier that follows. The work grows with K², which
is why keeping a quarter of the cells saves fifteen sixteenths of it.

Where we differ, in work and not in result: the first layer of g is linear in each part of
[o_i, o_j, q], so each part is multiplied once, by its slice of the one kernel, and the pairs
only add the products; the concatenated pairs are never made. And where the number of kept
cells varies by row, g sees a flat list of the pairs that exist instead of padding. Where all
pairs do not fit into memory, `recompute_chunks` bounds what is stored of them.

Letters: N question rows, K kept cells, D width of a cell, Do of a cell with its coordinates,
Dq of the question, G width of a layer of g, M pairs.
"""

import functools

import keras
import numpy as np
from keras import ops

from hardvqa_tf.layers.presence import cell_presence
from hardvqa_tf.layers.selection import gather_cells, rank_cells, zero_unless
from hardvqa_tf.layers.shapes import check_rank

# Up to so many cells, unordered pairs are picked by a product with zeros and ones instead of
# two gathers, whose gradient is a slow scatter. Measured on a CPU with TensorFlow, forward and
# backward: about half the time with 8, 25 and 49 cells, even at 64, slower at 100.
MOST_CELLS_BY_PRODUCT = 64


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class RelationNetwork(keras.layers.Layer):
    """Sums g over the pairs of cells.

    Args:
        units: widths of the layers of g.
        activation: of each layer of g, the last one too.
        pool: "sum" over the pairs, as in the paper, or their "mean".
        pairs: "ordered", all K² pairs, as in the paper, or "unordered": each pair once and
            each cell with itself, K(K+1)/2 pairs, for nearly half the work. g is not
            symmetric, so the cell of greater presence is put first (the lower index among
            equals): the result does not depend on the order in which the cells come.
        flat: True: when `valid` is given and the backend allows shapes that depend on the
            data (TensorFlow, torch), g is computed for the valid pairs only. False: for all,
            and the others are weighted by zero; the reference, and what XLA needs.
        buckets: numbers of cells, ascending, for where the flat list is not made: of the
            padded cells only so many are paired as the next of these sizes to the fullest row
            holds, K if none does. XLA makes a program of each size and chooses one as it runs.
        recompute_chunks: 0: g sees the pairs of all rows at once, and all of its layers'
            outputs are stored for the backward pass. C > 0: the rows go through g in C
            chunks, one after the other, and the backward pass computes each chunk's outputs
            again. The memory for pairs is that of one chunk, for about a third more work;
            result and gradients are the same. With C as large as the number of rows it is
            that of one row.

    Call arguments:
        cells: float[N, K, D].
        valid: bool[N, K], optional; a pair with a cell that is not valid contributes nothing
            and gets exactly zero gradient.
        question: float[N, Dq], optional.
        coordinates: float[N, K, 2], optional; appended to the cells.

    Returns:
        float[N, units[-1]].

    Attributes:
        alone: True pairs each cell with itself only, K pairs. Set by the training loop for
            its first steps, when every cell is kept and all pairs would be many; not part of
            the layer's config.

    Reference:
        Santoro et al., https://arxiv.org/abs/1706.01427.

    Example:
        >>> relation = RelationNetwork(units=(64, 64))
        >>> relation(np.ones((3, 8, 24)), question=np.ones((3, 16))).shape
        (3, 64)
    """

    def __init__(
        self,
        units=(256, 256, 256, 256),
        activation="relu",
        pool="sum",
        pairs="ordered",
        flat=True,
        buckets=(),
        recompute_chunks=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        units = (units,) if isinstance(units, int) else tuple(units)
        if not units or not all(isinstance(width, int) and width > 0 for width in units):
            raise ValueError(
                "`units` must be positive integers, one width per layer of g, at least one. "
                f"Received: units={units!r}. Pass e.g. units=(256, 256, 256, 256)."
            )
        if pool not in ("sum", "mean"):
            raise ValueError(
                '`pool` must be "sum" or "mean". Received: '
                f'pool={pool!r}. Use "sum" for the paper\'s.'
            )
        if pairs not in ("ordered", "unordered"):
            raise ValueError(
                '`pairs` must be "ordered" or "unordered". Received: '
                f'pairs={pairs!r}. Use "ordered" for the paper\'s.'
            )
        buckets = tuple(buckets)
        if not all(isinstance(b, int) and b > 0 for b in buckets) or sorted(buckets) != [
            *buckets
        ]:
            raise ValueError(
                "`buckets` must be positive integers, ascending. Received: "
                f"buckets={buckets!r}. Pass numbers of cells, e.g. buckets=(8, 16, 32)."
            )
        if not isinstance(recompute_chunks, int) or recompute_chunks < 0:
            raise ValueError(
                "`recompute_chunks` must be an integer, 0 for no recomputation. Received: "
                f"recompute_chunks={recompute_chunks!r}. Use the number of chunks into which "
                "the question rows of a batch are cut, e.g. 8."
            )
        self.units = units
        self.activation = keras.activations.get(activation)
        self.pool = pool
        self.pairs = pairs
        self.flat = flat
        self.buckets = buckets
        self.recompute_chunks = recompute_chunks
        self.alone = False
        self._dense = [
            keras.layers.Dense(
                width, activation=self.activation, dtype=self.dtype_policy, name=f"g_{i}"
            )
            for i, width in enumerate(units)
        ]

    def build(self, cells_shape, valid_shape=None, question_shape=None, coordinates_shape=None):
        check_rank(cells_shape, "NPD")
        object_dim = cells_shape[-1]
        if coordinates_shape is not None:
            object_dim += coordinates_shape[-1]
        question_dim = 0 if question_shape is None else question_shape[-1]
        # Built as the layer on [o_i, o_j, q] that it stands for: one kernel, with the initial
        # scale and the parameters of the plain formulation.
        width = 2 * object_dim + question_dim
        for dense in self._dense:
            dense.build((None, width))
            width = dense.units
        if valid_shape is not None and self._makes_flat_list():
            self.supports_jit = False  # Keras then leaves the model uncompiled by XLA
        self.built = True

    def call(self, cells, valid=None, question=None, coordinates=None):
        if valid is not None:
            cells = zero_unless(valid, cells)
        # In buckets, too: the cells that are not valid are zero, so they come last.
        if self.pairs == "unordered" or self._pools_in_buckets(cells, valid):
            cells, valid, coordinates = _strongest_first(cells, valid, coordinates)
        if coordinates is not None:
            if valid is not None:
                coordinates = zero_unless(valid, coordinates)
            cells = ops.concatenate([cells, coordinates], axis=-1)  # [N, K, Do]
        first, second = self._first_products(cells, question)  # [N, K, G] each
        if self.recompute_chunks:
            return self._pool_in_chunks(first, second, valid)
        return self._pool(first, second, valid)

    def _first_products(self, cells, question):
        """What a cell adds to g's first layer as first and as second of a pair."""
        kernel, bias = self._dense[0].kernel, self._dense[0].bias
        d = cells.shape[-1]
        # Split and not sliced: the gradient is then one concatenation.
        of_first, of_second, of_question = ops.split(kernel, [d, 2 * d], axis=0)
        first = ops.matmul(cells, of_first)
        second = ops.matmul(cells, of_second)
        if question is not None:
            bias = (ops.matmul(question, of_question) + bias)[:, None]  # [N, 1, G]
        return first + bias, second

    def _rest_of_g(self, hidden):
        """Sums of first products [..., G] -> what g gives for them [..., units[-1]]."""
        sizes = ops.shape(hidden)[:-1]
        # Flat, because TensorFlow makes one kernel of product, bias and ReLU of matrices only.
        hidden = ops.reshape(self.activation(hidden), (-1, self.units[0]))
        for dense in self._dense[1:]:
            hidden = dense(hidden)
        return ops.reshape(hidden, (*sizes, self.units[-1]))

    def _pool(self, first, second, valid):
        if self.alone:
            return self._pool_alone(first, second, valid)
        if valid is None:
            return self._pool_all(first, second)
        if self._makes_flat_list():
            return self._pool_listed(first, second, valid)
        if self._pools_in_buckets(first, valid):
            return self._pool_in_bucket(first, second, valid)
        return self._pool_weighted(first, second, valid)

    def _pools_in_buckets(self, cells, valid):
        static = isinstance(ops.shape(cells)[1], int)
        return (
            bool(self.buckets) and static and valid is not None and not self._makes_flat_list()
        )

    def _pool_in_bucket(self, first, second, valid):
        """The pairs of the first cells, as many as the bucket has that holds all valid ones."""
        k = first.shape[1]
        sizes = [size for size in self.buckets if size < k]
        place = ops.arange(1, k + 1, dtype="int32")
        reach = ops.max(ops.where(valid, place[None], ops.zeros_like(place)[None]))
        bucket = sum((ops.cast(reach > size, "int32") for size in sizes), ops.zeros_like(reach))

        def pool(size):
            return lambda: self._pool_weighted(
                first[:, :size], second[:, :size], valid[:, :size]
            )

        return ops.switch(bucket, [pool(size) for size in (*sizes, k)])

    def _pool_in_chunks(self, first, second, valid):
        """`_pool` on some rows after the others, storing only what enters and leaves it."""
        n, num_chunks = ops.shape(first)[0], self.recompute_chunks
        if isinstance(n, int):
            num_chunks = max(1, min(num_chunks, n))
        pooled = []
        for c in range(num_chunks):
            rows = slice(n * c // num_chunks, n * (c + 1) // num_chunks)
            firsts, seconds = first[rows], second[rows]
            if pooled:
                firsts = firsts + _zero_after(pooled[-1])
            # What needs a gradient must be an argument (or a weight), `valid` must not be.
            pool = functools.partial(self._pool, valid=None if valid is None else valid[rows])
            pooled.append(keras.remat(pool)(firsts, seconds))
        return ops.concatenate(pooled, axis=0)

    def _pool_alone(self, first, second, valid):
        """The pairs (i, i): [N, G]."""
        hidden = self._rest_of_g(first + second)  # [N, K, G]
        if valid is None:
            valid = ops.ones(ops.shape(hidden)[:2], dtype="bool")
        pooled = ops.sum(zero_unless(valid, hidden), axis=1)
        if self.pool == "mean":
            k = ops.sum(ops.cast(valid, pooled.dtype), axis=1, keepdims=True)  # [N, 1]
            pooled = pooled / ops.maximum(k, 1)
        return pooled

    def _pool_all(self, first, second):
        """Every pair counts: [N, G]."""
        hidden = self._rest_of_g(self._all_pairs(first, second))  # [N, M, G]
        pooled = ops.mean if self.pool == "mean" else ops.sum
        return pooled(hidden, axis=1)

    def _pool_weighted(self, first, second, valid):
        """Every pair is computed, those with a cell that is not valid weigh nothing."""
        hidden = self._rest_of_g(self._all_pairs(first, second))  # [N, M, G]
        valid_cells = ops.cast(valid, hidden.dtype)[:, :, None]  # [N, K, 1]
        weight = ops.equal(self._all_pairs(valid_cells, valid_cells), 2)  # both are valid
        weight = ops.cast(weight, hidden.dtype)  # [N, M, 1]
        pooled = ops.matmul(ops.transpose(weight, (0, 2, 1)), hidden)[:, 0]  # [N, G]
        return self._mean_if_asked(pooled, valid)

    def _all_pairs(self, first, second):
        """Adds the two cells of every pair: [N, K, G] twice -> [N, M, G]."""
        _, k, g = ops.shape(first)
        if self.pairs == "ordered":
            return ops.reshape(first[:, :, None] + second[:, None], (-1, k * k, g))
        if isinstance(k, int) and k <= MOST_CELLS_BY_PRODUCT:
            pick = ops.convert_to_tensor(_pick_pairs(k), dtype=first.dtype)  # [M, 2K]
            return ops.matmul(pick[None], ops.concatenate([first, second], axis=1))
        i, j = np.triu_indices(k) if isinstance(k, int) else ops.nonzero(_upper_triangle(k))
        return ops.take(first, i, axis=1) + ops.take(second, j, axis=1)

    def _pool_listed(self, first, second, valid):
        """Only the valid pairs are computed, in one list over all rows: M pairs, [M, G]."""
        n, k, g = ops.shape(first)
        exists = ops.logical_and(valid[:, :, None], valid[:, None])  # [N, K, K]
        if self.pairs == "unordered":
            exists = ops.logical_and(exists, _upper_triangle(k)[None])
        row, i, j = ops.nonzero(exists)  # [M] each
        first = ops.take(ops.reshape(first, (-1, g)), row * k + i, axis=0)
        second = ops.take(ops.reshape(second, (-1, g)), row * k + j, axis=0)
        hidden = self._rest_of_g(first + second)  # [M, G]
        # In float32 at least: a long sum of bfloat16 stalls.
        hidden = ops.cast(hidden, keras.backend.result_type(hidden.dtype, "float32"))
        pooled = ops.segment_sum(hidden, row, num_segments=n)
        return self._mean_if_asked(ops.cast(pooled, self.compute_dtype), valid)

    def _mean_if_asked(self, pooled, valid):
        if self.pool == "sum":
            return pooled
        k = ops.sum(ops.cast(valid, pooled.dtype), axis=1, keepdims=True)  # [N, 1]
        num_pairs = k * k if self.pairs == "ordered" else k * (k + 1) / 2
        return pooled / ops.maximum(num_pairs, 1)

    def _makes_flat_list(self):
        return self.flat and keras.backend.backend() in ("tensorflow", "torch")

    def compute_output_spec(self, cells, valid=None, question=None, coordinates=None):
        return keras.KerasTensor((cells.shape[0], self.units[-1]), dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "pool": self.pool,
            "pairs": self.pairs,
            "flat": self.flat,
            "buckets": self.buckets,
            "recompute_chunks": self.recompute_chunks,
        }


def _pick_pairs(k):
    """The pairs i <= j of [first; second], two ones a row: float[K(K+1)/2, 2K]."""
    i, j = np.triu_indices(k)
    return np.concatenate([np.eye(k)[i], np.eye(k)[j]], axis=1)


def _zero_after(pooled):
    """A zero that waits for `pooled`, and whose gradient it waits for in the backward pass.

    Added to what enters the next chunk it keeps chunks that do not depend on one another from
    being computed side by side, each with its own memory, as a TensorFlow graph would.
    """
    total = ops.sum(pooled)
    # A row that is not finite must not spoil the rows of the next chunk.
    return 0 * ops.where(ops.isfinite(total), total, ops.zeros_like(total))


def _upper_triangle(k):
    """True where i <= j: bool[K, K]."""
    index = ops.arange(k, dtype="int32")
    return ops.less_equal(index[:, None], index[None])


def _strongest_first(cells, valid, coordinates):
    """The same cells by descending presence, so that i <= j puts the stronger one first."""
    order, _ = rank_cells(cell_presence(cells))
    if valid is not None:
        valid = gather_cells(valid[:, :, None], order)[:, :, 0]
    if coordinates is not None:
        coordinates = gather_cells(coordinates, order)
    return gather_cells(cells, order), valid, coordinates
