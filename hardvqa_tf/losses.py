"""Losses over the answer vocabulary."""

import keras
from keras import ops


def softmax_cross_entropy(logits, answers):
    """Softmax cross-entropy of each question's answer.

    Args:
      logits: float[B, Q, A].
      answers: int[B, Q], the class; -1 for an answer outside the vocabulary, whose loss is 0.

    Returns:
      float32[B, Q].
    """
    logits = ops.cast(logits, "float32")
    known = answers >= 0
    losses = keras.losses.sparse_categorical_crossentropy(
        ops.where(known, answers, 0), logits, from_logits=True
    )
    return ops.where(known, losses, 0.0)
