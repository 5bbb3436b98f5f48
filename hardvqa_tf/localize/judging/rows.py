"""Rows that stand side by side: a model's detections, and what tells whether they are worth it.

A model can find objects and not read the drawing. Hence, beside its own row, that of a wrong
drawing (the same model, asked with a drawing of another class) and the random row: the perfect
boxes of all objects of the scene with random scores, whose AP50 tends to the share of the
objects that are asked for among all. Who asks a model gives the detections; here they are
counted.
"""

import numpy as np

from hardvqa_tf.localize.judging.coco import evaluate
from hardvqa_tf.localize.judging.queries import Found, check_queries, groups_of, random_of


def score_row(data, areas, imgs=None):
    """What `coco.evaluate` says of some images, and how many images and objects they are."""
    values = evaluate(data, areas=areas, imgs=imgs)
    numbers = {data.images[i] for i in (data.images if imgs is None else imgs)}
    sizes = [
        a["area"] for a in data.annotations if a["image_id"] in numbers and not a["iscrowd"]
    ]
    counts = {"num_images": len(numbers), "num_objects": len(sizes)}
    for name, (least, greatest) in areas.items():
        counts[f"num_objects{name}"] = sum(least <= size <= greatest for size in sizes)
    return values | counts


def compare(queries, found_of_rows, *, areas=None):
    """The rows of several ways to answer the same queries.

    Args:
      queries: list of `Query`, of which one at least asks for something.
      found_of_rows: {row: list of `Found`, one a query}, such as of the right drawing, of a
        wrong one, of 1, 3 and 5 drawings, and `random_row`.
      areas: as of `coco.evaluate`; None: all objects alone, which is quicker.

    Returns:
      {row: `score_row`}; where there are several groups, also {"row, group": `score_row`}.
    """
    areas, rows = areas or {}, {}
    for name, found in found_of_rows.items():
        data = check_queries(queries, found)
        rows[name] = score_row(data, areas)
        for group, imgs in groups_of(queries).items():
            rows[f"{name}, {group}"] = score_row(data, areas, imgs)
    return rows


def random_row(queries, seed=0):
    """The perfect boxes of all objects of the scene, with random scores.

    A query's scores depend on the seed, its scene and its class alone: they are the same in any
    part of a split.

    Returns:
      list of `Found`, one a query.
    """
    return [_random_found(query, seed) for query in queries]


def _random_found(query, seed):
    boxes = np.asarray(query.boxes, np.float64).reshape(-1, 4)
    if query.crowd is not None:
        boxes = boxes[~np.asarray(query.crowd, bool)]
    boxes = np.concatenate([boxes, np.asarray(query.others, np.float64).reshape(-1, 4)])
    return Found(boxes, random_of(query, seed).random(len(boxes)))
