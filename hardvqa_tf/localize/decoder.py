"""The decoder: kept cells become objects, which look at one another, at cells and drawing.

Tripathi et al., "Query-guided Attention in Vision Transformers for Localizing Objects Using a
Single Sketch" (WACV 2024, https://arxiv.org/abs/2303.08784): boxes are refined from level to
level as in Deformable DETR, and at each level the objects are refined by the drawing, and the
drawing by them. For the objects h of a level, the drawing's tokens s, and the boxes r before,

    h <- DecoderLayer(h; cells)          box = BoxRefinement(h, r),  r <- box without a gradient
    a = QueryGuidedAttention(h; s)       s <- QueryGuidedAttention(s; a)
    logit = logit of the dense head without a gradient + score([a ; g ; a * W g])

with g the maximum over the refined tokens s. In the authors' code g is that of the tokens as
they came; of refined ones the drawing knows what was found. The product is ours: it tells
whether an object and the drawing agree. The memory is that of the kept cells, so that the
decoder pays for those only; or the cells of several full maps, at which objects look by
`DeformableAttention`, near their boxes r.

Letters: N rows, K kept cells, each an object, T tokens of the drawings, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers import BoxRefinement, DecoderLayer, QueryGuidedAttention
from hardvqa_tf.layers.deformable_attention import check_map_shapes
from hardvqa_tf.layers.multi_head import check_positive
from hardvqa_tf.localize.rows import greatest_of_valid

# The logit of a row that is no cell: its probability is 1e-13.
NO_CELL = -30.0


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class ObjectDecoder(keras.layers.Layer):
    """Refines boxes and scores of the kept cells, level by level.

    Args:
        num_levels: of decoder layers, each with boxes and scores of its own.
        num_heads: of each attention; divides the width of cells and tokens.
        hidden_dim: of the layers behind each attention, and of those of boxes and scores.
        dropout: of the attentions.
        norm_first, map_shapes, num_points: see `DecoderLayer`.
        refine: whether objects are refined by the drawing, and the drawing by them; else both
            are scored as they are.

    Call arguments:
        cells: float[N, K, D].
        places: float[N, K, D], the encodings of their positions.
        logits: float[N, K, 1], of the dense head.
        boxes: float[N, K, 4], of the dense head.
        tokens: float[N, T, Ds], of the drawings.
        tokens_valid: bool[N, T].
        token_places: float[N or 1, T, Ds].
        valid: bool[N, K], optional; False is padding.
        memory: float[N, P, Dm], with `map_shapes` alone: the cells of all maps, at which
            objects look instead of at the kept ones.
        training: bool.

    Returns:
        A dictionary: `level_<i>_logits` float32[N, K] and `level_<i>_boxes` float32[N, K, 4]
        (cx, cy, w, h) of each level, from 0; NO_CELL and zeros where not `valid`.

    Attributes:
        asleep: True gives every level what came, without a gradient. Set by the training loop
            for its first steps; not part of the layer's config.

    Reference:
        Tripathi et al., "Query-guided Attention in Vision Transformers for Localizing Objects
        Using a Single Sketch", https://arxiv.org/abs/2303.08784.
    """

    def __init__(
        self,
        num_levels=2,
        num_heads=4,
        hidden_dim=128,
        dropout=0.0,
        norm_first=False,
        map_shapes=None,
        num_points=4,
        refine=True,
        **kwargs,
    ):
        # autocast off: boxes and logits keep their precision.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        check_positive(num_levels=num_levels, num_heads=num_heads, hidden_dim=hidden_dim)
        self.num_levels = num_levels
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.norm_first = norm_first
        self.map_shapes = map_shapes and check_map_shapes(map_shapes)
        self.num_points = num_points
        self.refine = refine
        self.asleep = False
        self.levels = [_Level(self, name=f"level_{i}") for i in range(num_levels)]

    def build(
        self,
        cells_shape,
        places_shape,
        logits_shape,
        boxes_shape,
        tokens_shape,
        tokens_valid_shape=None,
        token_places_shape=None,
        valid_shape=None,
        memory_shape=None,
    ):
        if (memory_shape is None) == bool(self.map_shapes):
            raise ValueError(
                "`memory` and `map_shapes` belong together: the cells of all maps, and the "
                f"maps' (h, w). Received: map_shapes={self.map_shapes!r}, memory of shape "
                f"{memory_shape}. Give both, or neither for a memory of kept cells."
            )
        for level in self.levels:
            level.build(cells_shape, memory_shape or cells_shape, boxes_shape, tokens_shape)
        self.built = True

    def call(
        self,
        cells,
        places,
        logits,
        boxes,
        tokens,
        tokens_valid,
        token_places,
        valid=None,
        memory=None,
        training=None,
    ):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        cells, places, tokens, token_places = (
            ops.cast(x, self.compute_dtype) for x in (cells, places, tokens, token_places)
        )
        if memory is not None:
            memory = ops.cast(memory, self.compute_dtype)
        first = ops.stop_gradient(ops.cast(logits[..., 0], wide))
        boxes, objects, outputs = ops.stop_gradient(ops.cast(boxes, wide)), cells, {}
        for i, level in enumerate(self.levels):
            change = 0.0
            if not self.asleep:
                objects, tokens, boxes, change = level(
                    objects,
                    cells if memory is None else memory,
                    places,
                    boxes,
                    tokens,
                    tokens_valid,
                    token_places,
                    valid,
                    training=training,
                )
            now = first + ops.cast(change, wide)
            outputs[f"level_{i}_logits"] = (
                now if valid is None else ops.where(valid, now, NO_CELL)
            )
            outputs[f"level_{i}_boxes"] = (
                boxes if valid is None else ops.where(valid[..., None], boxes, 0.0)
            )
            boxes = ops.stop_gradient(boxes)
        return outputs

    def compute_output_spec(self, cells, *args, **kwargs):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        outputs = {}
        for i in range(self.num_levels):
            outputs[f"level_{i}_logits"] = keras.KerasTensor(cells.shape[:2], dtype=wide)
            outputs[f"level_{i}_boxes"] = keras.KerasTensor((*cells.shape[:2], 4), dtype=wide)
        return outputs

    def get_config(self):
        return {
            **super().get_config(),
            "num_levels": self.num_levels,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "norm_first": self.norm_first,
            "map_shapes": self.map_shapes,
            "num_points": self.num_points,
            "refine": self.refine,
        }


class _Level(keras.layers.Layer):
    """One level of `ObjectDecoder`: objects, tokens, boxes [N, K, 4] and changes of logits."""

    def __init__(self, of, name):
        dtype, hidden_dim = of.dtype_policy, of.hidden_dim
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.hidden_dim = hidden_dim
        self.of_maps = bool(of.map_shapes)
        self.look = DecoderLayer(
            of.num_heads,
            hidden_dim,
            of.dropout,
            of.norm_first,
            of.map_shapes,
            of.num_points,
            dtype=dtype,
            name="look",
        )
        self.refine_boxes = BoxRefinement(hidden_dim, dtype=dtype, name="boxes")
        self.refine_objects = self.refine_tokens = None
        if of.refine:
            self.refine_objects, self.refine_tokens = (
                QueryGuidedAttention(
                    of.num_heads, hidden_dim, of.dropout, dtype=dtype, name=name
                )
                for name in ("objects", "tokens")
            )
        self.hidden_dense = keras.layers.Dense(
            hidden_dim, activation="relu", dtype=dtype, name="score_hidden"
        )
        self.score_dense = keras.layers.Dense(
            1, kernel_initializer="zeros", dtype=dtype, name="score"
        )
        self.drawing_dense = None

    def build(self, cells_shape, memory_shape, boxes_shape, tokens_shape):
        d, ds = cells_shape[-1], tokens_shape[-1]
        self.look.build(cells_shape, memory_shape, references_shape=boxes_shape)
        self.refine_boxes.build(cells_shape, boxes_shape)
        if self.refine_objects is not None:
            self.refine_objects.build(cells_shape, tokens_shape)
            self.refine_tokens.build(tokens_shape, cells_shape)
        self.drawing_dense = keras.layers.Dense(d, dtype=self.dtype_policy, name="drawing")
        self.drawing_dense.build((tokens_shape[0], ds))
        self.hidden_dense.build((*cells_shape[:2], 2 * d + ds))
        self.score_dense.build((*cells_shape[:2], self.hidden_dim))
        self.built = True

    def call(
        self,
        objects,
        memory,
        places,
        boxes,
        tokens,
        tokens_valid,
        token_places,
        valid=None,
        training=None,
    ):
        if self.of_maps:
            near = {"references": boxes}
        else:  # the memory is that of the objects themselves
            near = {"cells_valid": valid, "cell_positions": places}
        objects = self.look(
            objects,
            memory,
            objects_valid=valid,
            object_positions=places,
            **near,
            training=training,
        )
        boxes = self.refine_boxes(objects, boxes)
        agreed = objects
        if self.refine_objects is not None:
            agreed = self.refine_objects(
                objects,
                tokens,
                valid=tokens_valid,
                cell_positions=places,
                query_positions=token_places,
                training=training,
            )["cells"]
            tokens = self.refine_tokens(
                tokens,
                agreed,
                valid=valid,
                cell_positions=token_places,
                query_positions=places,
                training=training,
            )["cells"]
        drawing = greatest_of_valid(tokens, tokens_valid)[:, None]  # [N, 1, Ds]
        product = agreed * self.drawing_dense(drawing)
        shape = (*ops.shape(agreed)[:2], tokens.shape[-1])
        together = [agreed, ops.broadcast_to(drawing, shape), product]
        hidden = self.hidden_dense(ops.concatenate(together, axis=-1))
        return objects, tokens, boxes, self.score_dense(hidden)[..., 0]
