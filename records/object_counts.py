"""What a split of images with objects holds: the counts, and the classes of train."""

import collections

from records.boxes import check_features


class ObjectCounts:
    """Counts records of images with named objects in boxes, and no questions.

    Attributes: as of `counts.QuestionCounts`.
    """

    EXAMPLE = "image with an object"
    VOCABULARIES = ("classes",)
    FACTS = {"num_images": int, "num_objects": int, "images_per_class": dict}

    def __init__(self):
        self.num_records = 0
        self._objects, self._images = collections.Counter(), collections.Counter()
        self._ids = set()

    def add(self, features):
        """Checks and counts one record.

        Args:
          features: {name: list of its values}, bytes or numbers.

        Raises:
          ValueError: says what does not fit together.
        """
        names, image_id = features["object/name"], features["image/id"][0]
        boxes = len(features.get("object/box", ()))
        lengths = {len(features["object/x"]), len(features["object/y"]), boxes / 4}
        if lengths != {len(names)}:
            raise ValueError("its objects, their centres and boxes do not match in number")
        if not names:
            raise ValueError("it has no object")
        check_features(features)
        if image_id in self._ids:
            raise ValueError("it has an image id that an earlier record has")
        self._ids.add(image_id)
        self.num_records += 1
        names = [name.decode() for name in names]
        marks = (features.get(f"object/{kind}") for kind in ("crowd", "difficult"))
        marked = {i for of in marks for i, mark in enumerate(of or ()) if mark}
        self._objects.update(names)
        self._images.update({name for i, name in enumerate(names) if i not in marked})

    def vocabularies(self, split_words=None):
        """Returns {"classes": [[class name, objects], ...]}, the most frequent first."""
        del split_words  # of questions
        by_count = sorted(self._objects.items(), key=lambda item: (-item[1], item[0]))
        return {"classes": [[name, n] for name, n in by_count]}

    def describe(self, vocabularies, split_words=None):
        """Returns the split's entry in dataset_info.json, but for its shards and skips."""
        del split_words
        known = {name for name, _ in vocabularies["classes"]}
        return {
            "num_images": self.num_records,
            "num_objects": self._objects.total(),
            # {class: images that show one that counts, of no crowd}: each is a query.
            "images_per_class": dict(sorted(self._images.items())),
            "num_unknown_classes": len(self._objects.keys() - known),
        }

    @staticmethod
    def in_words(facts):
        """What a build says of a split, from its entry in dataset_info.json."""
        classes, unknown = len(facts["images_per_class"]), facts["num_unknown_classes"]
        queries = sum(facts["images_per_class"].values())
        objects = f"{facts['num_objects']:,} objects of {classes} classes"
        return f"{objects}, {queries:,} queries; unknown to train: {unknown} classes"

    @staticmethod
    def size_in_words(sums):
        """What a check says of all splits, from the sums of what FACTS counts."""
        return f"{sums['num_images']:,} images, {sums['num_objects']:,} objects"
