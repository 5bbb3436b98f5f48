"""easy-VQA (Victor Zhou, MIT licence): one coloured shape in a 64x64 image, 13 answers.

Images and questions come inside the PyPI package `easy-vqa`, or from a folder of the same
layout, such as the one that its generator writes:

    <train|test>/questions.json    a list of [question, answer, image id]
    <train|test>/images/0.png

There is no validation split, so one is taken from the training images by the hash of their ids.
"""

import collections
import functools
import os

from records import questions
from records.near_names import NearNames
from records.schema import ImageExample, Question
from records.source import (
    BuildError,
    check_text,
    fingerprint,
    in_share,
    list_files,
    missing_image,
    read_bytes,
    read_json,
    require_folder,
    shown,
)


class EasyVqa:
    """Builder of easy-VQA.

    Args:
      source_dir: a folder with train/ and test/. None: the installed package's.
      val_percent: percentage of the training images that make up `val`; 0 for none.

    Image ids are "train_0", ..., "test_0", ...; a question's id is its position in
    questions.json, "train_0", ...: those of `val` keep the ids that they have in train.
    Question types, ours: "yes/no", "color" and "shape".
    """

    name = "easy_vqa"
    needs_source = False  # It is in a package.

    def __init__(self, source_dir=None, *, val_percent: float = 5.0):
        if not 0 <= val_percent < 100:
            raise BuildError(
                f"`val_percent` must be at least 0 and below 100. Received: {val_percent}."
            )
        if source_dir is None:
            source_dir = _package_folder()
        require_folder(source_dir, self.name, "train/ and test/ of easy-VQA")
        self._root = source_dir
        self._val_share = val_percent / 100
        for folder in ("train", "test"):
            self._check_folder(folder)

    def splits(self):
        return ("train", "val", "test") if self._val_share else ("train", "test")

    def fingerprint(self):
        sizes = [
            (f"{folder}/images/{name}", size)
            for folder in ("train", "test")
            for name, size in list_files(os.path.join(self._root, folder, "images")).items()
        ]
        return fingerprint(self._root, ["train/questions.json", "test/questions.json"], sizes)

    def examples(self, split, problems):
        folder = "test" if split == "test" else "train"
        images = list_files(os.path.join(self._root, folder, "images"))
        near = NearNames(os.path.join(self._root, folder, "images"))
        for number, of_image in self._read_questions(folder, split, problems).items():
            image_id, source = f"{folder}_{number}", f"{folder}/images/{number}.png"
            if f"{number}.png" not in images:
                what_to_do = near.hint(f"{number}.png")
                what_to_do = what_to_do or "Install the package or copy the folder again."
                problems.report(source, missing_image(of_image, what_to_do))
                continue
            load_image = functools.partial(read_bytes, os.path.join(self._root, source))
            yield image_id, ImageExample(image_id, source, load_image, tuple(of_image))

    def _read_questions(self, folder, split, problems):
        """Returns {image number: list of its questions} of the images that are in `split`."""
        name = f"{folder}/questions.json"
        raws = read_json(os.path.join(self._root, name), name)
        if not isinstance(raws, list):
            raise BuildError(f"{name}: expected a list of [question, answer, image id].")
        by_image = collections.defaultdict(list)
        for position, raw in enumerate(raws):
            try:
                text, answer, number = _check_entry(raw)
            except ValueError as error:
                if split != "val":  # Told once: train and val are read from the same file.
                    problems.report(f"{name}: entry {position} (from 0)", str(error))
                continue
            question = Question(f"{folder}_{position}", text, (answer,), question_type(text))
            by_image[number].append(question)
        if folder == "test":
            return by_image
        return {n: of for n, of in by_image.items() if self._is_val(n) == (split == "val")}

    def _is_val(self, number):
        return in_share(f"easy_vqa/train_{number}", self._val_share)

    def _check_folder(self, folder):
        for name in (f"{folder}/questions.json", f"{folder}/images"):
            if not os.path.exists(os.path.join(self._root, name)):
                raise BuildError(
                    f"{os.path.join(self._root, name)} is missing. easy-VQA needs "
                    "questions.json and images/ in both train/ and test/."
                )


def question_type(text):
    """Returns "color" or "shape" for "what ..." questions, else "yes/no"."""
    if not text.lower().startswith("what"):
        return "yes/no"
    return "color" if "color" in text.lower() else "shape"


def _package_folder():
    try:
        import easy_vqa
    except ImportError:
        raise BuildError(
            "Data set 'easy_vqa' is inside the package easy-vqa, which is not installed. "
            "Install it: pip install easy-vqa. Or give --source_dir, a folder with its train/ "
            "and test/."
        ) from None
    return os.path.join(os.path.dirname(easy_vqa.__file__), "data")


def _check_entry(raw):
    if not isinstance(raw, list) or [type(value) for value in raw] != [str, str, int]:
        raise ValueError(
            f"expected [question, answer, image id]. Received: {shown(raw)}. Correct it."
        )
    question, answer, _ = raw
    check_text(answer, "its answer")
    wrong = questions.wrong_with(question)
    if wrong == questions.EMPTY_QUESTION or questions.is_blank(answer):
        raise ValueError(
            f"its question or answer is empty: {shown(raw)}. Fill it in, or remove it."
        )
    if wrong:
        raise ValueError(f"{wrong} Received: {shown(raw)}.")
    return raw
