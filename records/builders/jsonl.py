"""Your own images and questions, from JSON lines.

    data.jsonl        one line per question, each with a "split"; or instead
    train.jsonl, ...  one file per split
    any/folder/...    the images, turned by their EXIF orientation when they are decoded

    {"image": "photos/1.jpg", "question": "Is it raining?", "answer": "yes"}

Keys: `image` (path relative to the folder, never outside it), `question`; optional `answer` (a
string) or `answers` (a list of strings, e.g. of several people), `id`, `type`, `split`.
"""

import dataclasses
import functools
import os
import re

from records.inside import inside
from records.json_lines import object_of
from records.near_names import NearNames
from records.questions import is_blank
from records.regular import kind_instead
from records.schema import ImageExample, Question
from records.source import (
    BuildError,
    check_text,
    counted,
    decode_text,
    field,
    fingerprint,
    question_field,
    read_bytes,
    require_folder,
    shown,
    text_field,
)

_KEYS = ("image", "question", "answer", "answers", "id", "type", "split")
_EXAMPLE = '{"image": "photos/1.jpg", "question": "Is it raining?", "answer": "yes"}'


@dataclasses.dataclass(frozen=True)
class _Line:
    where: str  # "train.jsonl:3"
    split: str
    image: str
    given: str  # the image as the line has it
    question: Question  # its id is "" where the line gives none


class Jsonl:
    """Builder of your own data.

    Args:
      source_dir: the folder with data.jsonl, or <split>.jsonl files, and the images.

    An image's id is its path relative to `source_dir`. A question without an `id` gets the
    image's id and its place among this image's questions, "photos/1.jpg#0". Ids are unique in
    the whole data set, and an image is in one split only.
    """

    name = "jsonl"
    turns_by_exif = True

    def __init__(self, source_dir=None):
        require_folder(
            source_dir, self.name, "data.jsonl or <split>.jsonl files, and the images"
        )
        self._root = source_dir
        self._files = self._find_files()
        self._lines, self._problems = [], []  # problems: (split, where, reason)
        for name in self._files:
            self._read(name)
        self._check_ids_and_images()
        if "train" not in self.splits() and self._problems:
            # Else "no split 'train'" would hide the cause.
            _, where, reason = self._problems[0]
            raise BuildError(f"{where}: {reason} No line of split 'train' can be read.")

    def splits(self):
        found = {line.split for line in self._lines} | set(self._files) - {"data.jsonl"}
        found = {split.removesuffix(".jsonl") for split in found}
        known = [split for split in ("train", "val", "test") if split in found]
        return tuple(known + sorted(found - set(known)))

    def fingerprint(self):
        images = sorted({line.image for line in self._lines})
        paths = [(image, os.path.join(self._root, image)) for image in images]
        sizes = [(image, os.path.getsize(p)) for image, p in paths if os.path.isfile(p)]
        return fingerprint(self._root, self._files, sizes)

    def examples(self, split, problems):
        is_first = split == self.splits()[0]
        for of_split, where, reason in self._problems:
            if of_split == split or (is_first and of_split not in self.splits()):
                problems.report(where, reason, of_split)
        by_image, near = {}, NearNames(self._root)
        for line in self._lines:
            if line.split == split:
                by_image.setdefault(line.image, []).append(line)
        for image, lines in by_image.items():
            path = os.path.join(self._root, image)
            if not os.path.isfile(path):
                what_to_do = near.hint(lines[0].given)
                what_to_do = what_to_do or (
                    "Put it there, or correct the path, relative to the folder."
                )
                instead = kind_instead(path)
                regular = "" if os.path.isdir(path) else "regular "
                there = f"{instead}, not a {regular}file," if instead else "no file"
                ask = counted(len(lines), "question") + (" asks" if len(lines) == 1 else " ask")
                reason = (
                    f"there is {there} {lines[0].given[:200]!r}, about which {ask}, this one "
                    f"first. {what_to_do}"
                )
                problems.report(lines[0].where, reason)
                continue
            load_image = functools.partial(read_bytes, path)
            questions = _questions(image, lines)
            yield image, ImageExample(image, image, load_image, questions, turns_by_exif=True)

    def _find_files(self):
        names = sorted(name for name in os.listdir(self._root) if name.endswith(".jsonl"))
        for name in names:
            if name.startswith("._"):
                raise BuildError(
                    f"{name} is what macOS keeps beside a file, not a file of questions. "
                    "Delete it and its like: find FOLDER -name '._*' -delete"
                )
        if "data.jsonl" in names and len(names) > 1:
            raise BuildError(
                f"{self._root} has data.jsonl among other .jsonl files ({', '.join(names)}). "
                "Keep either data.jsonl, whose lines name their split, or one file per split."
            )
        for name in names:
            if not re.fullmatch(r"\w+\.jsonl", name, re.ASCII):
                raise BuildError(
                    f"{name}: a split's name has letters, digits and _ only. Rename the file."
                )
        if not names:
            raise BuildError(
                f"{self._root} has no .jsonl file. Write train.jsonl (val.jsonl, test.jsonl) "
                f"with lines like {_EXAMPLE}"
            )
        return names

    def _read(self, name):
        text = decode_text(read_bytes(os.path.join(self._root, name)), name)
        of_file = None if name == "data.jsonl" else name.removesuffix(".jsonl")
        if not text.strip():
            reason = f"the file is empty. Write lines like {_EXAMPLE}, or delete it."
            self._problems.append((of_file or "", name, reason))
            return
        # Not splitlines(): it would also split at characters that JSON allows within strings.
        for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
            where, split = f"{name}:{number}", of_file or ""
            try:
                raw = object_of(line, _KEYS, _EXAMPLE)
                split = _split(raw, of_file)
                image = inside(self._root, text_field(raw, "image"))
                given = raw["image"]
                self._lines.append(_Line(where, split, image, given, _question(raw)))
            except ValueError as error:
                self._problems.append((split, where, str(error)))

    def _check_ids_and_images(self):
        """Moves lines whose id, or whose image's split, contradicts an earlier line's."""
        kept, ids, images = [], {}, {}
        for line in self._lines:
            first = images.setdefault(line.image, line)
            same_id = ids.setdefault(line.question.id, line) if line.question.id else line
            if first.split != line.split:
                reason = (
                    f"image {line.image!r} is in split {line.split!r} here, but in "
                    f"{first.split!r} at {first.where}. A test must not see what training saw: "
                    "keep all questions of an image in one split."
                )
            elif same_id is not line:
                reason = f"id {line.question.id!r} is also that of {same_id.where}. Change one."
            else:
                kept.append(line)
                continue
            self._problems.append((line.split, line.where, reason))
        while clashing := _clashing_with_automatic(kept):
            for line, reason in clashing.values():
                self._problems.append((line.split, line.where, reason))
            # Without them other lines have other places.
            kept = [line for line in kept if line.where not in clashing]
        self._lines = kept


def _clashing_with_automatic(lines):
    """Returns {where: (line, reason)} of lines with the id that one without an id gets."""
    by_image = {}
    for line in lines:
        by_image.setdefault(line.image, []).append(line)
    automatic = {
        f"{image}#{place}": line.where
        for image, of_image in by_image.items()
        for place, line in enumerate(of_image)
        if not line.question.id
    }
    reason = (
        "Question id {!r} is there twice: {}, which has no id, gets it as well. Change it, or "
        "give that line an id."
    )
    return {
        line.where: (line, reason.format(line.question.id, automatic[line.question.id]))
        for line in lines
        if line.question.id in automatic
    }


def _questions(image, lines):
    """Returns an image's questions, those without an id numbered."""
    return tuple(
        line.question
        if line.question.id
        else dataclasses.replace(line.question, id=f"{image}#{place}")
        for place, line in enumerate(lines)
    )


def _split(raw, of_file):
    split = raw.get("split", of_file)
    if split is None:
        raise ValueError(
            "'split' is missing. In data.jsonl every line names one, e.g. \"train\"."
        )
    if not isinstance(split, str) or not re.fullmatch(r"\w+", split, re.ASCII):
        raise ValueError(
            f"'split' must be letters, digits and _ in a string. Received: {shown(split)}."
        )
    if of_file and split != of_file:
        raise ValueError(
            f"'split' is {split!r} in the file of {of_file!r}. Move the line or drop 'split'."
        )
    return split


def _question(raw):
    """Returns the line's question, with id "" where it gives none."""
    question_type = field(raw, "type", str) if "type" in raw else ""
    return Question(_id(raw), question_field(raw), _answers(raw), question_type)


def _id(raw):
    question_id = raw.get("id", "")
    if isinstance(question_id, int) and not isinstance(question_id, bool):
        return str(question_id)
    if "id" in raw and not isinstance(question_id, str):
        raise ValueError(
            "'id' must be a string or a whole number. "
            f"Received: {shown(question_id)}. Correct it."
        )
    return text_field(raw, "id") if "id" in raw else ""


def _answers(raw):
    if "answer" in raw and "answers" in raw:
        raise ValueError("has both 'answer' and 'answers'. Keep one of them.")
    if "answer" in raw:
        return (text_field(raw, "answer"),)
    answers = field(raw, "answers", list) if "answers" in raw else []
    if not all(isinstance(answer, str) and not is_blank(answer) for answer in answers):
        raise ValueError(
            "'answers' must be a list of strings that are not empty. Received: "
            f"{shown(answers)}. Correct it; leave it out where there is no answer."
        )
    check_text("\n".join(answers), "an answer")
    return tuple(answers)
