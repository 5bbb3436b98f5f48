"""Queries and what was found to them, in COCO's two forms, which anyone can score again.

A query is a scene asked for one class. Each is an image of its own, with the one category 1:
what COCO's tool then gives is the AP of queries, which is not that of categories; the two
cannot be compared. Queries of nothing, whose class is not in the scene, are no part of AP: they
are left out, unless alarms are counted (`with_nothing`). The ids of the others are the same.

Letters: G objects asked for, O other objects of the scene, R detections.
"""

import hashlib
import json
import os
from typing import NamedTuple

import numpy as np

from hardvqa_tf.localize.judging.areas import terciles
from hardvqa_tf.localize.judging.coco_data import check
from hardvqa_tf.written import written

CATEGORY = 1
_NAMES = ("the ground truth of the queries", "the detections")


class Query(NamedTuple):
    """A scene asked for one class.

    `scene`: its key; `name`: of the class; `size`: (height, width) in pixels.
    `boxes`: float[G, 4], (left, top, right, bottom) in pixels; G = 0: a query of nothing.
    `others`: float[O, 4], of all other objects of the scene; needed for the random row alone.
    `areas`: float[G], of the segments in pixels; None, or NaN in it: width times height.
    `crowd`: bool[G]; None: no box holds a crowd. `difficult`: bool[G], those of the crowds that
    are PASCAL VOC's difficult objects; None: nobody said so.
    `group`: "seen", "unseen", ...; each group of a split is scored apart, too.
    """

    scene: str
    name: str
    size: tuple
    boxes: np.ndarray
    others: np.ndarray = ()
    areas: np.ndarray | None = None
    crowd: np.ndarray | None = None
    group: str = ""
    difficult: np.ndarray | None = None


class Found(NamedTuple):
    """What was found to a query: `boxes` float[R, 4], as a query's; `scores` float[R]."""

    boxes: np.ndarray
    scores: np.ndarray


def to_ground_truth(queries, *, areas=None, with_nothing=False):
    """COCO's ground truth.

    Args:
      queries: list of `Query`.
      areas: as of `coco.evaluate`, written for who scores the file again; None: COCO's sizes.
      with_nothing: with queries of nothing.
    """
    info = {"description": "Each image is a query: a scene that is asked for one class."}
    if areas is not None:
        info["object_areas"] = {n.lstrip("_"): [*bounds] for n, bounds in areas.items()}
    images, annotations = [], []
    for number, query in _numbered(queries, with_nothing):
        height, width = query.size
        image = {"id": number, "width": int(width), "height": int(height)}
        image |= {"file_name": query.scene, "query": query.name}
        images.append(image | ({"query_group": query.group} if query.group else {}))
        crowd = np.zeros(len(query.boxes), bool) if query.crowd is None else query.crowd
        for box, area, is_crowd in zip(_boxes(query), _areas(query), crowd, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": CATEGORY,
                    "bbox": box,
                    "area": area,
                    "iscrowd": int(is_crowd),
                }
            )
    categories = [{"id": CATEGORY, "name": "what the query asks for"}]
    return {
        "info": info,
        "images": images,
        "categories": categories,
        "annotations": annotations,
    }


def to_results(queries, found, *, with_nothing=False):
    """COCO's results; numbers are those that were predicted, in double precision.

    Args:
      queries: list of `Query`.
      found: list of `Found`, one a query, in their order.
      with_nothing: as of `to_ground_truth`.
    """
    if len(found) != len(queries):
        raise ValueError(
            f"`found` must have one entry a query. Received: {len(found):,}, for "
            f"{len(queries):,} queries. Ask every query once, in their order."
        )
    return [
        {"image_id": number, "category_id": CATEGORY, "bbox": box, "score": score}
        for number, query in _numbered(queries, with_nothing)
        for box, score in zip(
            _boxes(found[number - 1]),
            np.asarray(found[number - 1].scores, np.float64).tolist(),
            strict=True,
        )
    ]


def check_queries(queries, found, *, with_nothing=False):
    """`CocoData` of queries and of what was found."""
    truth = to_ground_truth(queries, with_nothing=with_nothing)
    results = to_results(queries, found, with_nothing=with_nothing)
    return check(truth, results, _NAMES)


def areas_of(queries):
    """`terciles` of all objects that are asked for, those of crowds left out."""
    sizes = [
        area
        for query in queries
        for i, area in enumerate(_areas(query))
        if query.crowd is None or not query.crowd[i]
    ]
    return terciles(sizes)


def groups_of(queries):
    """{group: ids of its queries}, without those of nothing; empty where all are of one."""
    groups = {}
    for number, query in _numbered(queries, with_nothing=False):
        if query.group:
            groups.setdefault(query.group, []).append(number)
    return dict(sorted(groups.items())) if len(groups) > 1 else {}


def write_files(folder, split, queries, found, *, areas=None):
    """Writes annotations_<split>.json and predictions_<split>.json into a folder.

    Each under a temporary name, renamed once complete. `areas`: as of `to_ground_truth`.
    """
    contents = {
        f"annotations_{split}.json": to_ground_truth(queries, areas=areas),
        f"predictions_{split}.json": to_results(queries, found),
    }
    for name, content in contents.items():
        with written(os.path.join(folder, name)) as partial:
            with open(partial, "w", encoding="utf-8") as file:
                json.dump(content, file, ensure_ascii=False)


def is_of_nothing(query):
    return len(query.boxes) == 0


def random_of(query, seed):
    """A Generator that depends on the seed, and the query's scene and class, alone."""
    text = "\0".join([str(seed), query.scene, query.name])
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _numbered(queries, with_nothing):
    """Pairs of id, from 1, and query."""
    for number, query in enumerate(queries, start=1):
        if with_nothing or not is_of_nothing(query):
            yield number, query


def _boxes(of):
    """Corners -> lists [x, y, width, height] of Python's numbers."""
    corners = np.asarray(of.boxes, np.float64).reshape(-1, 4)
    sides = corners[:, 2:] - corners[:, :2]
    return np.concatenate([corners[:, :2], sides], axis=1).tolist()


def _areas(query):
    of_boxes = np.array([width * height for _, _, width, height in _boxes(query)])
    given = of_boxes if query.areas is None else np.asarray(query.areas, np.float64)
    return np.where(np.isnan(given), of_boxes, given).tolist()
