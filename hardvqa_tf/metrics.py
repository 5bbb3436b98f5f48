"""How many answers are right, by question type."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Answers:
    """What a model said to each of N questions, in the order of the records.

    `prediction` and `target` are classes (target -1: the answer is not in the vocabulary, so
    that no prediction is right), `num_cells` the cells looked at, `has_answer` False where the
    data set hides the answer; the rest are str, `answer_text` the first answer people gave.
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


def accuracy_by_type(answers):
    """Accuracy over all answered questions, and by type.

    A type such as "relational: count" counts for its group "relational" too.

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
    groups = np.array([name.split(": ")[0] for name in types], object)
    rows = {"all": (float(correct.mean()), len(correct))}
    for name in sorted({*groups, *types} - {""}):
        chosen = (groups == name) | (types == name)
        rows[name] = (float(correct[chosen].mean()), int(chosen.sum()))
    return rows
