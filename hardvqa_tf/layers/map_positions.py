"""Positions on several maps: sines of the place within a map, and what tells the maps apart.

As in Deformable DETR (Zhu et al., https://arxiv.org/abs/2010.04159): normalised sine positions,
so that a place of the image has the same on each map, and a vector that is learned, one a map.

Letters: N rows, L maps of h_l w_l cells, P = sum_l h_l·w_l cells, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers.deformable_attention import check_map_cells, check_map_shapes
from hardvqa_tf.layers.shapes import check_rank
from hardvqa_tf.layers.sine_positions import SinePositions


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class MapPositions(keras.layers.Layer):
    """Encodings of the places of all maps' cells, map by map, each row by row.

    Args:
        map_shapes: (h, w) of each map, in the order of the cells.

    Call arguments:
        cells: [N, P, D], D even; only its shape is used.

    Returns:
        float[N, P, D].

    Attributes:
        map_embeddings: the vectors of the maps, [L, D].

    Reference:
        Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection",
        https://arxiv.org/abs/2010.04159.

    Example:
        >>> MapPositions([(4, 6), (2, 3)])(np.ones((2, 30, 8))).shape
        (2, 30, 8)
    """

    def __init__(self, map_shapes, **kwargs):
        super().__init__(**kwargs)
        self.map_shapes = check_map_shapes(map_shapes)
        self._sines = [
            SinePositions(h, w, normalized=True, dtype=self.dtype_policy, name=f"sine_{i}")
            for i, (h, w) in enumerate(self.map_shapes)
        ]
        self.map_embeddings = None

    def build(self, cells_shape):
        check_rank(cells_shape, "NPD")
        check_map_cells(self.map_shapes, cells_shape)
        d = cells_shape[-1]
        for (h, w), sines in zip(self.map_shapes, self._sines, strict=True):
            sines.build((1, h * w, d))
        self.map_embeddings = self.add_weight(
            shape=(len(self.map_shapes), d),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="map_embeddings",
        )
        self.built = True

    def call(self, cells):
        n, p, d = ops.shape(cells)[0], cells.shape[1], cells.shape[2]
        of_maps = ops.cast(self.map_embeddings, self.compute_dtype)
        both = [
            sines(ops.zeros((1, h * w, d), dtype=self.compute_dtype)) + of_maps[i]
            for i, ((h, w), sines) in enumerate(zip(self.map_shapes, self._sines, strict=True))
        ]
        return ops.broadcast_to(ops.concatenate(both, axis=1), (n, p, d))

    def compute_output_spec(self, cells):
        return keras.KerasTensor(cells.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "map_shapes": self.map_shapes}
