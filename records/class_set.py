"""Which classes records are asked for, which of them training never shows, and what that costs.

One protocol for all data sets of photographs. An image is asked for each class that it shows.
Training is asked for seen classes alone; a test for seen and unseen ones, told apart. Leak-free
means that no training image shows an unseen class: such images are left out. Otherwise they
stay, without the boxes of these objects, which are ground then.
"""

import collections
import dataclasses

LEARNS = ("train", "val")  # splits that show seen classes alone
COUNTED = (
    "num_images_that_show_unseen",
    "num_images_without_a_class",
    "num_boxes_without_area",
)
NONE = "none"
GIVEN = "listed"  # what a set is called that has no name


@dataclasses.dataclass(frozen=True)
class ClassSet:
    """A set of classes, by name, and those of it that are unseen.

    `name`: of the set; `classes`: its names, in order; `unseen_name`: of the unseen set;
    `unseen`: those of `classes` that are unseen; `leak_free`: as above.
    """

    name: str
    classes: tuple
    unseen_name: str = NONE
    unseen: tuple = ()
    leak_free: bool = True

    def __post_init__(self):
        if len(self.unseen) == len(self.classes):
            raise ValueError(
                f"all {len(self.classes)} classes are unseen ({self.unseen_name}): nothing is "
                "left to train on. Give more classes, or fewer unseen ones."
            )

    @property
    def seen(self):
        return tuple(name for name in self.classes if name not in self.unseen)


class Choice:
    """Chooses what of each image enters a split, and counts what does not.

    Args:
      class_set: `ClassSet`.
      there: names of the classes of which there are drawings.
    """

    def __init__(self, class_set, there):
        self._set = class_set
        self.left_out = tuple(name for name in class_set.classes if name not in there)
        self._seen = frozenset(class_set.seen).intersection(there)
        self._all = frozenset(class_set.classes).intersection(there)
        self._counts = collections.defaultdict(collections.Counter)

    def of(self, split, photo):
        """The `BoxedImage` of a `Photo`, with the objects of its split; None: it stays out.

        Without an object that counts there is nothing to ask for.
        """
        counts, learns = self._counts[split], split in LEARNS
        if learns and self._set.leak_free and photo.shows & set(self._set.unseen):
            counts["num_images_that_show_unseen"] += 1
            return None
        example = photo.with_classes(self._seen if learns else self._all)
        if not any(not (thing.crowd or thing.difficult) for thing in example.objects):
            counts["num_images_without_a_class"] += 1
            return None
        counts["num_boxes_without_area"] += len(photo.empty)
        return example

    def counts(self, split):
        """What was left out of a split so far, {name: number} of COUNTED."""
        return {name: self._counts[split][name] for name in COUNTED}

    def describe(self):
        """What dataset_info.json says of it, `class_set`."""
        return {
            "name": self._set.name,
            "unseen_name": self._set.unseen_name,
            "leak_free": self._set.leak_free,
            "seen": sorted(self._seen),
            "unseen": sorted(self._all - self._seen),
            "left_out": sorted(self.left_out),
            "left_out_of": {split: self.counts(split) for split in self._counts},
        }


def in_words(described):
    """The sentence that stands beside every number.

    Args:
      described: `class_set` of a dataset_info.json; None: "" (scenes that are composed).
    """
    if described is None:
        return ""
    seen, unseen = len(described["seen"]), len(described["unseen"])
    left_out = len(described["left_out"])
    lacking = f"; {left_out} without drawings left out" if left_out else ""
    text = f"Classes: {seen + unseen} ({_set(described['name'])}{lacking})"
    if described["unseen_name"] == NONE:
        return f"{text}, all of them seen in training."
    how = (
        "leak-free: no training image shows an unseen one"
        if described["leak_free"]
        else "not leak-free: training images may show unseen ones, without their boxes"
    )
    hidden = f"{unseen} of them unseen in training ({_set(described['unseen_name'])})"
    return f"{text}, {hidden}; {how}."


def _set(name):
    return name if name == GIVEN else f"set {name}"


def names_in(text):
    """The names that an argument lists, separated by +."""
    return tuple(name.strip() for name in text.split("+") if name.strip())


def pairs_in(text, argument):
    """{class: name of drawings} of CLASS=DRAWING+...

    Raises:
      ValueError: for a part without a name on either side.
    """
    pairs = {}
    for part in names_in(text):
        left, sign, right = (piece.strip() for piece in part.partition("="))
        if not (left and sign and right):
            raise ValueError(
                f"`{argument}` must be CLASS=DRAWING, several separated by +. Received: "
                f"{part!r}."
            )
        pairs[left] = right
    return pairs
