"""Data set name → builder class → builder, with all of its arguments.

A builder is one module here with one class of its name. What its class says of the data set is
read from there, and written to dataset_info.json (`knows`).
"""

import difflib
import importlib
import inspect

from records.source import BuildError

BUILDERS = {
    "boxes": "Boxes",
    "clevr": "Clevr",
    "coco": "Coco",
    "easy_vqa": "EasyVqa",
    "jsonl": "Jsonl",
    "sketch_scenes": "SketchScenes",
    "sort_of_clevr": "SortOfClevr",
    "voc": "Voc",
    "vqa_cp": "VqaCp",
    "vqa_v2": "VqaV2",
}
LARGEST_SEED = 2**63 - 1
# What a builder's class may say of its data set, and what holds where it says nothing.
# `has_objects`: its records say where things are. `names_objects_by_colour`: a question names a
# thing by the first word of its name, its colour, which no other thing of the image has.
# `turns_by_exif`: images are decoded turned by their EXIF orientation. `areas_of_coco`: areas
# are those of segments, and COCO's sizes (small, medium, large) fit the images.
# `judged_as_voc`: detections are also counted in the manner of PASCAL VOC.
_KNOWS = {
    "needs_source": True,
    "has_objects": False,
    "names_objects_by_colour": False,
    "turns_by_exif": False,
    "areas_of_coco": False,
    "judged_as_voc": False,
}


def builder_for(dataset):
    """Returns the builder class of a data set's name."""
    if dataset not in BUILDERS:
        raise BuildError(f"Unknown data set {dataset!r}.{_nearest(dataset, BUILDERS)}")
    return getattr(importlib.import_module(f"records.builders.{dataset}"), BUILDERS[dataset])


def knows(builder):
    """What a builder, or its class, says of its data set: {name: bool}."""
    return {name: getattr(builder, name, absent) for name, absent in _KNOWS.items()}


def defaults(builder_class):
    """Returns {argument: default} of a builder."""
    parameters = inspect.signature(builder_class).parameters.values()
    return {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}


def make_builder(dataset, source_dir, builder_args):
    """Returns the builder and all of its arguments, defaults included, each of its type."""
    builder_class = builder_for(dataset)
    known = defaults(builder_class)
    for name in builder_args:
        if name not in known:
            raise BuildError(
                f"Data set {dataset!r} has no argument {name!r}.{_nearest(name, known)}"
            )
    given = {name: _convert(name, value, known) for name, value in builder_args.items()}
    arguments = known | given
    if not 0 <= arguments.get("seed", 0) <= LARGEST_SEED:
        raise BuildError(
            f"Builder argument 'seed' must be from 0 to {LARGEST_SEED} (2^63 - 1). Received: "
            f"{arguments['seed']}."
        )
    return builder_class(source_dir, **arguments), arguments


def _convert(name, value, known):
    kind = type(known[name])
    if kind is bool and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    try:
        if (
            kind is bool
            or isinstance(value, bool)
            or (kind is int and isinstance(value, float))
        ):
            raise ValueError
        return kind(value)
    except (TypeError, ValueError):
        shown = ", ".join(f"{key}={default!r}" for key, default in sorted(known.items()))
        raise BuildError(
            f"Builder argument {name!r} must be of type {kind.__name__}. Received: {value!r}. "
            f"Arguments with their defaults: {shown}."
        ) from None


def _nearest(name, known):
    if not known:
        return " It takes none."
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Known: {', '.join(sorted(known))}."
