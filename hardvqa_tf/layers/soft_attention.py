"""Soft attention: every cell counts, with a weight; stacked attention (SAN), in hops.

Yang et al., "Stacked Attention Networks for Image Question Answering" (CVPR 2016,
https://arxiv.org/abs/1511.02274): from u = question, in every hop

    h_p     = tanh(W_cells x_p + W_u u + b)
    weights = softmax_P(w · h_p)
    u       = sum_p weights_p x_p + u

Where we differ: what leaves is the weighted cells of the last hop, and not u, so that any
aggregator can follow; their sum is SAN's sum of the last hop. The scores have no bias, which
a softmax would cancel.

Letters: N question rows, P cells of the grid, D width of a cell, Dq of the question.
"""

import keras
from keras import ops

from hardvqa_tf.layers.presence import cell_presence
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class SoftAttention(keras.layers.Layer):
    """Weighs the cells by the question, in one or more hops.

    Args:
        num_hops: how often the question is refined by what it attends to.
        hidden_dim: width of h.
        dropout: rate on h.
        rescale: True multiplies the weighted cells by P, so that uniform weights leave them
            as they came: relational aggregators then see vectors of the usual size. False
            keeps SAN's weighted mean under sum pooling.

    Call arguments:
        cells: float[N, P, D].
        question: float[N, Dq], required. If Dq is not D, it is first projected to D
            (linearly, with a bias), since u and the sum of cells are added.
        coordinates: float[N, P, 2], optional; passed on.
        training: bool; dropout acts only in training.

    Returns:
        A dictionary: `cells` float[N, P, D], weighted; `coordinates` float[N, P, 2] if they
        were given; `mask` float32[N, P], the weights of the last hop, with sum 1;
        `presence` float32[N, P], the norm of the cells as they came.

    Reference:
        Yang et al., "Stacked Attention Networks for Image Question Answering",
        https://arxiv.org/abs/1511.02274.

    Example:
        >>> attention = SoftAttention(num_hops=2, hidden_dim=64)
        >>> attention(np.ones((3, 25, 8)), question=np.ones((3, 16)))["cells"].shape
        (3, 25, 8)
    """

    def __init__(self, num_hops=2, hidden_dim=512, dropout=0.0, rescale=False, **kwargs):
        super().__init__(**kwargs)
        for name, size in (("num_hops", num_hops), ("hidden_dim", hidden_dim)):
            if not isinstance(size, int) or size < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={size!r}. "
                    "SAN has two hops; for no attention use `NoAttention`."
                )
        if not 0 <= dropout < 1:
            raise ValueError(
                "`dropout` must be a rate in [0, 1). Received: "
                f"dropout={dropout!r}. Pass 0.0 for none."
            )
        self.num_hops = num_hops
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.rescale = rescale
        self._cells_dense = [
            self._dense(hidden_dim, f"cells_{hop}", use_bias=False) for hop in range(num_hops)
        ]
        self._question_dense = [
            self._dense(hidden_dim, f"question_{hop}") for hop in range(num_hops)
        ]
        self._score_dense = [
            self._dense(1, f"score_{hop}", use_bias=False) for hop in range(num_hops)
        ]
        self._dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self._projection = None

    def _dense(self, units, name, use_bias=True):
        return keras.layers.Dense(units, use_bias=use_bias, dtype=self.dtype_policy, name=name)

    def build(self, cells_shape, question_shape=None):
        check_rank(cells_shape, "NPD")
        if question_shape is None:
            raise ValueError(
                "Soft attention needs the question. Received: question=None. Call the layer "
                "with `question`, float[N, Dq], one row per row of `cells`."
            )
        n, p, d = cells_shape
        if question_shape[-1] != d:
            self._projection = self._dense(d, "question_projection")
            self._projection.build(question_shape)
        for hop in range(self.num_hops):
            self._cells_dense[hop].build(cells_shape)
            self._question_dense[hop].build((n, d))
            self._score_dense[hop].build((n, p, self.hidden_dim))
        self.built = True

    def call(self, cells, question=None, coordinates=None, training=None):
        u = question if self._projection is None else self._projection(question)  # [N, D]
        for hop in range(self.num_hops):
            weights = self._weights(hop, cells, u, training)  # [N, P]
            weighted = cells * ops.cast(weights, cells.dtype)[:, :, None]  # [N, P, D]
            u = ops.sum(weighted, axis=1) + u
        outputs = {
            "cells": weighted * cells.shape[1] if self.rescale else weighted,
            "mask": weights,
            "presence": cell_presence(cells),
        }
        if coordinates is not None:
            outputs["coordinates"] = coordinates
        return outputs

    def _weights(self, hop, cells, u, training):
        hidden = self._cells_dense[hop](cells) + self._question_dense[hop](u)[:, None]
        hidden = self._dropout(ops.tanh(hidden), training=training)  # [N, P, hidden_dim]
        scores = ops.squeeze(self._score_dense[hop](hidden), axis=-1)  # [N, P]
        # In float32 at least: weights of bfloat16 would not sum to one.
        scores = ops.cast(scores, keras.backend.result_type(scores.dtype, "float32"))
        return ops.softmax(scores, axis=-1)

    def compute_output_spec(self, cells, question=None, coordinates=None, training=None):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        outputs = {
            "cells": keras.KerasTensor(cells.shape, dtype=self.compute_dtype),
            "mask": keras.KerasTensor(cells.shape[:2], dtype=wide),
            "presence": keras.KerasTensor(cells.shape[:2], dtype=wide),
        }
        if coordinates is not None:
            outputs["coordinates"] = keras.KerasTensor(
                coordinates.shape, dtype=self.compute_dtype
            )
        return outputs

    def get_config(self):
        return {
            **super().get_config(),
            "num_hops": self.num_hops,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "rescale": self.rescale,
        }
