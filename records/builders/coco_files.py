"""COCO's instances_*.json → what it says of each image, checked entry by entry.

    {"images": [{"id", "file_name", "width", "height"}],
     "categories": [{"id", "name"}],
     "annotations": [{"id", "image_id", "category_id", "bbox": [x, y, width, height], "area",
                      "iscrowd"}]}

Boxes are in pixels, from the image's left and upper edge; `area` is the segment's. Other keys
are not looked at.
"""

import collections
import math

from records.boxed_image import object_within
from records.source import BuildError, field, shown, text_field
from records.strict_json import finite

_OF_IMAGE = ("id", "file_name", "width", "height")
_OF_ANNOTATION = ("id", "image_id", "category_id", "bbox", "area", "iscrowd")
_ROUNDED = 1.01  # of an area
_HALF = (
    "Without it its image would be annotated by half, so that skipping it leaves the image out."
)


class Entry:
    """What is said of one image.

    Attributes: `file_name`; `size`, (width, height); `things`, of `boxed_image.object_within`;
    `is_broken`, whether an annotation is wrong.
    """

    __slots__ = ("file_name", "is_broken", "size", "things")

    def __init__(self, file_name, size):
        self.file_name, self.size = file_name, size
        self.things, self.is_broken = [], False


class Note(collections.namedtuple("Note", "file_name where reason")):
    """What is wrong: of which image ("" if nobody knows), and what `Problems` is told."""


def read_instances(files, name, wanted):
    """Reads a file of COCO's instances.

    Args:
      files: the `OfficialFiles`.
      name: of the JSON file.
      wanted: names of classes; objects of others are checked, and not kept. None: all.

    Returns:
      (list of `Entry`, list of `Note`), both in the order of the file.

    Raises:
      BuildError: if it is not such a file, or its categories cannot be used.
    """
    content = files.read_json(name, _slim)
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise BuildError(
                f"{name}: expected COCO's instances, an object with the lists 'images', "
                f"'annotations' and 'categories'. It has no list {key!r}. Is it another file "
                "under this name? Download it again."
            )
    return _Reader(name, wanted).read(content)


def _slim(raw):
    """Keeps of an annotation and an image what is used: outlines would fill the memory."""
    if "category_id" in raw or "bbox" in raw:
        return {key: raw[key] for key in _OF_ANNOTATION if key in raw}
    if "file_name" in raw:
        return {key: raw[key] for key in _OF_IMAGE if key in raw}
    return raw


class _Reader:
    def __init__(self, name, wanted):
        self._name, self._wanted = name, None if wanted is None else frozenset(wanted)
        self._entries, self._categories = {}, {}
        self._notes = []

    def read(self, content):
        self._read_categories(content["categories"])
        self._read_images(content["images"])
        seen = set()
        for place, raw in enumerate(content["annotations"]):
            entry = name = None
            try:
                entry = self._entry_of(raw)
                _check_new(field(raw, "id", int), seen)
                name = self._category_of(raw)
                self._add(entry, name, raw)
            except ValueError as error:
                self._note(entry, name, f"annotation {_id_or_place(raw, place)}", str(error))
        return list(self._entries.values()), self._notes

    def _read_categories(self, categories):
        for place, raw in enumerate(categories):
            try:
                number, name = field(raw, "id", int), text_field(raw, "name")
                if number in self._categories or name in self._categories.values():
                    raise ValueError("has the id or the name of an earlier one. Correct it.")
            except ValueError as error:
                raise BuildError(
                    f"{self._name}: category {_id_or_place(raw, place)}: {error}"
                ) from None
            self._categories[number] = name
        if self._wanted is None:
            self._wanted = frozenset(self._categories.values())
        unknown = sorted(self._wanted.difference(self._categories.values()))
        if unknown:
            names = ", ".join(sorted(self._categories.values()))
            raise BuildError(
                f"{self._name} has no category {', '.join(map(repr, unknown))}. It has: "
                f"{names or 'none'}. Ask for other `classes`."
            )

    def _read_images(self, images):
        names = set()
        for place, raw in enumerate(images):
            try:
                number = field(raw, "id", int)
                _check_new(number, self._entries)
                file_name = text_field(raw, "file_name")
                width, height = field(raw, "width", int), field(raw, "height", int)
                if min(width, height) < 1:
                    raise ValueError(
                        "'width' and 'height' must be above 0. Received: "
                        f"{width}x{height}. Correct them."
                    )
                if file_name in names:
                    raise ValueError(
                        f"'file_name' {file_name!r} is that of an earlier entry. Remove one."
                    )
            except ValueError as error:
                where = f"{self._name}: image {_id_or_place(raw, place)}"
                self._notes.append(Note("", where, str(error)))
                continue
            names.add(file_name)
            self._entries[number] = Entry(file_name, (width, height))

    def _entry_of(self, raw):
        number = field(raw, "image_id", int)
        if number not in self._entries:
            raise ValueError(
                f"'image_id' {number} is that of no image of the file. Correct it, or add the "
                "image."
            )
        return self._entries[number]

    def _category_of(self, raw):
        number = field(raw, "category_id", int)
        if number not in self._categories:
            known = ", ".join(map(str, sorted(self._categories)[:8]))
            raise ValueError(
                f"'category_id' {number} is that of no category of the file ({known}, ...). "
                "Correct it."
            )
        return self._categories[number]

    def _add(self, entry, name, raw):
        left, top, width, height = _four(raw)
        crowd = field(raw, "iscrowd", int)
        if crowd not in (0, 1):
            raise ValueError(f"'iscrowd' must be 0 or 1. Received: {crowd}. Correct it.")
        area = finite(raw.get("area"))
        if area is None or not 0 <= area <= _ROUNDED * math.prod(entry.size):
            got = shown(raw["area"]) if "area" in raw else "nothing"
            raise ValueError(
                "'area' must be a number of at least 0, that of the segment in pixels, and not "
                f"above the image's. Received: {got}. Correct it."
            )
        corners = (left, top, left + width, top + height)
        thing = object_within(name, corners, *entry.size, area=area, crowd=bool(crowd))
        if name in self._wanted:
            entry.things.append(thing)

    def _note(self, entry, class_name, where, reason):
        """An image is broken by what may be of a class that it is asked for."""
        if entry and (class_name is None or class_name in self._wanted):
            entry.is_broken = True
            reason = f"{reason} {_HALF}"
        name = entry.file_name if entry else ""
        self._notes.append(Note(name, f"{self._name}: {where}", reason))


def _four(raw):
    box = [finite(value) for value in field(raw, "bbox", list)]
    if len(box) != 4 or None in box:
        raise ValueError(
            "'bbox' must be four finite numbers, [x, y, width, height]. Received: "
            f"{shown(raw['bbox'])}. Correct it."
        )
    if min(box[2:]) < 0:
        raise ValueError(
            f"'bbox' has a width or height below 0. Received: {shown(raw['bbox'])}. It must be "
            "[x, y, width, height], not two corners."
        )
    return box


def _check_new(number, seen):
    if number in seen:
        raise ValueError(f"has the id of an earlier entry, {number}. Give each its own.")
    if isinstance(seen, set):
        seen.add(number)


def _id_or_place(raw, place):
    number = raw.get("id") if isinstance(raw, dict) else None
    is_id = isinstance(number, int) and not isinstance(number, bool)
    return f"{number}" if is_id else f"at place {place} (from 0)"
