"""How many answers are right, by question type."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Answers:
    """What a model said to each of N questions, in the order of the records.

    `prediction` and `target` are classes (target -1: the answer is not in the vocabulary, so
    that no prediction is right), `num_cells` the cells looked at, `has_answer` False where the
    data set hides the answer; the rest are str, `answer_text` the first answer people gave.

    `mask` [N, h, w] is what was looked at, `image_id` the image asked about.

    Judged by the official VQA metric (`scoring`), they have a `score` in 0..1 and VQA's
    `answer_type`; otherwise an answer is right if its class is the target.
    """

    prediction: np.ndarray
    target: np.ndarray
    num_cells: np.ndarray
    has_answer: np.ndarray
    question_id: np.ndarray
    question_type: np.ndarray
    question_text: np.ndarray
    answer_text: np.ndarray
    mask: np.ndarray | None = None
    image_id: np.ndarray | None = None
    score: np.ndarray | None = None
    answer_type: np.ndarray | None = None

    @property
    def correct(self):
        """bool[N]"""
        return self.prediction == self.target


def accuracy_by_type(answers):
    """Accuracy over all answered questions, and by type.

    A type such as "relational: count" counts for its group "relational" too. Answers with an
    answer type are grouped by that, and their question types are called "question type: ...".

    Args:
      answers: `Answers`.

    Returns:
      dict from name to (accuracy in 0..1, number of questions): "all" first, then groups and
      types in alphabetical order. Empty where no question has an answer.
    """
    score = answers.correct if answers.score is None else answers.score
    score = score[answers.has_answer]
    if not len(score):
        return {}
    types = answers.question_type[answers.has_answer]
    if answers.answer_type is None:
        groups = np.array([name.split(": ")[0] for name in types], object)
        names = sorted({*groups, *types} - {""})
    else:
        groups = answers.answer_type[answers.has_answer]
        types = np.array([f"question type: {name}" if name else "" for name in types], object)
        names = sorted({*groups} - {""}) + sorted({*types} - {""})
    rows = {"all": (float(score.mean()), len(score))}
    for name in names:
        chosen = (groups == name) | (types == name)
        rows[name] = (float(score[chosen].mean()), int(chosen.sum()))
    return rows
