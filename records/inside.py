"""Paths of images that a text gives: never outside the folder, not even by a link."""

import os

from records.source import check_text


def inside(root, path):
    """A path relative to the folder, links followed, with / between folders.

    Raises:
      ValueError: if it is outside the folder, or no text.
    """
    real = os.path.realpath(root)
    found = os.path.relpath(os.path.realpath(os.path.join(real, path)), real)
    if os.path.isabs(path) or found.split(os.sep)[0] == os.pardir:
        raise ValueError(
            f"image {path!r} is outside the folder. Copy it into the folder and give its path "
            "relative to the folder."
        )
    check_text(found, "the image's path, links followed,")
    return found.replace(os.sep, "/")
