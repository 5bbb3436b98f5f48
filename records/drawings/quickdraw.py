"""QuickDraw's files, of "Quick, Draw! Dataset" by Google, CC BY 4.0: .ndjson and .bin.

    raw .ndjson   a JSON object a line: "key_id", "word", ..., "drawing": for each stroke
                  [[x, ...], [y, ...], [t in milliseconds, ...]], real numbers
    simplified    the same without t; whole numbers, greatest coordinate 255
    .bin          little-endian, no padding: uint64 key_id, char[2] country, int8 recognized,
                  uint32 timestamp, uint16 strokes; of each uint16 n, uint8 x[n], uint8 y[n]

What was drawn raw is simplified here, by the same steps (`simplify.py`).
"""

import json
import struct

import numpy as np

from records.drawings.simplify import simplify
from records.drawings.strokes import checked

_CUT = "The file may be cut off: download it again."
_HEADER = struct.Struct("<Q2sbIH")


def lines(path):
    """Yields (number of the line from 1, bytes) of the lines with something in them."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


def from_json(line):
    """Returns (class or None, key or None, strokes) of one line.

    Raises:
      ValueError: says what is wrong with it.
    """
    raw = _parsed(line)
    if not is_drawing(raw):
        raise ValueError(f"expected an object with 'drawing'. Received: {line[:60]!r}.")
    return from_object(raw)


def from_object(raw):
    """Returns what `from_json` does, of an object that `is_drawing`."""
    word, key = raw.get("word"), raw.get("key_id")
    if word is not None and not isinstance(word, str):
        raise ValueError(f"'word' must be a string. Received: {json.dumps(word)[:60]}.")
    if key is not None and (isinstance(key, bool) or not isinstance(key, (str, int))):
        raise ValueError(f"'key_id' must be a string. Received: {json.dumps(key)[:60]}.")
    return word, None if key is None else str(key), _strokes_of(raw["drawing"])


def is_drawing(raw):
    """Whether a JSON value is an object with a drawing."""
    return isinstance(raw, dict) and "drawing" in raw


def whole(data):
    """Returns the JSON object that a file's bytes are; None if they are something else."""
    try:
        raw = _parsed(data)
    except ValueError:
        return None
    return raw if isinstance(raw, dict) else None


def from_list(data):
    """Returns the strokes of a JSON list [[[x, y], ...], ...].

    Raises:
      ValueError: says what is wrong with it.
    """
    strokes = _parsed(data)
    return simplify(checked(strokes, "the drawing"))


def _parsed(data):
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"not UTF-8 (byte {error.start}: {error.reason}). Save the file as UTF-8."
        ) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error}). {_CUT}") from None


def _strokes_of(drawing):
    """[[x, ...], [y, ...]] or with times, of each stroke → strokes; raw ones are simplified."""
    if not isinstance(drawing, list):
        raise ValueError(f"'drawing' must be a list. Received: {json.dumps(drawing)[:60]}.")
    strokes = []
    for i, columns in enumerate(drawing):
        is_list = isinstance(columns, list) and len(columns) in (2, 3)
        if not is_list or not all(isinstance(column, list) for column in columns):
            raise ValueError(
                f"stroke {i} must be [[x, ...], [y, ...]], or with times. Received: "
                f"{json.dumps(columns)[:60]}."
            )
        if any(value is True or value is False for column in columns for value in column):
            raise ValueError(f"stroke {i} holds true or false instead of a number.")
        if len({len(column) for column in columns}) > 1:
            lengths = ", ".join(str(len(column)) for column in columns)
            raise ValueError(f"stroke {i} has {lengths} numbers in its rows. {_CUT}")
        strokes.append(list(zip(*columns[:2], strict=True)))
    strokes = checked(strokes, "the drawing")
    return simplify(strokes) if any(len(columns) == 3 for columns in drawing) else strokes


def is_binary(start, size):
    """Whether a file of `size` bytes that begins with `start` may be QuickDraw's .bin."""
    if len(start) < _HEADER.size + 4:
        return False
    _, country, recognized, _, num_strokes = _HEADER.unpack_from(start)
    is_country = country.isalpha() and country.isupper() or country in (b"\0\0", b"  ")
    return is_country and recognized in (0, 1) and 0 < num_strokes < 2000 and size >= 22


def read_binary(path, name):
    """Yields (index, function that returns (None, key, strokes)) of the drawings of a .bin.

    Raises:
      ValueError: names the drawing in which the file ends; after it, nothing can be found.
    """
    with open(path, "rb") as file:
        data = file.read()
    place, index = 0, 0
    while place < len(data):
        try:
            key, strokes, place = _unpacked(data, place)
        except (struct.error, ValueError):
            raise ValueError(
                f"cut off or damaged in drawing {index} (byte {place}). {_CUT}"
            ) from (None)
        yield index, lambda key=key, strokes=strokes: (None, str(key), strokes)
        index += 1


def _unpacked(data, place):
    """Returns (key, strokes, where the next one begins)."""
    key, _, recognized, _, num_strokes = _HEADER.unpack_from(data, place)
    if recognized not in (0, 1):
        raise ValueError("another file, or out of step")
    place, strokes = place + _HEADER.size, []
    for _ in range(num_strokes):
        (length,) = struct.unpack_from("<H", data, place)
        place += 2
        columns = np.frombuffer(data, np.uint8, 2 * length, place).reshape(2, length)
        strokes.append(columns.T.astype(np.int32))
        place += 2 * length
    return key, strokes, place
