"""Data set name → builder → shards, dataset_info.json and vocabularies.json; and their check.

    build_plan.json      first: what is being built. A folder with another plan is refused.
    <dataset>-<split>.tfrecord-00000-of-00016, ...
    vocabularies.json    words and answers of the train split with their counts
    skipped.jsonl        only with --on_error=skip, and only if something was left out
    resplit.json, ...    what the builder itself has to report, if anything
    dataset_info.json    last: a folder that holds it is finished, and the plan is removed

None of them holds a time or a path of this machine: two machines write the same bytes.
"""

import difflib
import importlib
import inspect
import os
import re
from hashlib import sha256

from records import folder, resume, schema, writer
from records.contents import by_count, count_words, describe_split, read_split, verify
from records.damage import read_json
from records.folder import read_info, read_vocabularies
from records.source import BuildError, Problems

__all__ = ["build", "builder_for", "read_info", "read_vocabularies", "verify"]

_BUILDERS = {
    "clevr": "Clevr",
    "easy_vqa": "EasyVqa",
    "jsonl": "Jsonl",
    "sort_of_clevr": "SortOfClevr",
    "vqa_cp": "VqaCp",
    "vqa_v2": "VqaV2",
}
# What a builder's class may say of its data set, and what holds where it says nothing.
# `has_objects`: its records say where things are. `names_objects_by_colour`: a question names a
# thing by the first word of its name, its colour, which no other thing of the image has.
# `turns_by_exif`: images are decoded turned by their EXIF orientation.
_KNOWS = {
    "needs_source": True,
    "has_objects": False,
    "names_objects_by_colour": False,
    "turns_by_exif": False,
}
# About 1,000 images a shard: what a killed build has to write again stays small, and hosts and
# parallel readers find enough files. 64 at most: beyond it files only grow in number.
_IMAGES_PER_SHARD, _MAX_SHARDS = 1000, 64
# Below, the seconds that each process spends importing TensorFlow outweigh what it saves: 6,400
# images of 75x75 took 9 s in one process and 28 s in two (two busy cores).
_MIN_IMAGES_FOR_PROCESSES = 12_000


def builder_for(dataset):
    """Returns the builder class of a data set's name."""
    if dataset not in _BUILDERS:
        raise BuildError(f"Unknown data set {dataset!r}.{_nearest(dataset, _BUILDERS)}")
    return getattr(importlib.import_module(f"records.builders.{dataset}"), _BUILDERS[dataset])


def knows(builder):
    """What a builder, or its class, says of its data set: {name: bool}."""
    return {name: getattr(builder, name, absent) for name, absent in _KNOWS.items()}


def build(
    dataset,
    records_dir,
    *,
    source_dir=None,
    builder_args=None,
    num_shards=None,
    num_processes=None,
    on_error="stop",
    split_words=None,
    write_shards=None,
):
    """Builds the records of a data set, goes on with a killed build, or finds them finished.

    Args:
      dataset: a name that `builder_for` knows.
      records_dir: the folder to write, made if needed.
      source_dir: the folder of the data set's own files, for those that have some.
      builder_args: dict of the builder's keyword arguments; strings are converted.
      num_shards: files per split. Default: one per 1,000 images, between 1 and 64.
      num_processes: default: one per CPU core, or this one alone for a small data set.
      on_error: "stop" at the first problem, or "skip" it and note it in skipped.jsonl.
      split_words: list of questions → list of lists of words, for the vocabulary and the
        longest question. Default: lower case, words and marks apart.
      write_shards: function of (shards, on_error) that writes the missing shards in the place
        of this machine's processes; `beam.shard_writer` makes one.

    Returns:
      The content of dataset_info.json.
    """
    problems = Problems(on_error)
    if num_processes is not None and num_processes < 1:
        raise BuildError(f"`num_processes` must be at least 1. Received: {num_processes}.")
    if num_shards is not None and not 1 <= num_shards <= 99_999:
        raise BuildError(f"`num_shards` must be between 1 and 99999. Received: {num_shards}.")
    builder, arguments = _make_builder(dataset, source_dir, builder_args or {})
    plan = {
        "dataset": dataset,
        "version": schema.VERSION,
        "arguments": arguments,
        "source_fingerprint": builder.fingerprint(),
    }
    finished = folder.read_finished(records_dir, plan, num_shards)
    if finished:
        resume.clear(records_dir)  # Again: the build may have been killed before it did so.
        return finished
    folder.check_unfinished(records_dir, plan, num_shards)
    _train_split(builder)  # Else there is nothing to train on, and it is said early.
    examples = _examples(builder, problems)
    os.makedirs(records_dir, exist_ok=True)
    with folder.lock(records_dir):
        plan["num_shards"] = _plan_shards(records_dir, examples, num_shards)
        shards = _shards(records_dir, dataset, examples, plan["num_shards"])
        _write(records_dir, plan, shards, num_processes, on_error, write_shards)
        return _finish(records_dir, plan, shards, builder, problems, split_words)


def split_words_simply(texts):
    """Returns the words and marks of each text, in lower case."""
    return [re.findall(r"\w+|[^\w\s]", text.lower()) for text in texts]


# Before anything is written.


def _make_builder(dataset, source_dir, builder_args):
    """Returns the builder and all of its arguments, defaults included."""
    builder_class = builder_for(dataset)
    signature = inspect.signature(builder_class)
    known = {
        p.name: p.default for p in signature.parameters.values() if p.kind == p.KEYWORD_ONLY
    }
    for name in builder_args:
        if name not in known:
            raise BuildError(
                f"Data set {dataset!r} has no argument {name!r}.{_nearest(name, known)}"
            )
    given = {name: _convert(name, value, known) for name, value in builder_args.items()}
    arguments = known | given
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


def _train_split(builder):
    split = getattr(builder, "train_split", "train")
    if split not in builder.splits():
        raise BuildError(
            f"Data set {builder.name!r} has no split {split!r} in its source (there are: "
            f"{', '.join(builder.splits()) or 'none'}). The vocabularies come from it: add it."
        )
    return split


def _test_splits(builder):
    """Returns the splits that no model may be chosen on."""
    named_so = [split for split in builder.splits() if split.startswith("test")]
    return list(getattr(builder, "test_splits", named_so))


def _examples(builder, problems):
    """Returns {split: list of (key, example)}; ids are unique over all splits."""
    examples, seen = {}, ({}, {})
    for split in builder.splits():
        problems.split = split
        examples[split] = list(builder.examples(split, problems))
        if not examples[split]:
            raise BuildError(
                f"Split {split!r} of {builder.name!r} has no image with a question."
            )
        for _, example in examples[split]:
            _check_over_splits(builder, split, example, seen)
    return examples


def _check_over_splits(builder, split, example, seen):
    """Checks ids against those of the other splits, {id: (split, source)} of both kinds."""
    place, (images, questions) = (split, example.source), seen
    # Test sets under changing priors deal the questions of an image to train and to test; a
    # builder of such a one says so.
    if not getattr(builder, "shares_images_between_splits", False):
        _check_id("image id", example.image_id, place, images)
    # CLEVR numbers the questions of each split from 0; its builder says so.
    if not getattr(builder, "numbers_questions_per_split", False):
        for question in example.questions:
            _check_id("question id", question.id, place, questions)


def _check_id(what, name, place, seen):
    (split, source), (other_split, other) = place, seen.setdefault(name, place)
    if other_split != split:
        raise BuildError(
            f"{what} {name!r} is in two splits: {other_split!r} ({other}) and {split!r} "
            f"({source}). A test must not see what training saw: remove or rename one."
        )


def _plan_shards(records_dir, examples, num_shards):
    """Returns {split: shards}: of the unfinished build that is there, or a new plan."""
    path = os.path.join(records_dir, folder.PLAN_NAME)
    if os.path.exists(path):
        return read_json(path)["num_shards"]
    return {split: num_shards or _default_shards(len(of)) for split, of in examples.items()}


def _default_shards(num_images):
    return min(max(1, -(-num_images // _IMAGES_PER_SHARD)), _MAX_SHARDS)


# Writing.


def _shards(records_dir, dataset, examples, num_shards):
    """Returns {split: list of `writer.Shard`}."""
    shards = {}
    for split, pairs in examples.items():
        count = num_shards[split]
        shards[split] = [
            writer.Shard(
                os.path.join(records_dir, writer.shard_name(dataset, split, index, count)),
                split,
                part,
            )
            for index, part in enumerate(writer.deal(pairs, count))
        ]
    return shards


def _write(records_dir, plan, shards, num_processes, on_error, write_shards):
    missing = resume.missing_shards(records_dir, shards, on_error, _say)
    writer.write_text(os.path.join(records_dir, folder.PLAN_NAME), folder.to_json(plan))
    if missing and write_shards:
        write_shards(missing, on_error)
    elif missing:
        count = num_processes or _default_processes(missing)
        writer.write_shards(missing, num_processes=count, on_error=on_error)


def _default_processes(shards):
    if sum(len(shard.examples) for shard in shards) < _MIN_IMAGES_FOR_PROCESSES:
        return 1
    if hasattr(os, "sched_getaffinity"):  # The cores this process may use; Linux alone tells.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _finish(records_dir, plan, shards, builder, problems, split_words):
    """Reads all shards once and writes what there is to say about them; returns the info."""
    train_split, split_words = _train_split(builder), split_words or split_words_simply
    paths = {split: [shard.path for shard in of_split] for split, of_split in shards.items()}
    contents = {split: read_split(of_split) for split, of_split in paths.items()}
    words = {split: count_words(of_split, split_words) for split, of_split in contents.items()}
    train_words, train_answers = words[train_split][0], contents[train_split].answers
    notes = problems.notes + [
        n for of_split in paths.values() for n in writer.read_notes(of_split)
    ]
    splits = {
        split: {
            **describe_split(contents[split], *words[split], train_words, train_answers),
            "num_skipped": sum(note["split"] == split for note in notes),
        }
        for split in shards
    }
    vocabularies = {"words": by_count(train_words), "answers": by_count(train_answers)}
    files = {folder.VOCABULARIES_NAME: folder.pairs_to_json(vocabularies).encode()}
    if notes:
        files[folder.SKIPPED_NAME] = writer.to_json_lines(notes).encode()
    if hasattr(builder, "reports"):
        files |= builder.reports()
    info = {key: plan[key] for key in plan if key != "num_shards"} | {
        "schema": schema.describe(),
        "knows": knows(builder),
        "train_split": train_split,
        "test_splits": _test_splits(builder),
        "num_skipped": len(notes),
        "files": {name: sha256(content).hexdigest() for name, content in files.items()},
        "splits": splits,
    }
    resume.finish(records_dir, files, info)
    if notes:
        path = os.path.join(records_dir, folder.SKIPPED_NAME)
        _say(f"{len(notes)} problem(s) skipped; each is named in {path}")
    return info


def _say(line):
    print(line, flush=True)
