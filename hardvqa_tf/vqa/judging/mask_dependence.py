"""How much does the mask depend on the question? The overlap of masks of two questions.

For N questions i of a split another question j of the split is drawn, in other words and about
another image, and the model is asked j about i's image. Of sets A and B of kept cells, a and b
of the grid's P, the overlap is |A ∩ B| / |A ∪ B| (intersection over union). Its means:

    other_question   i and j, both about i's image: 1 if the words do not matter
    other_image      j about i's image, and about its own: 1 if the image does not matter

Beside each stands the overlap that random cells of the same numbers would have on average,

    sum_x  x / (a + b - x) · C(a, x) · C(P - a, b - x) / C(P, b)        x = max(0, a + b - P) ..

It needs no places of objects, so that it can be had of any data set.

Letters: N questions, n questions of the split, h w grid, P = h·w cells.
"""

import functools
import math

import numpy as np
import tensorflow as tf

from hardvqa_tf.data.inputs import IMAGE, MAPS
from hardvqa_tf.vqa.judging.mask_quality import cut_masks

MAX_QUESTIONS = 1000  # asked again: a mean overlap is then known to 0.01 (one deviation)
QUESTIONS_OF_AN_EPOCH = 200  # asked again after every epoch of training: few, and the first
# What the two overlaps are called where they are shown.
OVERLAPS = {
    "other_question": "another question, the same image",
    "other_image": "the same question, another image",
}


def measure_dependence(
    ask, data, tokenizer, answers, *, num_cells=None, among=None, max_questions=MAX_QUESTIONS
):
    """Asks a model other questions about the images of some, and compares the masks.

    Args:
      ask: from a batch to a dict with `mask` [B, Q, h, w].
      data: `VqaData(..., with_strings=True)`.
      tokenizer: `QuestionTokenizer` of the model.
      answers: `metrics.Answers` of the model to these data, with masks.
      num_cells: K of weights of soft attention, see `mask_quality.cells_after_cut`.
      among: i is one of so many first questions, so that the others' images need not be read;
        None: any of the split's.
      max_questions: the greatest N.

    Returns:
      A dict: `num_questions`, N, and `other_question` and `other_image`, each a dict of
      `overlap` and `chance`, in 0..1. Empty where there is nothing to compare: a model that
      looks at every cell, or no two questions that differ in words and image.
    """
    own = cut_masks(answers.mask, num_cells)
    rows, others = choose_pairs(answers, max_questions, among)
    if own.all() or not len(rows):
        return {}
    crossed = _ask_others(ask, data, tokenizer(answers.question_text[others]), rows)
    crossed = cut_masks(crossed, num_cells)
    pairs = {"other_question": own[rows], "other_image": own[others]}
    return {"num_questions": len(rows)} | {
        name: {"overlap": float(overlaps(a, crossed).mean()), "chance": chance(a, crossed)}
        for name, a in pairs.items()
    }


def flatten_dependence(measured):
    """{name: number} of what `measure_dependence` returns, for curves over the epochs."""
    return {
        f"{name}_{key}": measured[name][key] for name in OVERLAPS if measured for key in _KEYS
    }


def choose_pairs(answers, max_questions, among=None, seed=0):
    """Draws the questions i, and for each its j.

    Args:
      answers: `metrics.Answers` of n questions, of which `question_text` and `image_id` count.
      max_questions: the greatest N.
      among: i is one of so many first ones; None: of all.
      seed: of what is drawn.

    Returns:
      Two arrays int[N], the first ascending. A question without such a j is left out.
    """
    texts, images = (
        np.unique(values.astype(str), return_inverse=True)[1]
        for values in (answers.question_text, answers.image_id)
    )
    random = np.random.default_rng(seed)
    rows = np.arange(len(texts) if among is None else min(among, len(texts)))
    if len(rows) > max_questions:
        rows = np.sort(random.choice(rows, max_questions, replace=False))
    pairs = []
    for row in rows:
        differ = np.flatnonzero((texts != texts[row]) & (images != images[row]))
        if len(differ):
            pairs.append((row, random.choice(differ)))
    return tuple(np.array(pairs, int).reshape(-1, 2).T)


def overlaps(a, b):
    """bool[N, h, w] twice -> float[N], intersection over union; 1 where both are empty."""
    both, either = (
        function(a, b).sum(axis=(1, 2)) for function in (np.logical_and, np.logical_or)
    )
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def chance(a, b):
    """bool[N, h, w] twice -> the mean of `overlaps` if all cells were drawn blindly."""
    total_cells = a[0].size
    counts = zip(*(masks.sum(axis=(1, 2)).tolist() for masks in (a, b)), strict=True)
    return float(np.mean([_expected_overlap(*pair, total_cells) for pair in counts]))


def format_dependence(measured, mask_cells=None):
    """What `measure_dependence` returns, as lines of a table.

    Args:
      mask_cells: K that weights of soft attention were cut to; None: there was nothing to cut.
    """
    cut = f", the {mask_cells} greatest weights" if mask_cells else ""
    heading = f"overlap of masks{cut}, {measured['num_questions']:,} pairs"
    width = max(map(len, (heading, *OVERLAPS.values())))
    lines = [f"{heading:{width}}   overlap  random cells"]
    for name, title in OVERLAPS.items():
        overlap, by_chance = (f"{100 * measured[name][key]:.2f} %" for key in _KEYS)
        lines.append(f"{title:{width}}  {overlap:>8}  {by_chance:>12}")
    return lines


_KEYS = ("overlap", "chance")


@functools.lru_cache(maxsize=None)
def _expected_overlap(a, b, total_cells):
    """The formula of the top of this file."""
    if a == b == 0:
        return 1.0
    ways = math.comb(total_cells, b)
    return sum(
        x / (a + b - x) * (math.comb(a, x) * math.comb(total_cells - a, b - x) / ways)
        for x in range(max(0, a + b - total_cells), min(a, b) + 1)
    )


def _ask_others(ask, data, tokens, rows):
    """The masks of other questions about the images of some.

    Args:
      tokens: int32[N, T], of the other questions.
      rows: int[N], ascending: whose images they are asked about, see `metrics.Answers`.

    Returns:
      [N, h, w].
    """
    tokens, found = tokens.numpy(), []
    first = done = 0  # questions of the data, and of `rows`, before this batch
    for batch in data.in_order():
        is_question = batch["is_question"].numpy()
        last = first + is_question.sum()
        of_batch = rows[(first <= rows) & (rows < last)] - first
        first = last
        if len(of_batch):
            places = tuple(axis[of_batch] for axis in np.nonzero(is_question))
            asked = batch["question_tokens"].numpy()
            asked[places] = tokens[done : done + len(of_batch)]
            done += len(of_batch)
            chosen = np.zeros(is_question.shape, bool)  # [B, Q]
            chosen[places] = True
            has_any = chosen.any(axis=1)  # Other images need not be encoded.
            inputs = {name: batch[name] for name in (IMAGE, MAPS) if name in batch}
            inputs["question_tokens"] = tf.constant(asked)
            if not has_any.all():
                inputs = {n: tf.boolean_mask(value, has_any) for n, value in inputs.items()}
            found.append(ask(inputs)["mask"].numpy()[chosen[has_any]])
        if done == len(rows):
            break
    return np.concatenate(found)
