"""A store of drawings: records of their own, by class and split, of which queries are picked.

    build_plan.json      first, as of every build
    drawings-train.tfrecord-00000-of-00001, ...   a record a drawing, see `record.py`
    skipped.jsonl        only with on_error "skip", and only if something was left out
    dataset_info.json    last: classes, counts by class and split, checksums, source

Within a class, the order of the contents' sha256 deals the drawings out, so each class has its
share of each split, and the same drawings are always dealt out alike. A class that training
never shows is in `test_unseen` alone. No drawing is in two splits, nor a copy of one: of copies
within a class one is kept, of those in several classes none, as they say nothing of a class.
"""

import os
from hashlib import sha256

from records import folder, resume, schema, writer
from records.contents import read_split
from records.damage import read_json
from records.drawings import record
from records.drawings.counts import DrawingCounts
from records.source import BuildError, Problems, counted

NAME = "drawings"
SHARES = {"val": 0.15, "test": 0.15}
UNSEEN_SHARE = 0.15
_MIN_UNSEEN = 3  # classes: what a scene shows
_PER_SHARD, _MAX_SHARDS = 20_000, 64
_SPLITS = ("train", "val", "test", "test_unseen")


def build_store(
    store_dir,
    source,
    *,
    shares=None,
    unseen=UNSEEN_SHARE,
    unseen_may_lack=False,
    num_shards=None,
    on_error="stop",
    report=print,
):
    """Builds a store, goes on with a killed build, or finds it finished.

    Args:
      store_dir: the folder to write, made if needed.
      source: as in `sources.py`.
      shares: {"val": share, "test": share} of each class; at least one drawing each. Default:
        `SHARES`.
      unseen: share of the classes, by the hash of their names, or a list of names, that are in
        `test_unseen` alone; 0 or none: there is no such split.
      unseen_may_lack: whether `unseen` may name classes of which there is no drawing.
      num_shards: files per split. Default: one per 20,000 drawings.
      on_error: "stop" at the first problem, or "skip" it and note it in skipped.jsonl.
      report: called with each line that the user should see.

    Returns:
      The content of dataset_info.json.

    Raises:
      BuildError: says what is wrong and what to do.
    """
    problems, shares = Problems(on_error), _checked_shares(shares or SHARES)
    plan = {
        "dataset": NAME,
        "version": schema.VERSION,
        "arguments": {
            "source": source.name,
            "shares": shares,
            "unseen": _checked_unseen(unseen),
        },
        "source_fingerprint": source.fingerprint(),
    }
    finished = folder.read_finished(store_dir, plan, num_shards)
    if finished:
        resume.clear(store_dir)
        return finished
    folder.check_unfinished(store_dir, plan, num_shards)
    drawings, left_out = _distinct(source.drawings(problems))
    if unseen_may_lack and isinstance(unseen, (list, tuple)):
        there = {drawing.class_name for drawing in drawings}
        unseen = [name for name in unseen if name in there]
    splits = _split(drawings, shares, _checked_unseen(unseen), source.only_trained, problems)
    os.makedirs(store_dir, exist_ok=True)
    with folder.lock(store_dir):
        plan["num_shards"] = _plan_shards(store_dir, splits, num_shards)
        shards = _shards(store_dir, splits, plan["num_shards"])
        _write(store_dir, plan, shards, on_error, report)
        return _finish(store_dir, plan, shards, left_out, problems.notes, report)


def _checked_shares(shares):
    is_known = sorted(shares) == sorted(SHARES)
    if not is_known or min(shares.values()) <= 0 or sum(shares.values()) >= 1:
        raise BuildError(
            "`shares` must give a share of val and of test, above 0 and below 1 together. "
            f"Received: {shares}."
        )
    return {name: float(shares[name]) for name in SHARES}


def _checked_unseen(unseen):
    if isinstance(unseen, (int, float)) and not isinstance(unseen, bool) and 0 <= unseen < 1:
        return float(unseen)
    if isinstance(unseen, (list, tuple)) and all(isinstance(name, str) for name in unseen):
        return sorted(unseen)
    raise BuildError(
        "`unseen` must be a share of the classes, from 0 to below 1, or a list of their names. "
        f"Received: {unseen!r}."
    )


def _distinct(drawings):
    """Returns (drawings, what was left out: {"num_copies", "num_in_several_classes"}).

    A key that a class has twice is a copy, too: QuickDraw gives a drawing in several forms.
    """
    found, by_content = {}, {}
    ordered = sorted(drawings, key=lambda d: (d.class_name, d.key, d.source))
    for drawing in ordered:
        if (drawing.class_name, drawing.key) not in found:
            found[drawing.class_name, drawing.key] = drawing
            classes = by_content.setdefault(drawing.content_hash(), {})
            classes.setdefault(drawing.class_name, drawing)
    kept = [d for of in by_content.values() if len(of) == 1 for d in of.values()]
    shared = sum(len(of) for of in by_content.values() if len(of) > 1)
    copies = len(ordered) - len(kept) - shared
    return kept, {"num_copies": copies, "num_in_several_classes": shared}


def _split(drawings, shares, unseen, only_trained, problems):
    """Returns {split: drawings}; the splits that there are, in the order of `_SPLITS`."""
    by_class = {}
    for drawing in sorted(drawings, key=lambda d: (d.class_name, d.content_hash())):
        by_class.setdefault(drawing.class_name, []).append(drawing)
    unseen = _unseen_classes([name for name in by_class if name not in only_trained], unseen)
    splits = {split: [] for split in _SPLITS}
    for class_name, of_class in sorted(by_class.items()):
        if class_name in only_trained:
            splits["train"] += of_class
            continue
        if len(of_class) < 3:
            problems.report(
                f"class {class_name!r}",
                f"it has {counted(len(of_class), 'different drawing')}, but at least 3 are "
                "needed: to train, to validate and to test. Add some, or remove the class.",
            )
            continue
        if class_name in unseen:
            splits["test_unseen"] += of_class
            continue
        rest = of_class
        for split, share in shares.items():
            count = max(1, int(share * len(of_class) + 0.5))
            splits[split] += rest[:count]
            rest = rest[count:]
        splits["train"] += rest
    if not splits["train"]:
        raise BuildError(
            f"No class is left to train on: of {len(by_class)}, {len(unseen)} are unseen. Give "
            "drawings of more classes, or fewer unseen ones."
        )
    return {split: of_split for split, of_split in splits.items() if of_split}


def _unseen_classes(class_names, unseen):
    """Returns the set of the names: those given, or a share by the hash of the names.

    So a class that is added moves no other one, unless the share has hardly any: then those
    with the least hashes are taken, three of nine classes or more.
    """
    if isinstance(unseen, list):
        unknown = [name for name in unseen if name not in class_names]
        if unknown:
            raise BuildError(
                f"`unseen` names classes of which there is no drawing: {', '.join(unknown)}. "
                f"There are: {', '.join(sorted(class_names))}."
            )
        return set(unseen)
    if not unseen:
        return set()
    places = {name: _place(name) for name in class_names}
    chosen = {name for name, place in places.items() if place < unseen}
    at_least = min(_MIN_UNSEEN, max(1, len(places) // 3))
    return chosen if len(chosen) >= at_least else set(sorted(places, key=places.get)[:at_least])


def _place(class_name):
    """A class's place in 0..1 among all thinkable ones."""
    digest = sha256(class_name.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _plan_shards(store_dir, splits, num_shards):
    path = os.path.join(store_dir, folder.PLAN_NAME)
    if os.path.exists(path):
        return read_json(path)["num_shards"]
    return {
        split: num_shards or min(-(-len(of_split) // _PER_SHARD), _MAX_SHARDS)
        for split, of_split in splits.items()
    }


def _shards(store_dir, splits, num_shards):
    """Returns {split: list of `writer.Shard`}."""
    shards = {}
    for split, of_split in splits.items():
        count = num_shards[split]
        pairs = ((f"{d.class_name}/{d.key}", d) for d in of_split)
        shards[split] = [
            writer.Shard(
                os.path.join(store_dir, writer.shard_name(NAME, split, index, count)),
                split,
                part,
            )
            for index, part in enumerate(writer.deal(pairs, count))
        ]
    return shards


def _write(store_dir, plan, shards, on_error, report):
    missing = resume.missing_shards(store_dir, shards, on_error, report)
    writer.write_text(os.path.join(store_dir, folder.PLAN_NAME), folder.to_json(plan))
    for shard in missing:
        records = (record.serialize(drawing, shard.split) for drawing in shard.examples)
        writer.write_records(shard.path, records, Problems())


def _finish(store_dir, plan, shards, left_out, notes, report):
    """Reads all shards once and writes what there is to say about them; returns the info."""
    splits = {}
    for split, of_split in shards.items():
        counts = DrawingCounts()
        found = read_split([shard.path for shard in of_split], counts)
        splits[split] = counts.describe() | {"shards": found}
    files = {folder.SKIPPED_NAME: writer.to_json_lines(notes)} if notes else {}
    seen = splits["train"]["drawings_per_class"]
    unseen = splits.get("test_unseen", {"drawings_per_class": {}})["drawings_per_class"]
    info = {key: plan[key] for key in plan if key != "num_shards"} | {
        "schema": record.describe(),
        "train_split": "train",
        "test_splits": [split for split in splits if split.startswith("test")],
        "classes": {"seen": sorted(seen), "unseen": sorted(unseen)},
        "num_skipped": len(notes),
        **left_out,
        "files": {name: sha256(content).hexdigest() for name, content in files.items()},
        "splits": splits,
    }
    resume.finish(store_dir, files, info)
    total = sum(of_split["num_drawings"] for of_split in splits.values())
    copies, shared = left_out["num_copies"], left_out["num_in_several_classes"]
    report(f"{total:,} drawings of {len(seen)} classes, and of {len(unseen)} that are unseen.")
    copies = f"{copies:,} {'copy' if copies == 1 else 'copies'}"
    report(
        f"Left out: {copies}, {shared} of several classes, {counted(len(notes), 'problem')}."
    )
    return info
