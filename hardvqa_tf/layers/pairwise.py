"""Non-local pairwise aggregation: all pairs of kept cells under one joint softmax.

Malinowski et al. (ECCV 2018, https://arxiv.org/abs/1808.00300) aggregate the kept cells with
the pairs of the non-local operator (Wang et al., CVPR 2018, https://arxiv.org/abs/1711.07971),
where the "softmax acts over all i, j positions": jointly, not row by row,

    s_ij = theta(x_i) · phi(x_j),    w = softmax_{i,j}(s),    output = sum_ij w_ij g(x_j).

The exact theta, phi and g of the paper are not known. Ours are linear with a bias; what else
is open is an argument with a stated default. Pairs' values are never made: with c_j = sum_i
w_ij and sum_j c_j = 1, the output is g(sum_j c_j x_j) for a linear g, one product per row.

Only sums of the weights w are needed, but w itself, [N, K, K], is made and stored: its gradient
needs it. It is small, K numbers for a cell beside the `units` numbers of each embedding;
computing it again in the backward pass would cost more than it saves.

Letters: N question rows, K kept cells, D width of a cell, with its coordinates if given.
"""

import keras
from keras import ops

from hardvqa_tf.layers.selection import zero_unless
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class NonLocalPairwise(keras.layers.Layer):
    """A softmax over all ordered pairs of cells weighs a linear image of the cells.

    Args:
        units: width of the embeddings and of the output. None: the width of the cells
            (without coordinates).
        scale: True divides s_ij by sqrt(units), which keeps the softmax from saturating at
            the start whatever the width; False is the non-local paper's embedded Gaussian.
        pair_value: what a pair contributes: "second", g(x_j), as in the non-local paper, or
            "both", g(x_i) + h(x_j).

    Call arguments:
        cells: float[N, K, D].
        valid: bool[N, K], optional; a pair with a cell that is not valid has no weight.
        question: ignored; there so that all aggregators are called alike.
        coordinates: float[N, K, 2], optional; appended to the cells.

    Returns:
        float[N, units].

    Reference:
        Malinowski et al., https://arxiv.org/abs/1808.00300, and Wang et al., "Non-local
        Neural Networks", https://arxiv.org/abs/1711.07971.

    Example:
        >>> NonLocalPairwise(units=16)(np.ones((2, 5, 8))).shape
        (2, 16)
    """

    def __init__(self, units=None, scale=True, pair_value="second", **kwargs):
        super().__init__(**kwargs)
        if units is not None and (not isinstance(units, int) or units < 1):
            raise ValueError(
                "`units` must be a positive integer, or None for the cells' own width. "
                f"Received: units={units!r}. Pass e.g. units=512."
            )
        if pair_value not in ("second", "both"):
            raise ValueError(
                '`pair_value` must be "second" or "both". Received: '
                f'pair_value={pair_value!r}. Use "second" for g(x_j).'
            )
        self.units = units
        self.scale = scale
        self.pair_value = pair_value

    def build(self, cells_shape, valid_shape=None, coordinates_shape=None):
        check_rank(cells_shape, "NPD")
        width = cells_shape[-1] + (0 if coordinates_shape is None else coordinates_shape[-1])
        units = self.units or cells_shape[-1]
        # Made here and not in `__init__`: with units=None the width is known only now.
        self._theta = keras.layers.Dense(units, dtype=self.dtype_policy, name="theta")
        self._phi = keras.layers.Dense(units, dtype=self.dtype_policy, name="phi")
        self._value = keras.layers.Dense(units, dtype=self.dtype_policy, name="g")
        embeddings = [self._theta, self._phi, self._value]
        if self.pair_value == "both":
            # One bias is enough: those of g and h would be added.
            self._first_value = keras.layers.Dense(
                units, use_bias=False, dtype=self.dtype_policy, name="h"
            )
            embeddings.append(self._first_value)
        for dense in embeddings:
            dense.build((cells_shape[0], None, width))
        self.built = True

    def call(self, cells, valid=None, question=None, coordinates=None):
        if coordinates is not None:
            cells = ops.concatenate([cells, coordinates], axis=-1)
        if valid is not None:
            cells = zero_unless(valid, cells)
        weights = ops.cast(self._pair_weights(cells, valid), cells.dtype)  # [N, K, K]
        second = ops.matmul(ops.sum(weights, axis=1, keepdims=True), cells)  # [N, 1, D]
        output = self._value(second)  # [N, 1, units]
        if self.pair_value == "both":
            by_first = ops.sum(weights, axis=2)[:, None]  # [N, 1, K]
            output = output + self._first_value(ops.matmul(by_first, cells))
        return ops.squeeze(output, axis=1)

    def _pair_weights(self, cells, valid):
        """The joint softmax over the pairs: at least float32[N, K, K]."""
        phi = self._phi(cells)
        logits = ops.matmul(self._theta(cells), ops.transpose(phi, (0, 2, 1)))  # [N, K, K]
        logits = ops.cast(logits, keras.backend.result_type(logits.dtype, "float32"))
        if self.scale:
            logits = logits / self._theta.units**0.5
        if valid is None:
            return _softmax_of_pairs(logits)
        both = ops.logical_and(valid[:, :, None], valid[:, None])  # [N, K, K]
        # A large finite number: with minus infinity a row without a valid cell would be NaN.
        weights = _softmax_of_pairs(ops.where(both, logits, ops.full_like(logits, -1e30)))
        return ops.where(both, weights, ops.zeros_like(weights))

    def compute_output_spec(self, cells, valid=None, question=None, coordinates=None):
        units = self.units or cells.shape[-1]
        return keras.KerasTensor((cells.shape[0], units), dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "scale": self.scale,
            "pair_value": self.pair_value,
        }


def _softmax_of_pairs(logits):
    n, k, _ = ops.shape(logits)
    return ops.reshape(ops.softmax(ops.reshape(logits, (n, k * k)), axis=-1), (n, k, k))
