"""No attention: every cell is kept. The baseline that hard attention is compared with.

Letters: N question rows, P cells of the grid, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers.presence import cell_presence
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class NoAttention(keras.layers.Layer):
    """Keeps all cells, in their order, behind the interface of the attentions.

    Call arguments:
        cells: float[N, P, D].
        question: ignored.
        coordinates: float[N, P, 2], optional.

    Returns:
        A dictionary: `cells` float[N, P, D] as they came; `coordinates` float[N, P, 2] if
        given; `mask` bool[N, P], all True; `presence` float32[N, P].

    Example:
        >>> NoAttention()(np.ones((2, 5, 8)))["mask"].shape
        (2, 5)
    """

    def build(self, cells_shape):
        check_rank(cells_shape, "NPD")
        self.built = True

    def call(self, cells, question=None, coordinates=None):
        presence = cell_presence(cells)
        outputs = {
            "cells": cells,
            "mask": ops.ones_like(presence, dtype="bool"),
            "presence": presence,
        }
        if coordinates is not None:
            outputs["coordinates"] = coordinates
        return outputs

    def compute_output_spec(self, cells, question=None, coordinates=None):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        outputs = {
            "cells": keras.KerasTensor(cells.shape, dtype=self.compute_dtype),
            "mask": keras.KerasTensor(cells.shape[:2], dtype="bool"),
            "presence": keras.KerasTensor(cells.shape[:2], dtype=wide),
        }
        if coordinates is not None:
            outputs["coordinates"] = keras.KerasTensor(
                coordinates.shape, dtype=self.compute_dtype
            )
        return outputs
