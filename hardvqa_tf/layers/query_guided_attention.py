"""Query-guided attention: every cell of the image attends to the tokens of a query.

Tripathi et al., "Query-guided Attention in Vision Transformers for Localizing Objects Using a
Single Sketch" (WACV 2024, https://arxiv.org/abs/2303.08784), the module by which their encoder
lets cells look at a sketch, as its public code computes it; here the tokens are a question's
words, or the cells of a sketch:

    o_i = sum_t softmax_t(W_q (x_i + e_i) · W_k (s_t + e_t) / sqrt(Dh)) W_v s_t      in heads
    y_i = norm(x_i + W_2 dropout(relu(W_1 (W_o o_i))))

Each W with a bias, but for W_k, whose bias the softmax would cancel; e: encodings of positions,
if there are any; Dh: the width of one head; norm: layer normalisation. What was attended to
reaches the cell through the two layers W_1 and W_2 only, without a residual of its own.

Letters: N rows, P cells, T tokens of the query, M heads, D width of the cells, Ds of the
tokens.
"""

import keras
from keras import ops

from hardvqa_tf.layers.multi_head import attend, check_heads, check_positive
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class QueryGuidedAttention(keras.layers.Layer):
    """Refines cells by the tokens of a query.

    A row without any valid token attends to nothing: o is zero there.

    Args:
        num_heads: M; divides D.
        hidden_dim: width of the layer between W_1 and W_2.
        dropout: rate on the attention's weights and on the hidden layer.
        group_size: tokens that a cell looks at by themselves, such as those of one of several
            sketches; what it sees in the groups is averaged. None: at all tokens together.

    Call arguments:
        cells: float[N, P, D].
        query: float[N, T, Ds].
        valid: bool[N, T], optional; False is padding, which no cell looks at.
        cell_positions: float[N or 1, P, D], optional: encodings, added for W_q alone.
        query_positions: float[N or 1, T, Ds], optional: encodings, added for W_k alone.
        training: bool; dropout acts only in training.

    Returns:
        A dictionary: `cells` float[N, P, D]; `weights` float32[N, P, T], which tokens each cell
        looks at, the mean of all heads (before the dropout), with sum 1.

    Attributes:
        query_dense, key_dense, value_dense, attended_dense: the `Dense` layers W_q, W_k, W_v
        and W_o; hidden_dense, out_dense: W_1 and W_2; norm: the normalisation.

    Reference:
        Tripathi et al., "Query-guided Attention in Vision Transformers for Localizing Objects
        Using a Single Sketch", https://arxiv.org/abs/2303.08784.

    Example:
        >>> attention = QueryGuidedAttention(num_heads=2, hidden_dim=16)
        >>> attention(np.ones((3, 25, 8)), np.ones((3, 6, 5)))["weights"].shape
        (3, 25, 6)
    """

    def __init__(self, num_heads=8, hidden_dim=1024, dropout=0.0, group_size=None, **kwargs):
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads, hidden_dim=hidden_dim)
        if not 0 <= dropout < 1:
            raise ValueError(
                "`dropout` must be a rate in [0, 1). Received: "
                f"dropout={dropout!r}. Pass 0.0 for none."
            )
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.group_size = group_size
        self._weight_dropout = self._make_dropout("weight_dropout")
        self._hidden_dropout = self._make_dropout("hidden_dropout")
        self.hidden_dense = self._dense(hidden_dim, "hidden", activation="relu")
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-5, dtype=self.dtype_policy, name="norm"
        )
        self.query_dense = self.key_dense = self.value_dense = None
        self.attended_dense = self.out_dense = None

    def _make_dropout(self, name):
        return keras.layers.Dropout(self.dropout, dtype=self.dtype_policy, name=name)

    def _dense(self, units, name, **kwargs):
        return keras.layers.Dense(units, dtype=self.dtype_policy, name=name, **kwargs)

    def build(
        self,
        cells_shape,
        query_shape,
        valid_shape=None,
        cell_positions_shape=None,
        query_positions_shape=None,
    ):
        check_rank(cells_shape, "NPD")
        d = cells_shape[-1]
        check_heads(self.num_heads, **{"the cells' width": d})
        self.query_dense = self._dense(d, "query")
        self.key_dense = self._dense(d, "key", use_bias=False)
        self.value_dense, self.out_dense = self._dense(d, "value"), self._dense(d, "out")
        self.attended_dense = self._dense(d, "attended")
        for dense in (self.query_dense, self.attended_dense, self.hidden_dense):
            dense.build(cells_shape)
        for dense in (self.key_dense, self.value_dense):
            dense.build(query_shape)
        self.out_dense.build((*cells_shape[:-1], self.hidden_dim))
        self.norm.build(cells_shape)
        self.built = True

    def call(
        self,
        cells,
        query,
        valid=None,
        cell_positions=None,
        query_positions=None,
        training=None,
    ):
        looking = cells if cell_positions is None else cells + cell_positions
        looked_at = query if query_positions is None else query + query_positions
        d = cells.shape[-1]
        attended, weights = attend(
            self.query_dense(looking),
            self.key_dense(looked_at),
            self.value_dense(query),
            self.num_heads,
            (d // self.num_heads) ** -0.5,
            keep=None if valid is None else valid[:, None],
            drop=lambda w: self._weight_dropout(w, training=training),
            group_size=self.group_size,
        )  # [N, P, D], [N, M, P, T]
        hidden = self.hidden_dense(self.attended_dense(attended))
        hidden = self._hidden_dropout(hidden, training=training)
        refined = self.norm(cells + self.out_dense(hidden))
        return {"cells": refined, "weights": ops.mean(weights, axis=1)}

    def compute_output_spec(self, cells, query, *args, **kwargs):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        shape = (*cells.shape[:2], query.shape[1])
        return {
            "cells": keras.KerasTensor(cells.shape, dtype=self.compute_dtype),
            "weights": keras.KerasTensor(shape, dtype=wide),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "group_size": self.group_size,
        }
