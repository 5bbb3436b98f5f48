"""QuickDraw's files, of "Quick, Draw! Dataset" by Google, CC BY 4.0: .ndjson and .bin.

    raw .ndjson   a JSON object a line: "key_id", "word", ..., "drawing": for each stroke
                  [[x, ...], [y, ...], [t in milliseconds, ...]], real numbers
    simplified    the same without t; whole numbers, greatest coordinate 255
    .bin          little-endian, no padding: uint64 key_id, char[2] country, int8 recognized,
                  uint32 timestamp, uint16 strokes; of each uint16 n, uint8 x[n], uint8 y[n]

What was drawn raw is simplified here, by the same steps (`simplify.py`).
"""

import itertools
import json
import struct

import numpy as np

from records import strict_json
from records.drawings.simplify import simplify
from records.drawings.strokes import checked
from records.source import shown

MOST_BYTES = 2**26  # Of a line; a drawing of 100,000 points has some megabytes.
_CUT = "The file may be cut off: download it again."
_HEADER = struct.Struct("<Q2sbIH")


def lines(path):
    """Yields (number of the line from 1, bytes) of the lines with something in them.

    Of a line that is too long, which `from_json` refuses, the first bytes alone.
    """
    with open(path, "rb") as file:
        for number in itertools.count(1):
            line = rest = file.readline(MOST_BYTES + 1)
            while len(rest) > MOST_BYTES and not rest.endswith(b"\n"):
                rest = file.readline(MOST_BYTES + 1)
            if line.strip():
                yield number, line
            elif not line:
                return


def names_classes(path):
    """Whether a line of an .ndjson has a `word`, so that each must have one."""
    return any(b'"word"' in line for _, line in lines(path))


def from_json(line, needs_class=False):
    """Returns (class or None, key or None, strokes) of one line.

    Args:
      line: bytes.
      needs_class: it must have a `word`.

    Raises:
      ValueError: says what is wrong with it.
    """
    if len(line) > MOST_BYTES:
        raise ValueError(
            f"the line has more than {MOST_BYTES:,} bytes, the most that are read. Give one "
            "drawing a line, with fewer points."
        )
    raw = _parsed(line)
    if not is_drawing(raw):
        raise ValueError(
            f"expected an object with 'drawing'. Received: {shown(raw)}. Correct it, or remove "
            "the line."
        )
    class_name, key, strokes = from_object(raw)
    if needs_class and class_name is None:
        raise ValueError(
            "it has no 'word', the class, as other lines of the file have. Add it, or remove "
            "the line."
        )
    return class_name, key, strokes


def from_object(raw):
    """Returns what `from_json` does, of an object that `is_drawing`."""
    word, key = raw.get("word"), raw.get("key_id")
    if word is not None and not isinstance(word, str):
        raise ValueError(
            f"'word' must be a string, the class. Received: {shown(word)}. Correct it, or "
            "remove the drawing."
        )
    if key is not None and (isinstance(key, bool) or not isinstance(key, (str, int))):
        raise ValueError(
            f"'key_id' must be a string. Received: {shown(key)}. Correct it, or leave it out."
        )
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
    for i, stroke in enumerate(strokes):
        for point in stroke if isinstance(stroke, list) else ():
            if isinstance(point, list):
                _check_no_bool(point, i)
    return simplify(checked(strokes, "the drawing"))


def _parsed(data):
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"not UTF-8 (byte {error.start}: {error.reason}). Save the file as UTF-8."
        ) from None
    try:
        return strict_json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error}). {_CUT}") from None
    except ValueError as error:
        raise ValueError(f"not JSON that can be used: {error}") from None


def _strokes_of(drawing):
    """[[x, ...], [y, ...]] or with times, of each stroke → strokes; raw ones are simplified."""
    if not isinstance(drawing, list):
        raise ValueError(
            "'drawing' must be a list of strokes, each [[x, ...], [y, ...]]. Received: "
            f"{shown(drawing)}. Correct it, or remove the drawing."
        )
    strokes = []
    for i, columns in enumerate(drawing):
        is_list = isinstance(columns, list) and len(columns) in (2, 3)
        if not is_list or not all(isinstance(column, list) for column in columns):
            raise ValueError(
                f"stroke {i} must be [[x, ...], [y, ...]], or with times. Received: "
                f"{shown(columns)}. Correct it, or remove the drawing."
            )
        for column in columns:
            _check_no_bool(column, i)
        if len({len(column) for column in columns}) > 1:
            lengths = ", ".join(str(len(column)) for column in columns)
            raise ValueError(f"stroke {i} has {lengths} numbers in its rows. {_CUT}")
        strokes.append(list(zip(*columns[:2], strict=True)))
    strokes = checked(strokes, "the drawing")
    return simplify(strokes) if any(len(columns) == 3 for columns in drawing) else strokes


def _check_no_bool(numbers, i):
    """To NumPy, true is 1 beside a number."""
    if any(value is True or value is False for value in numbers):
        raise ValueError(
            f"stroke {i} holds true or false instead of a number. Received: {shown(numbers)}. "
            "Correct it, or remove the drawing."
        )


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
