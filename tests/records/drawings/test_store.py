"""Stores of drawings: the same bytes, splits apart, resumed, verified, and picked from."""

import json
import os

import numpy as np
import pytest

from hardvqa_tf.command_line.build import _verify
from records import contents, writer
from records.drawings import rasterize
from records.drawings.sources import Doodles, Files
from records.drawings.store import build_store
from records.drawings.stored_drawings import StoredDrawings
from records.drawings.strokes import normalize
from records.source import BuildError
from tests.records.drawings import files
from tests.records.drawings.test_readers import SHARED
from tests.records.trees import files_of

CLASSES = ("cat", "dog", "key", "sun")


def tree(root, num=10, classes=CLASSES, first=0):
    """Drawings of each class, in a file each, all different; returns the folder."""
    root.mkdir(parents=True, exist_ok=True)
    for c, name in enumerate(classes, first):
        lines = [files.line(f"{c}{i:03d}", name, files.other(100 * c + i)) for i in range(num)]
        (root / f"{name}.ndjson").write_text("".join(lines))
    return root


def build(root, store, **arguments):
    return build_store(store, Files(root), **{"report": lambda line: None, **arguments})


@pytest.fixture(scope="module", name="built")
def _built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawings")
    tree(folder / "raw", 20)
    (folder / "raw" / "sun").mkdir()
    (folder / "raw" / "sun" / "photo.png").write_bytes(files.picture())
    build(folder / "raw", folder / "store", unseen=["key"])
    return folder / "store"


def by_split(store):
    """{split: {class: keys}}"""
    stored, found = StoredDrawings(store), {}
    for class_name, split, key in zip(
        stored.class_names, stored.splits, stored.keys, strict=True
    ):
        found.setdefault(split, {}).setdefault(class_name, []).append(key)
    return found


def test_what_is_built_is_read(built):
    info = json.loads((built / "dataset_info.json").read_text())
    assert info["classes"] == {"seen": ["cat", "dog", "sun"], "unseen": ["key"]}
    assert info["splits"]["train"]["drawings_per_class"] == {"cat": 14, "dog": 14, "sun": 15}
    assert info["splits"]["test"]["drawings_per_class"] == {"cat": 3, "dog": 3, "sun": 3}
    assert info["splits"]["test_unseen"]["num_drawings"] == 20
    assert info["test_splits"] == ["test", "test_unseen"]
    assert info["arguments"] == {
        "source": "files", "shares": {"val": 0.15, "test": 0.15}, "unseen": ["key"],
    }  # fmt: skip
    found = by_split(built)
    assert {split: sorted(of) for split, of in found.items()} == {
        "train": ["cat", "dog", "sun"],
        "val": ["cat", "dog", "sun"],
        "test": ["cat", "dog", "sun"],
        "test_unseen": ["key"],
    }
    keys = [key for of in found.values() for keys in of.values() for key in keys]
    assert len(keys) == len(set(keys)) == 81
    stored = StoredDrawings(built)
    number = stored.keys.index("0003")
    assert stored.class_names[number] == "cat"
    expected = normalize([np.array(stroke).T for stroke in files.other(3)])
    assert [s.tolist() for s in stored.strokes[number]] == [s.tolist() for s in expected]


def test_the_same_bytes_from_files_in_another_order(tmp_path, built):
    raw = built.parent / "raw"
    first = build(raw, tmp_path / "one", unseen=["key"])
    assert files_of(tmp_path / "one") == files_of(built)
    assert build(raw, tmp_path / "one", unseen=["key"]) == first  # it is finished
    everything = "".join(sorted((raw / f"{n}.ndjson").read_text() for n in CLASSES)[::-1])
    lines = everything.splitlines(keepends=True)[::-1]
    (tmp_path / "raw" / "sun").mkdir(parents=True)
    (tmp_path / "raw" / "all.ndjson").write_text("".join(lines))
    (tmp_path / "raw" / "sun" / "photo.png").write_bytes(files.picture())
    build(tmp_path / "raw", tmp_path / "two", unseen=["key"])
    one, two = by_split(built), by_split(tmp_path / "two")
    assert one == two


def test_a_killed_build_is_resumed_to_the_same_bytes(tmp_path, built, monkeypatch):
    raw, write = built.parent / "raw", writer.write_records

    def killed(path, records, problems):
        if "-test." in path:
            raise KeyboardInterrupt
        write(path, records, problems)

    whole = tmp_path / "whole"
    build(raw, whole, unseen=["key"], num_shards=3)
    monkeypatch.setattr(writer, "write_records", killed)
    with pytest.raises(KeyboardInterrupt):
        build(raw, tmp_path / "store", unseen=["key"], num_shards=3)
    left = files_of(tmp_path / "store")
    assert "build_plan.json" in left and "dataset_info.json" not in left
    monkeypatch.setattr(writer, "write_records", write)
    with pytest.raises(BuildError, match="argument unseen"):
        build(raw, tmp_path / "store", unseen=["cat"], num_shards=3)
    said = []
    build(raw, tmp_path / "store", unseen=["key"], report=said.append)
    assert "6 of 12 shards are there already" in said[0]
    assert files_of(tmp_path / "store") == files_of(whole)


def test_verify_finds_damage(tmp_path, built):
    raw = built.parent / "raw"
    build(raw, tmp_path / "store", unseen=["key"])
    summary = contents.verify(tmp_path / "store")
    assert summary["num_drawings"] == 81 and summary["num_rasters"] == 1
    (path,) = (tmp_path / "store").glob("drawings-val.*")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BuildError, match=r"drawings-val\S+ does not have the checksum"):
        contents.verify(tmp_path / "store")
    with pytest.raises(BuildError, match=r"drawings-val\S+ does not have the checksum"):
        StoredDrawings(tmp_path / "store")
    path.write_bytes(data[:-5])
    with pytest.raises(
        BuildError, match=r"drawings-val\S+ has \d+ bytes, but was written with"
    ):
        StoredDrawings(tmp_path / "store")
    os.remove(path)
    with pytest.raises(BuildError, match=r"drawings-val\S+ is missing"):
        build(raw, tmp_path / "store", unseen=["key"])


def test_the_command_that_verifies_says_what_it_counted(built, capsys):
    _verify(str(built))
    said = f"{built}: 81 drawings, 1 of them rasters in 4 shards, all as they should be."
    assert said in capsys.readouterr().out


def test_verify_counts_again(tmp_path, built):
    build(built.parent / "raw", tmp_path / "store", unseen=["key"])
    path = tmp_path / "store" / "dataset_info.json"
    info = json.loads(path.read_text())
    info["splits"]["val"]["drawings_per_class"]["cat"] += 1
    path.write_text(json.dumps(info))
    with pytest.raises(BuildError, match="says drawings_per_class = .* of 'val'"):
        contents.verify(tmp_path / "store")


def test_another_folder_is_refused(tmp_path, built):
    build(tree(tmp_path / "raw"), tmp_path / "store")
    (tmp_path / "raw" / "cat.ndjson").write_text(files.line())
    with pytest.raises(BuildError, match="Differing: source_fingerprint"):
        build(tmp_path / "raw", tmp_path / "store")
    with pytest.raises(BuildError, match="There are no records in"):
        StoredDrawings(tmp_path)


def test_copies_are_kept_once_and_what_is_of_several_classes_not_at_all(tmp_path):
    root = tree(tmp_path / "raw")
    copies = [
        files.line("9990", "cat", files.other(3)),  # Another key, the same strokes.
        files.line("0004", "cat", files.other(77)),  # The same key, in another form.
        files.line("9991", "dog", files.other(205)),  # Of a key.
        files.line("9992", "sun", files.other(205)),
        files.line("9993", "sun", files.other(205)),
    ]
    (root / "z.ndjson").write_text("".join(copies))
    info = build(root, tmp_path / "store", unseen=["key"])
    assert info["num_copies"] == 3 and info["num_in_several_classes"] == 3
    found = by_split(tmp_path / "store")
    assert len(found["test_unseen"]["key"]) == 9 and "2005" not in found["test_unseen"]["key"]
    keys = {key for of in found.values() for keys in of.values() for key in keys}
    assert keys.isdisjoint({"9990", "9991", "9992", "9993"}) and {"0003", "0004"} <= keys


def test_a_drawing_stays_in_its_split_when_others_come_to_other_classes(tmp_path):
    build(tree(tmp_path / "raw"), tmp_path / "one", unseen=["key"])
    tree(tmp_path / "raw", 30, classes=("cup",), first=4)
    build(tmp_path / "raw", tmp_path / "two", unseen=["key"])
    one, two = by_split(tmp_path / "one"), by_split(tmp_path / "two")
    for split, of in one.items():
        assert {name: two[split][name] for name in of} == of


def test_unseen_classes_by_their_names(tmp_path):
    names = [f"class {i}" for i in range(40)]
    info = build(tree(tmp_path / "raw", 3, names), tmp_path / "store", unseen=0.25)
    unseen = info["classes"]["unseen"]
    assert 3 <= len(unseen) <= 18
    fewer = build(tree(tmp_path / "few", 3, names[::2]), tmp_path / "fewer", unseen=0.25)
    assert fewer["classes"]["unseen"] == [name for name in unseen if name in names[::2]]
    one = build(tree(tmp_path / "small", 3), tmp_path / "one", unseen=0.01)
    assert len(one["classes"]["unseen"]) == 1
    none = build(tmp_path / "small", tmp_path / "none", unseen=0)
    assert none["classes"]["unseen"] == [] and "test_unseen" not in none["splits"]


def test_what_is_skipped_is_noted(tmp_path):
    root = tree(tmp_path / "raw")
    (root / "bad.ndjson").write_text(files.line("1", "cat")[:80] + "\n")
    (root / "lone.ndjson").write_text(files.line("1", "lonely"))
    with pytest.raises(BuildError, match="bad.ndjson:1: not JSON"):
        build(root, tmp_path / "store")
    info = build(root, tmp_path / "store", on_error="skip", unseen=0)
    assert info["num_skipped"] == 2 and "lonely" not in info["classes"]["seen"]
    notes = (tmp_path / "store" / "skipped.jsonl").read_text().splitlines()
    assert [json.loads(note)["where"] for note in notes] == ["bad.ndjson:1", "class 'lonely'"]
    contents.verify(tmp_path / "store")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unseen": ["cow"]}, "of which there is no drawing: cow. There are: cat, dog"),
        ({"unseen": list(CLASSES)}, "No class is left to train on: of 4, 4 are unseen"),
        ({"unseen": 1.0}, "`unseen` must be a share of the classes"),
        ({"unseen": "cat"}, "`unseen` must be a share of the classes"),
        ({"shares": {"val": 0.5, "test": 0.5}}, "`shares` must give"),
        ({"shares": {"val": 0.5}}, "`shares` must give"),
        ({"on_error": "ask"}, "`on_error` must be"),
    ],
)
def test_arguments_that_cannot_be(tmp_path, arguments, message):
    with pytest.raises(BuildError, match=message):
        build(tree(tmp_path / "raw"), tmp_path / "store", **arguments)
    assert not (tmp_path / "store").exists()


PICKED = ["0009", "0012", "0001"]


def test_picks_depend_on_what_is_asked_alone(built):
    stored = StoredDrawings(built)

    def keys(*asked, **more):
        return [stored.keys[i] for i in stored.pick(*asked, **more)]

    # Written down once: they must be the same on every machine and in every version.
    assert keys(0, 0, "scene 1/cat", "cat", "train", 3) == PICKED
    assert keys(0, 0, "scene 1/cat", "cat", "train", 1) == PICKED[:1]
    assert (
        keys(0, 0, "scene 1/cat", "cat", "train", 99, exclude=PICKED[:2])[0] not in PICKED[:2]
    )
    everything = keys(0, 0, "scene 1/cat", "cat", "train", 99)
    assert len(everything) == len(set(everything)) == 14
    others = {
        tuple(keys(seed, epoch, query, "cat", "train", 14))
        for seed in (0, 1) for epoch in (0, 1) for query in ("a", "b")
    }  # fmt: skip
    assert len(others) == 8
    of_class = stored.of("cat", "train")
    firsts = [stored.pick(0, epoch, "q", "cat", "train", 1)[0] for epoch in range(700)]
    counts = np.bincount(firsts, minlength=len(stored.keys))[of_class]
    assert sum(counts) == 700 and counts.min() > 25 and counts.max() < 80


def test_fixed_ones_are_the_same_always(built):
    stored = StoredDrawings(built)
    fixed = stored.fixed("q", "key", "test_unseen", 5)
    assert fixed == StoredDrawings(built).fixed("q", "key", "test_unseen", 5)
    assert fixed[:3] == stored.fixed("q", "key", "test_unseen", 3) and len(set(fixed)) == 5
    assert all(stored.splits[i] == "test_unseen" for i in fixed)
    assert fixed != stored.fixed("r", "key", "test_unseen", 5)


def test_nothing_to_pick(built):
    stored = StoredDrawings(built)
    with pytest.raises(
        ValueError, match="no drawings of 'key' in 'train'. There are: cat, dog"
    ):
        stored.pick(0, 0, "q", "key", "train", 1)
    with pytest.raises(ValueError, match="in 'dev'. There are: test, test_unseen, train, val"):
        stored.of("key", "dev")
    of_class = [stored.keys[i] for i in stored.of("cat", "test")]
    with pytest.raises(ValueError, match="No drawing of 'cat' in 'test' is left"):
        stored.fixed("q", "cat", "test", 1, exclude=of_class)


def test_padded_arrays_and_rasters(built):
    stored = StoredDrawings(built)
    (photo,) = stored.pixels
    assert stored.class_names[photo] == "sun" and stored.keys[photo] == "sun/photo"
    numbers = [photo, *stored.of("dog", "val")]
    points, stroke = stored.padded(numbers, 30)
    assert points.shape == (4, 30, 2) and (stroke[0] == -1).all() and stroke[1, 0] == 0
    rasters = stored.rasters(numbers)
    assert rasters.dtype == np.float32 and rasters.shape == (4, 64, 64)
    np.testing.assert_array_equal(
        rasters[1], rasterize.rasterize_strokes(stored.strokes[numbers[1]])
    )
    np.testing.assert_array_equal(rasters[0], stored.pixels[photo] / np.float32(16))
    assert stored.rasters(numbers[1:], 16).shape == (3, 16, 16)
    with pytest.raises(ValueError, match="'sun/photo' of 'sun' is one of pixels, 64x64"):
        stored.rasters(numbers, 16)
    train = stored.by_class("train")
    assert sorted(train) == ["cat", "dog", "sun"] and train["cat"][0].shape == (14, 7, 2)


def test_doodles(tmp_path):
    source = Doodles(per_class=3, num_random=2)
    info = build_store(tmp_path / "store", source, report=lambda line: None)
    assert info["arguments"]["source"] == "doodles"
    names = info["classes"]["seen"] + info["classes"]["unseen"]
    assert "doodle 0001" in names and "house" in names
    with pytest.raises(BuildError, match="Differing: source_fingerprint"):
        build_store(tmp_path / "store", Doodles(per_class=4, num_random=2))


@pytest.mark.parametrize("folder", ["quickdraw", "quickdraw_more"])
def test_genuine_drawings(tmp_path, folder):
    if not (SHARED / folder).is_dir():
        pytest.skip(f"the drawings of {SHARED / folder} are not there")
    info = build(SHARED / folder, tmp_path / "store")
    assert info["num_copies"] == info["num_in_several_classes"] == 0
    assert contents.verify(tmp_path / "store")["num_drawings"] == sum(
        of_split["num_drawings"] for of_split in info["splits"].values()
    )
    stored = StoredDrawings(tmp_path / "store")
    assert stored.classes("train") == stored.classes("val") == stored.classes("test")
    assert set(stored.classes("test_unseen")).isdisjoint(stored.classes("train"))
    assert stored.rasters(range(20)).max() == 1
