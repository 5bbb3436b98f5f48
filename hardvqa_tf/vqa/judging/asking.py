"""A model's answers to every question of a split."""

import numpy as np
import tensorflow as tf

from hardvqa_tf.vqa.judging.metrics import Answers


def make_ask(model):
    """Returns a function from a batch to a dict of `prediction` int32[B, Q], the classes;
    `num_cells` int32[B, Q] and `mask` [B, Q, h, w], as the model gives them; and
    `presence_entropy` float32[B, Q], in nats, of the softmax of presence over the P cells, by
    which adaptive hard attention selects: from 0, one cell outweighs the others, to ln P.

    Made once for a model that is evaluated again and again, because its first call is slow.
    """
    inputs = [tensor.name for tensor in model.inputs]

    @tf.function(reduce_retracing=True)
    def ask(batch):
        outputs = model({name: batch[name] for name in inputs}, training=False)
        return {
            "prediction": tf.argmax(outputs["logits"], -1, tf.int32),
            "num_cells": outputs["num_cells"],
            "mask": outputs["mask"],
            "presence_entropy": _softmax_entropy(outputs["presence"]),
        }

    return ask


def answer_split(ask, data):
    """Asks a model every question of a split.

    Args:
      ask: from `make_ask`.
      data: `VqaData(..., with_strings=True)`.

    Returns:
      `Answers`, each question of the split once.
    """
    parts = [_real_rows(batch, ask(batch)) for batch in data.in_order()]
    return Answers(
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    )


def _softmax_entropy(presence):
    """float32[B, Q, h, w] -> [B, Q], in nats."""
    shape = tf.shape(presence)
    log_share = tf.nn.log_softmax(tf.reshape(presence, [shape[0], shape[1], -1]))
    return -tf.reduce_sum(tf.exp(log_share) * log_share, axis=-1)


def _real_rows(batch, answers):
    """Drops padding and repeated rows: those that are no question. Each value becomes [n]."""
    real = batch["is_question"].numpy()
    row = answers | {"target": batch["answers"], "has_answer": batch["weights"] > 0}
    strings = ("question_id", "question_type", "question_text", "answer_text", "image_id")
    row = {name: value.numpy()[real] for name, value in row.items()}
    for name in strings:
        row[name] = np.array(
            [text.decode("utf-8") for text in batch[name].numpy()[real]], object
        )
    return row
