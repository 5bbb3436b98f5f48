"""VQA-CP v1 and v2 (Agrawal et al. 2018, arXiv 1712.00377) over COCO's images.

    vqacp_v2_train_questions.json    vqacp_v2_train_annotations.json
    vqacp_v2_test_questions.json     vqacp_v2_test_annotations.json     (or vqacp_v1_...)

The files are bare lists, each question with its `coco_split`; `vqa_files.py` says how they,
and the images, may be packed. They have no validation split, so `val` is carved from train by
image: a model must not be chosen on `test`. Train and test share images (both together count
more images than COCO's two splits have): it is questions that are dealt.
"""

from records.builders.vqa_files import OfficialFiles, missing_images, missing_json, require
from records.builders.vqa_questions import (
    carve,
    check_val_share,
    make_examples,
    read_questions,
    tell_notes,
)
from records.source import BuildError, require_folder

ORIGIN = "https://computing.ece.vt.edu/~aish/vqacp/"
_COCO_SPLITS = ("train2014", "val2014")


class VqaCp:
    """Builder of VQA-CP.

    Args:
      source_dir: the folder with the official files and COCO's train2014 and val2014.
      version: 2 or 1.
      val_share: share of train's images that make up `val`; 0 for none.

    Ids are those of the files: image "COCO_val2014_000000000042", question "42000".
    """

    name = "vqa_cp"
    test_splits = ("test",)
    ids_in_several_splits = ("image id",)  # Questions are dealt, not images.

    def __init__(self, source_dir=None, *, version: int = 2, val_share: float = 0.05):
        if version not in (1, 2):
            raise BuildError(f"`version` of VQA-CP must be 1 or 2. Received: {version}.")
        check_val_share(val_share)
        require_folder(source_dir, self.name, "the files of VQA-CP and the images of COCO")
        self._root = source_dir
        self._version, self._val_share = version, val_share
        self._files = OfficialFiles(source_dir)
        self._images = {coco: self._files.images(coco) for coco in _COCO_SPLITS}
        self._require_files()
        self._last_read = None

    def splits(self):
        return ("train", "val", "test") if self._val_share else ("train", "test")

    def fingerprint(self):
        names = self._names("train") + self._names("test")
        return self._files.fingerprint(names, self._images)

    def examples(self, split, problems):
        by_image, notes = self._read("test" if split == "test" else "train")
        tell_notes(notes, split, self._val_share, problems)
        if split != "test":
            by_image = carve(by_image, split, self._val_share)
        return make_examples(by_image, self._images, problems)

    def _names(self, part):
        kinds = ("questions", "annotations")
        return [f"vqacp_v{self._version}_{part}_{kind}.json" for kind in kinds]

    def _require_files(self):
        names = self._names("train") + self._names("test")
        missing = [missing_json(name, ORIGIN) for name in names if not self._files.find(name)]
        hint = ""
        if missing:
            hint = (
                " The hosts of VQA-CP have gone away: if this one does not answer, ask "
                "somebody who has the files, or make such a split out of VQA v2 "
                "(https://visualqa.org/download.html): --dataset=vqa_v2 "
                "--resplit=changing_priors."
            )
        missing += [missing_images(coco) for coco, found in self._images.items() if not found]
        require(self._root, self.name, missing, hint)

    def _read(self, part):
        if self._last_read is None or self._last_read[0] != part:
            self._last_read = None  # Let go of the one before the next is read.
            self._last_read = part, read_questions(self._files, *self._names(part))
        return self._last_read[1]
