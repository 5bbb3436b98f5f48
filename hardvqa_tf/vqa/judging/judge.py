"""Judges a model by its answers to a split: in few numbers after an epoch, or at length."""

import numpy as np

from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.judging.asking import answer_split, make_ask
from hardvqa_tf.vqa.judging.blind import blind_accuracy
from hardvqa_tf.vqa.judging.faithfulness import measure_faithfulness
from hardvqa_tf.vqa.judging.mask_dependence import (
    QUESTIONS_OF_AN_EPOCH,
    flatten_dependence,
    measure_dependence,
)
from hardvqa_tf.vqa.judging.mask_quality import cells_after_cut, measure_masks
from hardvqa_tf.vqa.judging.metric import Metric
from hardvqa_tf.vqa.judging.metrics import accuracy_by_type, attention_statistics
from hardvqa_tf.vqa.judging.question_ids import as_number
from hardvqa_tf.vqa.judging.scoring import counted_coverage
from hardvqa_tf.vqa.judging.tables import format_coverage
from records.build import read_info, read_vocabularies
from records.read import read_questions

BEST = "val/all"  # of `Judge.values`: what chooses the best epoch


class Judge:
    """Judges a model, as it is when asked, by the questions of a split.

    Args:
      model: from `build_vqa_model`.
      config: of the run.
      assets: `Vocabularies`.
      split: "val", ...
      records_dir: where the split is; default: the config's.
      evaluator: of the VQA metric, 2021 or 2018, if the config asks for that metric; default:
        the config's.
      mask_cells: K, weights of soft attention are cut to their K greatest where masks are
        measured, e.g. to compare with hard attention; default: a quarter of the cells. Hard
        attention keeps what it keeps.

    Raises:
      ValueError: for an unknown metric, and if there are not so many cells.
    """

    def __init__(
        self,
        model,
        config,
        assets,
        split,
        *,
        records_dir=None,
        evaluator=None,
        mask_cells=None,
    ):
        self._model, self._ask = model, make_ask(model)
        self._mask_cells = cells_after_cut(model.output["mask"], mask_cells)
        self._records_dir, self._split = records_dir or config.records_dir, split
        self._vocabulary, self._tokenizer = assets.answers.answers, assets.tokenizer
        self._fields = cell_fields(model, self._records_dir)
        self._metric = Metric(config, self._vocabulary, self._records_dir, split, evaluator)

    def lines(self):
        """What is worth knowing before training: what the vocabulary can express at all."""
        if self._metric.name != "vqa":
            return []
        given = read_vocabularies(self._records_dir)["answers"]
        in_train = counted_coverage(self._vocabulary, given)
        shares = ("train", in_train), (self._split, self._metric.coverage())
        number = len(self._vocabulary)
        return [f"{split}: {format_coverage(share, number)}" for split, share in shares]

    def ask(self, data):
        """Asks every question.

        Args:
          data: `VqaData(..., with_strings=True)` of the split.

        Returns:
          `metrics.Answers`, judged by the metric.
        """
        return self._metric(answer_split(self._ask, data))

    def values(self, answers, data):
        """{name: number} of judged answers: accuracy in 0..1, "val/all" and by question type,
        and what was looked at; without accuracy where the data set hides the answers.

        How much masks depend on the question is measured by the first of them alone, so that
        an epoch takes little longer.
        """
        rows = accuracy_by_type(answers).items()
        statistics = attention_statistics(answers) | flatten_dependence(
            self._dependence(answers, data, self._mask_cells, among=QUESTIONS_OF_AN_EPOCH)
        )
        return {f"val/{name}": accuracy for name, (accuracy, _) in rows} | {
            f"attention/{name}": value for name, value in statistics.items()
        }

    def files(self, answers):
        """`predictions` in the VQA challenge's result format: [{"question_id", "answer"}, ...].

        An id that is a whole number is written as one, which the official evaluator needs.
        """
        return {"predictions": to_result_format(answers, self._vocabulary)}

    def evaluate(self, answers, data):
        """All that there is to say of judged answers.

        Returns:
          A dict: `num_questions`, `num_answered`; `metric`, "exact" or "vqa", and the latter's
          `evaluator`; `num_cells`, looked at on average, of `total_cells`, and `num_cells_std`
          and `presence_entropy`, see `metrics.attention_statistics`; `num_classes`;
          `mask_cells`, None but for soft attention; `masks`, `mask_dependence` and
          `faithfulness`, see `masks`;
          `coverage`, see `scoring.coverage`; `rows`, a list of {"type", "num_questions",
          "accuracy", "blind_by_text", "blind_by_type"}, accuracies in 0..1, "all" first.
          Without rows where the data set hides the answers.

        Raises:
          RuntimeError: if hard attention is found not to be what it claims, see `faithfulness`.
        """
        statistics = attention_statistics(answers)
        return {
            "num_questions": len(answers.prediction),
            "num_answered": int(answers.has_answer.sum()),
            "metric": self._metric.name,
            "evaluator": self._metric.evaluator,
            "num_cells": statistics["num_cells_mean"],
            "num_cells_std": statistics["num_cells_std"],
            "presence_entropy": statistics["presence_entropy"],
            "num_classes": len(self._vocabulary),
            "total_cells": int(np.prod(answers.mask.shape[1:])),
            **self.masks(answers, data, self._mask_cells),
            "coverage": self._metric.coverage(),
            "rows": self._rows_beside_blind(answers),
        }

    def plots(self, result):
        """None: a report draws several runs together."""
        del result
        return {}

    def masks(self, answers, data, mask_cells):
        """Whether the masks are any good, cut to `mask_cells` where they are weights.

        Returns:
          A dict: `mask_cells`; `masks`, see `mask_quality.measure_masks`; `mask_dependence`,
          see `mask_dependence.measure_dependence`; `faithfulness`, see
          `faithfulness.measure_faithfulness`.
        """
        return {
            "mask_cells": mask_cells,
            "masks": measure_masks(
                answers, self._records_dir, self._split, mask_cells, self._fields
            ),
            "mask_dependence": self._dependence(answers, data, mask_cells),
            "faithfulness": measure_faithfulness(
                self._model, data, answers, self._metric, mask_cells
            ),
        }

    def _dependence(self, answers, data, mask_cells, among=None):
        return measure_dependence(
            self._ask, data, self._tokenizer, answers, num_cells=mask_cells, among=among
        )

    def _rows_beside_blind(self, answers):
        rows = accuracy_by_type(answers)
        if not rows:
            return []
        train = read_questions(self._records_dir, read_info(self._records_dir)["train_split"])
        asked = self._metric.questions.values()
        blind = blind_accuracy(train, asked, self._metric.evaluator)
        return [
            {
                "type": name,
                "num_questions": number,
                "accuracy": accuracy,
                "blind_by_text": blind["text"][name][0],
                "blind_by_type": blind["type"][name][0],
            }
            for name, (accuracy, number) in rows.items()
        ]


def to_result_format(answers, vocabulary):
    """See `Judge.files`; `vocabulary`: list of str, the answer of each class."""
    return [
        {"question_id": as_number(question_id), "answer": vocabulary[prediction]}
        for question_id, prediction in zip(answers.question_id, answers.prediction, strict=True)
    ]
