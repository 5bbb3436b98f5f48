"""Equal questions are encoded once: rows to distinct rows, and back.

Questions from templates repeat (Sort-of-CLEVR has 36 texts, easy-VQA 107), and the recurrent
encoder is then the better part of the work for nothing. The result is the same.

Letters: R rows, U distinct rows, T tokens, D width.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class DistinctRows(keras.layers.Layer):
    """Finds the distinct rows. U varies, so where shapes must be static all rows are kept.

    Call arguments:
        tokens: int32[R, T].

    Returns:
        distinct: int32[U, T], in the order of their first occurrence (TensorFlow backend);
        index: int32[R], the place of each row in `distinct`.

    Example:
        >>> DistinctRows()(np.array([[7, 5], [9, 0], [7, 5]]))
        [[7, 5], [9, 0]], [0, 1, 0]
    """

    def call(self, tokens):
        if keras.backend.backend() != "tensorflow":
            return tokens, ops.arange(ops.shape(tokens)[0], dtype="int32")
        distinct, index = ops.unique(tokens, sorted=False, return_inverse=True, axis=0)
        return distinct, ops.cast(index, "int32")

    def compute_output_spec(self, tokens):
        distinct = keras.KerasTensor((None, tokens.shape[1]), dtype=tokens.dtype)
        return distinct, keras.KerasTensor((tokens.shape[0],), dtype="int32")


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class TakeRows(keras.layers.Layer):
    """Undoes `DistinctRows` on what was computed from the distinct rows.

    Call arguments:
        rows: float[U, D].
        index: int32[R].

    Returns:
        float[R, D].

    Example:
        >>> TakeRows()(np.array([[1.0], [2.0]]), np.array([0, 1, 0]))
        [[1.], [2.], [1.]]
    """

    def call(self, rows, index):
        return ops.take(rows, index, axis=0)

    def compute_output_shape(self, rows_shape, index_shape):
        return (*index_shape, *rows_shape[1:])
