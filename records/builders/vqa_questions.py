"""The entries of VQA's question and annotation files → questions by image, and examples.

A question: question_id, image_id, question; in VQA-CP also coco_split, the images' split.
An annotation: question_id, image_id, question_type, answer_type, answers, ten of
{"answer", "answer_confidence", "answer_id"}. Answers are kept as they are, in the file's order:
capitals, marks and empty strings belong to what the official metric takes apart.
"""

import sys

from records.schema import ImageExample, Question
from records.source import (
    BuildError,
    check_text,
    field,
    in_share,
    missing_image,
    question_field,
    shown,
    text_field,
)
from records.strict_json import Repeated, twice

NUM_ANSWERS = 10
_CONFIDENCES = ("yes", "maybe", "no")
_OF_ANNOTATION = ("question_id", "image_id", "question_type", "answer_type", "answers")
_CP_COCO_SPLITS = ("train2014", "val2014")


def read_questions(files, questions_name, annotations_name=None, coco_split=None):
    """Reads a file of questions and, where there is one, that of their annotations.

    Args:
      files: the `OfficialFiles`.
      questions_name: file of the questions.
      annotations_name: file of the annotations; None: the questions are unanswered.
      coco_split: of the images. None: each question has its own `coco_split`.

    Returns:
      ({image id: list of its `Question`s}, notes): images and questions in the order of the
      file, an image's id being its file's name without ".jpg"; notes of what was left out as
      tuples (image id or "", where, reason).
    """
    return _Reader(questions_name, annotations_name, coco_split).read(files)


def check_val_share(val_share):
    if not 0 <= val_share < 1:
        raise BuildError(
            f"`val_share` must be at least 0 and below 1. Received: {val_share}. Give the "
            "share of train's images that become `val`, e.g. 0.05; 0 for no `val`."
        )


def carve(by_image, split, val_share):
    """Returns those images of train that belong to `split`, "train" or "val"."""
    carved = {
        image_id: questions
        for image_id, questions in by_image.items()
        if _is_val(image_id, val_share) == (split == "val")
    }
    if by_image and not carved:
        raise BuildError(
            f"val_share={val_share} puts none of {len(by_image)} images into {split!r}. Give "
            "another val_share, or 0 for no `val`."
        )
    return carved


def tell_notes(notes, split, val_share, problems):
    """Reports what was left out of one file: what is of a `val` image, with `val` alone."""
    for image_id, where, reason in notes:
        of_val = bool(image_id) and _is_val(image_id, val_share)
        if split not in ("train", "val") or of_val == (split == "val"):
            problems.report(where, reason)


def _is_val(image_id, val_share):
    return in_share(f"vqa/{image_id}", val_share)


def make_examples(by_image, images, problems):
    """Yields (key, example) of questions by image; `images` is {COCO split: `CocoImages`}."""
    for image_id, questions in by_image.items():
        of_split, filename = images[coco_split_of(image_id)], image_id + ".jpg"
        if filename not in of_split:
            problems.report(*tell_missing(image_id, questions))
            continue
        yield (
            image_id,
            ImageExample(
                image_id=image_id,
                source=of_split.source(filename),
                load_image=of_split.load_image(filename),
                questions=tuple(questions),
            ),
        )


def coco_split_of(image_id):
    """Returns "train2014" of "COCO_train2014_000000000009"."""
    return image_id.split("_")[1]


def tell_missing(image_id, questions):
    """Returns (where, reason) of an image that is not there."""
    what_to_do = "Unpack the images again, or correct the image_id."
    where = f"{coco_split_of(image_id)}/{image_id}.jpg"
    return where, missing_image(questions, what_to_do)


class _Reader:
    """Reads one pair of files. Equal answers are kept in memory once: there are millions."""

    def __init__(self, questions_name, annotations_name, coco_split):
        self._names = questions_name, annotations_name
        self._coco_split = coco_split
        self._pairs, self._tuples = {}, {}
        self._notes = []

    def read(self, files):
        questions_name, annotations_name = self._names
        annotations = self._read_annotations(files) if annotations_name else None
        by_image, seen = {}, set()
        entries = _entries(files.read_json(questions_name), "questions", questions_name)
        for position, raw in enumerate(entries):
            image_id = ""
            try:
                number = _new_id(raw, seen)
                annotation = (annotations or {}).pop(number, None)  # Told once, if it is wrong.
                image_id = self._image_id(raw)
                text = question_field(raw)
                if annotations is None:
                    question = Question(str(number), text)
                else:
                    question = self._question(number, text, raw, annotation)
                by_image.setdefault(image_id, []).append(question)
            except ValueError as error:
                where = f"{questions_name}: {_where(raw, position)}"
                self._notes.append((image_id, where, str(error)))
        for raw in (annotations or {}).values():
            reason = f"has no question in {questions_name}. Take both files of one release."
            self._note_annotation(raw, 0, reason)
        return by_image, self._notes

    def _read_annotations(self, files):
        """Returns {question_id: annotation}, each still to be checked."""
        name = self._names[1]
        annotations = {}
        entries = _entries(files.read_json(name, self._slim), "annotations", name)
        for position, raw in enumerate(entries):
            try:
                annotations[_new_id(raw, annotations)] = raw
            except ValueError as error:
                self._note_annotation(raw, position, str(error))
        return annotations

    def _slim(self, raw):
        """Keeps of an annotation what is used, of an answer (answer, confidence or "")."""
        if "answer" in raw:
            pair = raw["answer"], raw.get("answer_confidence", "")
            if all(isinstance(text, str) for text in pair):
                return self._pairs.setdefault(pair, pair)
        elif "answers" in raw:
            return {name: raw[name] for name in _OF_ANNOTATION if name in raw}
        return raw  # What is wrong with it is said when its question is read.

    def _question(self, number, text, raw, annotation):
        if annotation is None:
            raise ValueError(
                f"has no annotation in {self._names[1]}. Take both files of one release."
            )
        if isinstance(annotation, Repeated):
            raise ValueError(f"in its annotation {twice(annotation.key)}")
        if field(annotation, "image_id", int) != raw["image_id"]:
            raise ValueError(
                f"is about image {raw['image_id']}, but its annotation about image "
                f"{annotation['image_id']}. Take both files of one release."
            )
        answers, confidences = self._answers(annotation)
        return Question(
            id=str(number),
            text=text,
            answers=answers,
            type=sys.intern(field(annotation, "question_type", str)),
            answer_type=sys.intern(field(annotation, "answer_type", str)),
            confidences=confidences,
        )

    def _answers(self, annotation):
        """Returns (answers, confidences), each a tuple of ten."""
        pairs = field(annotation, "answers", list)
        if len(pairs) != NUM_ANSWERS:
            raise ValueError(
                f"has {len(pairs)} answers in its annotation, not {NUM_ANSWERS}, which the "
                "official metric is defined for. Take the annotations of the release."
            )
        for pair in pairs:
            if not isinstance(pair, tuple):
                raise ValueError(
                    "has an answer in its annotation that is not an object with the strings "
                    f"'answer' and 'answer_confidence'. Received: {shown(pair)}. Correct it."
                )
        answers, confidences = zip(*pairs, strict=True)
        check_text("".join(answers), "an answer in its annotation")
        if not any(confidences):  # Copies of the files exist without them.
            confidences = ()
        elif not set(confidences) <= set(_CONFIDENCES):
            raise ValueError(
                f"has the confidences {', '.join(map(repr, confidences))} in its annotation. "
                f"Expected are {', '.join(_CONFIDENCES)}, or none at all. Correct them."
            )
        kept = self._tuples.setdefault
        return kept(answers, answers), kept(confidences, confidences)

    def _image_id(self, raw):
        number = field(raw, "image_id", int)
        if number < 0:
            raise ValueError(
                f"'image_id' must not be negative. Received: {number}. Correct it."
            )
        coco_split = self._coco_split or text_field(raw, "coco_split")
        if not self._coco_split and coco_split not in _CP_COCO_SPLITS:
            raise ValueError(
                f"'coco_split' must be one of {', '.join(_CP_COCO_SPLITS)}. Received: "
                f"{coco_split!r}. Correct it."
            )
        return f"COCO_{coco_split}_{number:012d}"

    def _note_annotation(self, raw, position, reason):
        try:
            image_id = self._image_id(raw)
        except ValueError:  # Nobody knows which image it is about; the reason says enough.
            image_id = ""
        self._notes.append((image_id, f"{self._names[1]}: {_where(raw, position)}", reason))


def _new_id(raw, seen):
    """Returns the question_id; adds it to `seen`, where that is a set."""
    # What has a key twice is refused later, by its number, with its question.
    number = field(dict(raw) if isinstance(raw, Repeated) else raw, "question_id", int)
    if number in seen:
        raise ValueError("has the question_id of an earlier entry. Remove one of them.")
    if isinstance(seen, set):
        seen.add(number)
    return number


def _entries(content, key, name):
    """Returns the list of a file: bare, as in VQA-CP, or wrapped, as in VQA v2."""
    entries = content.get(key) if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise BuildError(
            f"{name}: expected a list, or an object with a list under {key!r}. Is it another "
            "file under this name? Download it again."
        )
    return entries


def _where(raw, position):
    number = raw.get("question_id") if isinstance(raw, dict) else None
    if isinstance(number, int):
        return f"question {number}"
    return f"entry {position} (from 0)"
