"""Files of drawings by others → drawings: one function for all formats.

    QuickDraw   raw and simplified .ndjson, .bin            `quickdraw.py`
    sketch-rnn  .npz of stroke-3 arrays                     `sketch_rnn.py`
    TU-Berlin   .svg, a folder a class                      `svg.py`
    any         .png, .jpg of a drawing, a folder a class   `pixels.py`
    our own     .json, a list of strokes: [[[x, y], ...], ...]; a folder a class

What a file is, its content says; its name gives no more than the class, where the content names
none: that of its folder for one drawing a file, else its own ("full_simplified_alarm clock").

A drawing of pixels has no strokes: to find its lines again would be a guess. It is kept as its
raster, drawn by the same rule, and no raster can be turned into strokes later.
"""

import dataclasses
import hashlib
import itertools
import os
import unicodedata
import urllib.parse

import numpy as np

from records.drawings import pixels, quickdraw, sketch_rnn, svg
from records.drawings.rasterize import rasterize_strokes
from records.drawings.strokes import normalize, pack
from records.other_formats import other_format
from records.questions import is_blank, is_text
from records.regular import check_regular, kind_instead
from records.source import BuildError, Problems, counted, read_bytes

# Files beside drawings that hold none; and what systems leave in folders.
_BESIDE = (".md", ".txt", ".tsv", ".csv", ".html", ".pdf", ".py")
_BESIDE_NAMES = ("readme", "license", "licence", "thumbs.db", "desktop.ini")
# What the names of downloads begin with, before the class.
_PREFIXES = (
    "full_simplified_",
    "full_binary_",
    "full_raw_",
    "full_numpy_bitmap_",
    "sketchrnn_",
)
_START = 4096  # Bytes that tell what a file is.
_LONGEST_CLASS, _LONGEST_KEY = 200, 4096  # Characters: a file's name, and its path.


@dataclasses.dataclass(frozen=True)
class Drawing:
    """One drawing, by its strokes or by its pixels.

    Attributes:
      class_name: what it shows, e.g. "alarm clock".
      key: unique within its class and source.
      source: file and place in it, for messages.
      strokes: list of int32[n, 2] in the canonical form; None: it has pixels.
      raster: uint8[64, 64], samples of a pixel, of 16, that are ink; None: it has strokes.
    """

    class_name: str
    key: str
    source: str
    strokes: list | None = None
    raster: np.ndarray | None = None

    def ids(self):
        """{what: ids} that no other drawing may have."""
        return {"drawing": (f"{self.class_name}/{self.key}",)}

    def describe(self):
        """What it is, for messages."""
        return f"{self.source} ({self.class_name!r}, key {self.key!r})"

    def draw(self):
        """Returns float32[64, 64] in [0, 1], as `rasterize_strokes` does."""
        if self.strokes is None:
            return self.raster / np.float32(16)
        return rasterize_strokes(self.strokes)

    def content(self):
        """Returns bytes that are equal for equal drawings of any class, key and file."""
        if self.strokes is None:
            return b"raster" + self.raster.tobytes()
        points, lengths = pack(self.strokes, self.source)
        return b"strokes" + repr(lengths).encode() + points

    def content_hash(self):
        """Returns the sha256, in hex, of `content`."""
        return hashlib.sha256(self.content()).hexdigest()


def read_drawings(path, problems=None):
    """Yields the drawings of a file, or of all files of a folder and those in it.

    Args:
      path: of the file or the folder.
      problems: a `Problems`; what cannot be used is reported there. Default: it stops.

    Yields:
      `Drawing`s, by file in the order of their names, then as the file has them.

    Raises:
      BuildError: names the file, and the line or the index in it, and what to do; also if there
        is no drawing at all.
    """
    problems, found = problems or Problems(), False
    root, names = files_below(path)
    for name in names:
        for drawing in _read_file(root, name, problems):
            found = True
            yield drawing
    if not found:
        skipped = ""
        if problems.notes:
            number = counted(len(problems.notes), "problem")
            skipped = f" {number} skipped, the first: {_said(problems.notes[0])}"
        raise BuildError(
            f"{path} has no drawing.{skipped} Give a file or a folder of drawings: QuickDraw's "
            ".ndjson or .bin, sketch-rnn's .npz, or folders of SVG, PNG, JPEG or JSON by class."
        )


def read_drawing(path):
    """Returns the one drawing of a file, for whoever asks with it.

    Raises:
      ValueError: names the file, and says what is wrong with it.
    """
    if not os.path.isfile(path):
        instead = None if os.path.isdir(path) else kind_instead(path)
        what = f"{instead}, not a regular file" if instead else "not a file"
        raise ValueError(f"{path} is {what}. Give one file with a drawing.")
    problems = Problems("skip")
    try:
        drawings = list(itertools.islice(read_drawings(path, problems), 2))
    except BuildError:
        drawings = []
    if problems.notes:
        raise ValueError(os.path.join(os.path.dirname(path), _said(problems.notes[0])))
    if len(drawings) != 1:
        how_many = "more than one drawing" if drawings else "no drawing"
        raise ValueError(f"{path} has {how_many}. Give a file with one.")
    return drawings[0]


def _said(note):
    return f"{note['where']}: {note['reason']}"


def files_below(path):
    """Returns (folder, names of the files relative to it) of a file or a folder."""
    if os.path.isfile(path):
        return os.path.dirname(path), [os.path.basename(path)]
    if not os.path.isdir(path):
        raise BuildError(f"{path} is neither a file nor a folder. Give one with drawings.")
    names, seen = [], set()
    for folder, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        # A link to a folder above it would never end.
        folders[:] = [] if real in seen else sorted(f for f in folders if not _is_beside(f))
        files = [] if real in seen else files
        seen.add(real)
        inside = os.path.relpath(folder, path)
        names += [os.path.normpath(os.path.join(inside, f)) for f in files if not _is_beside(f)]
    return path, sorted(names)


def _is_beside(name):
    lower = name.lower()
    is_named_so = lower in _BESIDE_NAMES or os.path.splitext(lower)[0] in _BESIDE_NAMES
    return lower.startswith((".", "__macosx")) or lower.endswith(_BESIDE) or is_named_so


def _read_file(root, name, problems):
    path = os.path.join(root, name)
    try:
        check_regular(path)
        with open(path, "rb") as file:
            start = file.read(_START)
        read = _format_of(start, os.path.getsize(path), name)
        yield from read(path, name, problems)
    except (OSError, BuildError, ValueError) as error:
        _report(problems, name, error)


def _report(problems, name, error):
    """Reports what is wrong with a whole file; what was reported already passes through."""
    if problems.on_error == "stop" and isinstance(error, BuildError):
        raise error
    reason = str(error)
    if isinstance(error, OSError):
        said = error.strerror or str(error)
        reason = f"{said}. Put a file there that can be read, or remove it."
    problems.report(name, reason)


def _format_of(start, size, name):
    """Returns the function that reads a file with this start.

    `name`: the file's, which tells a text of lines.

    Raises:
      ValueError: says what the file seems to be, and what to do.
    """
    text = _as_utf_8(start).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"version https://git-lfs"):
        raise ValueError("a pointer of Git LFS. Fetch the file itself: git lfs pull.")
    if not text:
        raise ValueError("the file is empty. Copy it again from where it came, or remove it.")
    if start.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        return _read_picture
    if start.startswith(b"PK\x03\x04"):
        return _read_sketch_rnn
    if text.startswith(b"<") and (b"<svg" in text or b":svg" in text or b"<?xml" in text):
        return _read_svg
    if start.startswith(_UTF_16):
        raise ValueError(
            "text in UTF-16, of which no format of drawings is known. Save it as UTF-8."
        )
    is_text = b"\0" not in start  # A key of .bin may begin with the byte of any sign.
    # A line of an .ndjson that is something else must not cost the others.
    is_ndjson = name.lower().endswith((".ndjson", ".jsonl")) and not _refused(start)
    if is_text and (text.startswith(b"{") or is_ndjson):
        return _read_ndjson
    if is_text and text.startswith(b"["):
        return _read_json
    if quickdraw.is_binary(start, size):
        return _read_binary
    raise ValueError(
        _refused(start)
        or "no format of drawings is known that begins like this file "
        f"({start[:12]!r}). Known: QuickDraw's .ndjson and .bin, sketch-rnn's .npz, SVG, PNG, "
        "JPEG, and JSON, [[[x, y], ...], ...]. Convert it, or move it elsewhere."
    )


def _as_utf_8(start):
    """The start of a file; of one in UTF-16, as it would be in UTF-8."""
    return start.decode("utf-16", "replace").encode() if start.startswith(_UTF_16) else start


def _refused(start):
    """What to do with a file of a known other format; None of all others."""
    known = next((what for magic, what in _REFUSED.items() if start.startswith(magic)), None)
    other = other_format(start)
    return known or (other and f"{other.what}. {other.remedy}")


_REFUSED = {
    b"\x93NUMPY": "a NumPy array, perhaps QuickDraw's bitmaps of 28x28, which are too coarse. "
    "Give QuickDraw's simplified .ndjson files instead.",
    b"\x1f\x8b": "a file packed by gzip. Unpack it first.",
    b"GIF8": "a GIF. Save it as PNG.",
    b"BM": "a BMP. Save it as PNG.",
    b"%PDF": "a PDF. Save it as SVG or PNG.",
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def class_of_file(name):
    """Returns the class that a file of many drawings is named for.

    Args:
      name: e.g. "full%2Fsimplified%2Falarm clock.ndjson" or "cat.full.npz".
    """
    stem = urllib.parse.unquote(os.path.basename(name)).rpartition("/")[2]
    stem = os.path.splitext(stem)[0].removesuffix(".full")
    for prefix in _PREFIXES:
        stem = stem.removeprefix(prefix)
    return stem.strip()


def class_of_folder(path, name):
    """Returns the class of a file of one drawing: its folder's name."""
    folder = os.path.dirname(name) or os.path.dirname(os.path.abspath(path))
    return os.path.basename(folder).strip() or "drawing"  # It lies at the top of the disk.


# Each yields the drawings of one file: path, what messages call it, `Problems`.


def _read_ndjson(path, name, problems):
    whole = quickdraw.whole(read_bytes(path)) if name.lower().endswith(".json") else None
    if whole is not None and not quickdraw.is_drawing(whole):
        return  # An index, say: an object beside drawings, which is none.
    if whole is not None:

        def make():
            class_name, key, strokes = quickdraw.from_object(whole)
            if class_name is None:
                class_name = class_of_folder(path, name)
            return class_name, key or _key(name), strokes

        yield from _one(problems, name, make, name)
        return
    needs_class = quickdraw.names_classes(path)
    for line, raw in quickdraw.lines(path):

        def make(raw=raw):
            return quickdraw.from_json(raw, needs_class)

        yield from _one(problems, f"{name}:{line}", make, name)


def _read_binary(path, name, problems):
    for index, unpack in quickdraw.read_binary(path, name):
        yield from _one(problems, f"{name}, drawing {index}", unpack, name)


def _read_sketch_rnn(path, name, problems):
    for split, index, array in sketch_rnn.read_arrays(path):
        where, key = f"{name}, {split}[{index}]", f"{_key(name)}/{split}/{index}"

        def make(array=array, key=key):
            return None, key, sketch_rnn.strokes_of(array)

        yield from _one(problems, where, make, name)


def _read_svg(path, name, problems):
    def make():
        return class_of_folder(path, name), _key(name), svg.strokes_of(read_bytes(path))

    yield from _one(problems, name, make, name)


def _read_json(path, name, problems):
    def make():
        strokes = quickdraw.from_list(read_bytes(path))
        return class_of_folder(path, name), _key(name), strokes

    yield from _one(problems, name, make, name)


def _read_picture(path, name, problems):
    try:
        raster = pixels.raster_of(read_bytes(path))
        class_name = _checked_class(class_of_folder(path, name))
    except ValueError as error:
        problems.report(name, str(error))
        return
    yield Drawing(class_name, _key(name), name, raster=raster)


def _key(name):
    """A file's name as a key: the same on every system."""
    key = os.path.splitext(name)[0].replace(os.sep, "/")
    return key.encode("utf-8", "backslashreplace").decode()


def _one(problems, where, make, name):
    """Yields the drawing of strokes that `make` returns the parts of, or reports why not."""
    try:
        class_name, key, strokes = make()
        if class_name is None:
            class_name = class_of_file(name)
        class_name = _checked_class(class_name)
        _check_text("key", key or "", _LONGEST_KEY)
        drawing = Drawing(class_name, key or "", where, normalize(strokes, "the drawing"))
        if not key:
            drawing = dataclasses.replace(drawing, key=drawing.content_hash())
    except ValueError as error:
        problems.report(where, str(error))
        return
    yield drawing


def _check_text(what, text, longest):
    shown = repr(text[:60]) + ("..." if len(text) > 60 else "")
    if not is_text(text):  # Half a character, of a file's name, or an escape in JSON; or NUL.
        raise ValueError(
            f"the {what} {shown} is no text in UTF-8, or has a NUL character. Rename it."
        )
    if len(text) > longest:
        raise ValueError(
            f"the {what} has {len(text):,} characters, at most {longest:,} are taken. "
            f"Received: {shown}. Give it a shorter one."
        )


def _checked_class(class_name):
    _check_text("class", class_name, _LONGEST_CLASS)
    if is_blank(class_name) or not class_name.isprintable():
        raise ValueError(
            f"the class {class_name!r} is no name. Rename it, in the file, or the folder."
        )
    # Letters with accents have two forms, and file systems choose one.
    return unicodedata.normalize("NFC", class_name.strip())
