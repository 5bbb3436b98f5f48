"""Scores a result file in COCO's form against a ground truth in COCO's form.

Reads, plain or gzipped, anybody's: instances_*.json and results of detectors, and the
annotations_<split>.json and predictions_<split>.json that an evaluation of a localizer leaves.
Two things of the latter are not in COCO's own files, and heeded where they are there:

    "info": {"object_areas": {name: [least, greatest area]}}   in the place of COCO's sizes
    "images": [{..., "query_group": "seen"}, ...]              each group gets rows of its own
"""

import math

from hardvqa_tf.localize.judging.coco import COCO_AREAS, tool
from hardvqa_tf.localize.judging.coco_data import check
from hardvqa_tf.localize.judging.rows import score_row
from hardvqa_tf.localize.judging.tables import format_rows
from records.shortened import shortened
from records.source import read_plain_or_gzip_json, shown

# What `hardvqa_tf.score_files` asks of a scorer, beside `score_files` and `format_scores`.
FORM = '{"image_id", "category_id", "bbox", "score"} (COCO)'
OPTIONS = {}


def recognises(content):
    """Whether the content of a JSON file is COCO's: results, or a ground truth of boxes."""
    if isinstance(content, dict):
        return "images" in content and "annotations" in content
    entries = content if isinstance(content, list) else []
    return any(
        isinstance(entry, dict)
        and "question_id" not in entry
        and ("bbox" in entry or {"image_id", "score"} <= entry.keys())
        for entry in entries
    )


def score_files(predictions, annotations):
    """Scores a file of detections.

    Args:
      predictions: path; [{"image_id", "category_id", "bbox", "score"}, ...].
      annotations: path; {"images", "categories", "annotations"}.

    Returns:
      A dict that JSON can hold: `metric`, "coco"; `tool`, with its version; `areas`, {suffix:
      [least, greatest]}; `overall`, the values of `coco.evaluate`, `num_images` and
      `num_objects`, also of each area with its suffix; `groups`, {group: the same};
      `notes`, sentences on what counts otherwise than one might think.

    Raises:
      ValueError: for files that cannot be read or do not belong together; names file and ids.
    """
    truth = read_plain_or_gzip_json(annotations)
    data = check(truth, read_plain_or_gzip_json(predictions), (annotations, predictions))
    areas = _areas(truth, annotations)
    groups = _groups(truth, annotations)
    return {
        "metric": "coco",
        "tool": tool(),
        "areas": {name: [*bounds] for name, bounds in areas.items()},
        "overall": score_row(data, areas),
        "groups": {name: score_row(data, areas, imgs) for name, imgs in groups.items()},
        "notes": data.notes,
    }


def format_scores(result):
    """The result of `score_files` as a table for a terminal."""
    rows = {"all": result["overall"], **result["groups"]}
    lines = format_rows(rows, result["areas"])
    lines += ["", f"In per cent, counted by {result['tool']}; - where there is no object."]
    return "\n".join([*lines, *result["notes"]])


def _areas(truth, name):
    info = truth.get("info")
    areas = info.get("object_areas") if isinstance(info, dict) else None
    if areas is None:
        return COCO_AREAS
    try:
        areas = {f"_{name}": tuple(map(float, bounds)) for name, bounds in areas.items()}
        ordered = all(least <= greatest for least, greatest in areas.values())
    except (AttributeError, TypeError, ValueError):
        ordered = False
    if not ordered or any(math.isnan(bound) for pair in areas.values() for bound in pair):
        raise ValueError(
            f"{name}: 'object_areas' of 'info' must be an object of pairs [least, greatest "
            f"area]. Received: {shortened(repr(info['object_areas']), 80)}. Correct it, or "
            "leave it out."
        )
    return areas


def _groups(truth, name):
    """{group: ids of its images}, in alphabetical order; empty where there are no two."""
    groups = {}
    for image in truth["images"]:
        group = image.get("query_group")
        if group is not None and not isinstance(group, str):
            raise ValueError(
                f"{name}, image {image['id']!r}: 'query_group' must be a string, the name of "
                f"its group. Received: {shown(group)}. Correct it, or leave it out."
            )
        if group is not None:
            groups.setdefault(group, []).append(image["id"])
    return dict(sorted(groups.items())) if len(groups) > 1 else {}
