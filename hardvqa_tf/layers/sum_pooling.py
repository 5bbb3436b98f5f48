"""The simplest aggregator: the sum of the kept cells.

Letters: N question rows, K kept cells, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers.selection import zero_unless
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class SumPooling(keras.layers.Layer):
    """Sums the cells; after soft attention, that is the weighted mean of all cells.

    Call arguments:
        cells: float[N, K, D].
        valid: bool[N, K], optional; a row that is not valid counts nothing.
        question, coordinates: ignored; there so that all aggregators are called alike.

    Returns:
        float[N, D].

    Reference:
        Malinowski et al., "Learning Visual Question Answering by Bootstrapping Hard
        Attention", https://arxiv.org/abs/1808.00300.

    Example:
        >>> SumPooling()(np.array([[[1.0, 2.0], [3.0, 5.0]]]))
        [[4., 7.]]
    """

    def build(self, cells_shape):
        check_rank(cells_shape, "NPD")
        self.built = True

    def call(self, cells, valid=None, question=None, coordinates=None):
        if valid is not None:
            cells = zero_unless(valid, cells)
        return ops.sum(cells, axis=1)

    def compute_output_spec(self, cells, valid=None, question=None, coordinates=None):
        return keras.KerasTensor((cells.shape[0], cells.shape[2]), dtype=self.compute_dtype)
