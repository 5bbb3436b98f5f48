"""Efficient additive attention: all cells are summed into one vector that every cell meets.

Shaker et al., "SwiftFormer: Efficient Additive Attention for Transformer-based Real-time Mobile
Vision Applications" (ICCV 2023, https://arxiv.org/abs/2303.15446), equations 4 to 6, as the
authors' code has them (github.com/Amshaker/SwiftFormer at 4aa6cd6):

    q_i = unit(W_q x_i + b_q)        k_i = unit(W_k x_i + b_k)        unit(v) = v / ||v||
    a_i = w · q_i / sqrt(D)          alpha = a / ||a||                the norm over the P cells
    g   = sum_i alpha_i q_i
    y_i = W_f (W_p (g * k_i) + b_p + q_i) + b_f

The cost grows with P and not with its square: no cell is compared with another.

What the paper writes, what the first release did and what the code does now differ in alpha,
the weights of the cells; hence `token_weights`:

    "l2"       a / ||a||, the code since July 2023. A weight can be negative, 1/sqrt(D) cancels,
               and g grows with the root of P, so that another image size is another scale.
    "ones"     1: the first release took a softmax over an axis of length one. Its weights, and
               the ports that were made of it, need this.
    "softmax"  softmax_P(a).
    "none"     a itself, as equations 4 and 5 read.

Where we differ: a question may be added to g (`use_question`), by a product that starts at
zero, so that a layer that has not yet learned is the published one.

Letters: N rows, P cells (of one axis or of several, such as H, W), D width, Dq of the question.
"""

import keras
from keras import ops

from hardvqa_tf.layers.multi_head import check_positive, dense, question_projection

TOKEN_WEIGHTS = ("l2", "ones", "softmax", "none")


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class EfficientAdditiveAttention(keras.layers.Layer):
    """Every cell meets a weighted sum of all cells.

    Args:
        token_dim: width of the cells that come out. None: that of the cells that came.
        num_heads: how many times wider than `token_dim` query and key are. As in the authors'
            code they are joined, not attended to apart; all their models have 1.
        token_weights: how the weights of the cells are normalised, see the top of the file:
            "l2", "ones", "softmax" or "none".
        use_question: whether a product of the question, zero at first, is added to g.

    Call arguments:
        cells: float[N, P, D], or with more axes in the place of P, e.g. float[N, H, W, D].
        question: float[N, Dq]; needed with `use_question`, else ignored.

    Returns:
        A dictionary: `cells` float[N, P, token_dim]; `weights` float32[N, P], alpha.

    Attributes:
        query, key, projection, out: the `Dense` layers W_q, W_k, W_p and W_f;
        token_weight: w, float[token_dim·num_heads].

    Reference:
        Shaker et al., "SwiftFormer: Efficient Additive Attention for Transformer-based
        Real-time Mobile Vision Applications", https://arxiv.org/abs/2303.15446.

    Example:
        >>> attention = EfficientAdditiveAttention()
        >>> attention(np.ones((3, 25, 8)))["cells"].shape
        (3, 25, 8)
    """

    def __init__(
        self, token_dim=None, num_heads=1, token_weights="l2", use_question=False, **kwargs
    ):
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads)
        if token_dim is not None:
            check_positive(token_dim=token_dim)
        if token_weights not in TOKEN_WEIGHTS:
            raise ValueError(
                f"`token_weights` must be one of {', '.join(TOKEN_WEIGHTS)}. Received: "
                f'token_weights={token_weights!r}. Use "l2" for the authors\' current code.'
            )
        self.token_dim = token_dim
        self.num_heads = num_heads
        self.token_weights = token_weights
        self.use_question = use_question
        self.query = self.key = self.projection = self.out = None
        self.question_projection = None

    def build(self, cells_shape, question_shape=None):
        token_dim = self.token_dim or cells_shape[-1]
        width = token_dim * self.num_heads
        self.query, self.key = (
            dense(width, "query", self.dtype_policy),
            dense(width, "key", self.dtype_policy),
        )
        self.projection = dense(width, "projection", self.dtype_policy)
        self.out = dense(token_dim, "out", self.dtype_policy)
        self.query.build(cells_shape)
        self.key.build(cells_shape)
        wide = (*cells_shape[:-1], width)
        self.projection.build(wide)
        self.out.build(wide)
        unit_normal = keras.initializers.RandomNormal(stddev=1.0)
        # With "ones" it takes no part; it stays, since weights of that kind come with it.
        self.token_weight = self.add_weight(
            shape=(width,), initializer=unit_normal, name="token_weight"
        )
        if self.use_question:
            self.question_projection = question_projection(
                question_shape, width, self.dtype_policy
            )
        self.built = True

    def call(self, cells, question=None):
        query = _unit(self.query(cells), axis=-1)  # [N, P, D']
        key = _unit(self.key(cells), axis=-1)
        weights = self._weights(query)  # [N, P, 1]
        over_cells = tuple(range(1, len(cells.shape) - 1))
        weighted = ops.cast(weights, query.dtype) * query
        together = ops.sum(weighted, axis=over_cells, keepdims=True)  # [N, 1, D']
        if self.question_projection is not None:
            shape = (-1, *(1 for _ in over_cells), together.shape[-1])
            together = together + ops.reshape(self.question_projection(question), shape)
        met = self.projection(together * key) + query
        return {"cells": self.out(met), "weights": weights[..., 0]}

    def _weights(self, query):
        """alpha: float32[N, P, 1]."""
        # In float32 at least: over many cells, bfloat16 sums stall.
        wide = keras.backend.result_type(query.dtype, "float32")
        if self.token_weights == "ones":
            return ops.ones_like(query[..., :1], dtype=wide)
        token_dim = self.out.units
        token_weight = ops.cast(self.token_weight, query.dtype)[:, None]
        scores = ops.cast(ops.matmul(query, token_weight), wide) * token_dim**-0.5
        if self.token_weights == "l2":
            return _unit(scores, axis=tuple(range(1, len(query.shape) - 1)))
        if self.token_weights == "softmax":
            shape = ops.shape(scores)
            scores = ops.softmax(ops.reshape(scores, (shape[0], -1)), axis=-1)
            return ops.reshape(scores, shape)
        return scores

    def compute_output_spec(self, cells, question=None):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        shape = (*cells.shape[:-1], self.token_dim or cells.shape[-1])
        return {
            "cells": keras.KerasTensor(shape, dtype=self.compute_dtype),
            "weights": keras.KerasTensor(cells.shape[:-1], dtype=wide),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "token_dim": self.token_dim,
            "num_heads": self.num_heads,
            "token_weights": self.token_weights,
            "use_question": self.use_question,
        }


def _unit(x, axis):
    """x over its L2 norm, which counts as 1e-12 at least: all zeros stay zeros."""
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    squares = ops.sum(ops.square(wide), axis=axis, keepdims=True)
    return ops.cast(wide * ops.rsqrt(ops.maximum(squares, 1e-24)), x.dtype)
