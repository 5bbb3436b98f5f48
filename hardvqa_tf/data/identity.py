"""Which records a run is trained on: kept with it, so that it resumes with no others.

Words and answers of other records may happen to be the same; the checksums of their shards are
not.
"""

import json

from records.build import read_info
from records.info_shape import OBJECT, TEXT, any_key
from records.shortened import shortened

# What every identity has, see `records.info_shape`.
SHAPE = {
    "dataset?": TEXT,
    "arguments?": OBJECT,
    "source_fingerprint?": TEXT,
    "features?": OBJECT,
    "splits": {any_key: {any_key: TEXT}},
}


def identity_of(records_dir, splits):
    """What tells records apart from others, as JSON.

    Args:
      records_dir: a folder that `--mode=build` has finished.
      splits: names of the splits that count.

    Returns:
      A dict: `dataset`, `arguments` of the builder, `source_fingerprint`, `features` (of maps:
      their encoder) and `splits`, {name: {shard's file: sha256}}. The version of the format is
      none of it: the same images in another format have other shards.

    Raises:
      ValueError: if there are no such records, or they have no such split.
    """
    info = read_info(records_dir)
    of = ("dataset", "arguments", "source_fingerprint", "features")
    missing = [split for split in splits if split not in info["splits"]]
    if missing:
        raise ValueError(
            f"The records in {records_dir} have no such split. Received: split={missing[0]!r}. "
            f"Use one of: {', '.join(info['splits'])}."
        )
    return {name: info[name] for name in of if name in info} | {
        "splits": {
            split: {shard["name"]: shard["sha256"] for shard in info["splits"][split]["shards"]}
            for split in splits
        }
    }


def differences(stored, now):
    """What differs between the records of then and of now, in words.

    Args:
      stored, now: from `identity_of`.

    Returns:
      list of str; empty for the same records.
    """
    found = []
    for name in ("dataset", "source_fingerprint", "arguments", "features"):
        words = name.replace("_", " ")
        found += _differing(words, stored.get(name), now.get(name))
    for split, then in stored.get("splits", {}).items():
        found += _differing_shards(split, then, now["splits"].get(split, {}))
    return found


def _differing(name, then, now):
    if isinstance(then, dict) and isinstance(now, dict):
        keys = [key for key in then | now if then.get(key) != now.get(key)]
        return [part for key in keys for part in _differing(key, then.get(key), now.get(key))]
    return [] if then == now else [f"{name} ({_short(then)} then, {_short(now)} now)"]


def _short(value):
    text = json.dumps(value)
    return text if len(text) < 60 else shortened(text, 13)


def _differing_shards(split, then, now):
    if len(then) != len(now):
        return [f"the number of shards of {split} ({len(then)} then, {len(now)} now)"]
    names = [name for name in then if then[name] != now.get(name)]
    others = f" and {len(names) - 1} more of {split}" if len(names) > 1 else ""
    return [f"what is in {names[0]}{others}"] if names else []
