"""The drawings that queries of a split are asked with, from the store beside the records.

A scene of a split other than train is composed of some of the split's drawings, and asked with
the others; a photograph shows none, and is asked with all of them. In training every epoch asks
with drawings of its own; evaluation always with the same ones.
"""

import functools
import os

import numpy as np

from records.builders.sketch_scenes import composed
from records.drawings.beside import DRAWINGS
from records.drawings.stored_drawings import StoredDrawings
from records.folder import INFO_NAME, check_described, has_records, read_info

LEVELS = 16  # of a raster's ink, which is a number of 16ths
_UNSEEN = "test_unseen"  # the store's split of the classes that training never shows


class Drawings:
    """The drawings of a split.

    Args:
      records_dir: of the scenes, with the store in its folder `drawings`.
      split: "train", ...
      stored: `StoredDrawings` of that store; None: they are read.

    Raises:
      ValueError: if there is no store.
    """

    def __init__(self, records_dir, split, stored=None):
        self._stored = read_store(records_dir) if stored is None else stored
        self.split = split
        info = read_info(records_dir)
        self._composes = "class_set" not in info
        # A test of photographs asks for seen and unseen classes.
        asks_unseen = not self._composes and split in info["test_splits"]
        self._split_of = {
            name: of_split
            for of_split in (split, *((_UNSEEN,) if asks_unseen else ()))
            for name in self._stored.classes(of_split)
        }

    def classes(self):
        """Names of the classes that can be asked for, sorted."""
        return [name for name in sorted(self._split_of) if self._can_ask(name)]

    def pick(self, seed, query_id, class_name, how_many):
        """Numbers of the drawings that training asks with, by a seed of run and epoch.

        Returns:
          list of int, at most `how_many`.
        """
        # The seed of an epoch tells it from all others, so that there is no other epoch.
        of_split, excluded = self._split_of[class_name], self._excluded(class_name)
        return self._stored.pick(seed, 0, query_id, class_name, of_split, how_many, excluded)

    def fixed(self, query_id, class_name, how_many):
        """Numbers of the drawings that evaluation asks with."""
        of_split, excluded = self._split_of[class_name], self._excluded(class_name)
        return self._stored.fixed(query_id, class_name, of_split, how_many, excluded)

    def rasters(self, class_name, numbers):
        """uint8[D, 64, 64], ink in 16ths, of drawings of one class."""
        of_class, rasters = self._rasters(class_name)
        return rasters[[of_class[number] for number in numbers]]

    def strokes(self, number):
        """The strokes of a drawing, a list of int32[n, 2]; empty for one of pixels."""
        return self._stored.strokes[number]

    def check(self, class_names):
        """Raises ValueError for a class that no drawing is left to ask for."""
        lacking = sorted({name for name in class_names if not self._can_ask(name)})
        if lacking:
            shown = ", ".join(map(repr, lacking[:5]))
            raise ValueError(
                f"There is no drawing to ask with of {len(lacking):,} of the classes that the "
                f"scenes of {self.split!r} show, such as {shown}: every one is part of a "
                "scene, or there is none. Build the records of more drawings."
            )

    def _can_ask(self, name):
        known = name in self._split_of
        return known and len(self._excluded(name)) < len(self._of(name))

    def _of(self, name):
        return self._stored.of(name, self._split_of[name])

    @functools.cache  # noqa: B019  It lives as long as the batches of its split.
    def _excluded(self, name):
        """Keys of the drawings that scenes show; of train they are known to nobody."""
        if self.split == "train" or not self._composes:
            return frozenset()
        numbers = composed(self._stored, name, self.split)
        return frozenset(self._stored.keys[number] for number in numbers)

    @functools.cache  # noqa: B019
    def _rasters(self, name):
        """{number: row}, and uint8[D, 64, 64], of a whole class, drawn when first asked for."""
        numbers = self._of(name)
        rasters = np.round(self._stored.rasters(numbers) * LEVELS).astype(np.uint8)
        return {number: row for row, number in enumerate(numbers)}, rasters


def read_store(records_dir):
    """The `StoredDrawings` of some records.

    Raises:
      ValueError: if there are none, or if they are those of other scenes.
    """
    folder, scenes = os.path.join(records_dir, DRAWINGS), read_info(records_dir)
    if not has_records(folder):
        check_described(folder)
        dataset = scenes["dataset"] if "parts" in scenes else "sketch_scenes"
        raise ValueError(
            f"There are no drawings to ask with: {folder} is missing, or not finished. The "
            "task localize needs records with a store of drawings. Run the command again that "
            "built them, with its --builder_args: python main.py --mode=build "
            f"--dataset={dataset} --records_dir={records_dir}"
        )
    store = read_info(folder)
    source = f" of {store['arguments']['source']} {store['source_fingerprint']}"
    if not scenes["source_fingerprint"].endswith(source):
        raise ValueError(
            f"The drawings in {folder} are not those that the scenes of {records_dir} are "
            f"composed of. Received: drawings{source}, for {scenes['source_fingerprint']}. "
            "Delete the folder of the drawings, and run the command again that built both."
        )
    return _read(folder, os.path.getmtime(os.path.join(folder, INFO_NAME)))


@functools.lru_cache(maxsize=2)
def _read(folder, finished):
    """Read once for all splits; `finished`: when, so that other records are read again."""
    del finished
    return StoredDrawings(folder)
