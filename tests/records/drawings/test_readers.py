"""Drawings of every format are read, by what the files hold; faults name file and place."""

import contextlib
import json
import os
import pathlib
import pickle
import zipfile

import numpy as np
import pytest

from records.drawings import quickdraw
from records.drawings.rasterize import rasterize_strokes
from records.drawings.readers import class_of_file, read_drawing, read_drawings
from records.source import BuildError, Problems
from tests.records.drawings import files

SHARED = pathlib.Path(
    os.environ.get("HARDVQA_SHARED_DATA", pathlib.Path(__file__).parents[4] / "shared" / "data")
)


def lists(strokes):
    return [stroke.tolist() for stroke in strokes]


def read(path, on_error="stop"):
    problems = Problems(on_error)
    return list(read_drawings(path, problems)), problems.notes


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_simplified_ndjson(tmp_path):
    text = files.line("17") + "\n" + files.line("9007199254740993", "alarm clock")
    write(tmp_path / "any.ndjson", "\ufeff" + text)
    (cat, clock), _ = read(tmp_path)
    assert lists(cat.strokes) == files.STROKES and cat.raster is None
    assert (cat.class_name, cat.key, cat.source) == ("cat", "17", "any.ndjson:1")
    assert (clock.class_name, clock.key) == ("alarm clock", "9007199254740993")
    assert clock.source == "any.ndjson:3" and clock.content_hash() == cat.content_hash()


def test_raw_ndjson_is_simplified(tmp_path):
    raw = [[[100.5, 100.5, 120.25], [30.0, 132.0, 30.0], [0, 10, 20]], [[110.0], [50.0], [40]]]
    write(tmp_path / "cat.ndjson", files.line(drawing=raw))
    (drawing,), _ = read(tmp_path / "cat.ndjson")
    assert lists(drawing.strokes) == [[[0, 0], [0, 255], [49, 0]], [[24, 50]]]


def test_a_line_without_word_and_key(tmp_path):
    name = "full%2Fsimplified%2Falarm clock.ndjson"
    write(tmp_path / name, json.dumps({"drawing": files.LISTS}))
    (drawing,), _ = read(tmp_path / name)
    assert drawing.class_name == "alarm clock" and drawing.key == drawing.content_hash()


@pytest.mark.parametrize(
    "name",
    [
        "alarm clock.ndjson",
        "full_simplified_alarm clock.ndjson",
        "full_binary_alarm clock.bin",
        "full%2Fraw%2Falarm%20clock.ndjson",
        "sketchrnn_alarm clock.npz",
        "sketchrnn%2Falarm clock.full.npz",
    ],
)
def test_the_class_that_a_file_is_named_for(name):
    assert class_of_file(f"folder/{name}") == "alarm clock"


# The last one begins with the sign that JSON begins with.
@pytest.mark.parametrize("key", [17, 2**63 + 5, 0x4455_667B, 0x5B, 0x3C])
def test_binary(tmp_path, key):
    data = files.binary(key) + files.binary(18, [[[0, 0], [255, 9]]], b"US")
    write(tmp_path / "full_binary_cat.bin", data)
    (cat, second), _ = read(tmp_path)
    assert lists(cat.strokes) == files.STROKES
    assert (cat.class_name, cat.key) == ("cat", str(key))
    assert second.source == "full_binary_cat.bin, drawing 1"


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_sketch_rnn(tmp_path, protocol):
    drawings = [files.stroke3(), files.stroke3([[[5, 5], [5, 260]]])]
    files.write_npz(tmp_path / "cat.full.npz", protocol, train=drawings, test=drawings[:1])
    found, _ = read(tmp_path)
    assert [d.key for d in found] == ["cat.full/train/0", "cat.full/train/1", "cat.full/test/0"]
    assert lists(found[0].strokes) == files.STROKES and found[0].class_name == "cat"
    assert lists(found[1].strokes) == [[[0, 0], [0, 255]]]
    assert found[2].source == "cat.full.npz, test[0]"


def test_sketch_rnn_as_numpy_writes_it(tmp_path):
    train = np.empty(1, object)
    train[0] = files.stroke3()
    np.savez_compressed(tmp_path / "cat.npz", train=train, allow_pickle=True)
    (drawing,), _ = read(tmp_path)
    assert lists(drawing.strokes) == files.STROKES


class _Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_never_runs_code(tmp_path):
    made = str(tmp_path / "made by code")
    files.write_npz(tmp_path / "cat.npz", train=[files.stroke3(), _Runs(made)])
    with pytest.raises(
        BuildError, match=r"cat.npz: train.npy: its pickle calls .*mkdir.*run code"
    ):
        read(tmp_path / "cat.npz")
    assert not os.path.exists(made)


def test_objects_made_of_bytes_do_not_end_the_process(tmp_path):
    """NumPy itself takes the bytes for addresses."""
    good = np.empty(2, object)
    good[:] = [files.stroke3(), files.stroke3()]
    function, args, state = good.__reduce__()
    assert state[2].hasobject and isinstance(state[4], list)
    inner = _State((function, args, (*state[:4], b"\1" * 16)))
    outer = _State((function, args, (*state[:4], [inner, files.stroke3()])))
    for pickled, message in ((inner, "not the list"), (outer, r"train\[0\]: expected numbers")):
        with zipfile.ZipFile(tmp_path / "cat.npz", "w") as archive:
            archive.writestr("train.npy", files.object_npy(pickle.dumps(pickled), (2,)))
        with pytest.raises(BuildError, match=message):
            read(tmp_path / "cat.npz")


class _State:
    def __init__(self, reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


def test_protocol_5_is_refused(tmp_path):
    files.write_npz(tmp_path / "cat.npz", 5, train=[files.stroke3()])
    with pytest.raises(BuildError, match="protocol 5, which NumPy's files are not"):
        read(tmp_path / "cat.npz")


def test_damaged_pickles_end_in_a_sentence(tmp_path):
    array = np.empty(2, object)
    array[:] = [files.stroke3(), files.stroke3()[:2]]
    rng = np.random.default_rng(0)
    for protocol in (2, 3, 4, 5) * 100:
        pickled = bytearray(pickle.dumps(array, protocol))
        for place in rng.integers(0, len(pickled), rng.integers(1, 4)):
            pickled[place] = rng.integers(0, 256)
        with zipfile.ZipFile(tmp_path / "cat.npz", "w") as archive:
            archive.writestr("train.npy", files.object_npy(bytes(pickled), (2,)))
        with contextlib.suppress(BuildError):
            read(tmp_path / "cat.npz", "skip")


@pytest.mark.parametrize(
    "pickled",
    [
        b"c_codecs\nencode\nN}Vx\nVy\ns\x86b.",
        b"(" * 300_000 + b".",
        b"\x96" + b"\xff" * 7 + b"\x0f.",
        b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
        b"cnumpy.testing._private.utils\nrunstring\n(Vx=1\n}tR.",
        b"cbuiltins\neval\n(V1+1\ntR.",
        b"cnumpy\nload\n(V/etc/passwd\ntR.",
        b"Psomething\n.",
        b"",
        pickle.dumps([1, 2]),
        pickle.dumps(np.zeros(3)),
        b"\x80\x04garbage",
    ],
)
def test_pickles_of_something_else(tmp_path, pickled):
    with zipfile.ZipFile(tmp_path / "cat.npz", "w") as archive:
        archive.writestr("train.npy", files.object_npy(pickled, (2,)))
    with pytest.raises(BuildError, match="cat.npz: train.npy"):
        read(tmp_path / "cat.npz")


def test_json_of_our_own(tmp_path):
    write(tmp_path / "cat" / "mine.json", json.dumps(files.STROKES))
    (drawing,), _ = read(tmp_path)
    assert lists(drawing.strokes) == files.STROKES
    assert (drawing.class_name, drawing.key) == ("cat", "cat/mine")
    (drawing,), _ = read(tmp_path / "cat" / "mine.json")
    assert (drawing.class_name, drawing.key) == ("cat", "mine")


def test_json_of_one_drawing_on_many_lines(tmp_path):
    write(tmp_path / "cat" / "one.json", json.dumps({"drawing": files.LISTS}, indent=1))
    write(tmp_path / "two.json", json.dumps(json.loads(files.line("17")), indent=1))
    (one, two), _ = read(tmp_path)
    assert (one.class_name, one.key) == ("cat", "cat/one")
    assert (two.class_name, two.key) == ("cat", "17") and lists(two.strokes) == files.STROKES
    write(tmp_path / "bad.json", json.dumps({"drawing": [[1, 2]]}, indent=1))
    with pytest.raises(BuildError, match="bad.json: stroke 0 must be"):
        read(tmp_path)


def test_names_that_are_not_utf8(tmp_path):
    (tmp_path / "cat").mkdir()
    name = os.fsencode(tmp_path / "cat") + b"/\xe4.png"
    with open(name, "wb") as file:
        file.write(files.picture())
    (drawing,), _ = read(tmp_path)
    assert drawing.key == "cat/\\udce4"
    os.mkdir(os.fsencode(tmp_path) + b"/\xe4")
    os.rename(name, os.fsencode(tmp_path) + b"/\xe4/1.png")
    with pytest.raises(BuildError, match="is no text in UTF-8, or has.* Rename it"):
        read(tmp_path)


def test_a_nul_in_a_class_or_a_key(tmp_path):
    for change in ({"word": "c\0at"}, {"key_id": "1\0"}):
        line = json.dumps(json.loads(files.line("17")) | change)
        write(tmp_path / "cat.ndjson", line + "\n")
        with pytest.raises(BuildError, match="cat.ndjson.*has a NUL character. Rename it"):
            read(tmp_path)


def test_two_forms_of_an_accent_are_one_class(tmp_path):
    write(tmp_path / "caf\u00e9" / "1.png", files.picture())
    write(tmp_path / "cafe\u0301" / "2.png", files.picture())
    assert {drawing.class_name for drawing in read(tmp_path)[0]} == {"caf\u00e9"}


def test_linked_folders_are_read_once(tmp_path):
    write(tmp_path / "elsewhere" / "1.png", files.picture())
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "raw")
    found, _ = read(tmp_path / "raw")
    assert [(d.class_name, d.key) for d in found] == [("cat", "cat/1")]


@pytest.mark.parametrize("name", ["cat.ndjson", "cat.bin", "cat.png", "cat.json"])
def test_one_drawing_of_a_file_and_its_raster(tmp_path, name):
    data = {
        "cat.ndjson": files.line(),
        "cat.bin": files.binary(),
        "cat.png": files.picture(),
        "cat.json": json.dumps(files.STROKES),
    }[name]
    raster = read_drawing(str(write(tmp_path / name, data))).draw()
    assert raster.dtype == np.float32 and raster.shape == (64, 64) and raster.max() == 1
    assert np.abs(raster - rasterize_strokes(files.STROKES)).mean() < (
        0.02 if "png" in name else 1e-9
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (files.line() * 2, "has more than one drawing. Give a file with one."),
        ("{}", "has no drawing. Give a file with one."),
        ("[[[1, 2]", r"not JSON .* download it again.$"),
        (files.picture(ink=(250, 250, 250)), "nothing is drawn on it.* ground.$"),
    ],
)
def test_no_one_drawing_of_a_file(tmp_path, data, message):
    path = str(write(tmp_path / "some.json", data))
    with pytest.raises(ValueError, match=f"^{path}:? {message}"):
        read_drawing(path)
    with pytest.raises(ValueError, match="is not a file. Give one file"):
        read_drawing(str(tmp_path))


def test_what_lies_beside_drawings_is_left_alone(tmp_path):
    write(tmp_path / "cat.ndjson", files.line())
    for name in (
        "README.md",
        "LICENSE",
        "sources.tsv",
        ".DS_Store",
        "._cat.ndjson",
        "a/Thumbs.db",
    ):
        write(tmp_path / name, b"\0\1 anything")
    write(tmp_path / "index.json", json.dumps({"cat": {"file": "cat.ndjson"}}, indent=1))
    assert len(read(tmp_path)[0]) == 1


def test_a_folder_of_several_formats_in_the_order_of_names(tmp_path):
    write(tmp_path / "b.ndjson", files.line("1"))
    write(tmp_path / "a.bin", files.binary(2))
    write(tmp_path / "cat" / "x.png", files.picture())
    found, _ = read(tmp_path)
    assert [d.key for d in found] == ["2", "1", "cat/x"]
    assert [d.raster is None for d in found] == [True, True, False]


# What a line may hold instead of a drawing; what is said of it.
LINES = {
    "cut": (files.line()[:90], "not JSON"),
    "a list": ("[1]", "expected an object with 'drawing'"),
    "a number": ("7", "expected an object with 'drawing'"),
    "no drawing": ('{"word": "cat"}', "expected an object with 'drawing'"),
    "a drawing that is text": (files.line(drawing="xy"), "'drawing' must be a list"),
    "no strokes": ('{"drawing": []}', "it has no strokes"),
    "strokes of points": (
        files.line(drawing=[[[1, 2], [3, 4], [5, 6], [7, 8]]]),
        "must be [[x",
    ),
    "rows of numbers": (files.line(drawing=[[1, 2]]), "stroke 0 must be [[x"),
    "rows of two lengths": (files.line(drawing=[[[1, 2], [3]]]), "stroke 0 has 2, 1 numbers"),
    "no points": (files.line(drawing=[[[], []]]), "stroke 0: it has no points"),
    "text": (files.line(drawing=[[["a"], [3]]]), "expected points [x, y] of numbers"),
    "null": (files.line(drawing=[[[None], [3]]]), "expected points [x, y] of numbers"),
    "true": (files.line(drawing=[[[True, 2], [3, 4]]]), "true or false"),
    "NaN": (files.line(drawing=[[[float("nan")], [3]]]), "must be finite"),
    "infinity": (files.line(drawing=[[[float("inf")], [3]]]), "must be finite"),
    "huge": (files.line(drawing=[[[1e300], [3]]]), "at most 1e+09"),
    "huge whole": (files.line(drawing=[[[10**40], [3]]]), "expected points"),
    "thousands of digits": ('{"drawing": [[[' + "9" * 5000 + "],[3]]]}", "not JSON"),
    "a word that is a number": (files.line(word=7), "'word' must be a string"),
    "an empty word": (files.line(word=" "), "the class ' ' is no name"),
    "a word of half a character": (files.line(word="\ud800"), "no text in UTF-8"),
    "a word with a line break": (files.line(word="a\nb"), "is no name"),
    "a key of half a character": (files.line(key="\ud800"), "no text in UTF-8"),
    "a key that is a list": (files.line(key=[1]), "'key_id' must be a string"),
    "deep": ('{"drawing": ' + "[" * 100_000, "not JSON"),
    "not UTF-8": (files.line().encode().replace(b"cat", b"c\xe4t"), "not UTF-8"),
    "no word, unlike the others": (
        json.dumps({"key_id": "9", "drawing": files.LISTS}),
        "it has no 'word', the class, as other lines",
    ),
    "a long word": (
        files.line(word="x" * 100_000),
        "the class has 100,000 characters, at most",
    ),
    "a word nobody sees": (files.line(word="\u2060"), "is no name"),
    "a long key": (files.line(key="1" * 9999), "the key has 9,999 characters"),
    "a key twice": (
        '{"word": "a", "word": "b", "drawing": []}',
        "the key 'word' is there twice",
    ),
    "far too many points": (
        files.line(drawing=[[[*range(100_001)], [0] * 100_001]]),
        "it has 100,001 points, at most 100,000 are read",
    ),
    "too many strokes": (files.line(drawing=[[[i], [0]] for i in range(600)]), "600 strokes"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_bad_line_is_named_or_left_out(tmp_path, name):
    bad, message = LINES[name]
    bad = bad if isinstance(bad, bytes) else bad.encode()
    data = files.line("1").encode() + bad.strip() + b"\n" + files.line("2").encode()
    write(tmp_path / "cats.ndjson", data)
    with pytest.raises(BuildError) as error:
        read(tmp_path)
    assert str(error.value).startswith("cats.ndjson:2: ") and message in str(error.value)
    assert "--on_error=skip" in str(error.value)
    found, notes = read(tmp_path, "skip")
    assert [d.key for d in found] == ["1", "2"]
    assert [note["where"] for note in notes] == ["cats.ndjson:2"] and message in notes[0][
        "reason"
    ]


@pytest.mark.parametrize("first", ["[1, 2]", "null", "hello", "7"])
def test_a_bad_first_line_costs_no_other_line(tmp_path, first):
    write(tmp_path / "cat.ndjson", first + "\n" + files.line())
    found, notes = read(tmp_path, "skip")
    assert len(found) == 1 and [note["where"] for note in notes] == ["cat.ndjson:1"]


def test_a_line_without_end_is_not_kept_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(quickdraw, "MOST_BYTES", 2 * len(files.line()))
    write(tmp_path / "cat.ndjson", files.line() + " " * 5000 + "\n" + "x" * 5000 + "\n")
    found, notes = read(tmp_path, "skip")
    assert len(found) == 1 and [note["where"] for note in notes] == ["cat.ndjson:3"]
    assert "the line has more than" in notes[0]["reason"]


def _npz(**arrays):
    import io

    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


# Whole files that hold no drawing.
FILES = {
    "cut.bin": (files.binary()[:-3], "cut off or damaged in drawing 0"),
    "garbage.bin": (b"\x01\x02\x03\x04" * 50, "no format of drawings is known"),
    "empty.ndjson": (b"", "the file is empty"),
    "blank.ndjson": (b" \n\n", "the file is empty"),
    "cut.npz": (_npz(train=np.zeros(3))[:60], "a damaged .npz"),
    "numbers.npz": (_npz(train=np.zeros((3, 5, 3))), "a list of drawings, each [T, 3]"),
    "no_arrays.npz": (None, "a zip file without arrays"),
    "bitmaps.npy": (b"\x93NUMPY\x01\x00", "bitmaps of 28x28"),
    "packed.ndjson.gz": (b"\x1f\x8b\x08\x00rest", "Unpack it first"),
    "picture.webp": (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "a WebP image. Convert it to PNG"),
    "picture.gif": (b"GIF89a", "Save it as PNG"),
    "cut.png": (files.picture()[:200], "cannot be decoded"),
    "blank.png": (files.picture(ink=(255, 255, 255)), "nothing is drawn on it"),
    "page.xhtml": (b"<html><body>svg</body></html>", "an HTML page. Download the file itself"),
    "pointer.ndjson": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "utf16.ndjson": (files.line().encode("utf-16"), "no format of drawings is known"),
    "true.json": (b"[[[true, 2]]]", "stroke 0 holds true or false"),
    "deep.json": (b"[" * 900 + b"1" + b"]" * 900, "expected points [x, y] of numbers"),
    "list.json": (b"[[[1, 2, 3]]]", "expected points [x, y] of numbers"),
    "cut.json": (b"[[[1, 2", "not JSON"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_named_or_left_out(tmp_path, name):
    data, message = FILES[name]
    if data is None:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("readme", "nothing")
    else:
        write(tmp_path / name, data)
    write(tmp_path / "good.ndjson", files.line())
    with pytest.raises(BuildError) as error:
        read(tmp_path)
    assert str(error.value).startswith(name) and message in str(error.value)
    found, notes = read(tmp_path, "skip")
    assert len(found) == 1 and [note["where"] for note in notes] == [name]
    with pytest.raises(BuildError, match="has no drawing. 1 problem"):
        read(tmp_path / name, "skip")


# What an array of sketch-rnn may hold.
@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 5), np.int16), r"expected numbers \[T, 3\]"),
        (np.zeros(3, np.int16), r"expected numbers \[T, 3\]"),
        (np.zeros((0, 3), np.int16), "no points"),
        (np.array([[1, 2, 7]], np.int16), "the pen, must be 0 or 1"),
        (np.array([[np.nan, 2, 1]]), "must be finite"),
        (np.array([["a", "b", "c"]]), "expected numbers"),
        (None, "expected numbers"),
    ],
)
def test_a_bad_array_is_named_or_left_out(tmp_path, array, message):
    files.write_npz(tmp_path / "cat.npz", train=[files.stroke3(), array, files.stroke3()])
    with pytest.raises(BuildError, match=rf"cat.npz, train\[1\]: .*{message}"):
        read(tmp_path)
    found, notes = read(tmp_path, "skip")
    assert [d.key for d in found] == ["cat/train/0", "cat/train/2"] and len(notes) == 1


def test_a_cut_binary_keeps_what_comes_before(tmp_path):
    write(tmp_path / "cat.bin", files.binary(1) + files.binary(2)[:-1])
    found, notes = read(tmp_path, "skip")
    assert [d.key for d in found] == ["1"] and notes[0]["where"] == "cat.bin"
    assert "drawing 1 (byte 35)" in notes[0]["reason"]


def test_nothing_there(tmp_path):
    with pytest.raises(BuildError, match="neither a file nor a folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(BuildError, match="has no drawing. Give a file or a folder"):
        read(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    write(tmp_path / "cat.ndjson", files.line())
    (tmp_path / "dog.ndjson").symlink_to(tmp_path / "away")
    with pytest.raises(BuildError, match=r"dog.ndjson: No such file or directory\. Put"):
        read(tmp_path)


@pytest.mark.parametrize(("folder", "num"), [("quickdraw", 1483), ("quickdraw_more", 6008)])
def test_genuine_drawings(folder, num):
    if not (SHARED / folder).is_dir():
        pytest.skip(f"the drawings of {SHARED / folder} are not there")
    found, _ = read(SHARED / folder)
    assert len(found) == num == len({drawing.content_hash() for drawing in found})
    assert all(len(drawing.strokes) for drawing in found)
    assert max(stroke.max() for d in found for stroke in d.strokes) == 255


def test_an_npz_that_unpacks_to_far_more_than_it_is(tmp_path):
    with zipfile.ZipFile(tmp_path / "cat.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.npy", files.object_npy(b"N" * 2**24 + b".", (2,)))
    with pytest.raises(BuildError, match=r"cat.npz: train.npy has 16,7\d\d,\d+ bytes unpacked"):
        read(tmp_path / "cat.npz")


def test_a_pickle_of_values_in_each_other_ends_soon(tmp_path):
    with zipfile.ZipFile(tmp_path / "cat.npz", "w") as archive:
        archive.writestr("train.npy", files.object_npy(b"(" * 1000 + b".", (2,)))
    with pytest.raises(BuildError, match="cat.npz: train.npy: its pickle has 100 values in"):
        read(tmp_path / "cat.npz")


def test_what_was_left_out_is_told_where_nothing_remains(tmp_path):
    write(tmp_path / "cat.bin", files.binary()[:-3])
    with pytest.raises(
        BuildError, match="no drawing. 1 problem skipped, the first: cat.bin: cut"
    ):
        read(tmp_path, "skip")
