"""Data beside the repository that is not part of it, for the tests that can use it."""

import os
import pathlib

import pytest

_BESIDE = pathlib.Path(__file__).parents[2] / "shared" / "data"


def shared_data(*names):
    """A file or folder of HARDVQA_SHARED_DATA (default: ../shared/data); skips without it.

    Args:
      names: of the folders on the way, and of the file; ".." is the folder around.
    """
    path = pathlib.Path(os.environ.get("HARDVQA_SHARED_DATA", _BESIDE)).joinpath(*names)
    if not path.exists():
        pytest.skip(
            f"There is no {path}: set HARDVQA_SHARED_DATA to the folder of the shared data."
        )
    return path
