"""Do the boxes come from the cells of the mask? The model is asked again, and sees less.

The decoder is given other cells than those that were kept:

    kept      the cells of the mask, and no other
    others    all that the mask dropped
    random    as many as the mask kept, drawn blindly, always the same for a query

After hard attention `kept` is what the decoder got anyway, so that its boxes must come out
again; that is checked. The decoder meets cells in `others` that it seldom met in training, and
more of them, so `random`, of the same number, is the fairer of the two.

Cells look around themselves, so that the rest of the image may have a say before cells are
kept. Hence the whole model is also shown parts of the image, the rest in its mean colour:

    squares         where the kept cells look: a square of the grid around each centre
    no_squares      all but these
    no_random       all but as many random squares
    fields          all that kept cells see of the image through the tower that guidance begins
                    with, their receptive fields
    no_fields       all but these

It chooses cells anew then. Beside each stands the share of the pixels that it was shown.

`found_again`: of the boxes that the model shows, those from the threshold on, the share for
which it still shows a box at an IoU of .50, each of which serves for one.
"""

import numpy as np

from hardvqa_tf.localize.judging.by_cells import average_precision, rows_of_something
from hardvqa_tf.localize.judging.other_cells import (
    MAX_PAIRS,
    find_in_parts,
    find_with_cells,
    random_masks,
)
from hardvqa_tf.localize.judging.queries import Found, is_of_nothing, random_of
from hardvqa_tf.localize.judging.thresholds import match_queries
from hardvqa_tf.pictures import panels

MAX_QUERIES = 1000  # asked again; enough to know a share to 1.6 % (one standard deviation)
# Scores of the same cells, which were gathered in another way.
ROUNDING = {"float32": 1e-3, "float64": 1e-3}
ROUNDING_16_BITS = 0.1
# What the rows are called where they are shown.
ROWS = {
    "model": "what the model sees",
    "kept": "decoder: the kept cells",
    "others": "decoder: all but these",
    "random": "decoder: random ones, as many",
    "squares": "image: where kept cells look",
    "no_squares": "image: all but where they look",
    "no_random": "image: all but random squares",
    "fields": "image: all that kept cells see",
    "no_fields": "image: all but what they see",
}


def measure_faithfulness(model, data, answers, threshold, fields, seed=0):
    """Asks a model again with the kept cells only, with others, and with parts of the image.

    Args:
      model: from `build_localizer`.
      data: `QueryData(..., with_strings=True)`.
      answers: `asking.Answers` of this model to these data.
      threshold: from which score on a box is shown.
      fields: `encoders.fields.Fields` of the model's grid; None for several maps: parts of the
        image are left out.
      seed: of the queries that are asked again, and of random cells.

    Returns:
      A dict: `num_queries` that were asked again, at most MAX_QUERIES, all of something;
      `num_cells`, kept of them on average; `threshold`; `num_shown`, boxes; and `rows`, for
      each of ROWS {"AP50", "AP", "found_again"}, the last None where the model shows nothing,
      and for parts of the image "pixels", the share that is shown. Empty for a model that keeps
      all cells, and where nothing is asked for.

    Raises:
      RuntimeError: if the kept cells alone give other boxes than the model did.
    """
    rows = rows_of_something(answers, MAX_QUERIES, seed)
    if answers.mask.all() or not len(rows):
        return {}
    queries = [answers.queries[row] for row in rows]
    sizes = np.array([query.size for query in queries])
    kept = answers.mask[rows]
    random = random_masks(kept, [random_of(query, seed) for query in queries])
    given = {"kept": kept, "others": ~kept, "random": random}
    given["others"][~given["others"].any(axis=(1, 2))] = True  # AdaHAN may keep all of a query.
    if kept[0].size ** 2 > MAX_PAIRS:
        given.pop("others")  # too many for objects that look at one another
    found = {"model": [answers.found[row] for row in rows]}
    found |= find_with_cells(model, data, rows, sizes, given)
    check_kept(queries, found["model"], found["kept"], _rounding(model))
    views = {} if fields is None else _views(kept, random, fields)
    parts, pixels = find_in_parts(model, data, rows, sizes, views)
    found |= parts
    shown = [
        _as_query(query, of) for query, of in zip(queries, _shown(found["model"], threshold))
    ]
    return {
        "num_queries": len(rows),
        "num_cells": float(kept.sum(axis=(1, 2)).mean()),
        "threshold": float(threshold),
        "num_shown": sum(len(query.boxes) for query in shown),
        "rows": {
            name: average_precision(queries, of_row)
            | {"found_again": found_again(shown, _shown(of_row, threshold))}
            | ({"pixels": pixels[name]} if name in pixels else {})
            for name, of_row in found.items()
        },
    }


def found_again(shown, found):
    """Of the boxes of some queries, the share that is found; None where there is no box.

    Args:
      shown: list of `Query`, whose boxes are to be found.
      found: list of `Found`, one a query.
    """
    if all(map(is_of_nothing, shown)):
        return None
    matches = match_queries(shown, found)
    return int(matches.right.sum()) / matches.num_objects


def check_kept(queries, of_model, of_kept, rounding):
    """Checks that the kept cells alone gave the model's scores.

    Args:
      queries: list of `Query`.
      of_model, of_kept: lists of `Found`, one a query.
      rounding: the greatest difference.

    Raises:
      RuntimeError: if they did not, naming the first query.
    """
    for query, one, other in zip(queries, of_model, of_kept, strict=True):
        same_number = len(one.scores) == len(other.scores)
        if same_number and np.allclose(one.scores, other.scores, rtol=0, atol=rounding):
            continue
        raise RuntimeError(
            "A model with hard attention must find the same if its decoder is given the cells "
            f"alone that it kept. Received: scores {_some(other.scores)} instead of "
            f"{_some(one.scores)} for the class {query.name!r} in the scene {query.scene!r}. "
            "That is a mistake in the attention or in the decoder, not in the data: please "
            "report it with the run's config.json."
        )


def format_faithfulness(measured):
    """What `measure_faithfulness` returns, as lines of a table."""
    heading = f"seen, in {measured['num_queries']:,} queries"
    width = max(map(len, (heading, *ROWS.values())))
    lines = [f"{heading:{width}}  pixels    AP50      AP  found again"]
    for name, title in ROWS.items():
        row = measured["rows"].get(name)
        if row is None:
            continue
        pixels, again = (
            "-" if value is None else f"{100 * value:.1f} %"
            for value in (row.get("pixels"), row["found_again"])
        )
        shares = "  ".join(f"{100 * row[n]:6.2f}" for n in ("AP50", "AP"))
        lines.append(f"{title:{width}}  {pixels:>6}  {shares}  {again:>11}")
    return lines


def _views(kept, random, fields):
    """{name: function from a row's number to bool[H, W], True = shown}."""
    size = fields.image_size

    def squares(masks, row):
        return panels.to_pixels(masks[row], size, fields)

    def sees(row):
        return panels.seen(kept[row].astype(float), size, fields) > 0

    return {
        "squares": lambda row: squares(kept, row),
        "no_squares": lambda row: ~squares(kept, row),
        "no_random": lambda row: ~squares(random, row),
        "fields": sees,
        "no_fields": lambda row: ~sees(row),
    }


def _shown(found, threshold):
    """What is shown from a threshold on: list of `Found`."""
    return [
        Found(of.boxes[of.scores >= threshold], of.scores[of.scores >= threshold])
        for of in found
    ]


def _as_query(query, found):
    return query._replace(boxes=found.boxes, areas=None, crowd=None, difficult=None)


def _some(scores):
    return [round(float(score), 4) for score in scores[:3]]


def _rounding(model):
    return ROUNDING.get(model.compute_dtype, ROUNDING_16_BITS)
