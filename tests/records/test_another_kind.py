"""A kind of record that has no questions goes the same way: written, resumed, counted."""

import dataclasses
import functools
import os

import pytest
import tensorflow as tf

import hardvqa_tf.command_line.build
from hardvqa_tf import building
from records import build, contents, counts, damage, writer
from records.source import BuildError, read_bytes
from tests.records.trees import write_image


@dataclasses.dataclass(frozen=True)
class Scene:
    """An image with named things in it."""

    name: str
    load_image: object
    things: tuple = ()

    @property
    def source(self):
        return f"scenes/{self.name}"

    def ids(self):
        return {"scene": (self.name,)}

    def holds(self):
        return f"{len(self.things)} thing(s)"

    def describe(self):
        return f"{self.source} with {', '.join(self.things)}"

    def serialize(self, encoded, height, width):
        names = tf.train.BytesList(value=[thing.encode() for thing in self.things])
        numbers = [tf.train.Int64List(value=[number]) for number in (height, width)]
        image = tf.train.BytesList(value=[encoded])
        feature = {
            "image/encoded": tf.train.Feature(bytes_list=image),
            "image/height": tf.train.Feature(int64_list=numbers[0]),
            "image/width": tf.train.Feature(int64_list=numbers[1]),
            "object/name": tf.train.Feature(bytes_list=names),
        }
        return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


class SceneCounts:
    EXAMPLE, VOCABULARIES = "scene", ()
    FACTS = {"num_scenes": int, "num_things": int}

    def __init__(self):
        self.num_records, self.num_things = 0, 0

    def add(self, features):
        if not features["object/name"]:
            raise ValueError("it has no thing")
        self.num_records += 1
        self.num_things += len(features["object/name"])

    def vocabularies(self, split_words=None):
        return {}

    def describe(self, vocabularies, split_words=None):
        return {"num_scenes": self.num_records, "num_things": self.num_things}

    @staticmethod
    def in_words(facts):
        return f"{facts['num_things']} things"

    @staticmethod
    def size_in_words(sums):
        return f"{sums['num_scenes']} scenes, {sums['num_things']} things"


class Scenes:
    """A builder of them."""

    name, kind = "scenes", "scene"

    def __init__(self, **scenes):
        self._scenes = scenes

    def fingerprint(self):
        return "made here"

    def splits(self):
        return list(self._scenes)

    def examples(self, split, problems):
        return self._scenes[split]


def shard_of(tmp_path, *scenes):
    for _, scene in scenes:
        write_image(tmp_path / scene.name)
    return writer.Shard(str(tmp_path / "s"), "train", writer.deal(scenes, 1)[0])


def scene(tmp_path, name, *things):
    return name, Scene(name, functools.partial(read_bytes, str(tmp_path / name)), things)


def test_it_is_written_and_counted(tmp_path):
    shard = shard_of(
        tmp_path, scene(tmp_path, "a.png", "hat", "sun"), scene(tmp_path, "b.png", "hat")
    )
    writer.write_shard(shard)
    found = SceneCounts()
    (facts,) = contents.read_split([shard.path], found, decodes=True)
    assert (found.num_records, found.num_things, facts["num_records"]) == (2, 3, 2)


def test_its_own_words_are_in_messages(tmp_path):
    twice = [scene(tmp_path, "a.png", "hat"), ("another key", Scene("a.png", None, ("sun",)))]
    with pytest.raises(BuildError, match="Scene 'a.png' is there twice.*with hat.*with sun"):
        writer.deal(twice, 1)
    shard = shard_of(tmp_path, scene(tmp_path, "a.png", "hat"))
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(BuildError, match="scenes/a.png: not an image.*It has 1 thing"):
        writer.write_shard(shard)
    shard = shard_of(tmp_path, scene(tmp_path, "a.png"))
    writer.write_shard(shard)
    with pytest.raises(BuildError, match="damaged after record 0 .it has no thing"):
        contents.read_split([shard.path], SceneCounts())


def test_it_is_built_and_verified_in_its_own_words(tmp_path, monkeypatch, capsys):
    pairs = [scene(tmp_path, f"{name}.png", "hat", "sun") for name in "ab"]
    for _, one in pairs:
        write_image(tmp_path / one.name)
    monkeypatch.setitem(counts.KINDS, "scene", SceneCounts)
    monkeypatch.setattr(build, "make_builder", lambda *_: (Scenes(train=pairs), {}))
    records_dir, lines = str(tmp_path / "records"), []
    building.Building("scenes", report=lines.append).build(records_dir)
    assert lines[-1] == "train: 4 things"
    info = build.read_info(records_dir)
    assert info["schema"]["kind"] == "scene" and info["files"] == {}
    assert build.read_vocabularies(records_dir) == {}
    assert "vocabularies.json" not in os.listdir(records_dir)
    hardvqa_tf.command_line.build._verify(records_dir)
    assert f"{records_dir}: 2 scenes, 4 things in 1 shards, all" in capsys.readouterr().out
    monkeypatch.setattr(build, "make_builder", lambda *_: (Scenes(train=[]), {}))
    with pytest.raises(BuildError, match="Split 'train' of 'scenes' has no scene."):
        build.build("scenes", str(tmp_path / "none"))


def test_a_kind_that_is_not_known_is_told(monkeypatch):
    info = {
        "dataset": "d", "version": "1.2.0", "arguments": {}, "source_fingerprint": "",
        "train_split": "train", "test_splits": [], "schema": {"kind": "scene"},
        "splits": {"train": {"num_scenes": 1, "num_things": 1, "shards": []}},
    }  # fmt: skip
    with pytest.raises(BuildError, match="of the kind 'scene', which this version does not"):
        damage.check_info("dataset_info.json", info)
    monkeypatch.setitem(counts.KINDS, "scene", SceneCounts)
    damage.check_info("dataset_info.json", info)
    del info["splits"]["train"]["num_things"]
    with pytest.raises(BuildError, match="it has no splits.train.num_things"):
        damage.check_info("dataset_info.json", info)
