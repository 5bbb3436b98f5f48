"""Your own photographs with labelled boxes, asked for what people draw.

`format` says what the folder holds: "jsonl" (`box_exports/lines.py`), or an export "yolo",
"cvat", "label_studio" or "coco" (the modules of these names there). Splits are train, val and
test. Where nothing says them, images are dealt out by the hashes of their names.
"""

import dataclasses
import functools
import os

from records.box_exports import coco, cvat, label_studio, lines, yolo
from records.box_exports.labelled import missing
from records.boxed_image import Photo
from records.builders.photographs import Photographs, choose_classes
from records.near_names import NearNames
from records.source import BuildError, fingerprint, in_share, read_bytes, require_folder

FORMATS = {
    "jsonl": lines.read,
    "yolo": yolo.read,
    "cvat": cvat.read,
    "label_studio": label_studio.read,
    "coco": coco.read,
}
_ALL = "all"


class Boxes(Photographs):
    """Builder of your own images with boxes.

    Args:
      source_dir: the folder with the images and what says where their objects are.
      drawings: a file or folder of drawings to ask with; "doodles": those of this program.
      format: a name in FORMATS.
      classes: "all" labels that there are, or names separated by +.
      unseen: "none", or names separated by +.
      leak_free: leaves out training images that show an unseen class; else their boxes alone.
      val_share, test_share: of the images, where nothing says their splits.
      drawn_as, without_drawings, drawings_per_class: as of `Photographs`.

    An image's id is its path relative to `source_dir`.
    """

    name = "boxes"
    turns_by_exif = True

    def __init__(
        self,
        source_dir=None,
        *,
        drawings: str = "",
        format: str = "jsonl",
        classes: str = _ALL,
        unseen: str = "none",
        leak_free: bool = True,
        val_share: float = 0.1,
        test_share: float = 0.2,
        drawn_as: str = "",
        without_drawings: str = "stop",
        drawings_per_class: int = 1000,
    ):
        if format not in FORMATS:
            raise BuildError(
                f"`format` must be one of {', '.join(FORMATS)}. Received: {format!r}."
            )
        if min(val_share, test_share) < 0 or val_share + test_share >= 1:
            raise BuildError(
                "`val_share` and `test_share` must be at least 0, and below 1 together. "
                f"Received: {val_share} and {test_share}."
            )
        require_folder(source_dir, self.name, "the images and what says where objects are")
        self._root, self._shares = source_dir, (val_share, test_share)
        self._found = FORMATS[format](source_dir)
        self._images = self._dealt()
        super().__init__(
            choose_classes(
                classes, unseen, leak_free, sets={_ALL: self._labels()}, unseen_sets={}
            ),
            drawings=drawings,
            synonyms={},
            drawn_as=drawn_as,
            without_drawings=without_drawings,
            drawings_per_class=drawings_per_class,
        )
        self._check_classes()
        there = {labelled.split for labelled in self._images}
        self._splits = tuple(split for split in ("train", "val", "test") if split in there)
        self.test_splits = ("test",) if "test" in there else ()

    def splits(self):
        return self._splits

    def fingerprint(self):
        images = sorted({labelled.image for labelled in self._images})
        paths = [(image, os.path.join(self._root, image)) for image in images]
        sizes = [(image, os.path.getsize(p)) for image, p in paths if os.path.isfile(p)]
        return self._fingerprint(fingerprint(self._root, sorted(set(self._found.files)), sizes))

    def _photos(self, split, problems):
        near = NearNames(self._root)
        for of_split, where, reason in self._found.notes:
            known = of_split if of_split in self._splits else self._splits[0]
            if known == split:
                problems.report(where, reason, of_split)
        for labelled in self._images:
            if labelled.split == split:
                yield self._photo(labelled, near)

    def _photo(self, labelled, near):
        is_missing = missing(self._root, labelled.image, near)
        path = os.path.join(self._root, labelled.image)
        return Photo(
            image_id=labelled.image,
            source=labelled.where if is_missing else labelled.image,
            load_image=functools.partial(read_bytes, path),
            size=labelled.size,
            objects=labelled.objects,
            in_pixels=labelled.in_pixels,
            empty=labelled.empty,
            missing=is_missing,
            turns_by_exif=True,
        )

    def _dealt(self):
        """The images with their splits; what contradicts itself is noted."""
        first, kept = {}, []
        says = any(labelled.split for labelled in self._found.images)
        for labelled in self._found.images:
            other = first.setdefault(labelled.image, labelled)
            split = labelled.split
            if other is not labelled:
                reason = f"image {labelled.image!r} is also in {other.where}. Keep one of them."
            elif says and not split:
                reason = (
                    "nothing says its split (train, val or test), but others have one. Say it "
                    "of all, or of none."
                )
            else:
                split = split or self._share_of(labelled.image)
                kept.append(dataclasses.replace(labelled, split=split))
                continue
            self._found.notes.append((split, labelled.where, reason))
        if not kept:
            first = self._found.notes[:1]
            why = (
                f" First of {len(self._found.notes)}: {first[0][1]}: {first[0][2]}"
                if first
                else ""
            )
            raise BuildError(f"{self._root} has no image with boxes that can be used.{why}")
        return kept

    def _share_of(self, image):
        val, test = self._shares
        if in_share(f"boxes/{image}", test):
            return "test"
        return "val" if in_share(f"boxes/{image}", test + val) else "train"

    def _labels(self):
        names = {thing.name for of in self._images for thing in of.objects}
        if len(names) < 2:
            what = f"one class alone, {names.pop()!r}" if names else "no class"
            raise BuildError(
                f"{self._root} has boxes of {what}. Nothing can be told apart by a drawing "
                "then: label two classes at least."
            )
        return tuple(sorted(names))

    def _check_classes(self):
        unknown = [name for name in self._class_set.classes if name not in self._labels()]
        if unknown:
            raise BuildError(
                f"`classes` names {', '.join(map(repr, unknown))}, of which there is no box. "
                f"There are: {', '.join(self._labels())}."
            )
