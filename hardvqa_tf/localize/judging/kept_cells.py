"""Where the kept cells lie, and whether they follow the drawing.

Shares, each beside what random cells of the same number would have on average:

    on_asked          of the kept cells, those whose centre lies in an object that is asked for
    on_others         ... in no such, but in another object
    on_ground         ... in no object
    centres_kept      of the objects that are asked for, those with a kept cell at their centre
    objects_kept      ... with a kept cell anywhere in them

An object is its box. A cell is where it looks: at its centre (`encoders.fields`). At the centre
of an object is the cell that is nearest to it.

Overlaps of the kept cells of two queries of one scene, |A ∩ B| / |A ∪ B|:

    same_class        with those of several drawings of the class, the first of them the same
    other_class       with those of a drawing of another class that the scene shows
    absent_class      with those of a drawing of a class that it does not show

and beside each the overlap of random cells of the same numbers a and b, of P,

    sum_x  x / (a + b - x) · C(a, x) · C(P - a, b - x) / C(P, b)        x = max(0, a + b - P) ..

If the norm follows the drawing, `same_class` is high and the others are not; if it finds
objects, whatever is drawn, all three are alike.

Letters: N queries, h w grid, P = h·w cells, K kept cells, G objects asked for.
"""

import functools
import math

import numpy as np

from hardvqa_tf.localize.judging.queries import is_of_nothing

# What they are called where they are shown.
SHARES = {
    "on_asked": "kept cells on an asked object",
    "on_others": "kept cells on another object",
    "on_ground": "kept cells on no object",
    "centres_kept": "asked objects kept at their centre",
    "objects_kept": "asked objects kept anywhere in them",
}
OVERLAPS = {
    "same_class": "overlap: {num_drawings} drawings of the class",
    "other_class": "overlap: another class of the scene",
    "absent_class": "overlap: a class that is not there",
}
KEYS = {"share": "share", "chance": "random cells"}


def measure_kept(answers, fields, several=None, num_drawings=1):
    """Where the kept cells lie, and how much they overlap with those of other drawings.

    Args:
      answers: `asking.Answers`.
      fields: `encoders.fields.Fields` of the grid; None for cells of several maps, of which
        overlaps alone are measured.
      several: `asking.Answers` to the same queries, asked with several drawings; None: there
        are none.
      num_drawings: of each query of `several`.

    Returns:
      {name: {"share", "chance"}}, in 0..1, of those of SHARES and OVERLAPS that there are, and
      `num_drawings`. Empty for a model that keeps all cells.
    """
    if answers.mask.all():
        return {}
    asked = [i for i, query in enumerate(answers.queries) if not is_of_nothing(query)]
    placed = asked if fields is not None else []
    lie = [_lie(answers.queries[i], answers.mask[i], fields) for i in placed]
    objects = [
        pair for i in placed for pair in _kept(answers.queries[i], answers.mask[i], fields)
    ]
    measured = {
        name: [row[name] for row in lie] for name in ("on_asked", "on_others", "on_ground")
    }
    measured |= {
        name: [pair[name] for pair in objects] for name in ("centres_kept", "objects_kept")
    }
    measured |= _overlaps(answers, several)
    return {
        name: dict(zip(KEYS, np.mean(pairs, axis=0).tolist(), strict=True))
        for name, pairs in measured.items()
        if pairs
    } | {"num_drawings": num_drawings}


def overlap(a, b):
    """Of two masks bool[h, w], and of random ones of their numbers: (share, chance)."""
    both, either = (a & b).sum(), (a | b).sum()
    return both / either, expected_overlap(int(a.sum()), int(b.sum()), a.size)


@functools.cache
def expected_overlap(a, b, total_cells):
    """The formula of the top of this file."""
    ways = math.comb(total_cells, b)
    return sum(
        x / (a + b - x) * (math.comb(a, x) * math.comb(total_cells - a, b - x) / ways)
        for x in range(max(0, a + b - total_cells), min(a, b) + 1)
    )


@functools.cache
def chance_of_one(num_there, num_kept, total_cells):
    """That one of `num_there` cells is among `num_kept` random ones."""
    missed = math.comb(total_cells - num_there, num_kept)
    return 1 - missed / math.comb(total_cells, num_kept)


def format_kept(measured):
    """What `measure_kept` returns, as lines of a table."""
    titles = {name: t.format(**measured) for name, t in (SHARES | OVERLAPS).items()}
    width = max(map(len, titles.values()))
    lines = [f"{'kept cells':{width}}     share  {KEYS['chance']}"]
    for name, title in titles.items():
        if name in measured:
            share, chance = (f"{100 * measured[name][key]:.2f} %" for key in KEYS)
            lines.append(f"{title:{width}}  {share:>8}  {chance:>12}")
    return lines


def _lie(query, mask, fields):
    """{name: (share, chance)} of one query's kept cells."""
    asked, others = (_inside(boxes, query, fields).any(axis=0) for boxes in _boxes(query))
    places = {"on_asked": asked, "on_others": others & ~asked, "on_ground": ~(asked | others)}
    return {name: (place[mask].mean(), place.mean()) for name, place in places.items()}


def _kept(query, mask, fields):
    """{name: (share, chance)} of each object that is asked for."""
    height, width = query.size
    boxes = np.asarray(query.boxes, np.float64)
    if query.crowd is not None:
        boxes = boxes[~np.asarray(query.crowd, bool)]
    num_kept = int(mask.sum())
    inside = _inside(boxes, query, fields)
    for (left, top, right, bottom), cells in zip(boxes, inside, strict=True):
        centre = fields.cell_of((left + right) / 2 / width, (top + bottom) / 2 / height)
        yield {
            "centres_kept": (float(mask[centre]), num_kept / mask.size),
            "objects_kept": (
                float((cells & mask).any()),
                chance_of_one(int(cells.sum()), num_kept, mask.size),
            ),
        }


def _boxes(query):
    """Of objects that are asked for, and of the others: float[objects, 4] each."""
    return (np.asarray(b, np.float64).reshape(-1, 4) for b in (query.boxes, query.others))


def _inside(boxes, query, fields):
    """Whether cells look at boxes: float[objects, 4] -> bool[objects, h, w]."""
    scale = np.array(query.size) / fields.image_size
    y, x = (centres * s for centres, s in zip(fields.centres(), scale, strict=True))
    left, top, right, bottom = boxes.T[:, :, None]
    rows = (top <= y) & (y < bottom)
    columns = (left <= x) & (x < right)
    return rows[:, :, None] & columns[:, None, :]


def _overlaps(answers, several):
    """{name: list of (share, chance)}."""
    of_scene = {}
    for i, query in enumerate(answers.queries):
        of_scene.setdefault(query.scene, []).append(i)
    pairs = {"same_class": [], "other_class": [], "absent_class": []}
    for rows in of_scene.values():
        asked = [i for i in rows if not is_of_nothing(answers.queries[i])]
        absent = [i for i in rows if is_of_nothing(answers.queries[i])]
        if several is not None:
            pairs["same_class"] += [overlap(answers.mask[i], several.mask[i]) for i in asked]
        others = [(i, j) for i in asked for j in asked if i < j]
        pairs["other_class"] += [overlap(answers.mask[i], answers.mask[j]) for i, j in others]
        absent = [(i, j) for i in asked for j in absent]
        pairs["absent_class"] += [overlap(answers.mask[i], answers.mask[j]) for i, j in absent]
    return pairs
