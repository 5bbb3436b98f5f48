"""What dataset_info.json and the files beside it hold: their keys, and of what kind each is.

Checked where a file is read, so that whoever uses it finds what they expect. Keys that are not
in a table may be there: newer versions write more.

    TEXT, COUNT, ...    one value
    [kind]              a list of such
    {any_key: kind}     an object whose keys are names, of splits, say
    {"key": kind}       an object with these keys; one that ends in "?" need not be there, as
                        older versions did not write it
"""

import json
import os
from collections import namedtuple

from records.shortened import shortened

Kind = namedtuple("Kind", "words allows")


class WrongShape(ValueError):
    """Says which key holds what, and what should be there."""


def any_key(key):
    return isinstance(key, str)


def number_as_key(key):
    return key.isascii() and key.isdigit() and len(key) < 10


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


TEXT = Kind("a text", lambda value: isinstance(value, str))
COUNT = Kind("a whole number of at least 0", _is_whole)
SIZE = Kind("a whole number of at least 1", lambda value: _is_whole(value) and value > 0)
NUMBER = Kind("a number", _is_number)
YES_OR_NO = Kind("true or false", lambda value: isinstance(value, bool))
OBJECT = Kind("an object", lambda value: isinstance(value, dict))
LIST = Kind("a list", lambda value: isinstance(value, list))
PAIR = Kind(
    "a pair [text, count]",
    lambda pair: (
        isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and _is_whole(pair[1])
    ),
)
_HALVES = Kind("float16", lambda value: value == "float16")
_MAP_SHAPE = Kind(
    "a list of 3 whole numbers of at least 1",
    lambda value: isinstance(value, list) and len(value) == 3 and all(map(SIZE.allows, value)),
)
_FILE_NAME = Kind(
    "a file's name, without a folder",
    lambda value: (
        isinstance(value, str)
        and value not in ("", ".", "..")
        and os.path.basename(value) == value
        and "\0" not in value
    ),
)

# What records of every version have in build_plan.json, and then in dataset_info.json.
_MAPS = {
    "encoder": TEXT,
    "arguments": OBJECT,
    "shape": _MAP_SHAPE,
    "dtype": _HALVES,
    "fields?": OBJECT,
}
_OF_BUILD = {
    "dataset": TEXT,
    "version": TEXT,
    "arguments": OBJECT,
    "source_fingerprint": TEXT,
    "schema?": {"kind": TEXT, "features?": [TEXT]},
    "features?": _MAPS,
}
PLAN = {**_OF_BUILD, "num_shards": {any_key: SIZE}}
_SHARD = {"name": _FILE_NAME, "num_records": COUNT, "num_bytes": COUNT, "sha256": TEXT}
_SPLIT = {
    "num_images?": COUNT,
    "num_questions?": COUNT,
    "num_answered?": COUNT,
    "questions_per_image?": {number_as_key: COUNT},
    "question_types?": {any_key: COUNT},
    "max_words?": COUNT,
    "num_unknown_words?": COUNT,
    "num_unknown_answers?": COUNT,
    "num_objects?": COUNT,
    "images_per_class?": {any_key: COUNT},
    "num_unknown_classes?": COUNT,
    "num_drawings?": COUNT,
    "num_rasters?": COUNT,
    "drawings_per_class?": {any_key: COUNT},
    "num_skipped?": COUNT,
    "shards": [_SHARD],
}
_CLASS_SET = {
    "name": TEXT,
    "unseen_name": TEXT,
    "leak_free": YES_OR_NO,
    "seen": [TEXT],
    "unseen": [TEXT],
    "left_out": [TEXT],
    "left_out_of": {any_key: {any_key: COUNT}},
}
INFO = {
    **_OF_BUILD,
    "knows?": {any_key: YES_OR_NO},
    "train_split": TEXT,
    "test_splits": [TEXT],
    "num_skipped?": COUNT,
    "parts?": [_FILE_NAME],
    "files?": {_FILE_NAME.allows: TEXT},
    "classes?": {any_key: [TEXT]},
    "class_set?": _CLASS_SET,
    "splits": {any_key: _SPLIT},
}
# What a split of questions has beside the facts of its kind, since the first version.
_OF_QUESTIONS = ("num_answered", "max_words")


def check(content, shape, where=""):
    """Refuses what is not of a shape.

    Args:
      content: what a JSON file holds.
      shape: see above.
      where: the key that holds it, with those around it: "splits.train".

    Raises:
      WrongShape: names the first key that is missing, or holds something else.
    """
    if isinstance(shape, Kind):
        if not shape.allows(content):
            raise _says(where, content, f"should be {shape.words}")
    elif isinstance(shape, list):
        check(content, LIST, where)
        for number, item in enumerate(content):
            check(item, shape[0], f"{where}.{number}")
    else:
        check(content, OBJECT, where)
        for key, kind in shape.items():
            _check_key(content, key, kind, f"{where}." if where else "")


def _check_key(content, key, kind, prefix):
    if callable(key):
        for name, value in content.items():
            if not key(name):
                what = "a number as key" if key is number_as_key else "such a key"
                raise _says(f"{prefix}{name}", value, f"should not be there: {what} is needed")
            check(value, kind, f"{prefix}{name}")
        return
    name = key.removesuffix("?")
    if name in content:
        check(content[name], kind, f"{prefix}{name}")
    elif name == key:
        raise WrongShape(
            f"is not, or no longer, what this program wrote: it has no {prefix}{name}"
        )


def _says(where, value, what):
    value = shortened(json.dumps(value), 60)
    return WrongShape(f"says {where or 'the whole'} = {value}, which {what}")


def check_facts(info, facts):
    """Refuses an info, of the shape INFO, whose parts do not go together.

    Args:
      info: what dataset_info.json holds.
      facts: what its kind of record counts, `FACTS` of the class that counts.

    Raises:
      WrongShape: names the key.
    """
    if info["train_split"] not in info["splits"]:
        names = ", ".join(info["splits"]) or "none"
        raise _says("train_split", info["train_split"], f"should be one of its splits: {names}")
    needed = [*facts, *(_OF_QUESTIONS if "questions_per_image" in facts else ())]
    for split, of_split in info["splits"].items():
        where = f"splits.{split}"
        check(
            of_split, {name: _FACT_KINDS.get(facts.get(name), COUNT) for name in needed}, where
        )
        _check_sums(of_split, where, facts)


_FACT_KINDS = {int: COUNT, dict: {any_key: COUNT}}


def _check_sums(split, where, facts):
    """Counts are not above what so many bytes can hold, and add up."""
    num_bytes = sum(shard["num_bytes"] for shard in split["shards"])
    for name in (name.removesuffix("?") for name in _SPLIT if name != "num_skipped?"):
        # A record, a question, an answer or a word takes a byte at least.
        if _is_whole(split.get(name)) and split[name] > num_bytes:
            what = f"cannot be: its shards have {num_bytes:,} bytes"
            raise _says(f"{where}.{name}", split[name], what)
    num_records = sum(shard["num_records"] for shard in split["shards"])
    for counted in {"num_images", "num_drawings"} & facts.keys():
        if num_records != split[counted]:
            what = f"should be {num_records:,}: so many records its shards have"
            raise _says(f"{where}.{counted}", split[counted], what)
    per_image = split.get("questions_per_image", {})
    if per_image and (
        sum(per_image.values()) != split["num_images"]
        or sum(int(n) * images for n, images in per_image.items()) != split["num_questions"]
    ):
        what = "should add up to num_images and num_questions"
        raise _says(f"{where}.questions_per_image", per_image, what)
