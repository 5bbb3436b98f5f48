"""Maps in the place of images: once per image, whole, and nothing else changed."""

import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from records import build, features, folder, progress
from records.source import BuildError
from tests.records.trees import files_of, jsonl_tree, read_records, write_image

MAP_SHAPE = (3, 2, 4)


def decode(parsed):
    image = tf.io.decode_image(parsed["image/encoded"], channels=3, expand_animations=False)
    return tf.cast(tf.image.resize(image, (6, 5)), tf.uint8)


def encode(images):
    """The mean of each image, plus one for each number of the map; float32."""
    means = images.reshape(len(images), -1).mean(1, dtype=np.float32)
    return means[:, None, None, None] + np.arange(24, dtype=np.float32).reshape(MAP_SHAPE)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Five train images of five greys in two shards, two val images; two questions each."""
    root = tmp_path_factory.mktemp("originals")
    tree = jsonl_tree(root / "tree")
    for i in range(5):
        write_image(tree / f"photos/train{i}.png", width=8 + i, height=5, color=(40 * i,) * 3)
    build.build("jsonl", root / "source", source_dir=str(tree), num_shards=2)
    build_features(root / "source", root / "maps")
    return root


@pytest.fixture
def source(tmp_path, originals):
    return shutil.copytree(originals / "source", tmp_path / "source")


@pytest.fixture
def maps(tmp_path, originals):
    """Finished maps of `source`."""
    return shutil.copytree(originals / "maps", tmp_path / "maps")


def build_features(source, records_dir, **changed):
    lines = changed.setdefault("report", [].append)
    arguments = {
        "make_encode": lambda: encode,
        "decode": decode,
        "name": "greys",
        "arguments": {"image_size": (6, 5)},
        "map_shape": MAP_SHAPE,
        "batch_size": 2,
        "report": lines,
    }
    return features.build_features(source, records_dir, **(arguments | changed))


def maps_of(records_dir, split):
    return {
        record["image/id"]: np.frombuffer(record["image/features"], "<f2").reshape(MAP_SHAPE)
        for record in read_records(records_dir, split)
    }


def test_maps_take_the_place_of_images_and_of_nothing_else(source, maps):
    for split, count in (("train", 5), ("val", 2)):
        images = read_records(source, split)
        encoded = read_records(maps, split)
        assert len(images) == len(encoded) == count
        for image, of_image in zip(images, encoded, strict=True):
            assert of_image.pop("image/encoded") == b""
            stored = np.frombuffer(of_image.pop("image/features"), "<f2").reshape(MAP_SHAPE)
            pixels = decode({"image/encoded": image.pop("image/encoded")}).numpy()
            np.testing.assert_array_equal(stored, encode(pixels[None])[0].astype("float16"))
            del image["image/features"]
            assert str(of_image) == str(image)
    assert len({m[0, 0, 0] for m in maps_of(maps, "train").values()}) == 5


def test_info_is_the_sources_with_features(tmp_path, source):
    info = build_features(source, tmp_path / "maps")
    before = folder.read_info(source)
    assert info == folder.read_info(tmp_path / "maps")
    made_by = info.pop("features")
    assert len(made_by.pop("source_fingerprint")) == 64
    assert made_by == {
        "encoder": "greys",
        "arguments": {"image_size": [6, 5]},
        "shape": [3, 2, 4],
        "dtype": "float16",
    }
    for split in ("train", "val"):
        new, old = info["splits"][split].pop("shards"), before["splits"][split].pop("shards")
        assert [(s["name"], s["num_records"]) for s in new] == [
            (s["name"], s["num_records"]) for s in old
        ]
        assert {s["sha256"] for s in new}.isdisjoint({s["sha256"] for s in old})
    assert info == before
    names = sorted(os.listdir(source))
    assert sorted(os.listdir(tmp_path / "maps")) == names
    vocabularies = [path / "vocabularies.json" for path in (source, tmp_path / "maps")]
    assert vocabularies[0].read_bytes() == vocabularies[1].read_bytes()


def test_where_cells_look_is_kept_and_compared_with_nothing(tmp_path, source, maps):
    """`maps` was built before anyone said where its cells look."""
    looks = {"origin": [1.5, 0.5], "pitch": [2, 2.5]}
    info = build_features(source, tmp_path / "maps_with", fields=lambda: looks)
    assert info["features"].pop("fields") == looks
    assert info == folder.read_info(maps)
    with open(tmp_path / "maps_with" / "dataset_info.json") as file:
        assert json.load(file)["features"]["fields"] == looks
    # Neither is another build.
    assert build_features(source, maps, make_encode=None, fields=lambda: looks) == info
    again = build_features(source, tmp_path / "maps_with", make_encode=None)
    assert again["features"]["fields"] == looks
    build.verify(tmp_path / "maps_with")


def test_a_batch_never_reaches_into_another_shard_and_is_always_full(tmp_path, source):
    shapes = []

    def watch(images):
        shapes.append(images.shape)
        assert images.dtype == np.uint8
        return encode(images)

    build_features(source, tmp_path / "maps", make_encode=lambda: watch)
    # Shards of 2, 3, 1 and 1 images: 1 + 2 + 1 + 1 batches.
    assert shapes == [(2, 6, 5, 3)] * 5


def test_the_same_bytes_twice_and_a_finished_folder_is_left_alone(tmp_path, source, maps):
    moved = shutil.copytree(source, tmp_path / "elsewhere")
    info = build_features(moved, tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(maps)
    # No encoder is made where there is nothing to encode.
    assert build_features(source, maps, make_encode=None) == info


KILLED = """
import os, signal, sys
from tests.records.test_features import build_features, encode
calls = []
def dying(images):
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return encode(images)
build_features(sys.argv[1], sys.argv[2], make_encode=lambda: dying)
"""


def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(tmp_path, originals, source):
    command = [sys.executable, "-c", KILLED, str(source), str(tmp_path / "maps")]
    killed = subprocess.run(command, capture_output=True, timeout=600)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    names = os.listdir(tmp_path / "maps")
    assert "build_plan.json" in names and any(".partial-" in name for name in names)
    with pytest.raises(BuildError, match="not finished.*=jsonl --features --source_records="):
        folder.read_info(tmp_path / "maps")

    shapes, lines = [], []
    watch = functools.partial(lambda images: shapes.append(images.shape) or encode(images))
    report = lines.append
    build_features(source, tmp_path / "maps", make_encode=lambda: watch, report=report)
    assert lines[0] == "1 of 4 shards are there already, going on."
    assert len(shapes) == 4
    assert files_of(tmp_path / "maps") == files_of(originals / "maps")


@pytest.mark.parametrize(
    "changed, named",
    [
        ({"name": "colours"}, r'features encoder \("greys" there, "colours" asked\)'),
        ({"arguments": {"image_size": (7, 5)}}, r"features arguments .*\[6, 5\].*\[7, 5\]"),
        ({"map_shape": (2, 3, 4)}, r"features shape .\[3, 2, 4\] there, \[2, 3, 4\] asked"),
    ],
)
def test_another_encoder_is_refused(tmp_path, source, maps, changed, named):
    with pytest.raises(BuildError, match=f"holds finished records, not those.*{named}"):
        build_features(source, tmp_path / "maps", **changed)
    text = (tmp_path / "maps" / "dataset_info.json").read_text()
    plan = json.loads(text) | {"num_shards": {"train": 2, "val": 2}}
    (tmp_path / "maps" / "build_plan.json").write_text(json.dumps(plan))
    os.remove(tmp_path / "maps" / "dataset_info.json")
    with pytest.raises(BuildError, match=f"of an unfinished build, not those.*{named}"):
        build_features(source, tmp_path / "maps", **changed)


def test_other_source_records_are_refused(tmp_path, maps):
    tree = jsonl_tree(tmp_path / "other_tree", num_train=4)
    build.build("jsonl", tmp_path / "other", source_dir=str(tree))
    with pytest.raises(BuildError, match="source_fingerprint .*features source_fingerprint"):
        build_features(tmp_path / "other", tmp_path / "maps")


def test_maps_and_images_do_not_share_a_folder(originals, source, maps):
    with pytest.raises(BuildError, match=r'features encoder \(null there, "greys" asked\)'):
        build_features(source, source)
    with pytest.raises(BuildError, match=r'features encoder \("greys" there, null asked\)'):
        build.build("jsonl", maps, source_dir=str(originals / "tree"))


def test_maps_of_maps_are_refused(tmp_path, maps):
    with pytest.raises(BuildError, match="holds maps of 'greys', not images. Give the records"):
        build_features(maps, tmp_path / "again")


def break_image(source, image_id=b"photos/train2.png"):
    """Overwrites the middle of an image's bytes in its shard; returns the shard's name."""
    for path in sorted(pathlib.Path(source).glob("*-train*")):
        records = [r.numpy() for r in tf.data.TFRecordDataset(str(path))]
        for i, serialized in enumerate(records):
            message = tf.train.Example.FromString(serialized)
            feature = message.features.feature
            if feature["image/id"].bytes_list.value[0] == image_id:
                encoded = feature["image/encoded"].bytes_list.value[0]
                broken = encoded[:40] + bytes(len(encoded) - 40)  # As long as before.
                feature["image/encoded"].bytes_list.value[0] = broken
                records[i] = message.SerializeToString(deterministic=True)
                with tf.io.TFRecordWriter(str(path)) as writer:
                    for record in records:
                        writer.write(record)
                return path.name
    raise AssertionError(image_id)


def test_an_image_that_cannot_be_decoded_is_named(tmp_path, source):
    name = break_image(source)
    expected = rf"{name}: image 'photos/train2.png': it cannot be decoded \(.*PNG.*\). It has 2"
    with pytest.raises(BuildError, match=expected):
        build_features(source, tmp_path / "maps")


def test_an_image_that_cannot_be_decoded_is_skipped_and_noted(tmp_path, source):
    name = break_image(source)
    lines = []
    info = build_features(source, tmp_path / "maps", on_error="skip", report=lines.append)
    assert set(maps_of(tmp_path / "maps", "train")) == {
        f"photos/train{i}.png".encode() for i in (0, 1, 3, 4)
    }
    note = json.loads((tmp_path / "maps" / "skipped.jsonl").read_text())
    assert note["where"] == f"{name}: image 'photos/train2.png'" and note["split"] == "train"
    assert "Iterator::Root" not in note["reason"] and "node" not in note["reason"]
    train, val = info["splits"]["train"], info["splits"]["val"]
    assert (train["num_images"], train["num_questions"], train["num_skipped"]) == (4, 8, 1)
    assert (val["num_images"], val["num_skipped"], info["num_skipped"]) == (2, 0, 1)
    assert "skipped.jsonl" in info["files"]
    assert "1 image skipped" in lines[-1]
    build.verify(tmp_path / "maps", split_words=build.split_words_simply)


def test_what_was_skipped_is_a_problem_still_for_a_build_that_stops(tmp_path, source):
    break_image(source)
    killed = types.SimpleNamespace(calls=0)

    def failing(images):
        killed.calls += 1
        if killed.calls == 4:
            raise KeyboardInterrupt
        return encode(images)

    with pytest.raises(KeyboardInterrupt):
        build_features(source, tmp_path / "maps", make_encode=lambda: failing, on_error="skip")
    with pytest.raises(BuildError, match="image 'photos/train2.png': it cannot be decoded"):
        build_features(source, tmp_path / "maps")


@pytest.mark.parametrize("number", [70_000.0, np.nan])
def test_numbers_that_float16_cannot_hold_are_told_with_the_image(tmp_path, source, number):
    def encode_large(images):
        return encode(images) * (number if images.max() > 150 else 1)

    with pytest.raises(BuildError, match="image 'photos/train4.png': .*float16 cannot hold"):
        build_features(source, tmp_path / "maps", make_encode=lambda: encode_large)


def test_maps_of_another_shape_than_was_said(tmp_path, source):
    with pytest.raises(BuildError, match=r"maps \(2, 3, 3, 4\) .*Received: \(2, 3, 2, 4\)"):
        build_features(source, tmp_path / "maps", map_shape=(3, 3, 4))


def test_an_encoder_without_memory_says_what_to_do(tmp_path, source):
    def exhausted(images):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    with pytest.raises(BuildError, match="OOM when allocating.*fewer images at once"):
        build_features(source, tmp_path / "maps", make_encode=lambda: exhausted)


def test_without_its_weights_nothing_is_begun(tmp_path, source, maps):
    def fail():
        raise OSError("no weights")

    with pytest.raises(OSError, match="no weights"):
        build_features(source, tmp_path / "other", make_encode=fail)
    # Other weights may follow: the folder is not bound to the first ones.
    build_features(source, tmp_path / "other", arguments={"weights": "mine"})


def test_a_truncated_source_is_found_before_anything_is_written(tmp_path, source):
    name = "jsonl-train.tfrecord-00001-of-00002"
    os.truncate(source / name, 100)
    with pytest.raises(BuildError, match=f"{name} has 100 bytes, but was written with"):
        build_features(source, tmp_path / "maps")
    assert not (tmp_path / "maps").exists()


def test_a_damaged_source_is_named(tmp_path, source):
    path = source / "jsonl-train.tfrecord-00001-of-00002"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(BuildError, match="00001-of-00002 is damaged after record 2 of 3"):
        build_features(source, tmp_path / "maps")


def test_too_little_room_is_told_with_what_is_needed_and_free(tmp_path, source, monkeypatch):
    lines = []
    room = types.SimpleNamespace(free=100)
    monkeypatch.setattr(features.shutil, "disk_usage", lambda path: room)
    # 7 images of 3 * 2 * 4 float16.
    with pytest.raises(BuildError, match=r"maps need 0.3 kB and .*, 0.1 kB are free. Make"):
        build_features(source, tmp_path / "maps", make_encode=None, report=lines.append)
    assert lines == [
        "7 maps of 3x2x4 float16 to make: 0.3 kB and their questions; "
        f"0.1 kB free in {tmp_path / 'maps'}"
    ]
    room.free = 1000
    build_features(source, tmp_path / "maps")


def test_verify_checks_the_length_of_every_map(tmp_path, maps):
    found = build.verify(tmp_path / "maps", split_words=build.split_words_simply)
    assert (found["num_shards"], found["num_images"], found["num_questions"]) == (4, 7, 14)
    path = tmp_path / "maps" / "dataset_info.json"
    info = json.loads(path.read_text())
    info["features"]["shape"] = [3, 2, 5]
    path.write_text(json.dumps(info))
    with pytest.raises(BuildError, match="after record 0 .its map has 48 bytes instead of 60"):
        build.verify(tmp_path / "maps")
    del info["features"]
    path.write_text(json.dumps(info))
    with pytest.raises(BuildError, match="after record 0 .it has no image/encoded"):
        build.verify(tmp_path / "maps")


@pytest.mark.parametrize(
    "changed, sentence",
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1. Received: 0"),
        ({"on_error": "ignore"}, "`on_error` must be 'stop' or 'skip'"),
    ],
)
def test_arguments_that_are_refused(tmp_path, source, changed, sentence):
    with pytest.raises(BuildError, match=sentence):
        build_features(source, tmp_path / "maps", **changed)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(progress.time, "perf_counter", lambda: self.now)


def test_the_time_is_told_from_the_first_batches_and_then_at_times(monkeypatch):
    clock, lines = Clock(monkeypatch), []
    with progress.EncodingProgress(1000, lines.append) as shown:
        clock.now = 60.0  # The first batch compiles, and is not counted.
        shown.add(10)
        for _ in range(20):
            clock.now += 2.0
            shown.add(10)
    assert lines == [
        "All 1,000 images will take about 3 min 20 s at 5.0 images/s.",
        "190 of 1,000 images, 5.0 images/s, 2 min 42 s left",
        "210 images encoded in 1 min 40 s, 2.1 images/s",
    ]


@pytest.mark.parametrize(
    "seconds, text",
    [(0.84, "0.8 s"), (42.3, "42 s"), (125, "2 min 5 s"), (12_000, "3 h 20 min")],
)
def test_times_for_people(seconds, text):
    assert progress.format_seconds(seconds) == text
