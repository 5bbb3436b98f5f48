"""Scenes of drawings as a data set: the splits, the store beside them, drawings by people."""

import json
import os
import shutil

import numpy as np
import pytest

import hardvqa_tf.command_line.build
from records.build import build, read_info, read_vocabularies
from records.builders.sketch_scenes import composed
from records.drawings import doodles
from records.drawings.stored_drawings import StoredDrawings
from records.source import BuildError
from tests.records.trees import read_records

SIZES = {
    "num_train_images": 6,
    "num_val_images": 3,
    "num_test_images": 4,
    "drawings_per_class": 10,
    "num_random_classes": 0,
}
OF_FOLDER = {name: value for name, value in SIZES.items() if name != "drawings_per_class"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "records"
    build("sketch_scenes", folder, builder_args=SIZES)
    return folder


def contents_of(folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_counts_and_the_same_bytes_twice(built, tmp_path):
    info = read_info(built)
    sizes = {split: facts["num_images"] for split, facts in info["splits"].items()}
    assert sizes == {"train": 6, "val": 3, "test": 4, "test_unseen": 4}
    assert info["schema"]["kind"] == "image with objects" and info["knows"]["has_objects"]
    assert info["test_splits"] == ["test", "test_unseen"] and info["parts"] == ["drawings"]
    assert sum(info["splits"]["test"]["images_per_class"].values()) == 3 * 4
    build("sketch_scenes", tmp_path / "again", builder_args=SIZES)
    assert contents_of(built) == contents_of(tmp_path / "again")
    build("sketch_scenes", tmp_path / "other", builder_args=SIZES | {"seed": 1})
    assert contents_of(built) != contents_of(tmp_path / "other")


def test_unseen_classes_are_in_no_other_split(built):
    splits = read_info(built)["splits"]
    unseen = set(splits["test_unseen"]["images_per_class"])
    stored = StoredDrawings(str(built / "drawings"))
    assert unseen <= set(stored.classes("test_unseen"))
    for split in ("train", "val", "test"):
        assert not unseen & set(splits[split]["images_per_class"])
    assert {name for name, _ in read_vocabularies(built)["classes"]} == set(
        splits["train"]["images_per_class"]
    )


def test_records_hold_boxes_and_areas(built):
    for record in read_records(built, "train"):
        boxes, areas = record["object/box"], record["object/area"]
        assert len(boxes) == len(areas) == len(record["object/name"]) >= 3
        sides = 96 * (boxes[:, 2:] - boxes[:, :2])
        assert (sides > 1).all() and (areas <= sides.prod(axis=1) + 0.01).all()
        np.testing.assert_allclose(record["object/x"], boxes[:, ::2].mean(axis=1), atol=1e-6)
        assert not len(record["question/id"])


def test_no_drawing_is_composed_and_asked_with(built):
    stored = StoredDrawings(str(built / "drawings"))
    for name in stored.classes("test"):
        own = composed(stored, name, "test")
        assert own and set(own) < set(stored.of(name, "test"))
    name = stored.classes("train")[0]
    assert composed(stored, name, "train") == stored.of(name, "train")


def test_a_drawing_is_left_to_ask_with(built):
    """Of a class with a single one in a split, too: it is not composed."""
    stored = StoredDrawings(str(built / "drawings"))
    for split in ("val", "test", "test_unseen"):
        for name in stored.classes(split):
            assert len(composed(stored, name, split)) < len(stored.of(name, split))
    stored._numbers["alone", "val"] = stored.of(stored.classes("val")[0], "val")[:1]
    assert composed(stored, "alone", "val") == []


def test_it_is_verified_with_its_drawings(built, capsys):
    hardvqa_tf.command_line.build._verify(str(built))
    said = capsys.readouterr().out
    assert f"{built}: 17 images" in said and f"{built / 'drawings'}: 860 drawings" in said


def test_damaged_drawings_are_found(tmp_path):
    build("sketch_scenes", tmp_path / "r", builder_args=SIZES)
    store = tmp_path / "r/drawings"
    shard = next(path for path in store.iterdir() if "train" in path.name)
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(BuildError, match=f"{shard.name}.*"):
        hardvqa_tf.command_line.build._verify(str(tmp_path / "r"))


def test_drawings_that_are_gone_are_built_again(built, tmp_path):
    shutil.copytree(built, tmp_path / "r")
    shutil.rmtree(tmp_path / "r/drawings")
    build("sketch_scenes", tmp_path / "r", builder_args=SIZES)
    assert contents_of(tmp_path / "r") == contents_of(built)


def test_drawings_by_people(tmp_path):
    folder = tmp_path / "drawings"
    folder.mkdir()
    names = doodles.NAMED[:12]
    for name in names:
        lines = []
        for seed in range(10):
            drawing = [s.T.tolist() for s in doodles.draw(name, 100 + seed)]
            lines.append({"word": name, "key_id": str(seed), "drawing": drawing})
        text = "\n".join(json.dumps(line) for line in lines)
        (folder / f"{name}.ndjson").write_text(text + "\n")
    arguments = OF_FOLDER | {"drawings": str(folder)}
    _check_doodles_beside(arguments, tmp_path / "beside", names)
    info = build("sketch_scenes", tmp_path / "r", builder_args=arguments)
    stored = StoredDrawings(str(tmp_path / "r/drawings"))
    assert set(stored.class_names) == set(names)
    assert set(info["splits"]["train"]["images_per_class"]) <= set(names)
    os.remove(folder / f"{names[0]}.ndjson")
    with pytest.raises(ValueError, match="source_fingerprint"):
        build("sketch_scenes", tmp_path / "r", builder_args=arguments)


def _check_doodles_beside(arguments, records_dir, names):
    beside = arguments | {"doodle_classes": 9, "bend": 10, "num_train_images": 20}
    splits = build("sketch_scenes", records_dir, builder_args=beside)["splits"]
    doodled = {f"doodle {i:04d}" for i in range(9)}
    assert set(splits["train"]["images_per_class"]) & doodled
    for split in ("val", "test", "test_unseen"):
        assert set(splits[split]["images_per_class"]) <= set(names)
    stored = StoredDrawings(str(records_dir / "drawings"))
    assert set(stored.classes("train")) == doodled | set(stored.classes("val"))
    assert len(stored.of("doodle 0003", "train")) == 40


def test_doodles_beside_drawings_have_names_of_their_own(tmp_path):
    folder = tmp_path / "doodle 0001"
    folder.mkdir()
    (folder / "a.json").write_text("[[[0, 0], [9, 9]]]")
    arguments = OF_FOLDER | {"drawings": str(tmp_path), "doodle_classes": 2}
    with pytest.raises(BuildError, match="'doodle 0001', which is the name of a class of dood"):
        build("sketch_scenes", tmp_path / "r", builder_args=arguments)


def test_only_training_scenes_are_bent(built, tmp_path):
    build("sketch_scenes", tmp_path / "r", builder_args=SIZES | {"bend": 10})
    bent, straight = contents_of(tmp_path / "r"), contents_of(built)
    differing = {name for name, content in bent.items() if straight[name] != content}
    assert any("train" in name for name in differing)
    assert not any("val" in name or "test" in name for name in differing)


def test_records_of_before_an_argument_came_are_the_same(built, tmp_path):
    shutil.copytree(built, tmp_path / "r")
    path = tmp_path / "r/dataset_info.json"
    info = json.loads(path.read_text())
    del info["arguments"]["bend"], info["arguments"]["doodle_classes"]
    path.write_text(json.dumps(info))
    assert build("sketch_scenes", tmp_path / "r", builder_args=SIZES) == info
    with pytest.raises(BuildError, match=r"Differing: argument bend \(0 there, 5 asked\)\."):
        build("sketch_scenes", tmp_path / "r", builder_args=SIZES | {"bend": 5})


@pytest.mark.parametrize(
    ("source_dir", "arguments", "message"),
    [
        ("here", {}, "draws its own scenes. Received: source_dir='here'.*drawings=FOLDER"),
        (None, {"num_train_images": 0}, "at least 1 of num_train_images. Received: 0"),
        (None, {"drawings_per_class": 9}, "at least 10 of drawings_per_class. Received: 9"),
        (None, {"num_random_classes": -1}, "at least 0 of num_random_classes. Received: -1"),
        (None, {"bend": -1}, "at least 0 of bend. Received: -1"),
        (None, {"doodle_classes": 5}, "no `drawings` are given. Received: doodle_classes=5"),
        (None, {"drawings": "nowhere"}, "nowhere"),
        (None, {"seed": -1}, "'seed' must be from 0 to 9223372036854775807.*Received: -1"),
        (None, {"seed": 2**63}, "'seed' must be from 0 to"),
        (
            None,
            {"drawings": "here", "drawings_per_class": 9},
            "of drawings=here all are used. Received: drawings_per_class=9. Leave one",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(tmp_path, source_dir, arguments, message):
    with pytest.raises(BuildError, match=message):
        build("sketch_scenes", tmp_path / "r", source_dir=source_dir, builder_args=arguments)
    assert not (tmp_path / "r").exists()


def test_too_few_classes_are_told(tmp_path):
    folder = tmp_path / "drawings"
    folder.mkdir()
    for k, name in enumerate(("a", "b", "c")):
        lines = [{"word": name, "drawing": [[[0, 9 + i, k], [3, i, 90]]]} for i in range(9)]
        (folder / f"{name}.ndjson").write_text("\n".join(json.dumps(line) for line in lines))
    with pytest.raises(BuildError, match="shows 3 classes, but there are strokes of 2"):
        build(
            "sketch_scenes", tmp_path / "r", builder_args=OF_FOLDER | {"drawings": str(folder)}
        )
