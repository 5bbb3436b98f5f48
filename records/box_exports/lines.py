"""Your own boxes, in JSON lines: one line an image.

    data.jsonl        every line may name its "split"; or instead
    train.jsonl, ...  one file per split

    {"image": "photos/1.jpg", "boxes": [[10, 20, 110, 95]], "labels": ["cat"]}

Boxes are [left, top, right, bottom] in pixels, from the left and upper edge of the image as
people see it. Optional: `areas` of the objects, in pixels; `crowd`, 1 for a box around many.
"""

import os

from records.box_exports.labelled import SKIPPED, Found, Labelled, split_named
from records.boxed_image import make_object
from records.formats import MAX_SIDE
from records.inside import inside
from records.json_lines import object_of
from records.questions import is_blank
from records.source import (
    BuildError,
    check_text,
    decode_text,
    field,
    read_bytes,
    shown,
    text_field,
)
from records.strict_json import finite

EXAMPLE = '{"image": "photos/1.jpg", "boxes": [[10, 20, 110, 95]], "labels": ["cat"]}'
_MAX_AREA = MAX_SIDE**2
_KEYS = ("image", "boxes", "labels", "areas", "crowd", "split")


def read(root):
    names = sorted(name for name in os.listdir(root) if name.endswith(".jsonl"))
    names = [name for name in names if not name.startswith(".")]
    if not names:
        raise BuildError(
            f"{root} has no .jsonl file. Write data.jsonl, or train.jsonl, val.jsonl and "
            f"test.jsonl, with lines like {EXAMPLE}; exports of other tools are read by "
            "--builder_args=format=yolo, cvat, label_studio or coco."
        )
    if "data.jsonl" in names and len(names) > 1:
        raise BuildError(
            f"{root} has data.jsonl among other .jsonl files ({', '.join(names)}). Keep either "
            "data.jsonl, or one file per split."
        )
    found = Found(files=names)
    for name in names:
        of_file = ""
        if name != "data.jsonl":
            try:
                of_file = split_named(name.removesuffix(".jsonl"), "the file's name")
            except ValueError as error:
                raise BuildError(f"{name}: {error}") from None
        _read_file(root, name, of_file, found)
    return found


def _read_file(root, name, of_file, found):
    text = decode_text(read_bytes(os.path.join(root, name)), name)
    if not text.strip():
        found.notes.append((of_file, name, f"the file is empty. Write lines like {EXAMPLE}"))
        return
    # Not splitlines(): it would also split at characters that JSON allows within strings.
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        where, split = f"{name}:{number}", of_file
        try:
            raw = object_of(line, _KEYS, EXAMPLE)
            split = _split(raw, of_file)
            image = inside(root, text_field(raw, "image"))
            found.images.append(Labelled(image, where, split, None, _objects(raw)))
        except ValueError as error:
            found.notes.append((split, where, f"{error} {SKIPPED}"))


def _split(raw, of_file):
    split = split_named(field(raw, "split", str), "'split'") if "split" in raw else of_file
    if of_file and split != of_file:
        raise ValueError(
            f"'split' is {split!r} in the file of {of_file!r}. Move the line or drop 'split'."
        )
    return split


def _objects(raw):
    boxes, labels = field(raw, "boxes", list), field(raw, "labels", list)
    areas = field(raw, "areas", list) if "areas" in raw else [None] * len(boxes)
    crowds = field(raw, "crowd", list) if "crowd" in raw else [0] * len(boxes)
    if not len(boxes) == len(labels) == len(areas) == len(crowds):
        raise ValueError(
            "'boxes', 'labels', and 'areas' and 'crowd' if they are there, must have one entry "
            f"for each object. Received: {len(boxes)}, {len(labels)}, {len(areas)} and "
            f"{len(crowds)}. Correct them."
        )
    rows = zip(boxes, labels, areas, crowds, strict=True)
    return tuple(_object(place, *row) for place, row in enumerate(rows))


def _object(place, box, label, area, crowd):
    if not isinstance(label, str) or is_blank(label):
        raise ValueError(
            f"'labels' must be strings that are not empty. Received, at place {place} (from "
            f"0): {shown(label)}. Correct it."
        )
    check_text(label, "a label")
    corners = [finite(value) for value in box] if isinstance(box, list) else []
    if len(corners) != 4 or None in corners:
        raise ValueError(
            "'boxes' must be lists of four finite numbers, [left, top, right, bottom]. "
            f"Received, at place {place} (from 0): {shown(box)}. Correct it."
        )
    left, top, right, bottom = corners
    if right <= left or bottom <= top:
        raise ValueError(
            f"the box at place {place} (from 0) has no area: {shown(box)}. It must be [left, "
            "top, right, bottom] in pixels, not [x, y, width, height]. Correct it."
        )
    size = finite(area) if area is not None else None
    if area is not None and (size is None or not 0 <= size <= _MAX_AREA):
        raise ValueError(
            f"'areas' must be numbers of at least 0, or null. Received: {shown(area)}."
        )
    if isinstance(crowd, bool) or crowd not in (0, 1):
        raise ValueError(f"'crowd' must be 0 or 1. Received: {shown(crowd)}. Correct it.")
    return make_object(label, corners, area=size, crowd=bool(crowd))
