"""Rows of other people's data sets, which lie outside of the repository.

The environment variable HARDVQA_SHARED_DATA names their folder; by default it is
../shared/data beside the repository. Tests that read them skip where they are not there, and
have a twin that reads invented rows of the same form (tests/invented_rows.py).
"""

import gzip
import json
import os
import pathlib

import pytest

_BESIDE = pathlib.Path(__file__).parents[2] / "shared" / "data"
FOLDER = pathlib.Path(os.environ.get("HARDVQA_SHARED_DATA", _BESIDE))


def shared(name):
    """The path of a file or folder; skips the test where it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{path} is not there; HARDVQA_SHARED_DATA may name another folder")
    return path


def read_shared(name):
    """What a JSON file, gzipped or not, says; skips the test where it is not there."""
    path = shared(name)
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def shared_vqa(part, step=1, number=None):
    """Every `step`-th entry of VQA v2's train2014: {"questions", "annotations"}.

    Args:
      part: "train" or "valid" of vqa_v2_rows.
      number: how many entries at most.
    """
    kinds = ("questions", "annotations")
    contents = {k: read_shared(f"vqa_v2_rows/{part}.{k}.json.gz")[k] for k in kinds}
    questions = contents["questions"][::step][:number]
    ids = {question["question_id"] for question in questions}
    annotations = [a for a in contents["annotations"] if a["question_id"] in ids]
    return {"questions": questions, "annotations": annotations}
