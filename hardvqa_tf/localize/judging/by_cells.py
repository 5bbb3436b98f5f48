"""Average precision against K: the same trained model, whose decoder is given other cells.

    own          the cells that the model keeps
    norm         the K cells of the greatest norm, for several K; K = P: all cells
    dense score  as many as the model keeps, by the score that the dense head gives each cell
    random       as many, drawn blindly, always the same for a query

A model was trained with its own K: of a model that was trained with another, a curve says
nothing. The image is looked at once for all; only the decoder is asked again.

Letters: N queries, P cells, K of them.
"""

import numpy as np

from hardvqa_tf.localize.judging.other_cells import (
    MAX_PAIRS,
    find_with_cells,
    greatest,
    random_masks,
)
from hardvqa_tf.localize.judging.queries import is_of_nothing, random_of
from hardvqa_tf.localize.judging.rows import compare

NUMBERS = (4, 8, 16, 32)  # K, beside the model's own and P
OWN, NORM, DENSE, AT_RANDOM = "own", "norm", "dense score", "random"
MAX_QUERIES = 5000


def measure_by_cells(model, data, answers, seed=0):
    """Asks a model again with other cells.

    Args:
      model: from `build_localizer`.
      data: `QueryData(..., with_strings=True)`.
      answers: `asking.Answers` of this model to these data.
      seed: of random cells; and of which queries are asked, where there are many.

    Returns:
      A dict: `num_queries` that were asked, all of something, and `rows`, a list of {"by", one
      of those above; "num_cells", K on average; "AP50", "AP"}. Empty for a single cell, and
      where nothing is asked for.
    """
    rows, total_cells = rows_of_something(answers, MAX_QUERIES, seed), answers.mask[0].size
    if total_cells == 1 or not len(rows):
        return {}
    masks = _masks(answers, rows, total_cells, seed)
    queries = [answers.queries[row] for row in rows]
    sizes = np.array([query.size for query in queries])
    found = find_with_cells(model, data, rows, sizes, masks)
    found = {(OWN, 0): [answers.found[row] for row in rows], **found}
    masks[OWN, 0] = answers.mask[rows]
    return {
        "num_queries": len(rows),
        "rows": [
            {
                "by": way[0],
                "num_cells": float(masks[way].sum(axis=(1, 2)).mean()),
                **average_precision(queries, of_way),
            }
            for way, of_way in found.items()
        ],
    }


def rows_of_something(answers, limit, seed):
    """Numbers of queries that ask for something, ascending: all, or `limit` drawn ones."""
    rows = np.flatnonzero([not is_of_nothing(query) for query in answers.queries])
    if len(rows) <= limit:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))


def average_precision(queries, found):
    """AP50 and AP of what was found to queries, {name: number in [0, 1]}."""
    row = compare(queries, {"": found})[""]
    return {name: row[name] for name in ("AP50", "AP")}


def format_by_cells(measured):
    """What `measure_by_cells` returns, as lines of a table."""
    titles = {
        OWN: "its own choice",
        NORM: "by norm",
        DENSE: "by dense score",
        AT_RANDOM: "random cells",
    }
    heading = f"given to the decoder, {measured['num_queries']:,} queries"
    lines = [f"{heading:{max(map(len, (heading, *titles.values())))}}  cells    AP50      AP"]
    width = lines[0].index("  cells")
    for row in measured["rows"]:
        shares = "  ".join(f"{100 * row[name]:6.2f}" for name in ("AP50", "AP"))
        lines.append(f"{titles[row['by']]:{width}}  {row['num_cells']:5.4g}  {shares}")
    return lines


def _masks(answers, rows, total_cells, seed):
    """{(way, K): bool[N, h, w]}, but for the model's own."""
    own, presence, dense = answers.mask[rows], answers.presence[rows], answers.dense[rows]
    counts = own.sum(axis=(1, 2))
    usual = int(counts[0]) if (counts == counts[0]).all() else total_cells
    numbers = {*(k for k in NUMBERS if k < total_cells), usual, total_cells}
    # Objects look at one another: all cells of large maps are too many.
    numbers = sorted(k for k in numbers if k**2 <= MAX_PAIRS)
    masks = {(NORM, k): greatest(presence, k) for k in numbers}
    if not own.all():
        randoms = [random_of(answers.queries[row], seed) for row in rows]
        masks[DENSE, 0] = greatest(dense, counts)
        masks[AT_RANDOM, 0] = random_masks(own, randoms)
    return masks
