"""What the builders of photographs with boxes share: classes, drawings, the images that count.

A builder says which photos a split has (`_photos`); here it is chosen what is asked of them
(`class_set.py`), and the store of drawings is built beside the records.
"""

from records.class_set import GIVEN, NONE, Choice, ClassSet, names_in, pairs_in
from records.drawings.beside import DRAWINGS, build_beside
from records.drawings.of_classes import OfClasses
from records.drawings.sources import Doodles, Files
from records.source import BuildError

DOODLES = "doodles"  # in the place of a folder of drawings: our own
_DOODLES_PER_CLASS = 40
_WITHOUT_DRAWINGS = ("stop", "leave_out")


class Photographs:
    """A builder of photographs with objects in boxes, and of drawings to ask for these.

    Args:
      class_set: `ClassSet`.
      drawings: a file or folder of drawings by people, see `drawings.readers`; DOODLES: ours.
      synonyms: {class: name that its drawings have, beside its own}.
      drawn_as: "CLASS=DRAWING+...", which is added to the synonyms.
      without_drawings: "stop" at classes of which there is no drawing, or "leave_out".
      drawings_per_class: at most so many, 0 for all.
    """

    kind = "image with objects"
    has_objects = True
    parts = (DRAWINGS,)

    def __init__(
        self, class_set, *, drawings, synonyms, drawn_as, without_drawings, drawings_per_class
    ):
        if not drawings:
            raise BuildError(
                f"Data set {self.name!r} needs drawings to ask with: "
                "--builder_args=drawings=FOLDER, of QuickDraw, Sketchy, TU-Berlin or others "
                "(docs/data.md); drawings=doodles for those of this program."
            )
        if without_drawings not in _WITHOUT_DRAWINGS:
            raise BuildError(
                f"`without_drawings` must be one of {', '.join(_WITHOUT_DRAWINGS)}. Received: "
                f"{without_drawings!r}."
            )
        if drawings_per_class < 0 or 0 < drawings_per_class < 3:
            raise BuildError(
                "`drawings_per_class` must be 0, for all, or at least 3: to train, to validate "
                f"and to test. Received: {drawings_per_class}."
            )
        self._class_set, self._choice = class_set, None
        self._source = OfClasses(
            Doodles(_DOODLES_PER_CLASS) if drawings == DOODLES else Files(drawings),
            _drawn_as(class_set, synonyms, drawn_as),
            limit=drawings_per_class,
            leaves_out=without_drawings == "leave_out",
        )

    def prepare(self, records_dir, on_error, report):
        """Builds the store of the drawings, before the first example is asked for."""
        stored = build_beside(
            records_dir,
            self._source,
            unseen=self._class_set.unseen,
            unseen_may_lack=True,  # Which classes lack drawings, the source decides.
            on_error=on_error,
            report=report,
        )
        self._choice = Choice(self._class_set, set(stored.class_names))

    def examples(self, split, problems):
        """Yields `(key, BoxedImage)`, of the photos that are asked for something."""
        num_photos = num_chosen = 0
        for photo in self._photos(split, problems):
            num_photos += 1
            example = self._choice.of(split, photo)
            if example is None:
                continue
            num_chosen += 1
            if photo.missing:
                problems.report(photo.source, f"{photo.missing} It has {example.holds()}.")
                continue
            yield photo.image_id, example
        if num_photos and not num_chosen:
            raise BuildError(self._nothing_chosen(split, num_photos))

    def class_set(self):
        """What dataset_info.json says of the classes, once all examples were asked for."""
        return self._choice.describe()

    def _fingerprint(self, of_files):
        """Of the source and the drawings; ends as `localize.drawings` expects it."""
        source = f"{self._source.name} {self._source.fingerprint()}"
        return f"{self.name} {of_files} of {source}"

    def _nothing_chosen(self, split, num_photos):
        counts = self._choice.counts(split)
        unseen = counts["num_images_that_show_unseen"]
        return (
            f"None of the {num_photos:,} images of the split {split!r} can be asked for a "
            f"class: {unseen:,} show an unseen class and are left out, the others show none of "
            f"the {len(self._class_set.classes)} classes. Give other `classes` or `unseen`, "
            "another share of the images, or leak_free=false."
        )


def choose_classes(classes, unseen, leak_free, *, sets, unseen_sets):
    """The `ClassSet` that two arguments name or list.

    Args:
      classes: a name in `sets`, or names of classes separated by +.
      unseen: a name in `unseen_sets`, NONE, or names of classes separated by +.
      leak_free: as of `ClassSet`.
      sets, unseen_sets: {name: classes}.

    Raises:
      BuildError: says which is unknown, and lists those that are known.
    """
    chosen = sets.get(classes) or names_in(classes)
    if not chosen or (classes not in sets and "+" not in classes and len(chosen) < 2):
        raise BuildError(
            f"`classes` must be the name of a set ({', '.join(sets)}), or classes separated by "
            f"+, at least two. Received: {classes!r}."
        )
    _check_once(chosen, "classes")
    if unseen == NONE:
        return ClassSet(_name_of(classes, sets), tuple(chosen), NONE, (), leak_free)
    if unseen in unseen_sets:
        hidden = tuple(name for name in unseen_sets[unseen] if name in chosen)
    else:
        hidden = names_in(unseen)
        _check_once(hidden, "unseen")
    unknown = [name for name in hidden if name not in chosen]
    if unknown or not hidden:
        known = ", ".join([*unseen_sets, NONE])
        what = f"not among the classes are {', '.join(unknown)}" if unknown else "it has none"
        raise BuildError(
            f"`unseen` must be the name of a set ({known}), or some of the classes, separated "
            f"by +. Received: {unseen!r}, but {what} of classes={classes}."
        )
    try:
        return ClassSet(
            _name_of(classes, sets),
            tuple(chosen),
            _name_of(unseen, unseen_sets),
            hidden,
            leak_free,
        )
    except ValueError as error:
        raise BuildError(f"`unseen`: {error}") from None


def _name_of(value, sets):
    return value if value in sets else GIVEN


def _check_once(names, argument):
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BuildError(f"`{argument}` names {twice!r} twice. Name it once.")


def _drawn_as(class_set, synonyms, drawn_as):
    """{class: names that its drawings may have}."""
    try:
        given = pairs_in(drawn_as, "drawn_as")
    except ValueError as error:
        raise BuildError(str(error)) from None
    unknown = [name for name in given if name not in class_set.classes]
    if unknown:
        raise BuildError(
            f"`drawn_as` names {', '.join(map(repr, unknown))}, which is not among the "
            f"classes: {', '.join(class_set.classes)}."
        )
    # What is given takes the place of all other names: who says that a mouse is drawn as a
    # computer mouse does not want the animal.
    return {
        name: [given[name]] if name in given else [name, *filter(None, [synonyms.get(name)])]
        for name in class_set.classes
    }
