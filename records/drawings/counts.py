"""What a split of drawings holds: the counts, by class."""

import collections

from records.drawings.strokes import unpack


class DrawingCounts:
    """Counts records of drawings, as `QuestionCounts` those of images with questions.

    Attributes:
      EXAMPLE: what a split must have one of, for messages.
      VOCABULARIES: nothing is learned from the train split.
      FACTS: what `describe` gives, by name, with its type.
      HAS_IMAGES: False: its records hold no image that could be broken.
      num_records: int, how many were added.
    """

    EXAMPLE = "drawing"
    VOCABULARIES = ()
    FACTS = {"num_drawings": int, "num_rasters": int, "drawings_per_class": dict}
    HAS_IMAGES = False

    def __init__(self):
        self.num_records, self._num_rasters = 0, 0
        self._per_class = collections.Counter()
        self._ids = set()

    def add(self, features):
        """Checks and counts one record.

        Args:
          features: {name: list of its values}, bytes or numbers.

        Raises:
          ValueError: says what does not fit together.
        """
        names = ("drawing/class", "drawing/key", "drawing/points", "drawing/raster")
        class_name, key, points, raster = (b"".join(features[name]) for name in names)
        if (class_name, key) in self._ids:
            raise ValueError("it has a key that an earlier record of its class has")
        if raster and len(raster) != 64 * 64:
            raise ValueError(f"its raster has {len(raster)} bytes instead of {64 * 64}")
        if not raster:
            unpack(points, features["drawing/lengths"], "its drawing")
        self._ids.add((class_name, key))
        self.num_records += 1
        self._num_rasters += bool(raster)
        self._per_class[class_name.decode()] += 1

    def describe(self, vocabularies=None, split_words=None):
        """Returns the split's entry in dataset_info.json, but for its shards.

        Args:
          vocabularies, split_words: of questions, which drawings have none of.
        """
        return {
            "num_drawings": self.num_records,
            "num_rasters": self._num_rasters,
            "drawings_per_class": dict(sorted(self._per_class.items())),
        }

    def vocabularies(self, split_words=None):
        """Returns {}, see VOCABULARIES."""
        del split_words
        return {}

    @staticmethod
    def in_words(facts):
        """What a build says of a split, from its entry in dataset_info.json."""
        classes = len(facts["drawings_per_class"])
        return f"{facts['num_drawings']:,} drawings of {classes} classes"

    @staticmethod
    def size_in_words(sums):
        """What a check says of all splits, from the sums of what FACTS counts."""
        return f"{sums['num_drawings']:,} drawings, {sums['num_rasters']:,} of them rasters"
