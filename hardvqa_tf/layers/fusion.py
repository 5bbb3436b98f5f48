"""Image and question become one grid of cells: copied to each cell, joined, 1x1 layers.

Malinowski et al. (ECCV 2018, https://arxiv.org/abs/1808.00300), figure 2: the question vector
is copied to every cell and concatenated with (or added to) the image's vector; a "1x1 conv
net/MLP" follows, and the norm of *its* output is the presence that attention selects by.
The number, width and nonlinearity of these layers are not known, so they are arguments.

Where we differ, in work and not in result: the first 1x1 layer acts on the image and on the
question apart, and the two products are summed. For the concatenation

    W [grid_p, question] + b  =  W_grid grid_p + (W_question question + b),

so the image's part is computed once for all of its questions, and the concatenated
[B·Q, P, Dg + Dq] tensor is never made. For the sum, W_grid = W_question = W.

A third way, ours, is the product of what both say:

    activation(W_grid grid_p + b)  *  (W_question question + c)

A cell that has what the question names then gets a long vector in one layer, where sums need
several. On Sort-of-CLEVR it learned faster in trial runs (docs/results.md).

Letters: B images, Q questions per image, P cells, Dg width of the grid, Dq of the question,
D width of the cells that come out.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class Fusion(keras.layers.Layer):
    """Joins every cell of an image with each of the image's questions.

    Args:
        units: widths of the 1x1 layers, first to last. Empty: the joined vectors are the
            cells (table 3 of the paper).
        how: "concatenate", "add" or "multiply". With "add", and with "multiply" where there are
            no layers, a question of another width than the grid's is first projected to it
            (linearly, with a bias).
        activation: of each 1x1 layer.
        dropout: rate after each 1x1 layer's activation.

    Call arguments:
        grid: float[B, P, Dg].
        question: float[B, Q, Dq].
        training: bool; dropout acts only in training.

    Returns:
        cells: float[B·Q, P, D]; the row of image b's question q is b·Q + q.

    Reference:
        Malinowski et al., "Learning Visual Question Answering by Bootstrapping Hard
        Attention", https://arxiv.org/abs/1808.00300.

    Example:
        >>> fusion = Fusion(units=(128, 128))
        >>> fusion(np.ones((2, 25, 24)), np.ones((2, 7, 64))).shape
        (14, 25, 128)
    """

    def __init__(self, units=(), how="concatenate", activation="relu", dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        units = (units,) if isinstance(units, int) else tuple(units)
        if not all(isinstance(width, int) and width > 0 for width in units):
            raise ValueError(
                "`units` must be positive integers, one width per 1x1 layer. Received: "
                f"units={units!r}. Pass e.g. units=(128, 128), or () for no layer."
            )
        if how not in ("concatenate", "add", "multiply"):
            raise ValueError(
                '`how` must be "concatenate", "add" or "multiply". Received: '
                f'how={how!r}. Choose "concatenate" for the paper\'s figure 2.'
            )
        if not 0 <= dropout < 1:
            raise ValueError(
                "`dropout` must be a rate in [0, 1). Received: "
                f"dropout={dropout!r}. Pass 0.0 for none."
            )
        self.units = units
        self.how = how
        self.activation = keras.activations.get(activation)
        self.dropout = dropout
        self._dense = [
            keras.layers.Dense(
                width, activation=self.activation, dtype=self.dtype_policy, name=f"conv_{i}"
            )
            for i, width in enumerate(units)
        ]
        self._dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self._projection = None

    def build(self, grid_shape, question_shape):
        grid_dim, question_dim = grid_shape[-1], question_shape[-1]
        meets = self.units[0] if self.units and self.how == "multiply" else grid_dim
        if self.how == "multiply" or (self.how == "add" and question_dim != grid_dim):
            self._projection = keras.layers.Dense(
                meets, dtype=self.dtype_policy, name="question_projection"
            )
            self._projection.build(question_shape)
        width = grid_dim + question_dim if self.how == "concatenate" else grid_dim
        for dense in self._dense:
            # The first is built as the layer on the joined vector that it stands for: one
            # kernel, with the initial scale and the parameters of the plain formulation.
            dense.build((None, grid_shape[1], width))
            width = dense.units
        self.built = True

    def call(self, grid, question, training=None):
        if self._projection is not None:
            question = self._projection(question)  # [B, Q, Dg]
        if not self.units:
            return self._join(grid, question)
        cells = self._first_layer(grid, question)  # [B·Q, P, D]
        cells = self._dropout(cells, training=training)
        for dense in self._dense[1:]:
            cells = self._dropout(dense(cells), training=training)
        return cells

    def _first_layer(self, grid, question):
        first = self._dense[0]
        if self.how == "multiply":
            cells = first(grid)[:, None] * question[:, :, None]  # [B, Q, P, D]
            return ops.reshape(cells, (-1, *ops.shape(cells)[2:]))  # [B·Q, P, D]
        grid_kernel = question_kernel = first.kernel
        if self.how == "concatenate":
            grid_kernel, question_kernel = ops.split(first.kernel, [grid.shape[-1]], axis=0)
        grid = ops.matmul(grid, grid_kernel)  # [B, P, D], once per image
        question = ops.matmul(question, question_kernel) + first.bias  # [B, Q, D]
        cells = grid[:, None] + question[:, :, None]  # [B, Q, P, D]
        cells = ops.reshape(cells, (-1, *ops.shape(cells)[2:]))  # [B·Q, P, D]
        return first.activation(cells)

    def _join(self, grid, question):
        b, p, grid_dim = ops.shape(grid)
        _, q, question_dim = ops.shape(question)
        if self.how != "concatenate":
            combine = ops.add if self.how == "add" else ops.multiply
            cells = combine(grid[:, None], question[:, :, None])  # [B, Q, P, Dg]
            return ops.reshape(cells, (-1, p, grid_dim))
        grid = ops.broadcast_to(grid[:, None], (b, q, p, grid_dim))
        question = ops.broadcast_to(question[:, :, None], (b, q, p, question_dim))
        cells = ops.concatenate([grid, question], axis=-1)  # [B, Q, P, Dg + Dq]
        return ops.reshape(cells, (-1, p, grid_dim + question_dim))

    def compute_output_shape(self, grid_shape, question_shape):
        b, p, grid_dim = grid_shape
        _, q, question_dim = question_shape
        rows = None if b is None or q is None else b * q
        joined = grid_dim + question_dim if self.how == "concatenate" else grid_dim
        return (rows, p, self.units[-1] if self.units else joined)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "how": self.how,
            "activation": keras.activations.serialize(self.activation),
            "dropout": self.dropout,
        }
