"""Tiny files of drawings in every format, made here."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
from PIL import Image, ImageDraw

# One drawing, in the canonical form: a level line, a bent one and a dot.
STROKES = [[[0, 0], [255, 0]], [[20, 20], [40, 80], [200, 110]], [[7, 190]]]
LISTS = [[list(column) for column in zip(*stroke, strict=True)] for stroke in STROKES]


def line(key="17", word="cat", drawing=None, **extra):
    """A line of QuickDraw's simplified form, as the official ones are written."""
    row = {"word": word, "countrycode": "DE", "timestamp": "2017-03-01 20:41:36.70725 UTC"}
    row |= {"recognized": True, "key_id": key, "drawing": drawing or LISTS} | extra
    return json.dumps(row, separators=(",", ":")) + "\n"


def other(number):
    """Another drawing for each number, in the form of a line's."""
    rng = np.random.default_rng(number)
    return [rng.integers(0, 256, (2, 5)).tolist(), [[0, 255], [number % 250, 7]]]


def binary(key=17, strokes=None, country=b"DE"):
    """A drawing of QuickDraw's .bin."""
    strokes = STROKES if strokes is None else strokes
    data = struct.pack("<Q2sbIH", key, country, 1, 1488400000, len(strokes))
    for stroke in strokes:
        columns = np.array(stroke, np.uint8).T
        data += struct.pack("<H", len(stroke)) + columns.tobytes()
    return data


def stroke3(strokes=None):
    """A drawing of sketch-rnn: int16[T, 3]."""
    strokes = STROKES if strokes is None else strokes
    points = np.concatenate([np.array(stroke) for stroke in strokes])
    pen = np.concatenate([[0] * (len(stroke) - 1) + [1] for stroke in strokes])
    steps = np.diff(points, axis=0, prepend=[[0, 0]])
    return np.concatenate([steps, pen[:, None]], axis=1).astype(np.int16)


def write_npz(path, protocol=4, **splits):
    """sketch-rnn's .npz; `protocol` of the pickles in it: 2 is that of the official ones."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, drawings in splits.items():
            array = np.empty(len(drawings), object)
            array[:] = drawings
            archive.writestr(
                f"{name}.npy", object_npy(pickle.dumps(array, protocol), array.shape)
            )


def object_npy(pickled, shape):
    """A .npy of objects with any pickle."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|O", "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + pickled


def picture(mode="RGB", ground=(255, 255, 255), ink=(0, 0, 0), width=5, kind="PNG", side=300):
    """The bytes of a picture of STROKES."""
    image = Image.new(mode, (side, side), ground)
    pen = ImageDraw.Draw(image)
    for stroke in STROKES:
        points = [(20 + x, 40 + y) for x, y in stroke]
        if len(points) > 1:
            pen.line(points, ink, width)
        for x, y in points:
            r = width / 2
            pen.ellipse((x - r, y - r, x + r, y + r), ink)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()
