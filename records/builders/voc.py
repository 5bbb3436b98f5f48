"""PASCAL VOC 2007 and 2012 (Everingham et al. 2010), asked for what people draw.

    VOC2007/Annotations/000005.xml        as they are unpacked: in --source_dir, or in its
    VOC2007/ImageSets/Main/train.txt      folder VOCdevkit
    VOC2007/JPEGImages/000005.jpg

Splits: where a year has a test.txt (2007), `train`, `val` and `test` are ImageSets' own. Else
(2012, whose test has no public annotations) `test` is its val.txt, and `train` and `val` are
carved by image from its train.txt. Of several years, each gives its part of each split.
"""

import functools
import os
import re

from records.boxed_image import Photo, without_empty
from records.builders.photographs import Photographs, choose_classes
from records.builders.voc_classes import NAMES, QUICKDRAW, SETS
from records.builders.voc_files import read_annotation
from records.builders.vqa_questions import check_val_share
from records.source import (
    BuildError,
    decode_text,
    fingerprint,
    in_share,
    read_bytes,
    require_folder,
)

YEARS = ("2007", "2012")
ORIGIN = "http://host.robots.ox.ac.uk/pascal/VOC/"


class Voc(Photographs):
    """Builder of PASCAL VOC.

    Args:
      source_dir: the folder that holds VOC2007 or VOC2012, or VOCdevkit with them.
      drawings: a file or folder of drawings to ask with; "doodles": those of this program.
      classes: "17" or "20" (`voc_classes.py`), or names separated by +.
      unseen: "none", or names separated by +.
      leak_free: leaves out training images that show an unseen class; else their boxes alone.
      year: "2007", "2012", or "2007+2012"; "auto": those that are there.
      val_share: share of train.txt's images that make up `val`, of a year without test.txt.
      drawn_as, without_drawings, drawings_per_class: as of `Photographs`.

    An image's id is its year and its file's name, "VOC2007_000005".
    """

    name = "voc"
    judged_as_voc = True

    def __init__(
        self,
        source_dir=None,
        *,
        drawings: str = "",
        classes: str = "17",
        unseen: str = "none",
        leak_free: bool = True,
        year: str = "auto",
        val_share: float = 0.05,
        drawn_as: str = "",
        without_drawings: str = "stop",
        drawings_per_class: int = 1000,
    ):
        check_val_share(val_share)
        class_set = choose_classes(classes, unseen, leak_free, sets=SETS, unseen_sets={})
        unknown = [name for name in class_set.classes if name not in NAMES]
        if unknown:
            raise BuildError(
                f"`classes` names {', '.join(map(repr, unknown))}, which VOC does not have. It "
                f"has: {', '.join(NAMES)}."
            )
        super().__init__(
            class_set,
            drawings=drawings,
            synonyms=QUICKDRAW,
            drawn_as=drawn_as,
            without_drawings=without_drawings,
            drawings_per_class=drawings_per_class,
        )
        require_folder(source_dir, self.name, "VOC2007 or VOC2012, or VOCdevkit with them")
        self._root, self._val_share = source_dir, val_share
        self._years = {name: self._folder(name) for name in self._asked_years(year)}
        self._lists = {}  # {split: [(year, id, where)]}
        self._notes = []  # (split, where, reason)
        for name in self._years:
            self._read_lists(name)
        self.test_splits = ("test",) if self._lists.get("test") else ()

    def splits(self):
        return tuple(split for split in ("train", "val", "test") if self._lists.get(split))

    def fingerprint(self):
        contents, sizes = [], []
        for year, folder in self._years.items():
            for split in self.splits():
                for of_year, image, _ in self._lists[split]:
                    if of_year != year:
                        continue
                    for kind, found in (("xml", contents), ("jpg", sizes)):
                        path = _path(folder, kind, image)
                        if os.path.isfile(os.path.join(self._root, path)):
                            found.append(path)
        sizes = [(path, os.path.getsize(os.path.join(self._root, path))) for path in sizes]
        sets = [
            f"{folder}/ImageSets/Main/{name}.txt"
            for folder in self._years.values()
            for name in ("train", "val", "test")
        ]
        sets = [path for path in sets if os.path.isfile(os.path.join(self._root, path))]
        return self._fingerprint(fingerprint(self._root, contents + sets, sizes))

    def _photos(self, split, problems):
        for of_split, where, reason in self._notes:
            if of_split == split:
                problems.report(where, reason)
        for year, image, where in self._lists[split]:
            folder = self._years[year]
            xml, jpg = (_path(folder, kind, image) for kind in ("xml", "jpg"))
            if not os.path.isfile(os.path.join(self._root, xml)):
                reason = f"there is no {xml}. Unpack VOC{year} again, or remove the line."
                problems.report(where, reason)
                continue
            try:
                read = read_annotation(read_bytes(os.path.join(self._root, xml)), NAMES)
            except ValueError as error:
                problems.report(xml, f"{error} Skipping it leaves its image out.")
                continue
            path = os.path.join(self._root, jpg)
            objects, empty = without_empty(read.things)
            is_there = os.path.isfile(path)
            yield Photo(
                image_id=f"VOC{year}_{image}",
                source=jpg,
                load_image=functools.partial(read_bytes, path),
                size=read.size,
                objects=objects,
                empty=empty,
                missing="" if is_there else f"there is no such file. Unpack VOC{year} again.",
            )

    def _asked_years(self, year):
        asked = YEARS if year == "auto" else tuple(year.split("+"))
        unknown = [name for name in asked if name not in YEARS]
        if unknown or len(set(asked)) < len(asked):
            raise BuildError(
                f"`year` must be auto, 2007, 2012 or 2007+2012. Received: {year!r}."
            )
        there = [name for name in asked if self._folder(name)]
        lacking = [name for name in asked if name not in there]
        if lacking and (year != "auto" or not there):
            folders = " and ".join(f"VOC{name}" for name in lacking)
            raise BuildError(
                f"Data set 'voc' in {self._root} lacks {folders}, with Annotations, "
                "ImageSets/Main and JPEGImages (or VOCdevkit with it). Unpack the .tar files "
                f"of {ORIGIN} there."
            )
        return there

    def _folder(self, year):
        """A year's folder, relative to the root; None where there is none."""
        for folder in (f"VOC{year}", f"VOCdevkit/VOC{year}"):
            if os.path.isdir(os.path.join(self._root, folder)):
                return folder
        return None

    def _read_lists(self, year):
        """Reads whose images are whose."""
        listed = {name: self._read_list(year, name) for name in ("train", "val", "test")}
        if listed["train"] is None:
            raise BuildError(
                f"{self._years[year]}/ImageSets/Main/train.txt is missing. Unpack VOC{year} "
                "again."
            )
        if listed["test"] is None:
            carved = {True: [], False: []}
            for line in listed["train"]:
                carved[in_share(f"voc/{year}/{line[1]}", self._val_share)].append(line)
            listed = {"train": carved[False], "val": carved[True], "test": listed["val"]}
        first = {}
        for split, lines in listed.items():
            for line in lines or ():
                other = first.setdefault(line[1], line)
                if other is not line:
                    reason = f"{line[1]!r} is also in {other[2]}. Remove one of the lines."
                    self._notes.append((split, line[2], reason))
                else:
                    self._lists.setdefault(split, []).append(line)

    def _read_list(self, year, name):
        """[(year, id, where)] of a list of ImageSets; None where there is none."""
        path = f"{self._years[year]}/ImageSets/Main/{name}.txt"
        if not os.path.isfile(os.path.join(self._root, path)):
            return None
        text = decode_text(read_bytes(os.path.join(self._root, path)), path)
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{path}:{number}"
            if not line.strip():
                continue
            if not re.fullmatch(r"\w+", line.strip(), re.ASCII):
                raise BuildError(
                    f"{where}: expected the name of an image, such as 000005. Received: "
                    f"{line[:40]!r}. Unpack VOC{year} again."
                )
            found.append((year, line.strip(), where))
        return found


def _path(folder, kind, image):
    return f"{folder}/{'Annotations' if kind == 'xml' else 'JPEGImages'}/{image}.{kind}"
