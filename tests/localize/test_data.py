"""Scenes and drawings to batches: what is asked, with which drawings, and where it is."""

import json
import shutil

import numpy as np
import pytest

from hardvqa_tf.configs.table import values
from hardvqa_tf.localize.classes import Classes
from hardvqa_tf.localize.data import QueryData, open_split
from hardvqa_tf.localize.drawings import read_store
from hardvqa_tf.localize.scenes import absent_class, read_scenes
from records.builders.sketch_scenes import composed
from records.read import read_records
from tests.batches import batches, equal_batches
from tests.data.test_shares import Context


@pytest.fixture
def assets(scene_config):
    return Classes.from_records(scene_config)


def rows_of(found):
    """{query id: its row of each value} of the queries that count."""
    rows = {}
    for batch in found:
        for b, q in np.argwhere(batch["is_query"]):
            row = {n: v[b] if n == "image" else v[b, q] for n, v in batch.items()}
            assert row["query_id"] not in rows
            rows[row["query_id"].decode()] = row
    return rows


def test_every_class_of_a_scene_is_asked_once_and_one_that_is_not_there(scene_config, assets):
    data = open_split(scene_config, "val", assets, with_ids=True)
    rows = rows_of(batches(data.in_order()))
    scenes = read_scenes(scene_config.records_dir, "val")
    assert len(scenes) == 5 and data.num_queries == len(rows)
    for scene in scenes:
        own = {i: row for i, row in rows.items() if row["image_id"].decode() == scene.image_id}
        names = [row["class_name"].decode() for row in own.values()]
        absent = [name for name in names if name not in scene.names]
        assert sorted(set(names) - set(absent)) == scene.classes() and len(absent) == 1
        for identity, row in own.items():
            name = row["class_name"].decode()
            assert identity == f"{scene.image_id}/{name}"
            left, top, right, bottom = scene.boxes[scene.is_of(name)].T
            expected = np.stack(
                [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], axis=1
            )
            np.testing.assert_allclose(row["boxes"][row["box_valid"]], expected, atol=1e-6)
            assert row["sketch_valid"].all() and row["sketch"].shape == (1, 64, 64, 1)
            number = assets.seen.index(name) if name in assets.seen else -1
            assert row["classes"] == number


def test_evaluation_asks_with_drawings_that_no_scene_shows_and_always_the_same(
    scene_config, assets
):
    stored = read_store(scene_config.records_dir)
    for split in ("val", "test_unseen"):
        data = open_split(scene_config, split, assets, with_ids=True, num_drawings=2)
        first, second = batches(data.in_order()), batches(data.in_order())
        equal_batches(first, second)
        for row in rows_of(first).values():
            name = row["class_name"].decode()
            free = set(stored.of(name, split)) - set(composed(stored, name, split))
            rasters = stored.rasters(sorted(free))[..., None]
            shown = row["sketch"][row["sketch_valid"]]
            assert len(shown) == min(2, len(free))
            assert all(any(np.array_equal(s, raster) for raster in rasters) for s in shown)


def test_training_asks_in_an_order_and_with_drawings_that_seed_and_epoch_decide(
    scene_config, assets
):
    def data(**changed):
        scene_config.update(changed)
        return open_split(scene_config, "train", assets, learns=True, with_ids=True)

    first, second = (batches(data().training_epoch(epoch)) for epoch in (0, 1))
    equal_batches(batches(data().training_epoch(1, 1)), second[1:])  # resumed
    one, other = rows_of(first), rows_of(second)
    assert one.keys() == other.keys() and [*one] != [*other]
    again = sum(np.array_equal(one[i]["sketch"], other[i]["sketch"]) for i in one)
    assert again < len(one) / 2
    reseeded = rows_of(batches(data(seed=4).training_epoch(0)))
    assert [*reseeded] != [*one]
    for row in one.values():
        assert row["box_valid"].any() and row["classes"] >= 0  # no query of nothing
    assert sum(batch["weights"].sum() for batch in first) == len(one)
    assert (first[-1]["weights"][2:] == 0).all() and not first[-1]["is_query"][2:].any()


def test_queries_are_cut_into_groups(scene_config, assets):
    scene_config.train.queries_per_image = 2
    data = open_split(scene_config, "train", assets, learns=True, with_ids=True)
    found = batches(data.training_epoch(0))
    assert found[0]["boxes"].shape[1] == 2 and data.num_items == 24  # of 12 scenes with 3
    every = rows_of(found)
    assert len(every) == data.num_queries == 36
    padded = found[0]["weights"] == 0
    assert padded.any() and found[0]["sketch_valid"][padded].all()
    assert (found[0]["classes"][padded] == -1).all()
    # Which two of a scene's three come together changes from epoch to epoch.
    whole = open_split(scene_config, "train", assets, with_ids=True, whole_images=True)
    assert batches(whole.in_order())[0]["boxes"].shape[1] == 4


def test_batches_are_as_their_spec_says_and_without_strings(scene_config, assets):
    data = open_split(scene_config, "train", assets, learns=True)
    batch = next(iter(data.training_epoch(0)))
    assert all(data.batch_spec[name].is_compatible_with(v) for name, v in batch.items())
    assert {name: spec.shape.as_list() for name, spec in data.batch_spec.items()} == {
        "image": [5, 24, 32, 3],
        "sketch": [5, 3, 1, 64, 64, 1],
        "sketch_valid": [5, 3, 1],
        "boxes": [5, 3, 3, 4],
        "box_valid": [5, 3, 3],
        "classes": [5, 3],
        "weights": [5, 3],
    }


def test_training_images_move_with_their_boxes_and_a_resumed_run_sees_the_same(
    scene_config, assets
):
    def data(**augmentation):
        scene_config.train.augmentation.update({"shift": 0, "rotation": 0.0, "mirror": False})
        scene_config.train.augmentation.update(augmentation)
        return open_split(scene_config, "train", assets, learns=True, with_ids=True)

    plain, moving = data(), data(shift=4, rotation=0.1, mirror=True)
    epoch, as_it_is = batches(moving.training_epoch(1)), batches(plain.training_epoch(1))
    equal_batches(batches(moving.training_epoch(1)), epoch)
    equal_batches(batches(moving.training_epoch(1, start_step=2)), epoch[2:])
    first, second = (rows_of(batches(moving.training_epoch(n))) for n in (0, 1))
    still = sum(np.array_equal(first[i]["image"], second[i]["image"]) for i in first)
    assert still == 0
    moves = {"image", "boxes", "box_valid", "weights"}
    for found, expected in zip(epoch, as_it_is, strict=True):
        assert all((found[name] != expected[name]).any() for name in ("image", "boxes"))
        rest = [{n: v for n, v in b.items() if n not in moves} for b in (found, expected)]
        equal_batches(rest[:1], rest[1:])
    equal_batches(batches(moving.in_order()), batches(plain.in_order()))  # evaluation

    mirrored, number = data(mirror=True), 0
    for found, expected in zip(batches(mirrored.training_epoch(1)), as_it_is, strict=True):
        for b, image in enumerate(found["image"]):
            boxes = expected["boxes"][b].copy()
            if not np.array_equal(image, expected["image"][b]):
                number += 1
                np.testing.assert_array_equal(image, expected["image"][b][:, ::-1])
                boxes[..., 0] = 1 - boxes[..., 0]
            valid = found["box_valid"][b]
            np.testing.assert_array_equal(valid, expected["box_valid"][b])
            np.testing.assert_allclose(found["boxes"][b][valid], boxes[valid], atol=1e-6)
    assert 2 < number < 13  # of 15


def test_training_asks_with_moved_drawings_and_nothing_else_changes(scene_config, assets):
    def data(**drawings):
        scene_config.train.augmentation.drawings.update(drawings)
        return open_split(scene_config, "train", assets, learns=True, with_ids=True)

    plain, moving = data(), data(rotation=0.2, stretch=0.2, mirror=True)
    epoch, as_it_is = batches(moving.training_epoch(1)), batches(plain.training_epoch(1))
    equal_batches(batches(moving.training_epoch(1, start_step=2)), epoch[2:])
    for found, expected in zip(epoch, as_it_is, strict=True):
        asked = found["is_query"]
        differ = (found["sketch"] != expected["sketch"]).any(axis=(2, 3, 4, 5))
        assert differ[asked].all()
        assert found["sketch"].max() <= 1
        rest = [{n: v for n, v in b.items() if n != "sketch"} for b in (found, expected)]
        equal_batches(rest[:1], rest[1:])
    equal_batches(batches(moving.in_order()), batches(plain.in_order()))  # evaluation


def test_questions_are_not_mirrored():
    """Those that say left and right would be wrong."""
    assert values.entry_of("train.augmentation.mirror", "localize").default is False
    assert values.entry_of("train.augmentation.mirror", "vqa") is None


def test_a_query_of_which_nothing_is_left_to_be_seen_does_not_count(scene_config, assets):
    scene_config.train.augmentation.shift = 20
    data = open_split(scene_config, "train", assets, learns=True, with_ids=True)
    lost = 0
    for epoch in range(3):
        found = batches(data.training_epoch(epoch))
        for batch in found:
            has_object = batch["box_valid"].any(axis=-1)
            repeated = ~batch["is_query"]
            np.testing.assert_array_equal(batch["weights"], has_object & ~repeated)
            lost += (batch["is_query"] & ~has_object).sum()
            corners = batch["boxes"][batch["box_valid"]] @ np.array(
                [[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]]
            )
            assert corners.min() >= -1e-6 and corners.max() <= 1 + 1e-6
            assert (batch["boxes"][~batch["box_valid"]] == 0).all()
    assert 0 < lost < 100


def test_moves_that_leave_almost_nothing_lose_queries_and_no_step(scene_config, assets):
    """Each image is moved by up to so much: what is lost is decided query by query."""
    scene_config.train.augmentation.update({"shift": 23, "rotation": 3.2})
    data = open_split(scene_config, "train", assets, learns=True, with_ids=True)
    found = [batch for epoch in range(3) for batch in batches(data.training_epoch(epoch))]
    weights = np.concatenate([batch["weights"][batch["is_query"]] for batch in found])
    assert 0 < weights.mean() < 0.8
    for batch in found:
        has_object = batch["box_valid"].any(axis=-1)
        np.testing.assert_array_equal(batch["weights"], has_object & batch["is_query"])
        assert np.isfinite(batch["boxes"]).all()


def test_a_box_that_cannot_be_is_named(scene_config, monkeypatch):
    def records(*args):
        for record in read_records(*args):
            yield record | {"object/box": record["object/box"][:, ::-1]}

    monkeypatch.setattr("hardvqa_tf.localize.scenes.read_records", records)
    with pytest.raises(ValueError, match="split 'val' of .*object 0 .* of image .* has a box"):
        read_scenes(scene_config.records_dir, "val")


def test_machines_share_moved_batches(scene_config, assets):
    scene_config.train.augmentation.update({"shift": 4, "mirror": True})
    scene_config.train.augmentation.drawings.update({"rotation": 0.2, "mirror": True})
    scene_config.train.batch_size = 4
    data = open_split(scene_config, "train", assets, learns=True)
    whole = batches(data.training_epoch(2))
    parts = [batches(data.training_epoch(2, 0, Context(host))) for host in range(2)]
    for step, batch in enumerate(whole):
        found = [part for host in parts for part in host[2 * step : 2 * step + 2]]
        together = {n: np.concatenate([part[n] for part in found]) for n in batch}
        equal_batches([together], [batch])


def test_absent_class_depends_on_the_scene_alone(scene_config):
    scene, other = read_scenes(scene_config.records_dir, "val")[:2]
    classes = [*scene.names, *other.names, "no such"]
    found = absent_class(scene, classes)
    assert found not in scene.names and found == absent_class(scene, sorted(classes))
    assert absent_class(scene, scene.names) is None


def test_drawings_of_other_scenes_are_refused(scene_records, tmp_path):
    shutil.copytree(scene_records, tmp_path / "r")
    path = tmp_path / "r/drawings/dataset_info.json"
    info = json.loads(path.read_text()) | {"source_fingerprint": "2: 7 classes of 40"}
    path.write_text(json.dumps(info))
    with pytest.raises(ValueError, match="are not those that the scenes of .* composed of"):
        read_store(str(tmp_path / "r"))


def test_what_cannot_be_asked_is_said(scene_config, assets, records_dir):
    with pytest.raises(ValueError, match="moved out of itself.*shift=24 for .* 24x32 pixels"):
        scene_config.train.augmentation.shift = 24
        open_split(scene_config, "train", assets)
    with pytest.raises(ValueError, match="no object to ask for|without a box"):
        QueryData(records_dir, "train", [], image_size=(20, 24), batch_size=2)
    scene_config.records_dir = records_dir
    with pytest.raises(ValueError, match="no drawings to ask with.*--dataset=sketch_scenes"):
        Classes.from_records(scene_config)
