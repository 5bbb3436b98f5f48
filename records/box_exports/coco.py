"""Your own boxes in COCO's form, as most tools export them.

    instances_train.json, train.json       a file a split, and the images in images/, or beside
    train/_annotations.coco.json           a folder a split, with its images
    instances.json                         one file; who is in which split is not said

`builders/coco_files.py` says what is read of a file.
"""

import os

from records.box_exports.labelled import (
    SPLITS,
    Found,
    Labelled,
    files_below,
    first_there,
    split_in_path,
)
from records.boxed_image import without_empty
from records.builders.coco_files import read_instances
from records.builders.vqa_files import OfficialFiles
from records.source import BuildError

_FOLDERS_OF_IMAGES = ("images", "train", "valid", "val", "test")


def read(root):
    names = [name for name in files_below(root, (".json",)) if _may_be(name)]
    if not names:
        raise BuildError(
            f"{root} has no .json file of annotations. Put instances.json there, or a file a "
            "split: instances_train.json, instances_val.json, instances_test.json."
        )
    found, files = Found(files=names), OfficialFiles(root)
    for name in names:
        split = _split_of(name)
        entries, notes = read_instances(files, name, None)
        found.notes += [(split, note.where, note.reason) for note in notes]
        for entry in entries:
            where = f"{name}: image {entry.file_name}"
            if entry.is_broken:
                continue
            objects, empty = without_empty(entry.things)
            try:
                image = first_there(root, _places(name, split, entry.file_name))
            except ValueError as error:
                found.notes.append((split, where, str(error)))
                continue
            found.images.append(
                Labelled(
                    image,
                    where,
                    split,
                    entry.size,
                    objects,
                    empty=empty,
                )
            )
    return found


def _may_be(name):
    return name.count("/") == 0 or name.split("/")[0] in (*_FOLDERS_OF_IMAGES, "annotations")


def _split_of(name):
    """As the file's name ends, or its folder is called; "" where neither says it."""
    stem = os.path.splitext(os.path.basename(name))[0]
    last = stem.lower().replace("-", "_").rpartition("_")[2]
    return SPLITS.get(last) or split_in_path(name)


def _places(name, split, file_name):
    """Where an image may lie: beside its file, in images/, or in the folder of its split."""
    folder = os.path.dirname(name)
    beside = f"{folder}/" if folder else ""
    folders = (beside, "images/", f"images/{split}/", f"{split}/", "")
    return [place + file_name for place in dict.fromkeys(folders)]
