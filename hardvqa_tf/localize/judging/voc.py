"""Average precision as PASCAL VOC counts it: of each class by itself, at an IoU of .50.

    detections of all images, in descending order of score
    each is right  if its IoU with the box of its image that it overlaps most is .50 at least,
                   and no earlier one has taken that box; else it is wrong
    a difficult box is not counted, and a detection whose best box it is is left out
    2007           mean over the recalls 0, .1, ..., 1 of the best precision there or beyond
    since 2010     area under the best precision at a recall or beyond

VOC's boxes are of whole pixels, last ones included, so that it adds 1 to each width. Boxes here
are of edges, (xmin - 1, ymin - 1, xmax, ymax): their width is that already.

Letters: G boxes, R detections.
"""

from typing import NamedTuple

import numpy as np

from hardvqa_tf.localize.judging.queries import is_of_nothing

_IOU = 0.5
_RECALLS_2007 = np.arange(11) / 10


class Image(NamedTuple):
    """An image asked for a class.

    `boxes` float[G, 4], (left, top, right, bottom) in edges; `difficult` bool[G]; `found`
    float[R, 4] and `scores` float[R].
    """

    boxes: np.ndarray
    difficult: np.ndarray
    found: np.ndarray
    scores: np.ndarray


def average_precision(images):
    """AP of one class.

    Args:
      images: list of `Image`. Detections of equal scores stay in their order.

    Returns:
      {"AP07", "AP10"}, as of 2007 and since 2010; both -1 where no box counts.
    """
    num_boxes = sum(int(np.sum(~np.asarray(image.difficult, bool))) for image in images)
    if not num_boxes:
        return {"AP07": -1.0, "AP10": -1.0}
    is_right = _judge(images)
    right, wrong = np.cumsum(is_right), np.cumsum(~is_right)
    recall, precision = right / num_boxes, right / np.maximum(right + wrong, 1)
    return {"AP07": _at_11_recalls(recall, precision), "AP10": _area(recall, precision)}


def of_queries(queries, found):
    """VOC's mean AP: of each class the AP over all images that are asked for it, their mean.

    Args:
      queries: list of `Query`; those of nothing are left out.
      found: list of `Found`, one a query.

    Returns:
      {"AP07", "AP10", "num_classes"}; {class: `average_precision`} under "classes".
    """
    images = {}
    for query, of_query in zip(queries, found, strict=True):
        if not is_of_nothing(query):
            difficult = query.difficult
            if difficult is None:
                difficult = np.zeros(len(query.boxes), bool)
            image = Image(query.boxes, difficult, of_query.boxes, of_query.scores)
            images.setdefault(query.name, []).append(image)
    classes = {name: average_precision(images[name]) for name in sorted(images)}
    counted = [of_class for of_class in classes.values() if of_class["AP10"] >= 0]
    means = {
        key: float(np.mean([of_class[key] for of_class in counted])) if counted else -1.0
        for key in ("AP07", "AP10")
    }
    return means | {"num_classes": len(counted), "classes": classes}


def _judge(images):
    """bool of all detections that count, best first: whether each is right."""
    scores = np.concatenate([np.asarray(i.scores, np.float64).reshape(-1) for i in images])
    places = [(image, row) for image in images for row in range(len(image.scores))]
    taken = {id(image): set() for image in images}
    is_right = []
    for place in np.argsort(-scores, kind="stable"):
        image, row = places[place]
        best, overlap = _best_box(image, row)
        if overlap < _IOU:
            is_right.append(False)
        elif not image.difficult[best]:
            is_right.append(best not in taken[id(image)])
            taken[id(image)].add(best)
    return np.array(is_right, bool)


def _best_box(image, row):
    """(the box that a detection overlaps most, their IoU); of equal ones the first."""
    boxes = np.asarray(image.boxes, np.float64).reshape(-1, 4)
    if not len(boxes):
        return -1, 0.0
    one = np.asarray(image.found[row], np.float64)
    sides = np.minimum(boxes[:, 2:], one[2:]) - np.maximum(boxes[:, :2], one[:2])
    common = np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0.0)
    either = _area_of(boxes) + _area_of(one[None]) - common
    overlaps = common / np.where(either > 0, either, 1.0)
    best = int(np.argmax(overlaps))
    return best, float(overlaps[best])


def _area_of(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _at_11_recalls(recall, precision):
    best = [precision[recall >= least].max(initial=0.0) for least in _RECALLS_2007]
    return float(np.mean(best))


def _area(recall, precision):
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best))


def format_voc(rows):
    """Lines of a table of {row: `of_queries`}."""
    width = max(map(len, rows))
    number = next(iter(rows.values()))["num_classes"]
    lines = [f"{'':{width}}  {'VOC 2007':>8}  {'VOC 2010':>8}"]
    for name, row in rows.items():
        values = (f"{100 * row[key]:8.2f}" if row[key] >= 0 else f"{'-':>8}" for key in _KEYS)
        lines.append(f"{name:{width}}  " + "  ".join(values))
    return [
        *lines,
        f"As PASCAL VOC counts it: the mean of {number} classes, each over the images that are "
        "asked for it, at an IoU of .50.",
    ]


_KEYS = ("AP07", "AP10")
