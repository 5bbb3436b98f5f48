"""The record of a drawing: one `tf.train.Example`, strokes and not pixels.

    drawing/class    bytes       what it shows, e.g. "alarm clock"
    drawing/key      bytes       unique within its class, e.g. QuickDraw's key_id
    drawing/source   bytes       file and place in it
    drawing/split    bytes       "train", "val", "test" or "test_unseen"
    drawing/points   bytes       uint8[N, 2], x and y of all strokes; empty for one of pixels
    drawing/lengths  int64[S]    points of each of the S strokes
    drawing/raster   bytes       uint8[64, 64], ink in 16ths, of one of pixels; else empty

The canonical form is that of `strokes.py`. Nobody else names a feature.
"""

import numpy as np
import tensorflow as tf

from records.drawings.strokes import pack

_STRINGS = ("class", "key", "source", "split", "points", "raster")
FEATURES = (*(f"drawing/{name}" for name in _STRINGS), "drawing/lengths")


def describe():
    """What dataset_info.json says of the schema."""
    return {"kind": "drawing", "features": sorted(FEATURES)}


def serialize(drawing, split):
    """Returns the serialized record of a `readers.Drawing`."""
    is_raster = drawing.strokes is None
    points, lengths = (b"", []) if is_raster else pack(drawing.strokes, drawing.source)
    values = {
        "class": drawing.class_name.encode(),
        "key": drawing.key.encode("utf-8", "backslashreplace"),
        "source": drawing.source.encode("utf-8", "backslashreplace"),
        "split": split.encode(),
        "points": points,
        "raster": drawing.raster.tobytes() if is_raster else b"",
    }
    feature = {
        f"drawing/{name}": tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in values.items()
    }
    lengths = tf.train.Int64List(value=lengths)
    feature["drawing/lengths"] = tf.train.Feature(int64_list=lengths)
    message = tf.train.Example(features=tf.train.Features(feature=feature))
    return message.SerializeToString(deterministic=True)


def parse(serialized):
    """Parses many records at once.

    Args:
      serialized: string[n].

    Returns:
      {name: list of n values}, names without "drawing/": str; of points bytes, of lengths lists
      of int, of raster uint8[64, 64] or None.
    """
    features = {f"drawing/{name}": tf.io.FixedLenFeature([], tf.string) for name in _STRINGS}
    features["drawing/lengths"] = tf.io.RaggedFeature(tf.int64)
    parsed = tf.io.parse_example(serialized, features)
    lists = {name: parsed[f"drawing/{name}"].numpy().tolist() for name in _STRINGS}
    for name in ("class", "key", "source", "split"):
        lists[name] = [text.decode() for text in lists[name]]
    lists["raster"] = [
        np.frombuffer(raster, np.uint8).reshape(64, 64) if raster else None
        for raster in lists["raster"]
    ]
    return lists | {"lengths": parsed["drawing/lengths"].to_list()}
