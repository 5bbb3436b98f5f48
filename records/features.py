"""Images of records → maps of a frozen image encoder, once per image, in records of their own.

A training run that reads maps never computes the encoder, which is most of its work. The new
folder has the shards of the old one, with the same names, ids, questions and order, and what
`verify` needs to check it:

    build_plan.json      first, as in `build`: which records, which encoder
    <dataset>-<split>.tfrecord-00000-of-00016, ...   a map in the place of each image
    vocabularies.json, ...   the source's own files, byte for byte
    dataset_info.json    last: the source's, with new checksums and "features"

This module knows no encoder: the functions that decode and encode are handed in.
"""

import json
import os
import shutil
from hashlib import sha256

import numpy as np

from records import build, contents, folder, resume, writer
from records.counts import counts_of
from records.damage import check_file
from records.map_facts import holds_maps, map_bytes
from records.map_shards import DTYPE, Encoding, MapShard, write_map_shard
from records.progress import EncodingProgress
from records.source import BuildError, Problems, counted, read_bytes, sha256_of_file


def build_features(
    source_dir,
    records_dir,
    *,
    make_encode,
    decode,
    name,
    arguments,
    map_shape,
    fields=None,
    batch_size=32,
    on_error="stop",
    split_words=None,
    write_shards=None,
    report=print,
):
    """Writes records of maps, goes on with a killed build, or finds them finished.

    Args:
      source_dir: finished records that hold images.
      records_dir: the folder to write, made if needed.
      make_encode: function without arguments that returns the encoder: a function from
        uint8[N, H, W, 3] with N = `batch_size` to maps [N, h, w, D] of any floating dtype.
        Called once, and only if there is something to encode.
      decode: function from a parsed record (`schema.parse_example`) to uint8[H, W, 3], made of
        TensorFlow operations: it runs inside tf.data.
      name: of the encoder, and `arguments`, a dict of JSON values: what the maps are made by.
        They go into dataset_info.json; a folder with other ones is refused.
      map_shape: (h, w, D).
      fields: function without arguments that returns where the cells of a map look in the
        image, a JSON value, for whoever draws or measures them; called once, at the end. It
        follows from name and arguments, so it is no part of what is compared.
      batch_size: images that are encoded at once, over all devices together.
      on_error: "stop" at the first image that cannot be used, or "skip" it and note it in
        skipped.jsonl.
      split_words: what `build` was given; used only if something is skipped.
      write_shards: function of (shards, encoding) that writes the missing `MapShard`s elsewhere
        than in this process; `beam.map_shard_writer` makes one.
      report: called with each line that the user should see.

    Returns:
      The content of dataset_info.json.

    Raises:
      BuildError: says what is wrong and what to do.
    """
    if batch_size < 1:
        raise BuildError(f"`batch_size` must be at least 1. Received: {batch_size}.")
    Problems(on_error)  # Refuses another word before anything is done.
    encoding = Encoding(make_encode, decode, tuple(map_shape), batch_size, on_error)
    source = _read_source(source_dir)
    plan = _make_plan(source_dir, source, name, arguments, encoding)
    finished = folder.read_finished(records_dir, plan, None)
    if finished:
        resume.clear(records_dir)
        return finished
    folder.check_unfinished(records_dir, plan, None)
    os.makedirs(records_dir, exist_ok=True)
    with folder.lock(records_dir):
        shards = _shards(source_dir, records_dir, source)
        _write(records_dir, plan, shards, encoding, write_shards or _write_here, report)
        made_by = plan["features"] | ({"fields": fields()} if fields else {})
        plan = plan | {"features": made_by}
        return _finish(source_dir, records_dir, source, plan, shards, split_words, report)


# Before anything is written.


def _read_source(source_dir):
    """Returns the info of the records that the images are in."""
    info = folder.read_info(source_dir)
    if holds_maps(info):
        raise BuildError(
            f"{source_dir} holds maps of {info['features']['encoder']!r}, not images. Give the "
            "records that they were made from."
        )
    for of_split in info["splits"].values():
        for shard in of_split["shards"]:
            path = os.path.join(source_dir, shard["name"])
            check_file(path, shard["num_bytes"])
    return info


def _make_plan(source_dir, source, name, arguments, encoding):
    maps = {
        "encoder": name,
        "arguments": json.loads(json.dumps(arguments)),  # Tuples are lists when read again.
        "shape": list(encoding.map_shape),
        "dtype": DTYPE.name,
        # It holds the checksums of all shards, so it stands for the whole folder.
        "source_fingerprint": sha256_of_file(os.path.join(source_dir, folder.INFO_NAME)),
    }
    identity = ("dataset", "version", "arguments", "source_fingerprint")
    return {key: source[key] for key in identity} | {"features": maps}


def _shards(source_dir, records_dir, source):
    """Returns {split: list of `MapShard`}."""
    return {
        split: [
            MapShard(
                os.path.join(source_dir, shard["name"]),
                os.path.join(records_dir, shard["name"]),
                split,
                shard["num_records"],
            )
            for shard in of_split["shards"]
        ]
        for split, of_split in source["splits"].items()
    }


def _check_disk(records_dir, shards, encoding, report):
    num_images = sum(shard.num_images for shard in shards)
    needed = num_images * _map_bytes(encoding)
    free = shutil.disk_usage(records_dir).free
    shape = "x".join(str(n) for n in encoding.map_shape)
    report(
        f"{num_images:,} maps of {shape} float16 to make: {_size(needed)} and their questions; "
        f"{_size(free)} free in {records_dir}"
    )
    if needed > free:
        raise BuildError(
            f"There is too little room in {records_dir}: the maps need {_size(needed)} and "
            f"their questions, {_size(free)} are free. Make room, give a --records_dir on "
            "another disk, or make smaller maps (of smaller images). Finished shards are kept."
        )


def _map_bytes(encoding):
    return int(np.prod(encoding.map_shape)) * DTYPE.itemsize


def _size(num_bytes):
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if num_bytes >= unit:
            return f"{num_bytes / unit:,.1f} {name}"
    return f"{num_bytes / 1e3:.1f} kB"


# Writing.


def _write(records_dir, plan, shards, encoding, write_shards, report):
    missing = resume.missing_shards(records_dir, shards, encoding.on_error, report)
    _check_disk(records_dir, missing, encoding, report)
    # The encoder first: without its weights nothing is begun, and others may be given then.
    is_here = missing and write_shards is _write_here
    encode = encoding.make_encode() if is_here else None
    counts = {split: len(of_split) for split, of_split in shards.items()}
    text = folder.to_json(plan | {"num_shards": counts})
    writer.write_text(os.path.join(records_dir, folder.PLAN_NAME), text)
    if is_here:
        _write_here(missing, encode, encoding, report)
    elif missing:
        write_shards(missing, encoding)


def _write_here(shards, encode, encoding, report):
    progress = EncodingProgress(sum(shard.num_images for shard in shards), report)
    with progress:
        for shard in shards:
            write_map_shard(shard, encode, encoding, progress.add)


# Afterwards.


def _finish(source_dir, records_dir, source, plan, shards, split_words, report):
    """Reads all shards once and writes what there is to say about them; returns the info."""
    notes = writer.read_notes([s.path for of_split in shards.values() for s in of_split])
    vocabularies = folder.read_vocabularies(source_dir)
    splits = {}
    for split, of_split in shards.items():
        paths, counts = [s.path for s in of_split], counts_of(source)()
        found = contents.read_split(paths, counts, map_bytes=map_bytes(plan))
        resume.refuse_empty_splits({split: paths}, {split: counts}, notes)
        facts = source["splits"][split] | {"shards": found}
        num_skipped = sum(note["split"] == split for note in notes)
        if num_skipped:
            split_words = split_words or build.split_words_simply
            facts |= counts.describe(vocabularies, split_words)
            facts["num_skipped"] = facts.get("num_skipped", 0) + num_skipped
        splits[split] = facts
    files = _files_of(source_dir, source, notes)
    info = source | {
        "num_skipped": source.get("num_skipped", 0) + len(notes),
        "files": {name: sha256(data).hexdigest() for name, data in files.items()},
        "splits": splits,
        "features": plan["features"],
    }
    resume.finish(records_dir, files, info)
    if notes:
        path = os.path.join(records_dir, folder.SKIPPED_NAME)
        report(f"{counted(len(notes), 'image')} skipped; each is named in {path}")
    return info


def _files_of(source_dir, source, notes):
    """Returns {name: bytes} of the files beside the source's shards, with what was skipped."""
    files = {name: read_bytes(os.path.join(source_dir, name)) for name in source["files"]}
    if notes:
        before = files.get(folder.SKIPPED_NAME, b"")
        files[folder.SKIPPED_NAME] = before + writer.to_json_lines(notes)
    return files
