"""What one gets without looking: answers from the words of the question alone.

The most frequent answer of the train split: to the same question text, or to the same question
type. A model that is not better has learned nothing from the images. Every answer that people
gave counts once; of equally frequent ones the first in the alphabet is taken.
"""

import collections
import dataclasses

import numpy as np

from hardvqa_tf.vqa.judging.metrics import Answers, accuracy_by_type
from hardvqa_tf.vqa.judging.scoring import score_officially
from records.builders.resplit import frequent_answer


@dataclasses.dataclass(frozen=True)
class BlindBaseline:
    """The most frequent answers of a train split.

    Attributes:
      by_text: dict from question text to answer.
      by_type: dict from question type to answer.
      overall: the most frequent answer to all questions together.
    """

    by_text: dict
    by_type: dict
    overall: str

    @classmethod
    def from_train(cls, train_questions):
        """Counts answers.

        Args:
          train_questions: iterable of `Question`.

        Raises:
          ValueError: if none of them has an answer.
        """
        pairs = [(q.text, q.type, a) for q in train_questions for a in q.answers]
        by_text = collections.Counter((text, answer) for text, _, answer in pairs)
        by_type = collections.Counter((type_, answer) for _, type_, answer in pairs)
        overall = collections.Counter(("", answer) for _, _, answer in pairs)
        if not overall:
            raise ValueError(
                "The blind baseline needs answers. Received: train questions without any. "
                "Leave it out for records whose answers are hidden."
            )
        by_text, by_type, overall = map(_most_frequent, (by_text, by_type, overall))
        return cls(by_text, by_type, overall[""])

    def predict(self, question_text, question_type=""):
        """The answer by text, for a new text by type, for a new type the overall one."""
        if question_text in self.by_text:
            return self.by_text[question_text]
        return self.predict_by_type(question_type)

    def predict_by_type(self, question_type):
        return self.by_type.get(question_type, self.overall)


def blind_accuracy(train_questions, questions, evaluator=None):
    """How often both baselines are right.

    A question's right answer is the one that most people gave to it; or the official VQA metric
    judges.

    Args:
      train_questions, questions: iterables of `Question`.
      evaluator: of the VQA metric, 2021 or 2018; None: the answer of most people.

    Returns:
      {"text": rows, "type": rows}, rows as from `metrics.accuracy_by_type`.
    """
    baseline = BlindBaseline.from_train(train_questions)
    questions = list(questions)
    said = {
        "text": [baseline.predict(q.text, q.type) for q in questions],
        "type": [baseline.predict_by_type(q.type) for q in questions],
    }
    judged = {name: _answers(questions, of_baseline) for name, of_baseline in said.items()}
    if evaluator:
        by_id = {question.id: question for question in questions}
        judged = {
            name: score_officially(answers, said[name], by_id, evaluator)
            for name, answers in judged.items()
        }
    return {name: accuracy_by_type(answers) for name, answers in judged.items()}


def _most_frequent(counts):
    """Counter of (key, answer) -> dict from key to its most frequent answer."""
    best = {}
    for (key, answer), count in counts.items():
        rank = (-count, answer)  # smaller is better
        if key not in best or rank < best[key]:
            best[key] = rank
    return {key: answer for key, (_, answer) in best.items()}


def _answers(questions, said):
    """What a baseline said, in the form in which a model's answers are evaluated."""
    classes = collections.defaultdict(lambda: len(classes))  # any number for each answer
    strings = {
        name: np.array([getattr(q, name.split("_")[1]) for q in questions], object)
        for name in ("question_id", "question_type", "question_text")
    }
    return Answers(
        prediction=np.array([classes[answer] for answer in said]),
        target=np.array(
            [classes[frequent_answer(q.answers)] if q.answers else -1 for q in questions]
        ),
        num_cells=np.zeros(len(questions), np.int32),
        has_answer=np.array([bool(q.answers) for q in questions], bool),
        answer_text=np.array([q.answers[0] if q.answers else "" for q in questions], object),
        **strings,
    )
