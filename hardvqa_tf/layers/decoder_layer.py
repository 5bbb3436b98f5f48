"""A layer of a transformer's decoder: objects look at one another, then at cells of the image.

Carion et al., "End-to-End Object Detection with Transformers" (ECCV 2020,
https://arxiv.org/abs/2005.12872). With x the objects, m the cells, p and r their positions,

    x <- norm1(x + self(q = x + p, k = x + p, v = x))
    x <- norm2(x + cross(q = x + p, k = m + r, v = m))
    x <- norm3(x + W_2 relu(W_1 x))

and with `norm_first`, each norm in front of its part:

    y = norm1(x), x <- x + self(y + p, y + p, y);  y = norm2(x), x <- x + cross(y + p, m + r, m)
    x <- x + W_2 relu(W_1 norm3(x))

self, cross: attentions of M heads with linear layers for q, k, v and what leaves them, each
with a bias, but for k, whose bias the softmax would cancel. Positions reach no value.

Letters: N rows, K objects, P cells, M heads, D width of the objects, Dm of the cells.
"""

import keras
from keras import ops

from hardvqa_tf.layers.deformable_attention import DeformableAttention, check_map_shapes
from hardvqa_tf.layers.multi_head import attend, check_heads, check_positive
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class DecoderLayer(keras.layers.Layer):
    """Refines objects by one another and by the cells of an image.

    Args:
        num_heads: M; divides D.
        hidden_dim: width of the layer between W_1 and W_2.
        dropout: rate on the attentions' weights, on the hidden layer and on what each part
            adds.
        norm_first: normalise in front of each part instead of behind it.
        map_shapes: (h, w) of each map that the cells are of, in their order: objects look at
            them by `DeformableAttention`; None: at all cells.
        num_points: of `DeformableAttention`.

    Call arguments:
        objects: float[N, K, D].
        cells: float[N, P, Dm], the memory.
        cells_valid: bool[N, P], optional; False is padding, which no object looks at.
        objects_valid: bool[N, K], optional; False is padding, which no object looks at.
        object_positions: float[N or 1, K, D], optional.
        cell_positions: float[N or 1, P, Dm], optional; not with `map_shapes`.
        references: float[N, K, 2 or 4], with `map_shapes` alone, see `DeformableAttention`.
        training: bool; dropout acts only in training.

    Returns:
        float[N, K, D].

    Reference:
        Carion et al., "End-to-End Object Detection with Transformers",
        https://arxiv.org/abs/2005.12872.

    Example:
        >>> layer = DecoderLayer(num_heads=2, hidden_dim=16)
        >>> layer(np.ones((3, 4, 8)), np.ones((3, 6, 5))).shape
        (3, 4, 8)
    """

    def __init__(
        self,
        num_heads=8,
        hidden_dim=1024,
        dropout=0.0,
        norm_first=False,
        map_shapes=None,
        num_points=4,
        **kwargs,
    ):
        # autocast off: references keep their precision.
        kwargs.setdefault("autocast", False)
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
        self.norm_first = norm_first
        self.self_attention = _Attention(num_heads, dropout, "self", self.dtype_policy)
        self.map_shapes = map_shapes and check_map_shapes(map_shapes)
        self.num_points = num_points
        if map_shapes:
            self.cross_attention = DeformableAttention(
                map_shapes, num_heads, num_points, dtype=self.dtype_policy, name="cross"
            )
        else:
            self.cross_attention = _Attention(num_heads, dropout, "cross", self.dtype_policy)
        self.norms = [
            keras.layers.LayerNormalization(
                epsilon=1e-5, dtype=self.dtype_policy, name=f"norm_{i}"
            )
            for i in (1, 2, 3)
        ]
        self.hidden_dense = keras.layers.Dense(
            hidden_dim, activation="relu", dtype=self.dtype_policy, name="hidden"
        )
        self.out_dense = None
        self._drops = [
            keras.layers.Dropout(dropout, dtype=self.dtype_policy, name=f"dropout_{name}")
            for name in ("self", "cross", "hidden", "out")
        ]

    def build(
        self,
        objects_shape,
        cells_shape,
        cells_valid_shape=None,
        objects_valid_shape=None,
        object_positions_shape=None,
        cell_positions_shape=None,
        references_shape=None,
    ):
        check_rank(objects_shape, "NPD", "objects")
        check_rank(cells_shape, "NPD")
        d = objects_shape[-1]
        check_heads(self.num_heads, **{"the objects' width": d})
        self.self_attention.build(objects_shape, objects_shape)
        if self.map_shapes:
            if references_shape is None:
                raise ValueError(
                    "With `map_shapes` objects look near where they are. Received: "
                    "references=None. Call the layer with `references`, boxes or points."
                )
            self.cross_attention.build(objects_shape, references_shape, cells_shape)
        else:
            self.cross_attention.build(objects_shape, cells_shape)
        self.out_dense = keras.layers.Dense(d, dtype=self.dtype_policy, name="out")
        self.hidden_dense.build(objects_shape)
        self.out_dense.build((*objects_shape[:-1], self.hidden_dim))
        for norm in self.norms:
            norm.build(objects_shape)
        self.built = True

    def call(
        self,
        objects,
        cells,
        cells_valid=None,
        objects_valid=None,
        object_positions=None,
        cell_positions=None,
        references=None,
        training=None,
    ):
        objects, cells, object_positions, cell_positions = (
            x if x is None else ops.cast(x, self.compute_dtype)
            for x in (objects, cells, object_positions, cell_positions)
        )
        drop_self, drop_cross, drop_hidden, drop_out = self._drops

        def look_at_objects(x):
            placed = _add(x, object_positions)
            return drop_self(
                self.self_attention(placed, placed, x, objects_valid, training=training),
                training=training,
            )

        def look_at_cells(x):
            query = _add(x, object_positions)
            if self.map_shapes:
                seen = self.cross_attention(query, references, cells, cells_valid)
            else:
                key = _add(cells, cell_positions)
                seen = self.cross_attention(query, key, cells, cells_valid, training=training)
            return drop_cross(seen, training=training)

        def think(x):
            hidden = drop_hidden(self.hidden_dense(x), training=training)
            return drop_out(self.out_dense(hidden), training=training)

        for part, norm in zip((look_at_objects, look_at_cells, think), self.norms):
            if self.norm_first:
                objects = objects + part(norm(objects))
            else:
                objects = norm(objects + part(objects))
        return objects

    def compute_output_spec(self, objects, cells, *args, **kwargs):
        return keras.KerasTensor(objects.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "norm_first": self.norm_first,
            "map_shapes": self.map_shapes,
            "num_points": self.num_points,
        }


class _Attention(keras.layers.Layer):
    """Attention of several heads, with the linear layers around it; a part of `DecoderLayer`.

    Attributes:
        query_dense, key_dense, value_dense, attended_dense: those layers.
    """

    def __init__(self, num_heads, dropout, name, dtype):
        super().__init__(name=name, dtype=dtype)
        self.num_heads = num_heads
        self._weight_dropout = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")
        self.query_dense = self.key_dense = self.value_dense = self.attended_dense = None

    def build(self, query_shape, key_shape):
        d = query_shape[-1]
        for name in ("query", "key", "value", "attended"):
            layer = keras.layers.Dense(
                d, use_bias=name != "key", dtype=self.dtype_policy, name=name
            )
            layer.build(key_shape if name in ("key", "value") else query_shape)
            setattr(self, f"{name}_dense", layer)
        self.built = True

    def call(self, query, key, value, valid=None, training=None):
        attended, _ = attend(
            self.query_dense(query),
            self.key_dense(key),
            self.value_dense(value),
            self.num_heads,
            (query.shape[-1] // self.num_heads) ** -0.5,
            keep=None if valid is None else valid[:, None],
            drop=lambda w: self._weight_dropout(w, training=training),
        )
        return self.attended_dense(attended)


def _add(x, positions):
    return x if positions is None else x + positions
