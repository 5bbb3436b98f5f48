"""COCO's own two forms, ground truth and results, checked before anything is counted.

    ground truth  {"images": [{"id"}], "categories": [{"id"}],
                   "annotations": [{"id", "image_id", "category_id",
                                    "bbox": [x, y, width, height], "area", "iscrowd"}]}
    results       [{"image_id", "category_id", "bbox", "score"}, ...]

Boxes are in pixels, from the left and upper edge; other keys are not looked at. COCO's own tool
takes much that is wrong, and gives a wrong number without a word. Here it is refused, by name
and id. Ids are numbered from 1, in their order, before the tool sees them: it stores "found" as
the id of an annotation, so that 0 would mean "not found".
"""

import collections
import math
from typing import NamedTuple

from records.shortened import shortened
from records.source import counted, field
from records.strict_json import finite

MAX_DETECTIONS = 100  # that count, of an image and category: the best ones
_NUM_SHOWN = 3  # ids in a message


class CocoData(NamedTuple):
    """Ground truth and detections that belong together.

    `images` and `categories`: {id of the file: number from 1}, in ascending order of the ids;
    `annotations` and `detections`: lists of dicts for COCO's tool, with those numbers;
    `notes`: sentences on what counts otherwise than one might think.
    """

    images: dict
    categories: dict
    annotations: list
    detections: list
    notes: list


def check(ground_truth, detections, names=("the ground truth", "the detections")):
    """What the two files say, checked.

    Args:
      ground_truth, detections: content of the JSON files.
      names: of the two files, for messages.

    Returns:
      `CocoData`.

    Raises:
      ValueError: naming file and id, what arrived, and what to do.
    """
    images, categories, annotations, notes = _check_ground_truth(ground_truth, names[0])
    kept, more = _check_detections(detections, images, categories, names)
    return CocoData(images, categories, annotations, kept, notes + more)


def _check_ground_truth(content, name):
    for key in ("images", "categories", "annotations"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise ValueError(
                f'{name}: expected COCO\'s ground truth, an object with lists "images", '
                f'"categories" and "annotations". It has no list {key!r}. Is it the right file?'
            )
    images = _numbered(content["images"], name, "image")
    categories = _numbered(content["categories"], name, "category")
    seen, annotations, unnumbered, ignore = set(), [], [], []
    for place, raw in enumerate(content["annotations"]):
        where = f"{name}, annotations[{place}]"
        try:
            own_id = _id(raw, "id")
            where = f"{name}, annotation {own_id}"
            annotations.append(_annotation(raw, images, categories, len(annotations) + 1))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if own_id in seen:
            raise ValueError(
                f"{where}: the id is that of two annotations. COCO's tool would take one of "
                "them twice, and never the other: give each its own."
            )
        seen.add(own_id)
        if isinstance(own_id, int) and own_id < 1:
            unnumbered.append(own_id)
        if raw.get("ignore"):
            ignore.append(own_id)
    return images, categories, annotations, [*_notes(name, unnumbered, ignore)]


def _annotation(raw, images, categories, number):
    crowd = raw.get("iscrowd")
    if "iscrowd" in raw and crowd not in (0, 1):
        raise ValueError(f"'iscrowd' must be 0 or 1. Received: {crowd!r}. Correct it.")
    if "iscrowd" not in raw:
        raise ValueError(
            "'iscrowd' is missing. Add 0, or 1 where the box holds a crowd that nobody told "
            "apart."
        )
    if "area" not in raw:
        raise ValueError(
            "'area' is missing, by which objects are grouped. Add it: that of the segment in "
            "pixels, or width times height."
        )
    area = _number(raw, "area")
    if area < 0:
        raise ValueError(f"'area' is below 0. Received: {area}. Correct it.")
    return {
        "id": number,
        "image_id": _known(raw, "image_id", images),
        "category_id": _known(raw, "category_id", categories),
        "bbox": _box(raw),
        "area": area,
        "iscrowd": int(crowd),
    }


def _check_detections(content, images, categories, names):
    truth, name = names
    if not isinstance(content, list):
        raise ValueError(
            f"{name}: expected COCO's results, a JSON list of objects with image_id, "
            "category_id, bbox and score; it may be empty. Received something else. Is it the "
            "right file?"
        )
    kept, strangers, unknown = [], {}, {}
    of_pair = collections.Counter()
    for place, raw in enumerate(content):
        where = f"{name}, entry {place}"
        try:
            image, category = _id(raw, "image_id"), _id(raw, "category_id")
            where += f" (image_id {image})"
            box, score = _box(raw), _number(raw, "score")
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if image not in images:
            strangers.setdefault(image, place)
        elif category not in categories:
            unknown[category] = unknown.get(category, 0) + 1
        else:
            pair = images[image], categories[category]
            of_pair[pair] += 1
            kept.append(
                {
                    "id": len(kept) + 1,
                    "image_id": pair[0],
                    "category_id": pair[1],
                    "bbox": box,
                    "area": box[2] * box[3],
                    "score": score,
                    "iscrowd": 0,
                }
            )
    if strangers:
        place = next(iter(strangers.values()))
        raise ValueError(
            f"{name}: {counted(len(strangers), 'image id')} that {truth} does not have. "
            f"Received: {_shown(strangers)}, first in entry {place}. Use files of the same "
            f"split, and ids of the same kind: {truth} has {_shown(images)}."
        )
    notes = []
    if unknown:
        number = counted(sum(unknown.values()), "detection")
        notes.append(
            f"{name}: {number} of a category that {truth} does not have (id "
            f"{_shown(unknown)}; known: {_shown(categories)}); COCO's tool does not count them."
        )
    too_many = sum(max(0, number - MAX_DETECTIONS) for number in of_pair.values())
    if too_many:
        notes.append(
            f"{name}: {counted(too_many, 'detection')} beyond the best {MAX_DETECTIONS} of an "
            "image and category; COCO's tool does not count them."
        )
    return kept, notes


def _notes(name, unnumbered, ignore):
    if unnumbered:
        number = counted(len(unnumbered), "annotation id")
        yield (
            f"{name}: {number} below 1 ({_shown(unnumbered)}), which COCO's tool by itself "
            "takes for objects that were not found. They were numbered from 1 here, so that it "
            "may give less on the same file."
        )
    if ignore:
        yield (
            f"{name}: {counted(len(ignore), 'annotation')} with 'ignore' ({_shown(ignore)}), "
            "which COCO's tool does not read: iscrowd=1 is what makes it ignore one."
        )


def _numbered(entries, name, kind):
    """{id: number}, from 1 in ascending order."""
    found = set()
    for place, raw in enumerate(entries):
        where = f"{name}, {kind} {place} of the list"
        try:
            own_id = _id(raw, "id")
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if own_id in found:
            raise ValueError(f"{where}: its id {own_id!r} came before. Give each its own.")
        found.add(own_id)
    if not found:
        raise ValueError(f"{name}: it has no {kind}. Add what the annotations are about.")
    if len({type(own_id) for own_id in found}) > 1:
        raise ValueError(
            f"{name}: some ids of its {kind} list are numbers, others strings. Received: "
            f"{_shown(sorted(found, key=lambda i: isinstance(i, int)))}. Use one kind."
        )
    return {own_id: number for number, own_id in enumerate(sorted(found), start=1)}


def _id(raw, key):
    """A whole number, or a string."""
    if isinstance(raw, dict) and isinstance(raw.get(key), str):
        return raw[key]
    return field(raw, key, int)


def _known(raw, key, known):
    value = _id(raw, key)
    if value not in known:
        raise ValueError(
            f"there is no {key.removesuffix('_id')} with its {key}. Received: {value!r}. There "
            f"are: {_shown(known)}. Add it to the list, or correct the id."
        )
    return known[value]


def _box(raw):
    box = field(raw, "bbox", list)
    box = [finite(value) for value in box]
    if len(box) != 4 or None in box:
        raise ValueError(
            f"'bbox' must be four finite numbers, [x, y, width, height]. Received: "
            f"{_start_of(raw['bbox'])}. Correct it."
        )
    if min(box[2:]) < 0:
        raise ValueError(
            f"'bbox' has a width or height below 0. Received: {_start_of(raw['bbox'])}. It "
            "must be [x, y, width, height], not two corners."
        )
    if not math.isfinite(box[2] * box[3]):  # The tool would take the IoU of two for a match.
        raise ValueError(
            f"'bbox' has no finite area. Received: {_start_of(raw['bbox'])}. Correct it."
        )
    return box


def _number(raw, key):
    if key not in raw:
        raise ValueError(f"{key!r} is missing. Add it.")
    value = finite(raw[key])
    if value is None:
        raise ValueError(
            f"{key!r} must be a finite number. Received: {_start_of(raw[key])}. Correct it."
        )
    return value


def _start_of(value):
    return shortened(repr(value), 80)


def _shown(ids):
    ids = [*ids]
    return ", ".join(map(repr, ids[:_NUM_SHOWN])) + (", ..." if len(ids) > _NUM_SHOWN else "")
