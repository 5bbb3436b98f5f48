"""A model's answers to every question of a split, and how many are right, by question type."""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass
class Answers:
    """What a model said to each of N questions, in the order of the records.

    `prediction` and `target` are classes (target -1: the answer is not in the vocabulary, so
    that no prediction is right), `num_cells` the cells looked at, `has_answer` False where the
    data set hides the answer; the rest are str, `answer_text` the first answer that people gave.
    """

    prediction: np.ndarray
    target: np.ndarray
    num_cells: np.ndarray
    has_answer: np.ndarray
    question_id: np.ndarray
    question_type: np.ndarray
    question_text: np.ndarray
    answer_text: np.ndarray

    @property
    def correct(self):
        """bool[N]"""
        return self.prediction == self.target


def answer_split(model, data):
    """Asks the model every question of a split.

    Args:
      model: from `build_vqa_model`.
      data: `VqaData(..., with_strings=True)`.

    Returns:
      `Answers`, each question of the split once.
    """
    inputs = [tensor.name for tensor in model.inputs]

    @tf.function(reduce_retracing=True)
    def ask(batch):
        outputs = model({name: batch[name] for name in inputs}, training=False)
        return tf.argmax(outputs["logits"], -1, tf.int32), outputs["num_cells"]

    parts = [_real_rows(batch, *ask(batch)) for batch in data.in_order()]
    return Answers(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def accuracy_by_type(answers):
    """Accuracy over all answered questions, and by type.

    A type such as "relational/count" counts for its group "relational" too.

    Args:
      answers: `Answers`.

    Returns:
      dict from name to (accuracy in 0..1, number of questions): "all" first, then groups and
      types in alphabetical order. Empty where no question has an answer.
    """
    correct = answers.correct[answers.has_answer]
    types = answers.question_type[answers.has_answer]
    if not len(correct):
        return {}
    groups = np.array([name.split("/")[0] for name in types])
    rows = {"all": (float(correct.mean()), len(correct))}
    for name in sorted({*groups, *types} - {""}):
        chosen = (groups == name) | (types == name)
        rows[name] = (float(correct[chosen].mean()), int(chosen.sum()))
    return rows


def _real_rows(batch, prediction, num_cells):
    """Drops padding and repeated rows: those without a question id. Each value becomes [n]."""
    real = batch["is_question"].numpy()
    row = {
        "prediction": prediction,
        "target": batch["answers"],
        "num_cells": num_cells,
        "has_answer": batch["weights"] > 0,
    }
    strings = ("question_id", "question_type", "question_text", "answer_text")
    row = {name: value.numpy()[real] for name, value in row.items()}
    for name in strings:
        row[name] = np.array([text.decode("utf-8") for text in batch[name].numpy()[real]], object)
    return row
