"""How many answers are right, by question type, and how many cells were looked at for them."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Answers:
    """What a model said to each of N questions, in the order of the records.

    `prediction` and `target` are classes (target -1: the answer is not in the vocabulary, so
    that no prediction is right), `num_cells` the cells looked at, `has_answer` False where the
    data set hides the answer; the rest are str, `answer_text` the first answer people gave.

    `mask` [N, h, w] is what was looked at, `image_id` the image asked about, and
    `presence_entropy` says how evenly presence is spread over the cells, see
    `asking.make_ask`.

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
    presence_entropy: np.ndarray | None = None
    score: np.ndarray | None = None
    answer_type: np.ndarray | None = None

    @property
    def correct(self):
        """bool[N]"""
        return self.prediction == self.target

    def take(self, rows):
        """Those of some rows, int[n], in that order."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return Answers(**{n: None if v is None else v[rows] for n, v in values.items()})


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


def attention_statistics(answers):
    """What a model looked at, in numbers.

    Args:
      answers: `Answers`.

    Returns:
      A dict: `num_cells_mean` and `num_cells_std`, of the cells looked at for a question (the
      standard deviation over the questions, 0 if all had as many); `presence_entropy`, its
      mean over the questions, in nats: ln P where all P cells are alike, 0 where one cell
      outweighs all others; absent if the answers do not have it.
    """
    statistics = {
        "num_cells_mean": float(answers.num_cells.mean()),
        "num_cells_std": float(answers.num_cells.std()),
    }
    if answers.presence_entropy is not None:
        statistics["presence_entropy"] = float(answers.presence_entropy.mean())
    return statistics
