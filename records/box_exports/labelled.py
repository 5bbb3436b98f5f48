"""What every reader of an export gives: images with their labelled boxes, and what is wrong.

A reader is a function (root) -> `Found`. Whatever it cannot use of an image it notes, and
leaves the image out: half of its boxes would teach that there is nothing else.
"""

import dataclasses
import os

from records.inside import inside
from records.regular import kind_instead
from records.shortened import shortened

# What folders, files and exports call a split, in small letters.
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
SKIPPED = "Skipping it leaves its image out."


@dataclasses.dataclass(frozen=True)
class Labelled:
    """An image with its boxes.

    `image`: path relative to the folder; `where`: of what is said of it, for messages; `split`:
    "train", "val", "test", or "" where nothing says it; `size`: (width, height) in pixels, as
    people see it, or None; `in_pixels`: whether boxes are pixels, else shares of the sides;
    `objects`: tuple of `schema.Object`; `empty`: names of those whose boxes have no area.
    """

    image: str
    where: str
    split: str
    size: tuple | None
    objects: tuple
    in_pixels: bool = True
    empty: tuple = ()


@dataclasses.dataclass
class Found:
    """What a reader found.

    `images`: list of `Labelled`; `notes`: list of (split or "", where, reason); `files`: those
    of text, relative to the folder, whose content it all follows from.
    """

    images: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    files: list = dataclasses.field(default_factory=list)


def split_named(name, what="the split"):
    """ "train", "val" or "test".

    Raises:
      ValueError: if it is another name.
    """
    split = SPLITS.get(name.strip().lower()) if isinstance(name, str) else None
    if split is None:
        raise ValueError(
            f"{what} must be one of train, val (valid, validation) and test. Received: "
            f"{shortened(ascii(name), 60)}. Correct it."
        )
    return split


def split_in_path(path):
    """The split that a folder of a path names; "" if none does."""
    folders = path.split("/")[:-1]
    return next((SPLITS[f.lower()] for f in folders if f.lower() in SPLITS), "")


def files_below(root, endings=_ENDINGS):
    """Paths of files with these endings, relative to the folder, sorted; hidden ones not."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = os.path.relpath(folder, root)
        prefix = "" if below == os.curdir else below.replace(os.sep, "/") + "/"
        found += [
            prefix + name
            for name in names
            if name.lower().endswith(endings) and not name.startswith(".")
        ]
    return sorted(found)


def first_there(root, paths):
    """The first path that is a file, `inside` the folder; where none is, the first of them."""
    for path in paths:
        if os.path.isfile(os.path.join(root, path)):
            return inside(root, path)
    return inside(root, paths[0])


def missing(root, path, near):
    """Why there is no file, and what to do; "" if there is one.

    Args:
      near: `NearNames` of the root.
    """
    full = os.path.join(root, path)
    if os.path.isfile(full):
        return ""
    there = f"{kind_instead(full)}, not a file," if kind_instead(full) else "no file"
    what_to_do = near.hint(path) or "Put it there, or correct its path."
    return f"there is {there} {path[:200]!r}. {what_to_do}"
