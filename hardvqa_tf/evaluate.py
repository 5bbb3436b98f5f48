"""A model's answers to every question of a split, and how many are right, by question type.

Beside every accuracy stands the blind baseline's: what one gets from the question alone. And
whether the masks are any good: `mask_quality`, `faithfulness`.
"""

import functools
import os

import numpy as np
import tensorflow as tf

from hardvqa_tf.pictures.panels import to_png
from hardvqa_tf.runs import load_run, write_json
from hardvqa_tf.vqa.data import VqaData, input_size
from hardvqa_tf.vqa.judging.blind import blind_accuracy, read_questions
from hardvqa_tf.vqa.judging.faithfulness import format_faithfulness, measure_faithfulness
from hardvqa_tf.vqa.judging.mask_quality import cells_after_cut, format_masks, measure_masks
from hardvqa_tf.vqa.judging.metrics import Answers, accuracy_by_type, attention_statistics
from hardvqa_tf.vqa.judging.question_ids import as_number
from hardvqa_tf.vqa.judging.scoring import coverage, score_officially
from hardvqa_tf.vqa.pictures.gallery import Gallery
from hardvqa_tf.vqa.pictures.overlay import draw_overlay
from records.build import read_info


def evaluate_run(workdir, split, records_dir=None, evaluator=None, mask_cells=None):
    """Evaluates a trained run on a split.

    Writes `predictions_<split>.json`, a list of {"question_id", "answer"} as the VQA challenge
    wants it, `evaluation_<split>.json`, what is returned here, and pictures of what the model
    looked at in `masks_<split>`.

    Args:
      workdir: folder of a trained run.
      split: "val", "test", ...
      records_dir: the records to ask about; default: those that the run was trained on.
      evaluator: of the VQA metric, 2021 or 2018, if the run's config asks for that metric;
        default: the config's.
      mask_cells: K, weights of soft attention are cut to their K greatest where masks are
        measured, e.g. to compare with hard attention; default: a quarter of the cells. Hard
        attention keeps what it keeps.

    Returns:
      A dict: `workdir`, `split`, `num_questions`, `num_answered`; `metric`, "exact" or "vqa",
      and the latter's `evaluator`; `num_cells`, looked at on average, of `total_cells`, and
      `num_cells_std` and `presence_entropy`, see `metrics.attention_statistics`; `masks_dir`;
      `mask_cells`, None but for soft attention; `masks`, see `mask_quality.measure_masks`;
      `faithfulness`, see `faithfulness.measure_faithfulness`; `coverage`, see
      `scoring.coverage`; `rows`, a list of {"type", "num_questions", "accuracy",
      "blind_by_text", "blind_by_type"}, accuracies in 0..1, "all" first. Without rows where
      the data set hides the answers.

    Raises:
      ValueError: if there is no such split, no trained run, or not so many cells.
      RuntimeError: if hard attention is found not to be what it claims, see `faithfulness`.
    """
    run = load_run(workdir)
    mask_cells = cells_after_cut(run.model.output["mask"], mask_cells)
    records_dir = records_dir or run.config.records_dir
    data = VqaData(
        records_dir,
        split,
        run.vocabularies,
        image_size=input_size(
            records_dir, run.config.model.image_encoder, run.config.image_size
        ),
        batch_size=run.config.train.batch_size,
        with_strings=True,
    )
    judge = Judge(run.config, run.vocabularies.answers.answers, records_dir, split, evaluator)
    answers = judge(answer_split(make_ask(run.model), data))
    masks_dir = os.path.join(workdir, f"masks_{split}")
    images = run.config.maps.image_records_dir
    gallery = Gallery(run.model, data, run.vocabularies, image_records_dir=images)
    pictures = gallery.pictures(draw=draw_overlay)
    _write_pictures(masks_dir, pictures)
    write_json(
        os.path.join(workdir, f"predictions_{split}.json"),
        to_result_format(answers, run.vocabularies.answers.answers),
    )
    statistics = attention_statistics(answers)
    result = {
        "workdir": workdir,
        "split": split,
        "num_questions": len(answers.prediction),
        "num_answered": int(answers.has_answer.sum()),
        "metric": judge.metric,
        "evaluator": judge.evaluator,
        "num_cells": statistics["num_cells_mean"],
        "num_cells_std": statistics["num_cells_std"],
        "presence_entropy": statistics["presence_entropy"],
        "masks_dir": masks_dir,
        "num_classes": len(run.vocabularies.answers),
        "total_cells": int(np.prod(answers.mask.shape[1:])),
        "mask_cells": mask_cells,
        "masks": measure_masks(answers, records_dir, split, mask_cells),
        "faithfulness": measure_faithfulness(run.model, data, answers, judge, mask_cells),
        "coverage": judge.coverage(),
        "rows": _rows_beside_blind(answers, records_dir, judge),
    }
    write_json(os.path.join(workdir, f"evaluation_{split}.json"), result)
    return result


class Judge:
    """Says how right a model's answers to a split are, by the metric of the config.

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
        self.metric = config.metric
        self.evaluator = (evaluator or config.evaluator) if self.metric == "vqa" else None
        self._vocabulary = vocabulary
        self._source = records_dir, split

    @functools.cached_property
    def questions(self):
        """dict from id to `records.schema.Question`."""
        return {question.id: question for question in read_questions(*self._source)}

    def __call__(self, answers):
        """`Answers` -> the same, judged."""
        if self.metric == "exact":
            return answers
        said = [self._vocabulary[prediction] for prediction in answers.prediction]
        return score_officially(answers, said, self.questions, self.evaluator)

    def coverage(self):
        return coverage(self._vocabulary, self.questions.values(), self.evaluator)


def format_coverage(shares, num_answers):
    """One line on what a vocabulary can express."""
    line = (
        f"The {num_answers:,} answers of the model are {100 * shares['answers']:.1f} % of all "
        "that people gave"
    )
    if "questions" in shares:
        line += f", and hold one to {100 * shares['questions']:.1f} % of the questions"
    if "best_score" in shares:
        line += f"; the best score they allow is {100 * shares['best_score']:.2f} %"
    return line + "."


def format_evaluation(result):
    """The result of `evaluate_run` as a table for a terminal."""
    lines = []
    if result["rows"]:
        width = max(len(_indent(row["type"])) for row in result["rows"])
        title = f"{result['split']:{width}}"
        lines += [f"{title}  questions  accuracy  blind by question  blind by type"]
    heading = ""
    for row in result["rows"]:
        group = row["type"].split(": ")[0]
        if group == "question type" != heading:  # VQA's: no row of their own stands above
            lines.append(group)
        heading = group
        accuracy, text, kind = (
            f"{100 * row[name]:.2f} %"
            for name in ("accuracy", "blind_by_text", "blind_by_type")
        )
        name = f"{_indent(row['type']):{width}}"
        lines.append(
            f"{name}  {row['num_questions']:9,}  {accuracy:>8}  {text:>17}  {kind:>13}"
        )
    if not result["rows"]:
        lines.append(f"{result['split']}: the answers are hidden, so there is no accuracy.")
    if result["metric"] == "vqa":
        lines.append(f"VQA accuracy as the official evaluator of {result['evaluator']} has it.")
    if result["coverage"].get("questions", 1.0) < 1.0:
        lines.append(format_coverage(result["coverage"], result["num_classes"]))
    spread = f" (standard deviation {result['num_cells_std']:.1f})"
    lines.append(
        f"Looked at {result['num_cells']:.1f} of {result['total_cells']} cells on average"
        f"{spread if result['num_cells_std'] else ''}; pictures in {result['masks_dir']}"
    )
    if result["masks"]:
        lines += ["", *format_masks(result["masks"], result["mask_cells"])]
    if result["faithfulness"]:
        lines += ["", *format_faithfulness(result["faithfulness"], result["mask_cells"])]
    return "\n".join(lines)


def to_result_format(answers, vocabulary):
    """`Answers` -> the VQA challenge's list of {"question_id", "answer"}.

    An id that is a whole number is written as one, which the official evaluator needs.
    """
    return [
        {"question_id": as_number(question_id), "answer": vocabulary[prediction]}
        for question_id, prediction in zip(answers.question_id, answers.prediction, strict=True)
    ]


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


def _write_pictures(folder, pictures):
    """Numbered PNG files; those of an earlier evaluation are replaced."""
    os.makedirs(folder, exist_ok=True)
    for number, picture in enumerate(pictures):
        with open(os.path.join(folder, f"{number:02d}.png"), "wb") as file:
            file.write(to_png(picture))


def _rows_beside_blind(answers, records_dir, judge):
    rows = accuracy_by_type(answers)
    if not rows:
        return []
    train = read_info(records_dir)["train_split"]
    blind = blind_accuracy(
        read_questions(records_dir, train), judge.questions.values(), judge.evaluator
    )
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


def _indent(name):
    """ "relational: count" stands under its group as "  count"."""
    return "  " + name.split(": ", 1)[1] if ": " in name else name


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
