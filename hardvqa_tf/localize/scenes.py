"""The scenes of a split, and what they are asked for: each class that they show is a query.

Plain NumPy, read from the records once: pictures are not looked at.

Letters: O objects of a scene.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from records.boxes import check_objects
from records.read import read_records

_NAMES = (
    "image/id",
    "image/height",
    "image/width",
    "image/orientation",
    "object/name",
    "object/box",
    "object/area",
    "object/crowd",
    "object/difficult",
)
_SUCH = "--dataset=sketch_scenes, coco, voc or boxes"
_SWAPS_SIDES = 5  # EXIF orientations from here on turn an image on its side.


class Scene(NamedTuple):
    """An image with its objects.

    `image_id`: str; `size`: (height, width) in pixels, as people see it; `names`: list of O
    classes; `boxes` float32[O, 4], (left, top, right, bottom) as shares of the image; `areas`
    float32[O], in pixels, NaN where not known; `crowd` bool[O], of those that do not count by
    themselves, among them the difficult ones of PASCAL VOC, `difficult` bool[O].
    """

    image_id: str
    size: tuple
    names: list
    boxes: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray
    difficult: np.ndarray

    def is_of(self, name):
        """bool[O]: objects of a class."""
        return np.array([found == name for found in self.names], bool)

    def classes(self):
        """The classes that it is asked for, sorted: those of which one stands by itself."""
        return sorted({n for n, crowd in zip(self.names, self.crowd, strict=True) if not crowd})


def read_scenes(records_dir, split):
    """The scenes of a split, in the order of the records.

    Raises:
      ValueError: for an object without a box, or with one that cannot be, naming the image;
        for records that are asked for nothing.
    """
    scenes = []
    for record in read_records(records_dir, split, _NAMES):
        size, difficult = _size(record), record["object/difficult"].astype(bool)
        scene = Scene(
            record["image/id"],
            size,
            record["object/name"],
            record["object/box"],
            record["object/area"],
            record["object/crowd"].astype(bool) | difficult,
            difficult,
        )
        if np.isnan(scene.boxes).any():
            name = scene.names[np.flatnonzero(np.isnan(scene.boxes).any(axis=1))[0]]
            raise ValueError(
                f"The split {split!r} of {records_dir} has an object without a box: "
                f"{name!r} of image {scene.image_id!r}. The task localize needs the box of "
                f"each. Use records of such a data set: {_SUCH}."
            )
        _check(scene, records_dir, split)
        scenes.append(scene)
    if not any(scene.classes() for scene in scenes):
        raise ValueError(
            f"The split {split!r} of {records_dir} has no object to ask for. The task localize "
            f"needs images with objects in boxes. Use {_SUCH}."
        )
    return scenes


def _check(scene, records_dir, split):
    """Boxes of records by other hands, or of before, may be any."""
    x, y = ((scene.boxes[:, i] + scene.boxes[:, i + 2]) / 2 for i in (0, 1))
    try:
        check_objects(scene.image_id, scene.names, x, y, scene.boxes, scene.areas)
    except ValueError as error:
        raise ValueError(
            f"The split {split!r} of {records_dir}: {error}. Build the records again."
        ) from None


def _size(record):
    """(height, width), as people see it; boxes are shares of that."""
    size = record["image/height"], record["image/width"]
    return size[::-1] if record["image/orientation"] >= _SWAPS_SIDES else size


def absent_class(scene, classes):
    """A class that a scene does not show, for a query of nothing; None where it shows all.

    It depends on the scene's id and the classes alone, so that every evaluation asks the same.

    Args:
      scene: `Scene`.
      classes: names to choose from.
    """
    left = sorted(set(classes).difference(scene.names))
    if not left:
        return None
    digest = hashlib.sha256(f"nothing\n{scene.image_id}".encode()).digest()
    return left[int.from_bytes(digest[:8], "big") % len(left)]


def query_id(scene, name):
    """What a query is called: the image's id and the class."""
    return f"{scene.image_id}/{name}"
