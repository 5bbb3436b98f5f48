"""The metric of a config: which answers are right, and how right."""

import functools

from hardvqa_tf.vqa.judging.scoring import coverage, score_officially
from records.read import read_questions


class Metric:
    """Says how right answers to a split are, by the metric of the config.

    Args:
      config: with `metric`, "exact" or "vqa", and `evaluator`.
      vocabulary: list of str, the answer of each class.
      records_dir, split: where the questions are; they are read once, when first needed.
      evaluator: takes the place of the config's.

    Raises:
      ValueError: for an unknown metric.
    """

    def __init__(self, config, vocabulary, records_dir, split, evaluator=None):
        if config.metric not in ("exact", "vqa"):
            raise ValueError(
                f"Unknown metric. Received: metric={config.metric!r}. Use one of: exact, vqa."
            )
        self.name = config.metric
        self.evaluator = (evaluator or config.evaluator) if self.name == "vqa" else None
        self._vocabulary = vocabulary
        self._source = records_dir, split

    @functools.cached_property
    def questions(self):
        """dict from id to `records.schema.Question`."""
        return {question.id: question for question in read_questions(*self._source)}

    def __call__(self, answers):
        """`Answers` -> the same, judged."""
        if self.name == "exact":
            return answers
        said = [self._vocabulary[prediction] for prediction in answers.prediction]
        return score_officially(answers, said, self.questions, self.evaluator)

    def coverage(self):
        return coverage(self._vocabulary, self.questions.values(), self.evaluator)
