"""The mean of a recurrent layer's states over the real tokens of each question.

The last state of an LSTM that starts from random weights knows the end of the question well and
its beginning hardly; "... object ?" is where questions from templates are alike. The mean hears
every word alike.

Letters: R questions, T tokens, D width.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class MeanState(keras.layers.Layer):
    """Averages the states at the tokens that are not padding; zeros if all are padding.

    Call arguments:
        states: float[R, T, D], the recurrent layer's outputs.
        tokens: int32[R, T], 0 is padding.

    Returns:
        float[R, D].

    Example:
        >>> MeanState()(np.array([[[1.0], [2.0], [9.0]]]), np.array([[7, 5, 0]]))
        [[1.5]]
    """

    def build(self, states_shape, tokens_shape):
        self.built = True

    def call(self, states, tokens):
        real = ops.cast(ops.not_equal(tokens, 0), states.dtype)[:, :, None]  # [R, T, 1]
        count = ops.maximum(ops.sum(real, axis=1), 1)  # [R, 1]
        return ops.sum(states * real, axis=1) / count

    def compute_output_shape(self, states_shape, tokens_shape):
        return (states_shape[0], states_shape[2])
