"""The state of a recurrent layer at the last real token of each question.

With padding on the right, no padded token comes before that state, so it is exactly the state
that a masked recurrent layer would end with, and the fast unmasked kernels can be used.

Letters: R questions, T tokens, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers.selection import gather_cells


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class LastState(keras.layers.Layer):
    """Picks the state at the last token that is not padding; zeros if all are padding.

    Call arguments:
        states: float[R, T, D], the recurrent layer's outputs.
        tokens: int32[R, T], 0 is padding, on the right.

    Returns:
        float[R, D].

    Example:
        >>> LastState()(np.array([[[1.0], [2.0], [3.0]]]), np.array([[7, 5, 0]]))
        [[2.]]
    """

    def build(self, states_shape, tokens_shape):
        self.built = True

    def call(self, states, tokens):
        length = question_length(tokens)[:, None]  # [R, 1]
        last = gather_cells(states, ops.maximum(length - 1, 0))[:, 0]  # [R, D]
        return ops.where(length > 0, last, ops.zeros_like(last))

    def compute_output_shape(self, states_shape, tokens_shape):
        return (states_shape[0], states_shape[2])


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class ReverseTokens(keras.layers.Layer):
    """Turns each question round and leaves its padding on the right.

    Published relation networks were fed the question's last word first. Done twice it gives the
    question again.

    Call arguments:
        tokens: int32[R, T], 0 is padding, on the right.
        states: float[R, T, D], optional: turned round, by the tokens' lengths, in their place.

    Returns:
        int32[R, T]; with states float[R, T, D].

    Example:
        >>> ReverseTokens()(np.array([[7, 5, 9, 0]]))
        [[9, 5, 7, 0]]
    """

    def build(self, tokens_shape, states_shape=None):
        self.built = True

    def call(self, tokens, states=None):
        length = question_length(tokens)[:, None]  # [R, 1]
        position = ops.arange(ops.shape(tokens)[1], dtype="int32")[None]  # [1, T]
        source = ops.where(position < length, length - 1 - position, position)
        if states is not None:
            return gather_cells(states, source)
        return gather_cells(tokens[:, :, None], source)[:, :, 0]

    def compute_output_spec(self, tokens, states=None):
        if states is not None:
            return keras.KerasTensor(states.shape, dtype=self.compute_dtype)
        return keras.KerasTensor(tokens.shape, dtype=tokens.dtype)


def question_length(tokens):
    """Tokens up to the last that is not padding: int32[R]."""
    position = ops.arange(1, ops.shape(tokens)[1] + 1, dtype="int32")[None]  # [1, T]
    return ops.max(ops.where(ops.not_equal(tokens, 0), position, 0), axis=1)
