"""A finished store, in memory: its drawings by class, and which of them a query is given.

A pick depends on nothing but what is asked: seed, epoch, query, class and split, and the keys
that the class has. So a resumed run, another machine and another number of readers pick alike.
"""

import hashlib

import numpy as np
import tensorflow as tf

from records import folder
from records.damage import damage
from records.drawings import record
from records.drawings.rasterize import SIZE, rasterize_points
from records.drawings.strokes import pad, unpack
from records.source import BuildError, sha256_of_file

_AT_ONCE = 512  # Records that are parsed together.


class StoredDrawings:
    """All drawings of a store. A drawing's number is its place by class, split and key.

    Args:
      store_dir: a folder that `store.build_store` has finished.

    Attributes:
      info: what its dataset_info.json holds.
      class_names, keys, splits: lists of str, one a drawing.
      strokes: list of drawings, each a list of int32[n, 2]; none for one of pixels.
      pixels: {number: uint8[64, 64]} of those, ink in 16ths.
    """

    def __init__(self, store_dir):
        self.info = _read_info(store_dir)
        rows = sorted(_read(store_dir, self.info), key=lambda row: row[:3])
        self.class_names = [row[0] for row in rows]
        self.splits, self.keys = [row[1] for row in rows], [row[2] for row in rows]
        self.strokes = [row[3] for row in rows]
        self.pixels = {i: row[4] for i, row in enumerate(rows) if row[4] is not None}
        self._numbers = {}
        for i, row in enumerate(rows):
            self._numbers.setdefault(row[:2], []).append(i)

    def classes(self, split):
        """Returns the names of the classes of a split, sorted."""
        return sorted(name for name, of_split in self._numbers if of_split == split)

    def of(self, class_name, split):
        """Returns the numbers of a class's drawings, in the order of their keys.

        Raises:
          ValueError: lists the classes of the split, or the splits.
        """
        if (class_name, split) not in self._numbers:
            known = self.classes(split) or sorted(set(self.splits))
            shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            raise ValueError(
                f"The store has no drawings of {class_name!r} in {split!r}. There are: {shown}."
            )
        return self._numbers[class_name, split]

    def pick(self, seed, epoch, query_id, class_name, split, how_many, exclude=()):
        """Returns the numbers of the drawings that a query is given in an epoch.

        Args:
          seed: int, of the run.
          epoch: int.
          query_id: str.
          class_name, split: whose drawings.
          how_many: at most so many, all different; fewer where there are fewer.
          exclude: keys that are not to be picked: those of the scene.

        Returns:
          List of int, in the order in which they were picked. The first ones do not depend on
          `how_many`.

        Raises:
          ValueError: if there is none.
        """
        text = f"{int(seed)}\n{int(epoch)}\n{query_id}\n{class_name}\n{split}"
        return self._pick(text, class_name, split, how_many, exclude)

    def fixed(self, query_id, class_name, split, how_many, exclude=()):
        """Returns what `pick` does, the same ones always: for evaluation."""
        text = f"fixed\n{query_id}\n{class_name}\n{split}"
        return self._pick(text, class_name, split, how_many, exclude)

    def _pick(self, text, class_name, split, how_many, exclude):
        exclude = set(exclude)
        left = [i for i in self.of(class_name, split) if self.keys[i] not in exclude]
        if not left:
            raise ValueError(
                f"No drawing of {class_name!r} in {split!r} is left to ask with: all are "
                "excluded. Build the store of more drawings, or the scenes of fewer."
            )
        picked = []
        for count in range(min(how_many, len(left))):
            digest = hashlib.sha256(f"{text}\n{count}".encode()).digest()
            place = int.from_bytes(digest[:8], "big") % len(left)
            left[place], left[-1] = left[-1], left[place]
            picked.append(left.pop())
        return picked

    def padded(self, numbers, num_points=None):
        """Returns drawings as graphs take them; those of pixels have no points.

        Args:
          numbers: sequence of D int.
          num_points: as in `strokes.pad`.

        Returns:
          points int32[D, N, 2], stroke int32[D, N].
        """
        return pad([self.strokes[i] for i in numbers], num_points)

    def by_class(self, split):
        """Returns {class name: (points, stroke)} of all drawings of a split, padded."""
        return {name: self.padded(self.of(name, split)) for name in self.classes(split)}

    def rasters(self, numbers, size=SIZE):
        """Returns float32[D, size, size] of drawings of strokes and of pixels.

        Raises:
          ValueError: if one is of pixels, and another size is asked for.
        """
        numbers = list(numbers)
        rasters = rasterize_points(*self.padded(numbers), size)
        for row, number in enumerate(numbers):
            if number in self.pixels:
                if size != SIZE:
                    raise ValueError(
                        f"Drawing {self.keys[number]!r} of {self.class_names[number]!r} is one "
                        f"of pixels, {SIZE}x{SIZE}. Received: size={size}. Use drawings of "
                        "strokes for other sizes."
                    )
                rasters[row] = self.pixels[number] / np.float32(16)
        return rasters


def _read_info(store_dir):
    info = folder.read_info(store_dir)
    if info.get("schema", {}).get("kind") != "drawing":
        raise BuildError(f"{store_dir} holds records of {info['dataset']!r}, and no drawings.")
    return info


def _read(store_dir, info):
    """Yields (class, split, key, strokes, raster) of all drawings."""
    for split, of_split in info["splits"].items():
        paths = folder.shard_paths(store_dir, split)
        for path, shard in zip(paths, of_split["shards"], strict=True):
            # They are small; so nothing that is read below can be damaged.
            if sha256_of_file(path) != shard["sha256"]:
                what = f"does not have the checksum that {folder.INFO_NAME} gives"
                raise BuildError(damage(path, what))
        for batch in tf.data.TFRecordDataset(paths).batch(_AT_ONCE):
            yield from _rows(record.parse(batch))


def _rows(parsed):
    names = ("class", "split", "key", "points", "lengths", "raster")
    for row in zip(*(parsed[name] for name in names), strict=True):
        class_name, split, key, points, lengths, raster = row
        strokes = [] if raster is not None else unpack(points, lengths, f"drawing {key!r}")
        yield class_name, split, key, strokes, raster
