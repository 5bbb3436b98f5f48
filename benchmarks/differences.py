"""How two values are the same or differ: bytes, records, JSON, arrays and exports.

Most functions here return what `Report.say` takes: the size of what was compared, the
differences, and the names that only the later side has.
"""

import json

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  Its operations are in exports.


class Report:
    """Prints a line for each comparison, and counts them."""

    def __init__(self):
        self.num_same = self.num_different = 0

    def say(self, what, size, differences, added=()):
        """Says how `what` compares.

        Args:
          what: str.
          size: str, how much was compared.
          differences: list of str; empty if all is the same.
          added: names that only the later side has, which is no difference.
        """
        if differences:
            self.num_different += 1
            shown = "; ".join(differences[:5])
            more = f"; {len(differences) - 5} more" if len(differences) > 5 else ""
            print(f"DIFFERENT  {what}: {shown}{more}", flush=True)
            return
        self.num_same += 1
        more = f", and new: {', '.join(sorted(added))}" if added else ""
        print(f"same       {what}: {size}{more}", flush=True)

    def summary(self):
        return f"{self.num_same} comparisons are the same, {self.num_different} differ."


def compare_bytes(old, new):
    """Returns (size, differences) of two byte strings."""
    if old == new:
        return f"{len(old):,} bytes", []
    length = min(len(old), len(new))
    a, b = (np.frombuffer(data[:length], np.uint8) for data in (old, new))
    first = int(np.argmax(a != b)) if (a != b).any() else length
    return "", [f"{len(old):,} and {len(new):,} bytes, first unlike at {first:,}"]


def compare_records(old, new):
    """Returns (size, differences, added features) of two shards, by what the older one has."""
    records = [list(tf.data.TFRecordDataset(path).as_numpy_iterator()) for path in (old, new)]
    if len(records[0]) != len(records[1]):
        return "", [f"{len(records[0]):,} and {len(records[1]):,} records"], ()
    differences, added, size = [], set(), 0
    for place, pair in enumerate(zip(*records)):
        a, b = map(read_features, pair)
        size += len(a)
        added |= b.keys() - a.keys()
        differences += [f"{name} of record {place}" for name in a if a[name] != b.get(name)]
    return f"{size:,} features of {len(records[0]):,} records", differences, added


def read_features(serialized):
    """{name: (kind, values)} of a serialized `tf.train.Example`."""
    features = tf.train.Example.FromString(serialized).features.feature
    kinds = {name: feature.WhichOneof("kind") for name, feature in features.items()}
    return {
        name: (kind, list(getattr(features[name], kind).value)) if kind else (None, [])
        for name, kind in kinds.items()
    }


def compare_values(old, new, changing=(), path=""):
    """Returns (differences, added keys) of two JSON values.

    Args:
      changing: names of keys whose values are not compared.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        differences = [f"{path}{key} is missing" for key in old.keys() - new.keys()]
        added = {f"{path}{key}" for key in new.keys() - old.keys()}
        pairs = [
            (f"{path}{key}.", old[key], new[key])
            for key in old
            if key in new and key not in changing
        ]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        differences, added = [], set()
        pairs = [(f"{path}{i}.", *pair) for i, pair in enumerate(zip(old, new))]
    else:
        unlike = json.dumps(old) != json.dumps(new)
        return [f"{path[:-1]} is {old!r} and {new!r}"] if unlike else [], set()
    for inner, a, b in pairs:
        found = compare_values(a, b, changing, inner)
        differences, added = differences + found[0], added | found[1]
    return differences, added


def compare_arrays(old, new):
    """Returns (size, differences, added names) of two dicts of arrays, bit for bit."""
    differences = []
    for name, a in old.items():
        b = new.get(name)
        if b is None:
            differences.append(f"{name} is missing")
        elif (a.dtype, a.shape) != (b.dtype, b.shape):
            differences.append(f"{name} is {a.dtype}{a.shape} and {b.dtype}{b.shape}")
        elif a.dtype == object:
            differences += [] if (a == b).all() else [f"{name} holds other strings"]
        elif a.tobytes() != b.tobytes():
            differences.append(f"{name} by up to {greatest_difference(a, b):.3g}")
    size = f"{sum(a.size for a in old.values()):,} numbers in {len(old):,} tensors"
    return size, differences, new.keys() - old.keys()


def greatest_difference(a, b):
    if a.dtype.kind not in "biuf":
        return 1.0
    return np.abs(a.astype(np.float64) - b.astype(np.float64)).max()


def compare_exports(report, what, old, new, images, questions):
    """Compares two SavedModels: their signatures, and what those give.

    Args:
      old, new: their folders.
      images: string[N], and questions, string[N, Q]: what both are asked.
    """
    loaded = [tf.saved_model.load(path) for path in (old, new)]
    names = [sorted(one.signatures) for one in loaded]
    missing = [f"{name} is missing" for name in names[0] if name not in names[1]]
    added = {*names[1]} - {*names[0]}
    report.say(f"{what}, signatures", ", ".join(names[0]), missing, added)
    for name in (name for name in names[0] if name in names[1]):
        signatures = [one.signatures[name] for one in loaded]
        described = [describe(signature) for signature in signatures]
        size = f"{len(described[0])} inputs and outputs"
        report.say(
            f"{what}, {name}'s names, types and shapes", size, *compare_values(*described)
        )
        asked = questions if "many" in name else questions[:, 0]
        tensors = {"image": tf.constant(images), "question": tf.constant(asked)}
        outputs = [
            {key: value.numpy() for key, value in signature(**tensors).items()}
            for signature in signatures
        ]
        report.say(f"{what}, {name}'s outputs", *compare_arrays(*outputs))


def describe(signature):
    """{name: type and shape} of what a signature takes and gives."""
    takes = {f"in {k}": v for k, v in signature.structured_input_signature[1].items()}
    gives = {f"out {k}": v for k, v in signature.structured_outputs.items()}
    return {name: f"{spec.dtype.name}{spec.shape}" for name, spec in (takes | gives).items()}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_json(path):
    return json.loads(read(path))


def read_lines(path):
    return [json.loads(line) for line in read(path).splitlines()]
