"""Boxes of CVAT's export "CVAT for images 1.1".

    annotations.xml     annotations/image[@name, @width, @height, @subset]/
                        box[@label, @xtl, @ytl, @xbr, @ybr, @rotation]
    images/NAME         or images/SUBSET/NAME, or NAME

Boxes are in pixels. A subset named train, val or test says the split. Tags of a whole image are
left alone; outlines, points and turned boxes are none that can be asked for, and are refused.
"""

import os

from records.box_exports.labelled import (
    SKIPPED,
    SPLITS,
    Found,
    Labelled,
    files_below,
    first_there,
)
from records.boxed_image import object_within, without_empty
from records.source import BuildError, check_text, read_bytes
from records.xml_tree import number_in, parse_xml

_LEFT_ALONE = ("tag", "box")
_CORNERS = ("xtl", "ytl", "xbr", "ybr")


def read(root):
    names = [name for name in files_below(root, (".xml",)) if "/" not in name]
    if not names:
        raise BuildError(
            f"{root} has no .xml file. Export the task as 'CVAT for images 1.1' and unpack it "
            "there."
        )
    found = Found(files=names)
    for name in names:
        try:
            tree = parse_xml(read_bytes(os.path.join(root, name)))
        except ValueError as error:
            raise BuildError(f"{name}: {error}") from None
        if tree.tag != "annotations" or tree.find("track") is not None:
            what = "tracks of a video" if tree.tag == "annotations" else f"<{tree.tag[:40]}>"
            raise BuildError(
                f"{name}: expected <annotations> with images. Received: {what}. Export the "
                "task as 'CVAT for images 1.1'."
            )
        for place, element in enumerate(tree.findall("image")):
            _read_image(root, name, place, element, found)
    return found


def _read_image(root, name, place, element, found):
    where = f"{name}: image {element.get('name') or f'at place {place} (from 0)'}"
    subset = element.get("subset", "")
    split = SPLITS.get(subset.lower(), "")
    try:
        own_name = _attribute(element, "name")
        size = tuple(_side(element, side) for side in ("width", "height"))
        folders = (f"images/{subset}/", "images/", f"{subset}/", "")
        image = first_there(root, [*dict.fromkeys(f + own_name for f in folders)][::-1])
        objects, empty = without_empty(_things(element, size))
    except ValueError as error:
        found.notes.append((split, where, f"{error} {SKIPPED}"))
        return
    found.images.append(Labelled(image, where, split, size, objects, empty=empty))


def _things(element, size):
    things = []
    for place, shape in enumerate(element):
        label = shape.get("label", "")
        try:
            if shape.tag not in _LEFT_ALONE:
                raise ValueError(
                    f"is a <{shape.tag[:40]}>, not a box. Draw a box instead, or remove it."
                )
            if shape.tag == "box":
                things.append(_object(shape, size))
        except ValueError as error:
            raise ValueError(f"shape {place} (from 0, {label[:40]!r}): {error}") from None
    return things


def _object(shape, size):
    if number_in(shape.get("rotation", "0"), "rotation") != 0:
        raise ValueError(
            f"is turned, by {shape.get('rotation')[:20]} degrees. Draw an upright box instead."
        )
    left, top, right, bottom = (number_in(_attribute(shape, n), n) for n in _CORNERS)
    if right < left or bottom < top:
        raise ValueError("ends before it begins: xbr or ybr is below xtl or ytl. Correct it.")
    return object_within(_attribute(shape, "label"), (left, top, right, bottom), *size)


def _attribute(element, name):
    text = (element.get(name) or "").strip()
    if not text:
        raise ValueError(f"{name!r} is missing or empty. Fill it in.")
    check_text(text, repr(name))
    return text


def _side(element, name):
    value = number_in(_attribute(element, name), name)
    if value < 1 or value != int(value):
        raise ValueError(f"{name!r} must be a whole number above 0. Received: {value:g}.")
    return int(value)
