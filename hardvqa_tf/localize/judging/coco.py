"""Average precision and recall of boxes as COCO has them, by its own tool, pycocotools.

Of each image and category, detections take objects in descending order of their scores, those
of equal scores in the order of the list: two evaluations of one list are the same to the bit.
AP is the mean precision at 101 recalls, over IoU thresholds .50, .55, ..., .95, and categories;
AR the greatest recall with 1, 10 or 100 detections. What has no object is -1, and in no mean.
"""

import contextlib
import importlib.metadata
import io
from typing import NamedTuple

import numpy as np

from hardvqa_tf.localize.judging.coco_data import MAX_DETECTIONS

# Groups of objects by area in pixels, bounds included, so that 1024 is in two of them. They are
# meant for photographs of some 640 pixels: see `areas.terciles` for others.
COCO_AREAS = {"s": (0.0, 32.0**2), "m": (32.0**2, 96.0**2), "l": (96.0**2, 1e10)}

_ALL = (0.0, 1e10)
_AT_MOST = (1, 10, MAX_DETECTIONS)
_IOUS = {"": slice(None), "50": slice(0, 1), "75": slice(5, 6)}  # of .50, .55, ..., .95
_HALF = 0.5


class Matches(NamedTuple):
    """Detections of all images, in descending order of score; of equal scores, as listed.

    `score` float64[R]; `right` bool[R], whether it took an object; `num_objects`: all there
    are. Those that lie on a crowd are neither right nor wrong, and left out.
    """

    score: np.ndarray
    right: np.ndarray
    num_objects: int


def tool():
    """What counts, with its version."""
    return f"pycocotools {importlib.metadata.version('pycocotools')}"


def evaluate(data, *, areas=COCO_AREAS, cats=None, imgs=None, use_cats=True):
    """COCO's numbers.

    Args:
      data: `CocoData`.
      areas: {suffix: (least, greatest area)}; empty: all objects alone, which is quicker.
      cats, imgs: ids of the categories and images that count; None: all.
      use_cats: False: all categories are one.

    Returns:
      {name: float in [0, 1], or -1}: AP, AP50, AP75, AR1, AR10, AR100; and of each area AP,
      AP50 and AR (with 100 detections) with its suffix: APs, APm, APl, ...
    """
    ran = _run(data, [_ALL, *areas.values()], cats=cats, imgs=imgs, use_cats=use_cats)
    precision, recall = ran.eval["precision"], ran.eval["recall"]
    values = {f"AP{t}": _mean(precision[at, :, :, 0, -1]) for t, at in _IOUS.items()}
    values |= {f"AR{n}": _mean(recall[:, :, 0, m]) for m, n in enumerate(_AT_MOST)}
    for area, suffix in enumerate(areas, start=1):
        values[f"AP{suffix}"] = _mean(precision[..., area, -1])
        values[f"AP50{suffix}"] = _mean(precision[_IOUS["50"], ..., area, -1])
        values[f"AR{suffix}"] = _mean(recall[..., area, -1])
    return values


def precision_curve(data, *, iou=_HALF, imgs=None):
    """Precision over recall, as AP counts it: the best precision at this recall or beyond.

    Returns:
      A dict: `recall` float64[101], 0, .01, ..., 1; `precision` float64[101], the mean of the
      categories, whose own mean is the AP at this IoU; -1 where there is no object.
    """
    ran = _run(data, [_ALL], ious=[iou], imgs=imgs)
    precision = ran.eval["precision"][0, :, :, 0, -1]  # [recalls, categories]
    return {
        "recall": np.asarray(ran.params.recThrs),
        "precision": np.array([_mean(row) for row in precision]),
    }


def match(data, *, iou=_HALF, imgs=None):
    """Which detections are right: `Matches` of all images and categories together."""
    ran = _run(data, [_ALL], ious=[iou], imgs=imgs)
    rows = [row for row in ran.evalImgs if row is not None]
    score = np.array([s for row in rows for s in row["dtScores"]], np.float64)
    right = np.concatenate([np.zeros(0, bool), *(row["dtMatches"][0] > 0 for row in rows)])
    on_crowd = np.concatenate([np.zeros(0, bool), *(row["dtIgnore"][0] for row in rows)])
    order = np.argsort(-score, kind="stable")
    order = order[~on_crowd.astype(bool)[order]]
    num_objects = sum(int(np.sum(np.asarray(row["gtIgnore"]) == 0)) for row in rows)
    return Matches(score[order], right[order], num_objects)


def _run(data, areas, *, ious=None, cats=None, imgs=None, use_cats=True):
    """A `COCOeval` that has counted."""
    from pycocotools.cocoeval import COCOeval  # Only who judges waits for it.

    with contextlib.redirect_stdout(io.StringIO()):  # It reports every step.
        truth, found = _coco(data, data.annotations), _coco(data, data.detections)
        ran = COCOeval(truth, found, "bbox")
        ran.params.areaRng = [[*area] for area in areas]
        ran.params.areaRngLbl = [str(place) for place in range(len(areas))]
        ran.params.maxDets = [*_AT_MOST]
        ran.params.useCats = int(use_cats)
        if ious is not None:
            ran.params.iouThrs = np.asarray(ious, np.float64)
        if cats is not None:
            ran.params.catIds = _chosen(cats, data.categories, "cats")
        if imgs is not None:
            ran.params.imgIds = _chosen(imgs, data.images, "imgs")
        ran.evaluate()
        ran.accumulate()
    return ran


def _coco(data, annotations):
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = {
        "images": [{"id": number} for number in data.images.values()],
        "categories": [{"id": number} for number in data.categories.values()],
        "annotations": [dict(annotation) for annotation in annotations],  # It writes into them.
    }
    coco.createIndex()
    return coco


def _chosen(ids, known, name):
    """Numbers of ids, in their order."""
    ids = [*ids]
    unknown = [i for i in ids if i not in known]
    if unknown or not ids:
        raise ValueError(
            f"`{name}` must be ids of the ground truth, one at least. Received: "
            f"{(unknown or ids)[:5]}. There are: {', '.join(map(repr, [*known][:5]))}, ..."
        )
    return [known[i] for i in ids]


def _mean(values):
    values = values[values > -1]
    return float(np.mean(values)) if values.size else -1.0
