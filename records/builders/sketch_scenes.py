"""Scenes composed of drawings, to find what a person draws: no download is needed.

A record is a scene (`drawings/scenes.py`) with its objects; a query is a class that the scene
shows, asked with other drawings of it. The drawings lie in a store beside the scenes, in
`RECORDS_DIR/drawings`: doodles by programs of our own, or those of a folder. Scenes of a split
are composed of drawings of that split, and `test_unseen` of classes that no other split shows.
A class's drawings of a split that is not trained on are halved: one half is composed, the other
is asked with, so no query shows what it looks for stroke by stroke.
"""

import dataclasses
import functools

from records.drawings import scenes
from records.drawings.beside import DRAWINGS, build_beside
from records.drawings.sources import Doodles, Files, FilesAndDoodles
from records.drawings.strokes import pack
from records.schema import ImageExample, Object
from records.source import BuildError, counted

# Raise it with every change of what is composed, as of Sort-of-CLEVR.
DRAWING_VERSION = 2
# Of a class's drawings. Half of those of a test split are composed, half are asked with.
SHARES = {"val": 0.15, "test": 0.25}
UNSEEN_SHARE = 0.15
_PER_CLASS = 40  # Doodles, by default.


class SketchScenes:
    """Builder of scenes of drawings.

    Args:
      source_dir: must be None: this data set draws its own scenes.
      drawings: a file or folder of drawings by people, see `drawings.readers`; "": doodles.
      num_train_images, num_val_images, num_test_images: sizes of the splits; `test` and
        `test_unseen` are of one size.
      drawings_per_class: of doodles; not together with `drawings`, which are all used.
      num_random_classes: of doodles.
      doodle_classes: random classes of doodles that train scenes show beside `drawings`, so
        that a model learns to compare, not these drawings; together with `drawings` only.
      bend: how far the drawings of train scenes are bent, in per cent of their longer side, so
        that few drawings become many.
      seed: another seed composes other scenes; from 0.

    Raises:
      BuildError: if a `source_dir` is given, or a size is not positive.
    """

    name = "sketch_scenes"
    kind = "image with objects"
    needs_source = False  # It is drawn here.
    has_objects = True
    test_splits = ("test", "test_unseen")
    parts = (DRAWINGS,)

    def __init__(
        self,
        source_dir=None,
        *,
        drawings: str = "",
        num_train_images: int = 6000,
        num_val_images: int = 300,
        num_test_images: int = 750,
        drawings_per_class: int = _PER_CLASS,
        num_random_classes: int = 234,
        doodle_classes: int = 0,
        bend: int = 0,
        seed: int = 0,
    ):
        if source_dir is not None:
            raise BuildError(
                f"sketch_scenes draws its own scenes. Received: source_dir={source_dir!r}. "
                "Leave --source_dir out; drawings by people are given with "
                "--builder_args=drawings=FOLDER."
            )
        if drawings and drawings_per_class != _PER_CLASS:
            raise BuildError(
                "drawings_per_class is how many doodles are drawn of each class; of "
                f"drawings={drawings} all are used. Received: drawings_per_class="
                f"{drawings_per_class}. Leave one of the two out."
            )
        self._sizes = {
            "train": num_train_images,
            "val": num_val_images,
            "test": num_test_images,
            "test_unseen": num_test_images,
        }
        at_least = {
            "drawings_per_class": (drawings_per_class, 10),  # two in val
            "num_random_classes": (num_random_classes, 0),
            "doodle_classes": (doodle_classes, 0),
            "bend": (bend, 0),
        } | {f"num_{k}_images": (v, 1) for k, v in self._sizes.items()}
        for argument, (value, least) in at_least.items():
            if value < least:
                raise BuildError(
                    f"sketch_scenes needs at least {least} of {argument}. Received: {value}."
                )
        if doodle_classes and not drawings:
            raise BuildError(
                "doodle_classes are shown beside drawings by people, and no `drawings` are "
                f"given. Received: doodle_classes={doodle_classes}. Give drawings=FOLDER; of "
                "doodles alone, num_random_classes is their number."
            )
        self._seed, self._bend = seed, bend
        if doodle_classes:
            self._source = FilesAndDoodles(drawings, _PER_CLASS, doodle_classes)
        elif drawings:
            self._source = Files(drawings)
        else:
            self._source = Doodles(drawings_per_class, num_random_classes)
        self._stored = None

    def splits(self):
        return tuple(self._sizes)

    def fingerprint(self):
        """Of the drawings that scenes are composed of, and of how."""
        return f"scenes {DRAWING_VERSION} of {self._source.name} {self._source.fingerprint()}"

    def prepare(self, records_dir, on_error, report):
        """Builds the store of the drawings, before the first example is asked for."""
        self._stored = build_beside(
            records_dir,
            self._source,
            shares=SHARES,
            unseen=UNSEEN_SHARE,
            on_error=on_error,
            report=report,
        )

    def examples(self, split, problems):
        """Yields `(key, SceneExample)`; nothing can be wrong with scenes drawn here."""
        del problems
        drawings_of = {
            name: numbers
            for name in self._stored.classes(split)
            if (numbers := composed(self._stored, name, split))
        }
        if len(drawings_of) < len(scenes.MAX_INSTANCES):
            raise BuildError(
                f"A scene shows {len(scenes.MAX_INSTANCES)} classes, but there are strokes of "
                f"{len(drawings_of)} in the split {split!r}, and one more of each to ask with: "
                f"{', '.join(drawings_of)}. Give drawings of more classes, and 10 of each; "
                "pictures of drawings have no strokes."
            )
        for index in range(self._sizes[split]):
            image_id = f"{split}-{index:06d}"
            recipe = scenes.choose(
                f"{self._seed}/{image_id}",
                list(drawings_of),
                drawings_of.get,
                self._packed,
                bend=self._bend if split == "train" else 0,
            )
            yield (
                image_id,
                SceneExample(
                    image_id=image_id,
                    source=f"sketch_scenes scene {image_id}",
                    load_image=functools.partial(scenes.png_of, recipe),
                    questions=(),
                    recipe=recipe,
                ),
            )

    @functools.cache  # noqa: B019  A builder lives as long as its build.
    def _packed(self, number):
        points, lengths = pack(self._stored.strokes[number])
        return points, tuple(lengths)


def composed(stored, class_name, split):
    """Numbers of the drawings of a class that scenes of a split are composed of.

    Args:
      stored: `StoredDrawings`.

    Returns:
      All of the train split, else every second one; without those that have no strokes. None
      of a class with a single drawing, which leaves no other to ask with.
    """
    numbers = stored.of(class_name, split)
    if split != "train":
        numbers = numbers[::2] if len(numbers) > 1 else []
    return [number for number in numbers if number not in stored.pixels]


@dataclasses.dataclass(frozen=True)
class SceneExample(ImageExample):
    """A scene, which the process that writes it composes."""

    recipe: scenes.Recipe | None = None

    def ids(self):
        return {"image id": (self.image_id,)}

    def holds(self):
        return counted(len(self.recipe.objects), "object")

    def describe(self):
        return f"{self.source} (image {self.image_id!r})"

    def serialize(self, encoded, height, width):
        """Returns the record, with the objects that found room."""
        _, placed = scenes.compose(self.recipe)
        objects = tuple(_object(thing) for thing in placed)
        example = ImageExample(
            image_id=self.image_id,
            source=self.source,
            load_image=self.load_image,
            questions=(),
            objects=objects,
            objects_in_pixels=True,
        )
        return example.serialize(encoded, height, width)


def _object(placed):
    left, top, right, bottom = placed.box
    return Object(
        placed.name, (left + right) / 2, (top + bottom) / 2, box=placed.box, area=placed.area
    )
