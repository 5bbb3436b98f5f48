"""The comparison of two checkouts sees what differs, and only that."""

import json
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import compare_checkouts
from benchmarks.compare_checkouts import compare_folders
from benchmarks.differences import Report, compare_arrays, compare_values


def write_records(folder, version, features, words=("a",)):
    """A folder with two equal records of {name: list of float}, and what says so."""
    folder.mkdir()
    feature = {
        name: tf.train.Feature(float_list=tf.train.FloatList(value=values))
        for name, values in features.items()
    }
    record = tf.train.Example(features=tf.train.Features(feature=feature))
    with tf.io.TFRecordWriter(str(folder / "x-train.tfrecord-00000-of-00001")) as writer:
        for _ in range(2):
            writer.write(record.SerializeToString(deterministic=True))
    (folder / "vocabularies.json").write_text(json.dumps({"words": words}))
    info = {"version": version, "splits": {"train": {"num_images": 2, "sha256": version}}}
    if version != "1.1.0":
        info["has_objects"] = True
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return str(folder)


OLD = {"object/x": [0.5, 0.25], "object/y": []}


@pytest.mark.parametrize(
    "version, features, words, different",
    [
        ("1.1.0", OLD, ["a"], {}),
        ("1.2.0", OLD | {"object/area": [2.0]}, ["a"], {}),
        ("1.2.0", OLD | {"object/x": [0.5, 0.75]}, ["a"], {"tfrecord": "object/x of record 0"}),
        ("1.2.0", {"object/x": [0.5, 0.25]}, ["a"], {"tfrecord": "object/y of record 1"}),
        ("1.2.0", OLD, ["b"], {"vocabularies.json": "first unlike at 12"}),
        ("1.1.0", OLD | {"object/area": [2.0]}, ["a"], {"tfrecord": "bytes, first unlike at"}),
    ],
    ids=["equal", "a feature more", "a value", "a feature less", "a word", "no new version"],
)
def test_folders_of_records(tmp_path, capsys, version, features, words, different):
    old = write_records(tmp_path / "old", "1.1.0", OLD)
    new = write_records(tmp_path / "new", version, features, words)
    report = Report()
    compare_folders(report, "records", old, new)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and report.num_different == len(different)
    found = [line for line in lines if line.startswith("DIFFERENT")]
    for line, (name, what) in zip(found, different.items(), strict=True):
        assert name in line and what in line
    if version == "1.2.0" and not different:
        assert any(line.endswith(", and new: object/area") for line in lines)
        assert any(line.endswith("and 1.2.0, and new: has_objects") for line in lines)


def test_a_file_that_one_side_lacks(tmp_path, capsys):
    folders = [write_records(tmp_path / name, "1.1.0", OLD) for name in ("old", "new")]
    (tmp_path / "new" / "vocabularies.json").unlink()
    report = Report()
    compare_folders(report, "records", *folders)
    assert report.summary() == "2 comparisons are the same, 1 differ."
    assert "new/vocabularies.json is missing" in capsys.readouterr().out


def test_arrays_are_compared_bit_by_bit():
    old = {"w": np.array([1.0, 0.0], np.float32), "s": np.array([b"a", b"b"], object)}
    assert compare_arrays(old, dict(old)) == ("4 numbers in 2 tensors", [], set())
    for name, value, what in (
        ("w", np.array([1.0, -0.0], np.float32), "w by up to 0"),
        ("w", np.array([1.0, 0.5], np.float32), "w by up to 0.5"),
        ("w", np.array([1.0, 0.0]), "w is float32(2,) and float64(2,)"),
        ("s", np.array([b"a", b"c"], object), "s holds other strings"),
    ):
        assert compare_arrays(old, old | {name: value})[1] == [what]
    assert compare_arrays(old, {"s": old["s"], "v": old["w"]})[1:] == (["w is missing"], {"v"})


def test_values_of_json():
    old = {"a": [{"b": 1.0, "seconds": 2}], "c": "x"}
    new = {"a": [{"b": 1.0, "seconds": 3, "d": 4}], "c": "x", "e": None}
    assert compare_values(old, new, changing=("seconds",)) == ([], {"a.0.d", "e"})
    assert compare_values(old, new)[0] == ["a.0.seconds is 2 and 3"]
    assert compare_values(old, {"a": [], "c": "x"})[0][0].startswith("a is [{")
    assert compare_values(old, {"a": old["a"]}) == (["c is missing"], set())


@pytest.mark.parametrize(
    ("not_compared", "said"),
    [
        ([], "masks is 0.5 and 0.75; num_cells is 3 and 4; faithfulness.masks is 1 and 2"),
        (["num_cells"], "masks is 0.5 and 0.75; faithfulness.masks is 1 and 2"),
        (["masks", "num_cells"], "faithfulness.masks is 1 and 2"),
        (["masks", "num_cells", "faithfulness"], None),
    ],
)
def test_what_is_measured_otherwise_can_be_left_out(
    tmp_path, monkeypatch, capsys, not_compared, said
):
    """A key of evaluations, by --not_compared; what else differs there is still found."""
    sides = []
    for name, values in (("old", (0.5, 3, 1)), ("new", (0.75, 4, 2))):
        side = compare_checkouts.Side(name, "checkout", str(tmp_path / name))
        os.makedirs(side.run("easy_vqa"))
        found = dict(zip(("masks", "num_cells"), values[:2], strict=True))
        found |= {"faithfulness": {"masks": values[2]}, "rows": []}
        for file, content in (("predictions", []), ("evaluation", found)):
            path = pathlib.Path(side.run("easy_vqa"), f"{file}_test.json")
            path.write_text(json.dumps(content))
        sides.append(side)
    monkeypatch.setattr(compare_checkouts.Side, "call", lambda self, *flags: None)
    monkeypatch.setattr(compare_checkouts, "read_inputs", lambda *_: ((), ()))
    monkeypatch.setattr(compare_checkouts, "compare_exports", lambda *_: None)
    report = Report()
    compare_checkouts.compare_uses(report, "easy_vqa", *sides, not_compared)
    predictions, evaluation = capsys.readouterr().out.splitlines()
    assert report.num_different == (said is not None)
    if said:
        assert evaluation.endswith(f"evaluation_test.json: {said}")
    else:
        assert "4 entries, but for masks, but for num_cells, but for faithf" in evaluation
