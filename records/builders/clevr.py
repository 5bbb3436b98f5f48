"""CLEVR v1.0 and CLEVR-CoGenT in their official layout (Johnson et al. 2017, arXiv 1612.06890).

    questions/CLEVR_<split>_questions.json    a split is there if this file is
    images/<split>/CLEVR_<split>_000000.png
    scenes/CLEVR_<split>_scenes.json          optional: where the objects are

The release is read and what its generator (clevr-dataset-gen) writes, where the nodes of a
program say `type` instead of `function`, and answers are booleans and integers. A split in
which no question has an answer, like `test`, is built without answers.
"""

import contextlib
import functools
import math
import os
import re
import sys

from records.near_names import NearNames
from records.schema import ImageExample, Object, Question
from records.source import (
    BuildError,
    field,
    fingerprint,
    list_files,
    missing_image,
    question_field,
    read_bytes,
    read_json,
    require_folder,
    shown,
    text_field,
)

# The last function of a question's program → its type. The families of equal_integer are in the
# generator's templates compare_integer.json; some evaluation code counts them as attributes.
QUESTION_TYPES = {
    "count": "Count",
    "exist": "Exist",
    "equal_integer": "Compare Integer",
    "less_than": "Compare Integer",
    "greater_than": "Compare Integer",
    "equal_color": "Compare Attribute",
    "equal_material": "Compare Attribute",
    "equal_shape": "Compare Attribute",
    "equal_size": "Compare Attribute",
    "query_color": "Query Attribute",
    "query_material": "Query Attribute",
    "query_shape": "Query Attribute",
    "query_size": "Query Attribute",
}
_ORDER = ("train", "val", "test", "trainA", "valA", "testA", "valB", "testB")
_USED = ("question", "answer", "program", "question_index", "image_filename", "split")


class Clevr:
    """Builder of CLEVR.

    Args:
      source_dir: the folder that holds images/, questions/ and, if at hand, scenes/.

    A question's id is its `question_index`, with which the authors number the questions of each
    split from 0 (or its place in the file, the same number, where a file leaves it out); an
    image's is its file's name without ".png".
    """

    name = "clevr"
    has_objects = True
    ids_in_several_splits = ("question id",)

    def __init__(self, source_dir=None):
        require_folder(source_dir, self.name, "images/, questions/ and, optionally, scenes/")
        self._root = source_dir
        self._splits = self._find_splits()
        self.train_split = "trainA" if "trainA" in self._splits else "train"
        for split in self._splits:
            self._check_images(split)

    def splits(self):
        return self._splits

    def fingerprint(self):
        contents, sizes = [], []
        for split in self._splits:
            names = (_questions_name(split), _scenes_name(split))
            contents += [name for name in names if self._has(name)]
            images = list_files(self._path(f"images/{split}"))
            sizes += [(f"images/{split}/{name}", size) for name, size in images.items()]
        return fingerprint(self._root, contents, sizes)

    def examples(self, split, problems):
        images = list_files(self._path(f"images/{split}"))
        near = NearNames(self._path(f"images/{split}"))
        scenes = self._read_scenes(split, problems)
        for filename, questions in self._read_questions(split, problems).items():
            source = f"images/{split}/{filename}"
            if filename not in images:
                what_to_do = near.hint(filename) or "Unpack the images again."
                problems.report(source, missing_image(questions, what_to_do))
                continue
            if scenes is not None and filename not in scenes:
                _report_no_scene(_scenes_name(split), filename, problems)
            image_id = os.path.splitext(filename)[0]
            yield (
                image_id,
                ImageExample(
                    image_id=image_id,
                    source=source,
                    load_image=functools.partial(read_bytes, self._path(source)),
                    questions=tuple(questions),
                    objects=(scenes or {}).get(filename, ()),
                    objects_in_pixels=True,
                ),
            )

    def _find_splits(self):
        if not self._has("questions"):
            raise BuildError(
                f"{self._root} has no folder questions/. --source_dir must be the folder of "
                "CLEVR_v1.0 (or CLEVR_CoGenT_v1.0) that holds images/, questions/ and scenes/."
            )
        names = self._list("questions")
        matches = [re.fullmatch(r"CLEVR_(\w+)_questions\.json", name) for name in names]
        found = {match[1] for match in matches if match}
        if not found & {"train", "trainA"}:
            self._refuse_names(names)
        if {"train", "trainA"} <= found:
            raise BuildError(
                f"{self._root} holds CLEVR v1.0 (train) and CoGenT (trainA). They are two data "
                "sets: give each a --source_dir and a --records_dir of its own."
            )
        known = [split for split in _ORDER if split in found]
        return tuple(known + sorted(found - set(known)))

    def _refuse_names(self, names):
        """Says what to do where no file is named as the train split's: CLEVR-Humans, say."""
        others = sorted(n for n in names if n.endswith(".json") and not n.startswith("._"))
        example = next((name for name in others if "train" in name.lower()), None)
        if example:
            raise BuildError(
                f"{self._root} has no {_questions_name('train')}, but questions/{example}. "
                "Questions are looked for under the release's names alone: rename the files, "
                f"{example} to CLEVR_train_questions.json, and so on (docs/data.md)."
            )

    def _check_images(self, split):
        if not self._has(f"images/{split}"):
            raise BuildError(
                f"{self._root} has {_questions_name(split)}, but no folder images/{split}/. "
                "Unpack the images, or move that file away to build without this split."
            )

    def _read_questions(self, split, problems):
        """Returns {image file name: list of its questions}, in the order of the file."""
        name = _questions_name(split)
        raws = _entries(read_json(self._path(name), name, _slim), "questions", name)
        has_answers = any(isinstance(raw, dict) and "answer" in raw for raw in raws)
        by_image, seen = {}, {}
        for position, raw in enumerate(raws):
            try:
                question = _question(raw, split, position, has_answers)
                _check_new_id(seen, question.id, position)
                by_image.setdefault(raw["image_filename"], []).append(question)
            except ValueError as error:
                problems.report(f"{name}: {_where(raw, position)}", str(error))
        return by_image

    def _read_scenes(self, split, problems):
        """Returns {image file name: tuple of its objects}, None where there are no scenes."""
        name = _scenes_name(split)
        if not self._has(name):
            return None
        scenes, positions = {}, {}
        raws = _entries(read_json(self._path(name), name), "scenes", name)
        for position, raw in enumerate(raws):
            try:
                filename = text_field(raw, "image_filename")
                if positions.setdefault(filename, position) != position:
                    raise ValueError(
                        f"is of {filename}, as is scene {positions[filename]}. Remove one."
                    )
                # Positions unknown, if what follows is wrong and skipped.
                scenes[filename] = ()
                scenes[filename] = tuple(_object(o) for o in field(raw, "objects", list))
            except ValueError as error:
                problems.report(f"{name}: scene {position} (from 0)", str(error))
        return scenes

    def _path(self, name):
        return os.path.join(self._root, name)

    def _has(self, name):
        return os.path.exists(self._path(name))

    def _list(self, name):
        return list_files(self._path(name))


def _questions_name(split):
    return f"questions/CLEVR_{split}_questions.json"


def _scenes_name(split):
    return f"scenes/CLEVR_{split}_scenes.json"


def _slim(raw):
    """Keeps of a program the last function: 700,000 whole programs would fill the memory."""
    if "inputs" in raw:  # A node of a program.
        function = raw.get("function", raw.get("type"))
        return sys.intern(function) if isinstance(function, str) else function
    if "question" in raw:
        raw = {name: raw[name] for name in _USED if name in raw}
        if isinstance(raw.get("program"), list):
            raw["program"] = raw["program"][-1] if raw["program"] else None
    return raw


def _entries(content, key, name):
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        raise BuildError(
            f"{name}: expected an object with a list under {key!r}, as in the release. Is it "
            "another file under this name? Unpack it again."
        )
    return content[key]


def _question(raw, split, position, has_answers):
    """Returns the `Question` of one entry; `ValueError` says what is wrong with it."""
    text = question_field(raw)
    of_split = raw.get("split", split)
    if of_split != split:
        raise ValueError(
            f"belongs to split {of_split!r}, but is in the file of {split!r}. Move it there."
        )
    filename = text_field(raw, "image_filename")
    if os.path.basename(filename) != filename:
        raise ValueError(
            f"'image_filename' must be a bare name. Received: {filename!r}. "
            f"Put the images into images/{split}/, and give their names."
        )
    index = field(raw, "question_index", int) if "question_index" in raw else position
    answers = (_answer(raw),) if has_answers else ()
    return Question(id=str(index), text=text, answers=answers, type=_type(raw))


def _answer(raw):
    answer = raw.get("answer")
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, int):
        return str(answer)
    if "answer" not in raw:
        raise ValueError(
            "'answer' is missing, though other questions of the file have one. Add it."
        )
    return text_field(raw, "answer")


def _type(raw):
    if "program" not in raw:
        return ""
    function = raw["program"]
    if not isinstance(function, str) or function not in QUESTION_TYPES:
        raise ValueError(
            f"its program ends with {function!r}, which no CLEVR question ends with. "
            f"Known: {', '.join(sorted(QUESTION_TYPES))}. Correct or remove the program."
        )
    return QUESTION_TYPES[function]


def _check_new_id(seen, question_id, position):
    if question_id in seen:
        raise ValueError(
            f"has the question_index of entry {seen[question_id]} (from 0), too. Renumber one."
        )
    seen[question_id] = position


def _where(raw, position):
    index = raw.get("question_index") if isinstance(raw, dict) else None
    return f"question {index}" if isinstance(index, int) else f"entry {position} (from 0)"


def _object(raw):
    name = " ".join(text_field(raw, key) for key in ("size", "color", "material", "shape"))
    coords = field(raw, "pixel_coords", list)
    if len(coords) < 2 or not {int, float}.issuperset(map(type, coords[:2])):
        raise ValueError(
            "'pixel_coords' must begin with x and y. Received: "
            f"{shown(coords, repr)}. Correct it."
        )
    with contextlib.suppress(OverflowError):
        x, y = float(coords[0]), float(coords[1])
        if math.isfinite(x) and math.isfinite(y):
            return Object(name, x, y)
    raise ValueError(f"'pixel_coords' must be pixels. Received: {shown(coords)}. Correct it.")


def _report_no_scene(source, filename, problems):
    problems.report(
        source,
        f"has no scene of {filename}. Take the scenes of the same release, or none: they are "
        "optional. (Where this is skipped, the image is built without positions.)",
    )
