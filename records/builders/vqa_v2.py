"""VQA v2 (Goyal et al. 2017, arXiv 1612.00837) over COCO's images, from its official files.

    v2_OpenEnded_mscoco_train2014_questions.json    with v2_mscoco_train2014_annotations.json
    v2_OpenEnded_mscoco_val2014_questions.json      with v2_mscoco_val2014_annotations.json
    v2_OpenEnded_mscoco_test-dev2015_questions.json     without annotations; or all of them:
    v2_OpenEnded_mscoco_test2015_questions.json

`vqa_files.py` says how they, and the images, may be packed. Splits: `train` and `val`, carved
by image from train2014, to choose models by; `val2014`, for the numbers that are compared; and
one of the test splits. With `resplit="changing_priors"`: `train`, `val` and `test` out of
train2014 and val2014, with other frequencies of answers in test than in train (`resplit.py`).
"""

from records.builders.resplit import deal
from records.builders.resplit_report import measure, require_plotting, write_report
from records.builders.vqa_files import OfficialFiles, missing_images, missing_json, require
from records.builders.vqa_questions import (
    carve,
    check_val_share,
    make_examples,
    read_questions,
    tell_missing,
    tell_notes,
)
from records.source import BuildError, require_folder

ORIGIN = "https://visualqa.org/download.html"
TESTS = ("test-dev2015", "test2015")
RESPLITS = ("none", "changing_priors")
# The zip of visualqa.org in which a split's questions, or annotations, come.
_PACKED_AS = {
    "train2014": "Train",
    "val2014": "Val",
    "test-dev2015": "Test",
    "test2015": "Test",
}


class VqaV2:
    """Builder of VQA v2.

    Args:
      source_dir: the folder with the official files.
      val_share: share of train's images that make up `val`; 0 for none.
      test: which questions without annotations to build: "test-dev2015", "test2015", of which
        the former are a part, or "none". "auto": the first of them that is there.
      resplit: "none", or "changing_priors" for a split of our own in the manner of VQA-CP.

    Ids are those of the files: image "COCO_train2014_000000000009", question "9000".
    """

    name = "vqa_v2"

    def __init__(
        self,
        source_dir=None,
        *,
        val_share: float = 0.05,
        test: str = "auto",
        resplit: str = "none",
    ):
        check_val_share(val_share)
        _check_choice("test", test, ("auto", "none", *TESTS))
        _check_choice("resplit", resplit, RESPLITS)
        require_folder(source_dir, self.name, "the files of VQA v2 and the images of COCO")
        self._root = source_dir
        self._val_share = val_share
        self._resplits = resplit != "none"
        self._files = OfficialFiles(source_dir)
        self._sources = self._find_sources(test)
        self._images = {
            coco: self._files.images(coco) for coco in map(_images_of, self._sources)
        }
        self._require_files()
        self._last_read = self._dealt = self._report = None
        # Then questions are dealt, not images.
        self.ids_in_several_splits = ("image id",) if self._resplits else ()
        if self._resplits:
            require_plotting()
            self.test_splits = ("test",)
        else:
            self.test_splits = tuple(s for s in self._sources if s != "train2014")

    def splits(self):
        carved = ("train", "val") if self._val_share else ("train",)
        return carved + self.test_splits

    def fingerprint(self):
        names = [name for source in self._sources for name in _names(source) if name]
        return self._files.fingerprint(names, self._images)

    def examples(self, split, problems):
        by_image, notes = self._read_resplit(split) if self._resplits else self._read(split)
        tell_notes(notes, split, self._val_share, problems)
        if split in ("train", "val"):
            by_image = carve(by_image, split, self._val_share)
        return make_examples(by_image, self._images, problems)

    def reports(self):
        """Returns {file name: bytes} of what the build leaves beside the records."""
        if not self._resplits:
            return {}
        self._read_resplit("train")
        return write_report(self._report)

    def _find_sources(self, test):
        """Returns the parts of VQA v2 to read, in order; train2014 even if it is missing."""
        sources = ["train2014"]
        if any(self._files.find(name) for name in _names("val2014")):
            sources.append("val2014")
        if self._resplits and test in TESTS:
            raise BuildError(
                f"test={test!r} has no answers, so a re-split cannot use it. Leave `test` out."
            )
        if not self._resplits:
            there = [name for name in TESTS if self._files.find(_names(name)[0])]
            sources += {"auto": there[:1], "none": []}.get(test, [test])
        return tuple(sources)

    def _require_files(self):
        missing = []
        for source in self._sources:
            for name, kind in zip(_names(source), ("Questions", "Annotations"), strict=True):
                if name and not self._files.find(name):
                    packed = f"v2_{kind}_{_PACKED_AS[source]}_mscoco.zip"
                    missing.append(missing_json(name, ORIGIN, packed))
        missing += [missing_images(coco) for coco, found in self._images.items() if not found]
        hint = " To build without val2014, move its questions and annotations away; without a "
        require(self._root, self.name, missing, hint + "test split, give test=none.")

    def _read(self, split):
        """Returns (questions by image, notes) of the file that a split comes from."""
        source = "train2014" if split in ("train", "val") else split
        if self._last_read is None or self._last_read[0] != source:
            self._last_read = None  # Let go of the one before the next is read.
            questions, annotations = _names(source)
            read = read_questions(self._files, questions, annotations, _images_of(source))
            self._last_read = source, read
        return self._last_read[1]

    def _read_resplit(self, split):
        """Returns (questions by image, notes) of one side of the re-split."""
        if self._dealt is None:
            pool, notes = self._read_pool()
            rows = [
                (question.id, question.type, question.answers, question.text)
                for questions in pool.values()
                for question in questions
            ]
            test_ids = deal(rows)
            if not test_ids:
                raise BuildError(
                    f"The re-split finds no questions for test among {len(rows)}: train would "
                    "lose answers or words that no other question has. Give it more questions."
                )
            self._report = measure(rows, test_ids)
            self._dealt = {
                "train": (_select(pool, lambda q: q.id not in test_ids), notes),
                "test": (_select(pool, lambda q: q.id in test_ids), ()),
            }
        return self._dealt["test" if split == "test" else "train"]

    def _read_pool(self):
        """Returns (questions by image, notes) of all that has answers and an image."""
        pool, notes, seen = {}, [], set()
        for source in self._sources:
            by_image, of_source = self._read(source)
            notes += of_source
            for image_id, questions in by_image.items():
                if image_id + ".jpg" in self._images[source]:
                    pool[image_id] = questions
                else:
                    notes.append((image_id, *tell_missing(image_id, questions)))
            _check_pool(seen, by_image, source)
        self._last_read = None
        return pool, notes


def _names(source):
    """Returns the names of a part's questions and annotations (None where it has none)."""
    annotations = None if source in TESTS else f"v2_mscoco_{source}_annotations.json"
    return f"v2_OpenEnded_mscoco_{source}_questions.json", annotations


def _images_of(source):
    return "test2015" if source in TESTS else source


def _select(by_image, keeps):
    """Returns the questions that `keeps` is true of, by image; no image without any."""
    selected = {
        image_id: [question for question in questions if keeps(question)]
        for image_id, questions in by_image.items()
    }
    return {image_id: questions for image_id, questions in selected.items() if questions}


def _check_pool(seen, by_image, source):
    ids = {question.id for questions in by_image.values() for question in questions}
    if twice := seen & ids:
        raise BuildError(
            f"Question id {min(twice)!r} is in train2014 and in {source}. Take the files of "
            "one release."
        )
    seen |= ids


def _check_choice(name, value, known):
    if value not in known:
        raise BuildError(f"`{name}` must be one of {', '.join(known)}. Received: {value!r}.")
