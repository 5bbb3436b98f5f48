"""Does the answer come from the cells of the mask? The model is asked again with other cells.

    kept      the cells of the mask, and no other
    removed   all the others: what the mask dropped
    random    as many as the mask kept, drawn blindly

After hard attention `kept` is what the model did anyway, so its answers must come out again;
that is checked. If the mask holds what an answer needs, `removed` and `random` do worse. They
show the aggregator cells that it seldom met in training, and `removed` mostly more of them, so
`random`, of the same number, is the fairer of the two.

After soft attention, which drops nothing, the mask is cut to the cells of greatest weight.
Cells keep the weights that they had among all: what is left does not grow.

Letters: N question rows, h w grid, P = h·w cells, D width, A answers.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.layers import NoAttention, SoftAttention
from hardvqa_tf.vqa import layer_names
from hardvqa_tf.vqa.judging.mask_quality import cut_masks
from hardvqa_tf.vqa.judging.metrics import accuracy_by_type

MAX_QUESTIONS = 1000  # asked again; enough to know a share to 1.6 % (one standard deviation)
# Relation networks look at P² pairs a question. On large grids fewer questions are asked again,
# though at least so many, and a few at a time.
MAX_PAIRS = 20_000_000
MIN_QUESTIONS = 100
PAIRS_AT_ONCE = 100_000
# Gathered and masked cells are summed in another order. Two answers whose logits are closer
# than this, relative to the greatest logit, may change places.
ROUNDING = {"float32": 1e-4, "float64": 1e-4}
ROUNDING_16_BITS = 0.1


def measure_faithfulness(model, data, answers, metric, num_cells=None, seed=0):
    """Asks a model again with the kept cells only, with the others, and with random ones.

    Args:
      model: from `build_vqa_model`.
      data: `VqaData(..., with_strings=True)`.
      answers: `metrics.Answers` of this model to these data, with masks.
      metric: `metric.Metric`.
      num_cells: K of weights of soft attention, see `mask_quality.cells_after_cut`.
      seed: decides which questions are asked again, and the random cells.

    Returns:
      A dict: `num_questions` that were asked again, at most MAX_QUESTIONS, of those that have
      an answer if any has; `num_cells`, kept of them on average; and for "model" (with all that
      it looks at), "kept", "removed" and "random" a dict of `accuracy` in 0..1, None where the
      data set hides the answers, and `same_answer`, the share with the model's answer. Empty
      for a model without attention or with a single cell, which cannot be asked otherwise.

    Raises:
      RuntimeError: if after hard attention the kept cells alone give another answer than the
        model did.
    """
    total_cells = int(np.prod(answers.mask.shape[1:]))
    if isinstance(model.get_layer(layer_names.ATTENTION), NoAttention) or total_cells == 1:
        return {}
    random = np.random.default_rng(seed)
    rows = _choose_rows(answers, total_cells, random)
    asked = answers.take(rows)
    kept = cut_masks(asked.mask, num_cells).reshape(len(rows), total_cells)
    seen = {"kept": kept, "removed": ~kept, "random": random_masks(kept, random)}
    logits = answer_again(model, data, rows, seen)
    if answers.mask.dtype == bool:
        check_kept(asked, logits["kept"], _rounding(model))
    said = {name: np.argmax(values, axis=-1) for name, values in logits.items()}
    return {
        "num_questions": len(rows),
        "num_cells": float(kept.sum(axis=1).mean()),
    } | {
        name: _score(asked, predictions, metric)
        for name, predictions in ({"model": asked.prediction} | said).items()
    }


def format_faithfulness(measured, mask_cells=None):
    """What `measure_faithfulness` returns, as lines of a table.

    Args:
      mask_cells: K that weights of soft attention were cut to; None: there was nothing to cut.
    """
    titles = {
        "model": "what the model sees",
        "kept": f"the {mask_cells} greatest weights" if mask_cells else "the kept cells",
        "removed": "all but these",
        "random": "random ones, as many",
    }
    heading = f"seen, in {measured['num_questions']:,} questions"
    width = max(map(len, (heading, *titles.values())))
    lines = [f"{heading:{width}}  accuracy  same answer"]
    for name, title in titles.items():
        accuracy, same = (
            "hidden" if value is None else f"{100 * value:.2f} %"
            for value in (measured[name]["accuracy"], measured[name]["same_answer"])
        )
        lines.append(f"{title:{width}}  {accuracy:>8}  {same:>11}")
    return lines


def answer_again(model, data, rows, seen):
    """A model's logits if it sees only some cells.

    Args:
      model: from `build_vqa_model`.
      data: `VqaData(..., with_strings=True)`.
      rows: int[N], ascending: which questions of `data.in_order()`, padding not counted.
      seen: dict from any name to bool[N, P], True = the cell is seen.

    Returns:
      dict from the same names to float32[N, A].
    """
    take_in, answer = split_at_attention(model)
    inputs = [tensor.name for tensor in model.inputs]
    found = {name: [] for name in seen}
    first = done = 0  # questions of the data, and of `rows`, before this batch
    for batch in data.in_order():
        is_question = batch["is_question"].numpy()
        last = first + is_question.sum()
        of_batch = rows[(first <= rows) & (rows < last)] - first
        first = last
        if not len(of_batch):
            continue
        chosen = np.zeros(is_question.shape, bool)  # [B, Q]
        chosen[tuple(axis[of_batch] for axis in np.nonzero(is_question))] = True
        has_any = chosen.any(axis=1)  # Other images need not be encoded.
        parts = take_in({name: tf.boolean_mask(batch[name], has_any) for name in inputs})
        at = np.flatnonzero(chosen[has_any])
        parts = {name: tf.gather(value, at) for name, value in parts.items()}
        for name, mask in seen.items():
            found[name].append(_in_pieces(answer, parts, mask[done : done + len(at)]))
        done += len(at)
        if done == len(rows):
            break
    return {name: np.concatenate(pieces) for name, pieces in found.items()}


def split_at_attention(model):
    """A model in two halves, between which one can choose the cells oneself.

    Args:
      model: from `build_vqa_model`.

    Returns:
      Two functions with the model's weights. take_in(batch) gives a dict of what the aggregator
      gets, of all cells: `cells` [B·Q, P, D] (after soft attention the weighted ones),
      `question` [B·Q, D'] and `coordinates` [B·Q, P, 2]. answer(parts, seen) takes the like for
      N rows and bool[N, P], True = the cell is seen, and gives logits float32[N, A].
    """
    attention, aggregator = (
        model.get_layer(layer_names.ATTENTION),
        model.get_layer(layer_names.AGGREGATOR),
    )
    before = keras.Model(
        model.inputs,
        {
            "cells": attention.input[0],
            "question": model.get_layer(layer_names.QUESTIONS).output,
            "coordinates": model.get_layer(layer_names.COORDINATES).output,
        },
    )
    classifier = keras.Model(aggregator.output, model.get_layer(layer_names.LOGITS).output)

    @tf.function(reduce_retracing=True)
    def take_in(batch):
        parts = before(batch, training=False)
        if isinstance(attention, SoftAttention):
            question, coordinates = parts["question"], parts["coordinates"]
            weighted = attention(
                parts["cells"], question=question, coordinates=coordinates, training=False
            )
            parts = parts | {"cells": weighted["cells"]}
        return parts

    @tf.function(reduce_retracing=True)
    def answer(parts, seen):
        vector = aggregator(
            parts["cells"],
            valid=seen,
            question=parts["question"],
            coordinates=parts["coordinates"],
        )
        return classifier(vector, training=False)

    return take_in, answer


def check_kept(answers, logits, rounding):
    """Checks that the kept cells alone gave the model's answers.

    Args:
      answers: `metrics.Answers` of the model to N questions.
      logits: float32[N, A], with only the kept cells.
      rounding: logits that differ by less, relative to the row's greatest, may trade places.

    Raises:
      RuntimeError: if they did not, naming the first question.
    """
    of_model = np.take_along_axis(logits, answers.prediction[:, None], axis=1)[:, 0]
    behind = logits.max(axis=1) - of_model
    size = np.maximum(1.0, np.abs(logits).max(axis=1))
    said = np.argmax(logits, axis=-1)
    wrong = np.flatnonzero((said != answers.prediction) & ~(behind <= rounding * size))
    if len(wrong):
        i = wrong[0]
        raise RuntimeError(
            "A model with hard attention must give the same answer when it sees only the cells "
            f"that it kept. Received: class {said[i]} instead of "
            f"{answers.prediction[i]} for question {answers.question_id[i]!r}, the first of "
            f"{len(wrong):,} of {len(logits):,}. That is a mistake in the attention or in the "
            "aggregator, not in the data: please report it with the run's config.json."
        )


def random_masks(masks, random):
    """bool[N, P] -> the same with as many cells of each row, drawn from all by a Generator."""
    rank = random.random(masks.shape).argsort(axis=1).argsort(axis=1)
    return rank < masks.sum(axis=1, keepdims=True)


def _choose_rows(answers, total_cells, random):
    """Which questions to ask again, ascending."""
    rows = np.flatnonzero(answers.has_answer)
    rows = rows if len(rows) else np.arange(len(answers.has_answer))
    limit = min(MAX_QUESTIONS, max(MIN_QUESTIONS, MAX_PAIRS // total_cells**2))
    return rows if len(rows) <= limit else np.sort(random.choice(rows, limit, replace=False))


def _in_pieces(answer, parts, seen):
    """answer(parts, seen) for a few rows at a time."""
    step = max(1, PAIRS_AT_ONCE // seen.shape[1] ** 2)
    pieces = [
        answer({name: value[i : i + step] for name, value in parts.items()}, seen[i : i + step])
        for i in range(0, len(seen), step)
    ]
    return np.concatenate([piece.numpy() for piece in pieces])


def _score(answers, predictions, metric):
    judged = metric(dataclasses.replace(answers, prediction=predictions))
    rows = accuracy_by_type(judged)
    return {
        "accuracy": rows["all"][0] if rows else None,
        "same_answer": float(np.mean(predictions == answers.prediction)),
    }


def _rounding(model):
    return ROUNDING.get(model.get_layer(layer_names.AGGREGATOR).compute_dtype, ROUNDING_16_BITS)
