"""Data set name → builder → shards, dataset_info.json and vocabularies.json; and their check.

    build_plan.json      first: what is being built. A folder with another plan is refused.
    <dataset>-<split>.tfrecord-00000-of-00016, ...
    vocabularies.json    words and answers of the train split with their counts, or what else
                         is learned of such records, see counts.py
    skipped.jsonl        only with --on_error=skip, and only if something was left out
    resplit.json, ...    what the builder itself has to report, if anything
    dataset_info.json    last: a folder that holds it is finished, and the plan is removed

None of them holds a time or a path of this machine: two machines write the same bytes.
"""

import os
import re
from hashlib import sha256

from records import folder, resume, schema, writer
from records.builders import builder_for, defaults, knows, make_builder
from records.contents import read_split, verify
from records.counts import IMAGE_WITH_QUESTIONS, KINDS, counts_of
from records.damage import read_json
from records.folder import read_info, read_vocabularies
from records.source import BuildError, Problems, counted
from records.usable import usable

__all__ = ["build", "builder_for", "read_info", "read_vocabularies", "verify"]

# About 1,000 images a shard: what a killed build has to write again stays small, and hosts and
# parallel readers find enough files. 64 at most: beyond it files only grow in number.
_IMAGES_PER_SHARD, _MAX_SHARDS = 1000, 64
# Below, the seconds that each process spends importing TensorFlow outweigh what it saves: 6,400
# images of 75x75 took 9 s in one process and 28 s in two (two busy cores).
_MIN_IMAGES_FOR_PROCESSES = 12_000


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
    if write_shards and source_dir:
        source_dir = os.path.abspath(source_dir)  # A worker may start in another folder.
    builder, arguments = make_builder(dataset, source_dir, builder_args or {})
    plan = {
        "dataset": dataset,
        "version": schema.VERSION,
        "arguments": arguments,
        "source_fingerprint": builder.fingerprint(),
    }
    folder.check_place(records_dir)
    known = defaults(type(builder))
    finished = folder.read_finished(records_dir, plan, num_shards, known)
    if finished:
        resume.clear(records_dir)  # Again: the build may have been killed before it did so.
        if hasattr(builder, "prepare"):
            builder.prepare(records_dir, on_error, _say)  # A part that is gone is built again.
        if finished["version"] != schema.VERSION:
            _say(f"They are finished, of version {finished['version']}, and stay as they are.")
        return finished
    folder.check_unfinished(records_dir, plan, num_shards, known)
    _train_split(builder)  # Else there is nothing to train on, and it is said early.
    if hasattr(builder, "prepare"):
        builder.prepare(records_dir, on_error, _say)
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


def _train_split(builder):
    split = getattr(builder, "train_split", "train")
    if split not in builder.splits():
        raise BuildError(
            f"Data set {builder.name!r} has no split {split!r} in its source (there are: "
            f"{', '.join(builder.splits()) or 'none'}). The vocabularies come from it: add it."
        )
    return split


def _kind(builder):
    """The kind of its records, a name in `counts.KINDS`."""
    return getattr(builder, "kind", IMAGE_WITH_QUESTIONS)


def _test_splits(builder):
    """Returns the splits that no model may be chosen on."""
    named_so = [split for split in builder.splits() if split.startswith("test")]
    return list(getattr(builder, "test_splits", named_so))


def _examples(builder, problems):
    """Returns {split: list of (key, example)}; ids are unique over all splits."""
    examples, seen = {}, {}
    for split in builder.splits():
        problems.split = split
        examples[split] = [
            (key, example)
            for key, found in builder.examples(split, problems)
            if (example := usable(key, found, problems))
        ]
        if not examples[split]:
            what = KINDS[_kind(builder)].EXAMPLE
            is_skipped = any(note["split"] == split for note in problems.notes)
            why = f" left: {resume.all_skipped(split, problems.notes)}" if is_skipped else "."
            raise BuildError(f"Split {split!r} of {builder.name!r} has no {what}{why}")
        for _, example in examples[split]:
            _check_over_splits(builder, split, example, seen)
    return examples


def _check_over_splits(builder, split, example, seen):
    """Checks ids against those of the other splits, {what: {id: (split, source)}}."""
    place, repeated = (split, example.source), getattr(builder, "ids_in_several_splits", ())
    for what, names in example.ids().items():
        if what not in repeated:
            for name in names:
                _check_id(what, name, place, seen.setdefault(what, {}))


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
    described = schema.describe(_kind(builder))
    paths = {split: [shard.path for shard in of_split] for split, of_split in shards.items()}
    counts = {split: counts_of({"schema": described})() for split in paths}
    contents = {split: read_split(paths[split], counts[split]) for split in paths}
    notes = problems.notes + [
        n for of_split in paths.values() for n in writer.read_notes(of_split)
    ]
    resume.refuse_empty_splits(paths, counts, notes)
    vocabularies = counts[train_split].vocabularies(split_words)
    splits = {
        split: {
            **counts[split].describe(vocabularies, split_words),
            "shards": contents[split],
            "num_skipped": sum(note["split"] == split for note in notes),
        }
        for split in shards
    }
    files = {}
    if vocabularies:
        files[folder.VOCABULARIES_NAME] = folder.pairs_to_json(vocabularies).encode()
    if notes:
        files[folder.SKIPPED_NAME] = writer.to_json_lines(notes)
    if hasattr(builder, "reports"):
        files |= builder.reports()
    info = {key: plan[key] for key in plan if key != "num_shards"} | {
        "schema": described,
        "knows": knows(builder),
        "train_split": train_split,
        "test_splits": _test_splits(builder),
        "num_skipped": len(notes),
        # Folders within it that hold records of their own, which were built with these.
        **({"parts": list(builder.parts)} if hasattr(builder, "parts") else {}),
        # Which classes they are asked for, see class_set.py.
        **({"class_set": builder.class_set()} if hasattr(builder, "class_set") else {}),
        "files": {name: sha256(content).hexdigest() for name, content in files.items()},
        "splits": splits,
    }
    resume.finish(records_dir, files, info)
    if notes:
        path = os.path.join(records_dir, folder.SKIPPED_NAME)
        _say(f"{counted(len(notes), 'problem')} skipped; each is named in {path}")
    return info


def _say(line):
    print(line, flush=True)
