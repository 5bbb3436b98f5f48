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


def sigmoid_cross_entropy(logits, scores):
    """Sum over the answers of the cross-entropy of each one's sigmoid with its soft score.

    Every answer that somebody gave is right to the degree that the metric says, which is what
    most later VQA systems train on; the paper's classifier is the softmax.

    Args:
      logits: float[B, Q, A].
      scores: float[B, Q, A] in 0..1; all 0 for a question without a known answer, whose loss
        is 0, as in `softmax_cross_entropy`.

    Returns:
      float32[B, Q].
    """
    logits, scores = ops.cast(logits, "float32"), ops.cast(scores, "float32")
    # max(x, 0) - x z + log(1 + exp(-|x|)), which overflows nowhere.
    losses = ops.relu(logits) - logits * scores + ops.softplus(-ops.abs(logits))
    return ops.where(ops.any(scores > 0, axis=-1), ops.sum(losses, axis=-1), 0.0)
