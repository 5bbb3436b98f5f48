"""What a training step makes of a model's outputs: the loss of a batch, and its counts."""

import tensorflow as tf

from hardvqa_tf.vqa.losses import sigmoid_cross_entropy, softmax_cross_entropy

# A name of `train.loss`: the loss, and the target of `VqaData` that it compares with.
LOSSES = {
    "softmax": (softmax_cross_entropy, "answers"),
    "softmax_sampled": (softmax_cross_entropy, "sampled_answers"),
    "sigmoid": (sigmoid_cross_entropy, "answer_scores"),
}


def pick_loss(name):
    """A line of LOSSES."""
    if name not in LOSSES:
        raise ValueError(
            f"Unknown loss. Received: train.loss={name!r}. Use one of: {', '.join(LOSSES)}."
        )
    return LOSSES[name]


class Score:
    """Sums over a batch, by name, of which `loss` is what training lowers.

    Args:
      loss: a name in LOSSES.

    Call arguments:
      outputs: of a model from `build_vqa_model`.
      batch: of `VqaData` with the target of that loss.

    Returns:
      A dict of float32 scalars, by `names`: over the questions that count, `loss`; `correct`
      answers; `num_cells` that were looked at; and `questions`, their number.
    """

    names = ("loss", "correct", "num_cells", "questions")

    def __init__(self, loss):
        self._loss_of, self._target = pick_loss(loss)

    def __call__(self, outputs, batch):
        weights = batch["weights"]
        right = tf.argmax(outputs["logits"], -1, batch["answers"].dtype) == batch["answers"]
        return {
            "loss": tf.reduce_sum(self.losses(outputs, batch) * weights),
            "correct": _count(right, weights),
            "num_cells": _count(outputs["num_cells"], weights),
            "questions": tf.reduce_sum(weights),
        }

    def losses(self, outputs, batch):
        """The loss of each item, as it is where its weight is 1: float32[B, Q]."""
        return self._loss_of(outputs["logits"], batch[self._target])

    def divisor(self, batch):
        """What `loss` is divided by, once added up over the devices: a float32 scalar."""
        return tf.reduce_sum(batch["weights"])

    def means(self, sums):
        """Metrics of an epoch from its sums, a dict of numbers by `names`."""
        number = sums["questions"]
        return {
            "train/loss": sums["loss"] / number,
            "train/accuracy": sums["correct"] / number,
            "train/num_cells": sums["num_cells"] / number,
        }


def _count(values, weights):
    return tf.reduce_sum(tf.cast(values, tf.float32) * weights)
