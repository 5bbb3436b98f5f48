"""Boxes of a YOLO export: a text file beside each image, and the names of the classes.

    classes.txt, or obj.names      a name a line, the first is class 0
    images/train/1.jpg             with labels/train/1.txt; or train/images, train/labels; or
    1.jpg                          with 1.txt beside it

A line is `class cx cy width height`, shares of the image's sides. An image without a text file,
or with an empty one, shows nothing. A folder named train, val (valid) or test says the split.
"""

import os

from records.box_exports.labelled import (
    SKIPPED,
    Found,
    Labelled,
    files_below,
    split_in_path,
)
from records.boxed_image import object_within, without_empty
from records.inside import inside
from records.source import BuildError, check_text, decode_text, read_bytes
from records.xml_tree import number_in

_NAMES = ("classes.txt", "obj.names", "labels/classes.txt", "train/labels/classes.txt")


def read(root):
    names_file, names = _read_names(root)
    images = files_below(root)
    texts = set(files_below(root, (".txt",))) - {*_NAMES}
    found, used = Found(files=[names_file]), set()
    for image in images:
        split = split_in_path(image)
        text = next((path for path in _texts_of(image) if path in texts), None)
        try:
            path = inside(root, image)
        except ValueError as error:
            found.notes.append((split, image, str(error)))
            continue
        if text is None:
            found.images.append(Labelled(path, image, split, None, (), in_pixels=False))
            continue
        used.add(text)
        found.files.append(text)
        try:
            objects, empty = without_empty(_read_text(root, text, names))
        except ValueError as error:
            placed = error.args if isinstance(error, _Placed) else (text, str(error))
            found.notes.append((split, *placed))
            continue
        found.images.append(
            Labelled(path, text, split, None, objects, in_pixels=False, empty=empty)
        )
    for text in sorted(texts - used):
        if "labels" in text.split("/")[:-1]:  # Others may be readmes, and lists of images.
            reason = "there is no image for it. Put it there, or delete this file."
            found.notes.append((split_in_path(text), text, reason))
            found.files.append(text)
    return found


def _read_names(root):
    for name in _NAMES:
        path = os.path.join(root, name)
        if os.path.isfile(path):
            lines = decode_text(read_bytes(path), name).splitlines()
            names = [line.strip() for line in lines]
            while names and not names[-1]:
                names.pop()
            for number, line in enumerate(names, 1):
                if not line or names.index(line) + 1 < number:
                    what = "empty" if not line else f"{line!r} again"
                    raise BuildError(f"{name}:{number}: {what}. Give each class one line.")
                try:
                    check_text(line, "the name of a class")
                except ValueError as error:
                    raise BuildError(f"{name}:{number}: {error}") from None
            if names:
                return name, names
    raise BuildError(
        f"{root} has no names of classes: {', '.join(_NAMES)}. Write classes.txt with one name "
        "a line, in the order of their numbers (a data.yaml lists them as `names`)."
    )


def _texts_of(image):
    """Where the boxes of an image may be."""
    stem, parts = os.path.splitext(image)[0], image.split("/")
    if "images" in parts[:-1]:
        at = len(parts) - 2 - parts[:-1][::-1].index("images")
        moved = [*parts[:at], "labels", *parts[at + 1 :]]
        yield os.path.splitext("/".join(moved))[0] + ".txt"
    yield stem + ".txt"


class _Placed(ValueError):
    """Its arguments are where and why."""


def _read_text(root, name, names):
    things, text = [], decode_text(read_bytes(os.path.join(root, name)), name)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            things.append(_object(line.split(), names))
        except ValueError as error:
            raise _Placed(f"{name}:{number}", f"{error} {SKIPPED}") from None
    return things


def _object(parts, names):
    if len(parts) != 5:
        outline = " More numbers are an outline: export boxes." if len(parts) > 6 else ""
        raise ValueError(
            f"expected `class cx cy width height`, five numbers. Received: {len(parts)}."
            f"{outline}"
        )
    if not parts[0].isascii() or not parts[0].isdigit() or int(parts[0]) >= len(names):
        raise ValueError(
            f"the class must be a number from 0 to {len(names) - 1}, of {len(names)} names. "
            f"Received: {parts[0][:40]!r}. Correct it, or add the name."
        )
    fields = ("cx", "cy", "width", "height")
    cx, cy, width, height = (
        number_in(text, name) for text, name in zip(parts[1:], fields, strict=True)
    )
    if width < 0 or height < 0:
        raise ValueError(
            f"width and height must be at least 0. Received: {width:g}, {height:g}."
        )
    if max(cx, cy, width, height) > 1.5:
        raise ValueError(
            f"numbers must be shares of the image, in 0..1. Received: {' '.join(parts[1:])}. "
            "Are they pixels?"
        )
    corners = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
    return object_within(names[int(parts[0])], corners, 1.0, 1.0)
