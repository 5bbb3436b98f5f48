"""Examples of one data set → shards of TFRecords, the same bytes on every machine.

The order is that of the sha256 of the keys (an idea of TensorFlow Datasets), so it depends
neither on the order of the source nor on the number of processes, and a shard is a fair sample
of its split. A shard is written beside its place and renamed when whole: a name without
".partial" is always a finished shard, and a killed build goes on with the shards not there.
"""

import concurrent.futures
import dataclasses
import glob
import hashlib
import json
import multiprocessing
import os
import sys
import uuid

import tensorflow as tf
import tqdm

from records import strict_json, worker
from records.images import check_image
from records.source import BuildError, Problems

_SIDECAR = ".skipped.jsonl"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file to write: `examples`, in order, of `split` at `path`."""

    path: str
    split: str
    examples: tuple


def shard_name(dataset, split, index, num_shards):
    """Returns e.g. "clevr-train.tfrecord-00000-of-00016"."""
    return f"{dataset}-{split}.tfrecord-{index:05d}-of-{num_shards:05d}"


def deal(pairs, num_shards):
    """Sorts one split by the hash of its keys and deals it into contiguous parts.

    Args:
      pairs: iterable of (key, example).
      num_shards: how many parts; their sizes differ by one at most.

    Returns:
      A list of `num_shards` tuples of examples, some of them empty where there are fewer
      examples than shards.

    Raises:
      BuildError: a key or an id is there twice; both examples are shown.
    """
    by_key, by_id = {}, {}
    for key, example in pairs:
        _check_new(by_key, key, example, f"Key {key!r}")
        for what, names in example.ids().items():
            for name in names:
                seen = by_id.setdefault(what, {})
                _check_new(seen, name, example, f"{what.capitalize()} {name!r}")
    keys = sorted(by_key, key=lambda key: hashlib.sha256(key.encode()).digest())
    bounds = [len(keys) * i // num_shards for i in range(num_shards + 1)]
    return [
        tuple(by_key[key] for key in keys[start:end])
        for start, end in zip(bounds, bounds[1:], strict=False)
    ]


def _check_new(seen, name, example, what):
    if name in seen:
        raise BuildError(
            f"{what} is there twice in one split: first in {seen[name].describe()}, then "
            f"in {example.describe()}. Ids must be unique within a split: remove or rename one."
        )
    seen[name] = example


def write_shards(shards, *, num_processes=1, on_error="stop"):
    """Writes shards, each whole or not at all, with a progress bar on a terminal.

    Args:
      shards: list of `Shard`.
      num_processes: with 1, this process writes; otherwise so many fresh ones do.
      on_error: as in `Problems`. What is skipped goes to a sidecar file beside each shard,
        which `read_notes` reads.
    """
    progress = _Progress(shards)
    try:
        if num_processes == 1:
            for shard in shards:
                write_shard(shard, on_error, progress.image)
                progress.shard(shard)
        else:
            _write_in_processes(shards, num_processes, on_error, progress)
    finally:
        progress.close()


def _write_in_processes(shards, num_processes, on_error, progress):
    # Spawn, not fork: TensorFlow's threads do not survive a fork, and their locks may be held.
    pool = concurrent.futures.ProcessPoolExecutor(
        min(num_processes, len(shards)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=worker.start,
    )
    try:
        with worker.starting():
            futures = {pool.submit(write_shard, shard, on_error): shard for shard in shards}
        for future in concurrent.futures.as_completed(futures):
            future.result()
            progress.image(len(futures[future].examples))
            progress.shard(futures[future])
    except concurrent.futures.process.BrokenProcessPool:
        raise BuildError(
            "A writing process was killed, perhaps for want of memory. Run the same command "
            "again, with a smaller --num_processes: finished shards are kept."
        ) from None
    except KeyboardInterrupt:  # The signal may have been for this process alone.
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:  # Waits, else Python would warn of semaphores that nobody gave back.
        pool.shutdown(cancel_futures=True)


def write_shard(shard, on_error="stop", on_image=lambda: None):
    """Writes one shard of examples."""
    problems = Problems(on_error, shard.split)
    write_records(shard.path, _make_records(shard, problems, on_image), problems)


def write_records(path, records, problems):
    """Writes one shard beside its place and renames it when it is whole and on the disk.

    Args:
      path: of the shard.
      records: iterable of serialized records, made while the shard is written.
      problems: `Problems` of this shard alone, filled by then; what it notes goes to the
        shard's sidecar.
    """
    partial = _partial_name(path)
    try:
        with tf.io.TFRecordWriter(partial) as writer:
            for record in records:
                writer.write(record)
        _write_sidecar(path + _SIDECAR, problems.notes)  # Before the rename: never lost.
        _publish(partial, path)
    except (OSError, tf.errors.OpError) as error:
        raise BuildError(
            f"{path} could not be written ({error}). Make room or give write permission, "
            "then run the same command again: finished shards are kept."
        ) from None
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def _make_records(shard, problems, on_image):
    for example in shard.examples:
        record = _make_record(example, problems)
        if record is not None:
            yield record
        on_image()


def _make_record(example, problems):
    """Returns one serialized record, or None if its image has a problem."""
    lost = f"It has {example.holds()}."
    try:
        encoded = example.load_image()
    except OSError as error:
        reason = f"the image cannot be read ({error.strerror}). {lost} Put the file back."
        problems.report(example.source, reason)
        return None
    try:
        return example.serialize(encoded, *check_image(encoded))
    except ValueError as error:
        problems.report(example.source, f"{error} {lost}")
        return None


def read_notes(shard_paths):
    """Returns what was skipped while the shards were written, in order."""
    notes = []
    for path in shard_paths:
        if os.path.exists(path + _SIDECAR):
            notes += _read_sidecar(path + _SIDECAR)
    return notes


def _read_sidecar(path):
    try:
        with open(path, "rb") as file:
            return [strict_json.loads(line) for line in file]
    except ValueError as error:
        raise BuildError(
            f"{path} is not what this program wrote ({error}). Delete it and the shard beside "
            "it, and run the same command again."
        ) from None


def remove_leftovers(records_dir, sidecars=False):
    """Removes what killed builds left half-written, and, at the very end, the sidecars."""
    for pattern in ("*.partial-*",) + (("*" + _SIDECAR,) if sidecars else ()):
        for path in glob.glob(os.path.join(glob.escape(records_dir), pattern)):
            os.remove(path)


def _write_sidecar(path, notes):
    if notes:
        write_bytes(path, to_json_lines(notes))
    elif os.path.exists(path):  # Of a killed build whose broken image has been mended since.
        os.remove(path)


def remove_shard(path):
    """Removes a shard and what was noted beside it, if they are there."""
    for name in (path, path + _SIDECAR):
        if os.path.exists(name):
            os.remove(name)


def to_json_lines(values):
    """Returns one JSON value per line, in UTF-8."""
    lines = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    # Half a character, of a file's name, say, becomes its escape, which JSON reads again.
    return lines.encode("utf-8", "backslashreplace")


def write_text(path, text):
    """Writes a text file: whole and on the disk, or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path, data):
    """Writes a file: whole and on the disk, or not at all."""
    partial = _partial_name(path)
    with open(partial, "wb") as file:
        file.write(data)
    _publish(partial, path)


def _partial_name(path):
    # Workers of a cluster may try a shard twice at once, with equal ids on two machines.
    return f"{path}.partial-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _publish(partial, path):
    with open(partial, "rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)  # The rename, too, must outlive a power failure.
    finally:
        os.close(folder)


class _Progress:
    """A bar over all images on a terminal; elsewhere one line when a split is written."""

    def __init__(self, shards):
        self._left, self._paths = {}, {}
        for shard in shards:
            self._left.setdefault(shard.split, []).append(len(shard.examples))
            self._paths.setdefault(shard.split, []).append(shard.path)
        self._sizes = {split: (len(n), sum(n)) for split, n in self._left.items()}
        total = sum(size for _, size in self._sizes.values())
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(total=total, unit=" images", disable=not self._is_terminal)

    def image(self, count=1):
        self._bar.update(count)

    def shard(self, shard):
        self._left[shard.split].pop()
        if not self._left[shard.split] and not self._is_terminal:
            num_shards, num_images = self._sizes[shard.split]
            num_images -= len(read_notes(self._paths[shard.split]))
            shards = "1 shard" if num_shards == 1 else f"{num_shards} shards"
            print(f"{shard.split}: {num_images:,} images in {shards}", flush=True)

    def close(self):
        self._bar.close()
