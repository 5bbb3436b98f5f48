"""COCO's photographs (Lin et al. 2014, arXiv 1405.0312), asked for what people draw.

    instances_train2017.json    instances_val2017.json     or those of 2014; in annotations/, or
                                                           left in annotations_trainval2017.zip
    train2017/                  val2017/                   or left in train2017.zip, ...

`vqa_files.py` says how they may be packed, `coco_files.py` what is read. Splits: `train` and
`val`, carved by image from COCO's train, to choose models by; and `test`, COCO's val, on which
published numbers stand. Classes: `coco_classes.py`; which of them are unseen, and what
leak-free means: `class_set.py`.
"""

import os

from records.boxed_image import Photo, without_empty
from records.builders.coco_classes import QUICKDRAW, SETS, UNSEEN
from records.builders.coco_files import read_instances
from records.builders.photographs import Photographs, choose_classes
from records.builders.vqa_files import (
    COCO_ORIGIN,
    OfficialFiles,
    missing_images,
    missing_json,
    require,
)
from records.builders.vqa_questions import check_val_share
from records.source import BuildError, in_share, require_folder

_YEARS = ("2017", "2014")
_FOLDERS = ("annotations/",)


class Coco(Photographs):
    """Builder of COCO.

    Args:
      source_dir: the folder with the official files.
      drawings: a file or folder of drawings to ask with; "doodles": those of this program.
      classes: "56", "27" or "62" (`coco_classes.py`), or names separated by +.
      unseen: "E", "L", "B", "fold0" to "fold3", "none", or names separated by +.
      leak_free: leaves out training images that show an unseen class; else their boxes alone.
      year: "2017" or "2014"; "auto": the first of them that is there.
      val_share: share of train's images that make up `val`.
      drawn_as, without_drawings, drawings_per_class: as of `Photographs`.

    An image's id is its file's name without ".jpg".
    """

    name = "coco"
    areas_of_coco = True

    def __init__(
        self,
        source_dir=None,
        *,
        drawings: str = "",
        classes: str = "56",
        unseen: str = "E",
        leak_free: bool = True,
        year: str = "auto",
        val_share: float = 0.05,
        drawn_as: str = "",
        without_drawings: str = "stop",
        drawings_per_class: int = 1000,
    ):
        check_val_share(val_share)
        if year not in ("auto", *_YEARS):
            raise BuildError(
                f"`year` must be one of auto, {', '.join(_YEARS)}. Received: {year!r}."
            )
        class_set = choose_classes(classes, unseen, leak_free, sets=SETS, unseen_sets=UNSEEN)
        super().__init__(
            class_set,
            drawings=drawings,
            synonyms=QUICKDRAW,
            drawn_as=drawn_as,
            without_drawings=without_drawings,
            drawings_per_class=drawings_per_class,
        )
        require_folder(source_dir, self.name, "the files and images of COCO")
        self._root, self._val_share = source_dir, val_share
        self._files = OfficialFiles(source_dir, _FOLDERS)
        self._year = year if year != "auto" else self._find_year()
        self._parts = [f"train{self._year}"]  # COCO's own splits
        if self._files.find(_instances(f"val{self._year}")):
            self._parts.append(f"val{self._year}")
        self._images = {part: self._files.images(part) for part in self._parts}
        self._require_files()
        self._last_read = None
        self.test_splits = ("test",) if len(self._parts) > 1 else ()

    def splits(self):
        return ("train", *(("val",) if self._val_share else ()), *self.test_splits)

    def fingerprint(self):
        names = map(_instances, self._parts)
        return self._fingerprint(self._files.fingerprint(names, self._images))

    def _photos(self, split, problems):
        part = self._parts[split == "test"]
        entries, notes = self._read(part)
        for note in notes:
            if self._split_of(part, note.file_name) == split:
                problems.report(note.where, note.reason)
        images = self._images[part]
        for entry in entries:
            if entry.is_broken or self._split_of(part, entry.file_name) != split:
                continue
            objects, empty = without_empty(entry.things)
            is_there = entry.file_name in images
            yield Photo(
                image_id=os.path.splitext(entry.file_name)[0],
                source=images.source(entry.file_name) if is_there else entry.file_name,
                load_image=images.load_image(entry.file_name) if is_there else None,
                size=entry.size,
                objects=objects,
                empty=empty,
                missing="" if is_there else _MISSING.format(part),
            )

    def _split_of(self, part, file_name):
        """Whose an image is; nobody's ("") is the first split's."""
        if part != self._parts[0]:
            return "test"
        is_val = bool(file_name) and in_share(f"coco/{file_name}", self._val_share)
        return "val" if is_val else "train"

    def _read(self, part):
        """(entries, notes) of a part; the last one is kept, for train and val."""
        if self._last_read is None or self._last_read[0] != part:
            self._last_read = None  # Let go of the one before the next is read.
            read = read_instances(self._files, _instances(part), self._class_set.classes)
            self._last_read = part, read
        return self._last_read[1]

    def _find_year(self):
        there = [year for year in _YEARS if self._files.find(_instances(f"train{year}"))]
        return there[0] if there else _YEARS[0]

    def _require_files(self):
        missing = []
        for part in self._parts:
            if not self._files.find(_instances(part)):
                packed = f"annotations_trainval{self._year}.zip"
                missing.append(missing_json(_instances(part), COCO_ORIGIN, packed))
            if not self._images[part]:
                missing.append(missing_images(part))
        require(self._root, self.name, missing)


_MISSING = (
    "the image is missing in {0}. Unpack {0}.zip again, or correct the file_name in its JSON."
)


def _instances(part):
    return f"instances_{part}.json"
