"""How a build goes on where a killed one ended, and how it ends, of images or of maps."""

import contextlib
import os

from records import folder, writer
from records.source import BuildError, Problems, counted


def missing_shards(records_dir, shards, on_error, report):
    """Returns the shards that are still to be written.

    Args:
      records_dir: the folder; what was left half-written in it is removed.
      shards: {split: list of shards}, each with a `path`.
      on_error: as in `Problems`. Begun with "skip", gone on with "stop": what was skipped is a
        problem still.
      report: called with a line that the user should see, if some shards are there.
    """
    writer.remove_leftovers(records_dir)
    everything = [shard for of_split in shards.values() for shard in of_split]
    there = [shard for shard in everything if os.path.exists(shard.path)]
    if on_error == "stop":
        for note in writer.read_notes([shard.path for shard in there]):
            Problems().report(note["where"], note["reason"])
    if there:
        report(f"{len(there)} of {len(everything)} shards are there already, going on.")
    return [shard for shard in everything if not os.path.exists(shard.path)]


def refuse_empty_splits(paths, counts, notes):
    """Stops a build that skipped every image of a split.

    Args:
      paths: {split: paths of its shards}. Those of an empty split are removed, so that the
        same command writes them again once the images are there.
      counts: {split: what counted its records}.
      notes: what was skipped.

    Raises:
      BuildError: names the split, and the first image that was skipped.
    """
    for split, of_split in paths.items():
        if counts[split].num_records:
            continue
        for path in of_split:
            writer.remove_shard(path)
        raise BuildError(
            f"Split {split!r} has no image left: {all_skipped(split, notes)} Mend its images, "
            "or build without this split."
        )


def all_skipped(split, notes):
    """That nothing is left of a split: how many problems it had, and the first of them."""
    skipped = [note for note in notes if note["split"] == split]
    first = f", first {skipped[0]['where']}: {skipped[0]['reason']}" if skipped else "."
    number = counted(len(skipped), "problem")
    return (
        f"{number} of it skipped{first}"
        if len(skipped) == 1
        else f"all {number} of it were skipped{first}"
    )


def finish(records_dir, files, info):
    """Writes {name: bytes} beside the shards, then dataset_info.json, and clears up."""
    for name, content in files.items():
        writer.write_bytes(os.path.join(records_dir, name), content)
    writer.write_text(os.path.join(records_dir, folder.INFO_NAME), folder.to_json(info))
    clear(records_dir)


def clear(records_dir):
    """Removes what only an unfinished build needs; from a disk that is read alone, nothing."""
    with contextlib.suppress(OSError):
        writer.remove_leftovers(records_dir, sidecars=True)
    with contextlib.suppress(OSError):
        os.remove(os.path.join(records_dir, folder.PLAN_NAME))
