"""What the shards of a folder hold: counted once after a build, counted again by `verify`."""

import concurrent.futures
import contextlib
import os
import sys

import tensorflow as tf
import tqdm

from records import folder
from records.counts import counts_of
from records.damage import check_file, damage
from records.images import check_decodes, check_image, image_size
from records.map_facts import holds_maps, map_bytes
from records.source import BuildError, sha256_of_file

_AT_ONCE = 16  # Records: one trip through tf.data costs more than a small record.


def read_split(shard_paths, counts, *, map_bytes=None, decodes=False, notices=None):
    """Reads and checks every record of a split, and counts it.

    Args:
      shard_paths: the split's files, in order.
      counts: what each record is added to, e.g. `QuestionCounts`.
      map_bytes: length of the map that each record holds; None: they hold images.
      decodes: images are decoded, by as many threads as there are cores; else their headers
        are read.
      notices: list that grows by {"shard", "image_id", "reason"} of every image that training
        decodes, but that a build refuses today.

    Returns:
      What dataset_info.json says of the shards: [{"name", "num_records", "num_bytes",
      "sha256"}, ...].

    Raises:
      BuildError: names the shard, and of a broken image its id.
    """
    shards, quiet = [], not sys.stderr.isatty()
    for path in tqdm.tqdm(shard_paths, "checking", unit=" shards", leave=False, disable=quiet):
        before = counts.num_records
        _read_shard(path, counts, map_bytes, decodes, [] if notices is None else notices)
        shards.append(
            {
                "name": os.path.basename(path),
                "num_records": counts.num_records - before,
                "num_bytes": os.path.getsize(path),
                "sha256": sha256_of_file(path),
            }
        )
    return shards


def _read_shard(path, counts, map_bytes, decodes, notices):
    before, name = counts.num_records, os.path.basename(path)
    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            batches = tf.data.TFRecordDataset(path).batch(_AT_ONCE).as_numpy_iterator()
            for batch in batches:
                records = [_features(serialized) for serialized in batch]
                check = _check_image if decodes else _check_header
                check = check if getattr(counts, "HAS_IMAGES", True) else None
                pictures = pool.map if decodes else map
                found = pictures(lambda features: _size(features, map_bytes, check), records)
                for features, (size, reason) in zip(records, found, strict=True):
                    if size:
                        _check_size(features, size)
                    counts.add(features)
                    if reason:
                        image_id = features["image/id"][0].decode()
                        notices.append({"shard": name, "image_id": image_id, "reason": reason})
    except _BrokenImage as error:
        raise BuildError(
            f"{path}: {error} Mend it where it comes from, and build the records again, into "
            "another folder; a build with --on_error=skip leaves it out."
        ) from None
    except (tf.errors.OpError, ValueError, KeyError) as error:
        raise BuildError(
            f"{path}: damaged after record {counts.num_records - before} ({_said(error)}). "
            "Delete this file if the build is unfinished, else the whole folder, and build "
            "again."
        ) from None


class _BrokenImage(Exception):
    """Not a damaged file: the image was so when it was put there."""


def _features(serialized):
    """Returns {name: list of its values} of a serialized record."""
    try:
        message = tf.train.Example.FromString(serialized)
    except Exception as error:  # protobuf's DecodeError, which is not to be imported.
        raise ValueError(f"it is no record: {error}") from None
    return {name: _values(feature) for name, feature in message.features.feature.items()}


def _values(feature):
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []


def _size(features, map_bytes, check):
    """Returns what `check` does of a record's image; (None, None) of a map, or without one."""
    if check is None:
        return None, None
    expected = "image/encoded" if map_bytes is None else "image/features"
    if expected not in features:
        raise ValueError(f"it has no {expected}")
    picture = features[expected][0]
    if map_bytes is None:
        try:
            return check(picture)
        except ValueError as error:
            raise _BrokenImage(f"image {features['image/id'][0].decode()!r}: {error}") from None
    if len(picture) != map_bytes:
        raise ValueError(f"its map has {len(picture)} bytes instead of {map_bytes}")
    return None, None


def _check_header(picture):
    return image_size(picture), None


def _check_image(picture):
    """Returns ((height, width), why a build would refuse it although training decodes it)."""
    try:
        return check_image(picture), None
    except ValueError as error:
        reason = str(error)
        with contextlib.suppress(ValueError):
            check_decodes(picture)
            return image_size(picture), reason
        raise


def _check_size(features, size):
    said = features["image/height"][0], features["image/width"][0]
    if size != said:
        raise ValueError(f"its image is {size[0]} high and {size[1]} wide, unlike it says")


def _said(error):
    return f"it has no {error.args[0]}" if isinstance(error, KeyError) else error


def verify(records_dir, *, split_words=None):
    """Reads finished records again and checks every checksum, every image and every count.

    Args:
      records_dir: a folder that `build` finished, with this version or an older one.
      split_words: what `build` was given. Without it, counts of words are not checked (their
        file's checksum is).

    Returns:
      {"num_shards", "num_images", "num_questions", "num_bytes"} of the whole folder, and
      "notices", see `read_split`: what an older version took is no damage.

    Raises:
      BuildError: names the file, what is wrong with it and what to do.
    """
    info = folder.read_info(records_dir)
    for name, sha256 in info.get("files", {}).items():
        _check_file(os.path.join(records_dir, name), None, sha256)
    vocabularies, notices = folder.read_vocabularies(records_dir), []
    for split, expected in info["splits"].items():
        paths = [os.path.join(records_dir, shard["name"]) for shard in expected["shards"]]
        for path, shard in zip(paths, expected["shards"], strict=True):
            _check_file(path, shard["num_bytes"], shard["sha256"])
        counts = counts_of(info)()
        shards = read_split(
            paths, counts, map_bytes=map_bytes(info), decodes=True, notices=notices
        )
        found = counts.describe(vocabularies, split_words) | {"shards": shards}
        _check_counts(records_dir, split, expected, found)
        # Maps keep the vocabularies of their images, of which some may have been skipped.
        is_source = split == info["train_split"] and not holds_maps(info)
        for name, pairs in counts.vocabularies().items() if is_source else ():
            if pairs != vocabularies[name]:
                path = os.path.join(records_dir, folder.VOCABULARIES_NAME)
                _damaged(path, f"{name} differ")
    return _summary(info) | {"notices": notices}


def _check_file(path, num_bytes, sha256):
    check_file(path, num_bytes)
    if sha256_of_file(path) != sha256:
        _damaged(path, f"does not have the checksum that {folder.INFO_NAME} gives")


def _check_counts(records_dir, split, expected, found):
    path = os.path.join(records_dir, folder.INFO_NAME)
    for name, value in found.items():
        if expected.get(name) != value:
            _damaged(
                path, f"says {name} = {expected.get(name)} of {split!r}, but it is {value}"
            )


def _damaged(path, what):
    raise BuildError(damage(path, what))


def _summary(info):
    splits = info["splits"].values()
    shards = [shard for split in splits for shard in split["shards"]]
    sums = {
        name: sum(split[name] for split in splits)
        for name, kind in counts_of(info).FACTS.items()
        if kind is int
    }
    return {
        "num_shards": len(shards),
        **sums,
        "num_bytes": sum(shard["num_bytes"] for shard in shards),
    }
