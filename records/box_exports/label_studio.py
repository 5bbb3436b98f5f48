"""Boxes of Label Studio's export "JSON".

    *.json              a list of tasks: {"id", "data": {"image": PATH}, "annotations": [...]}
    images/NAME         or NAME, or what PATH says: its last part is looked for

An annotation has `result`, a list of {"type": "rectanglelabels", "original_width",
"original_height", "value": {"x", "y", "width", "height", "rotation", "rectanglelabels"}}, in
per cent of the sides. A task must have one annotation. Choices and texts are left alone;
outlines and turned boxes are none that can be asked for, and are refused.
"""

import os
import urllib.parse

from records.box_exports.labelled import (
    SKIPPED,
    Found,
    Labelled,
    files_below,
    first_there,
    split_named,
)
from records.boxed_image import object_within, without_empty
from records.source import (
    BuildError,
    check_text,
    field,
    parse_json,
    read_bytes,
    shown,
    text_field,
)
from records.strict_json import finite

_BOXES = "rectanglelabels"
_SHAPES = ("polygon", "brush", "ellipse", "keypoint", "rectangle", "vector", "bitmask", "video")
_SIDES = ("x", "y", "width", "height")


def read(root):
    names = [name for name in files_below(root, (".json",)) if "/" not in name]
    if not names:
        raise BuildError(f"{root} has no .json file. Export the project as 'JSON' there.")
    found = Found(files=names)
    for name in names:
        tasks = parse_json(read_bytes(os.path.join(root, name)), name)
        if not isinstance(tasks, list):
            raise BuildError(
                f"{name}: expected a list of tasks. Export the project as 'JSON' (not as COCO, "
                "which --builder_args=format=coco reads)."
            )
        for place, task in enumerate(tasks):
            _read_task(root, name, place, task, found)
    return found


def _read_task(root, name, place, task, found):
    number = task.get("id") if isinstance(task, dict) else None
    known = isinstance(number, (int, str)) and not isinstance(number, bool)
    where, split = f"{name}: task {number if known else f'at place {place} (from 0)'}", ""
    try:
        data = field(task, "data", dict) if "data" in task else _refuse_short_form()
        split = split_named(data["split"], "'split' of 'data'") if "split" in data else ""
        image = _image(root, data)
        annotations = [a for a in field(task, "annotations", list) if not _is_cancelled(a)]
        if not annotations:
            reason = "nobody has annotated it yet. Annotate it, or remove the task."
            raise ValueError(reason)
        if len(annotations) > 1:
            raise ValueError(
                f"has {len(annotations)} annotations, of different people perhaps. Keep one."
            )
        size, things = _things(field(annotations[0], "result", list))
    except (ValueError, TypeError) as error:
        found.notes.append((split, where, f"{error} {SKIPPED}"))
        return
    objects, empty = without_empty(things)
    found.images.append(Labelled(image, where, split, size, objects, False, empty))


def _refuse_short_form():
    raise ValueError(
        "'data' is missing. Export the project as 'JSON', not as 'JSON-MIN', nor from another "
        "tool."
    )


def _is_cancelled(annotation):
    return isinstance(annotation, dict) and annotation.get("was_cancelled") is True


def _image(root, data):
    if "image" not in data and sum(isinstance(v, str) for v in data.values()) == 1:
        key = next(key for key, value in data.items() if isinstance(value, str))
    else:
        key = "image"
    address = urllib.parse.urlsplit(text_field(data, key))
    path = urllib.parse.parse_qs(address.query).get("d", [urllib.parse.unquote(address.path)])[
        0
    ]
    last = path.rstrip("/").rpartition("/")[2]
    if not last:
        raise ValueError(f"{key!r} names no file. Received: {data[key][:80]!r}. Correct it.")
    return first_there(root, [last, f"images/{last}", path.lstrip("/")])


def _things(results):
    """((width, height) or None, what `object_within` gives of each box)."""
    sizes, things = set(), []
    for place, raw in enumerate(results):
        try:
            kind = field(raw, "type", str)
            if kind == _BOXES:
                sizes.add((_side(raw, "original_width"), _side(raw, "original_height")))
                things.append(_object(field(raw, "value", dict)))
            elif kind.startswith(_SHAPES):
                raise ValueError(
                    f"is of the type {kind[:40]!r}, not a labelled box ({_BOXES}). Draw a box "
                    "instead, or remove it."
                )
        except ValueError as error:
            raise ValueError(f"result {place} (from 0): {error}") from None
    if len(sizes) > 1:
        raise ValueError(f"its results are of images of several sizes: {sorted(sizes)}.")
    return next(iter(sizes), None), things


def _object(value):
    x, y, width, height = (_number(value, name) for name in _SIDES)
    if "rotation" in value and _number(value, "rotation") != 0:
        raise ValueError(
            f"is turned, by {value['rotation']} degrees. Draw an upright box instead."
        )
    if width < 0 or height < 0:
        raise ValueError(f"has a width or height below 0: {width:g}, {height:g}. Correct it.")
    labels = field(value, _BOXES, list)
    if len(labels) != 1 or not isinstance(labels[0], str) or not labels[0].strip():
        raise ValueError(f"must have one label. Received: {shown(labels)}. Correct it.")
    check_text(labels[0], "a label")
    corners = (x / 100, y / 100, (x + width) / 100, (y + height) / 100)
    return object_within(labels[0], corners, 1.0, 1.0)


def _number(raw, name):
    value = finite(raw.get(name)) if isinstance(raw, dict) else None
    if value is None:
        got = shown(raw[name]) if isinstance(raw, dict) and name in raw else "nothing"
        raise ValueError(f"{name!r} must be a finite number. Received: {got}. Correct it.")
    return value


def _side(raw, name):
    value = field(raw, name, int)
    if value < 1:
        raise ValueError(f"{name!r} must be above 0. Received: {value}. Correct it.")
    return value
