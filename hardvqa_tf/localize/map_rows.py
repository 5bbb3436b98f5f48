"""Small layers between several maps and their cells, one after the other.

Letters: N rows, L maps of h_l w_l cells, P = sum_l h_l·w_l cells, K kept cells, D width.
"""

import keras
import numpy as np
from keras import layers, ops

from hardvqa_tf.layers.deformable_attention import check_map_shapes

_register = keras.saving.register_keras_serializable(package="hardvqa_tf")
NO_MAP = -1  # of a row that is no cell


class _OfMaps(layers.Layer):
    """Args: map_shapes: (h, w) of each map, in the order of the cells."""

    def __init__(self, map_shapes, **kwargs):
        super().__init__(**kwargs)
        self.map_shapes = check_map_shapes(map_shapes)

    def _slices(self):
        ends = np.cumsum([h * w for h, w in self.map_shapes]).tolist()
        return [*zip([0, *ends[:-1]], ends, self.map_shapes, strict=True)]

    def get_config(self):
        return {**super().get_config(), "map_shapes": self.map_shapes}


@_register
class SplitMaps(_OfMaps):
    """[N, P, ..., D] -> list of [N, h, w, D]."""

    def __init__(self, map_shapes, **kwargs):
        super().__init__(map_shapes, autocast=False, **kwargs)

    def call(self, cells):
        n, d = ops.shape(cells)[0], cells.shape[-1]
        return [
            ops.reshape(cells[:, start:end], (n, h, w, d))
            for start, end, (h, w) in self._slices()
        ]

    def compute_output_spec(self, cells):
        n, d = cells.shape[0], cells.shape[-1]
        return [keras.KerasTensor((n, h, w, d), dtype=cells.dtype) for h, w in self.map_shapes]


@_register
class GridsOfMaps(_OfMaps):
    """A value of each cell, [N, P] -> list of [N, h, w]."""

    def __init__(self, map_shapes, **kwargs):
        super().__init__(map_shapes, autocast=False, **kwargs)

    def call(self, values):
        n = ops.shape(values)[0]
        return [
            ops.reshape(values[:, start:end], (n, *shape))
            for start, end, shape in self._slices()
        ]

    def compute_output_spec(self, values):
        n = values.shape[0]
        return [keras.KerasTensor((n, *shape), dtype=values.dtype) for shape in self.map_shapes]


@_register
class JoinMaps(layers.Layer):
    """List of [N, h, w, D] -> [N, P, D]."""

    def call(self, maps):
        flat = [ops.reshape(m, (ops.shape(m)[0], -1, m.shape[-1])) for m in maps]
        return ops.concatenate(flat, axis=1)

    def compute_output_spec(self, maps):
        p = sum(m.shape[1] * m.shape[2] for m in maps)
        return keras.KerasTensor((maps[0].shape[0], p, maps[0].shape[-1]), dtype=maps[0].dtype)


@_register
class MapBoxes(_OfMaps):
    """A box around the centre of each cell, of 4x4 cells of its map: float32[N, P, 4].

    (cx, cy, w, h); at most 0.9 of the image. So each map begins with objects of its own size.
    """

    def __init__(self, map_shapes, **kwargs):
        super().__init__(map_shapes, autocast=False, **kwargs)

    def call(self, cells):
        boxes = []
        for h, w in self.map_shapes:
            y, x = np.indices((h, w)).reshape(2, -1)
            sides = np.broadcast_to(np.minimum([4 / w, 4 / h], 0.9), (h * w, 2))
            centres = np.stack([(x + 0.5) / w, (y + 0.5) / h], axis=-1)
            boxes.append(np.concatenate([centres, sides], axis=-1))
        boxes = ops.convert_to_tensor(np.concatenate(boxes).astype("float32")[None])
        return ops.broadcast_to(boxes, (ops.shape(cells)[0], *boxes.shape[1:]))

    def compute_output_spec(self, cells):
        return keras.KerasTensor((*cells.shape[:2], 4), dtype="float32")


@_register
class MapNumbers(_OfMaps):
    """The number of the map of each cell, from 0: float32[N, P, 1]."""

    def __init__(self, map_shapes, **kwargs):
        super().__init__(map_shapes, autocast=False, **kwargs)

    def call(self, cells):
        sizes = [h * w for h, w in self.map_shapes]
        number = np.repeat(np.arange(len(sizes)), sizes).astype("float32")[None, :, None]
        return ops.broadcast_to(
            ops.convert_to_tensor(number), (ops.shape(cells)[0], *number.shape[1:])
        )

    def compute_output_spec(self, cells):
        return keras.KerasTensor((*cells.shape[:2], 1), dtype="float32")


@_register
class MapOfObject(layers.Layer):
    """float32[N, K, 1] and which are valid, bool[N, K], optional -> int32[N, K]."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, numbers, valid=None):
        numbers = ops.cast(ops.round(numbers[..., 0]), "int32")
        return numbers if valid is None else ops.where(valid, numbers, NO_MAP)

    def compute_output_spec(self, numbers, valid=None):
        return keras.KerasTensor(numbers.shape[:2], dtype="int32")


@_register
class GreatestOfMaps(_OfMaps):
    """The greatest of the maps' cells at each cell of the first map: [N, P] -> [N, h_0, w_0].

    Of bool: whether any is True. A cell of a coarser map stands for all of the first map whose
    centres it covers.
    """

    def __init__(self, map_shapes, **kwargs):
        super().__init__(map_shapes, autocast=False, **kwargs)

    def call(self, values):
        height, width = self.map_shapes[0]
        greatest = None
        for start, _, (h, w) in self._slices():
            row = (np.arange(height) + 0.5) / height * h
            column = (np.arange(width) + 0.5) / width * w
            cells = start + np.floor(row)[:, None] * w + np.floor(column)  # [h_0, w_0]
            of_map = ops.take(values, cells.astype("int32"), axis=1)
            if greatest is None:
                greatest = of_map
            elif keras.backend.standardize_dtype(values.dtype) == "bool":
                greatest = ops.logical_or(greatest, of_map)
            else:
                greatest = ops.maximum(greatest, of_map)
        return greatest

    def compute_output_spec(self, values):
        return keras.KerasTensor((values.shape[0], *self.map_shapes[0]), dtype=values.dtype)
