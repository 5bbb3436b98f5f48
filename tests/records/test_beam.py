"""A pipeline writes the same bytes as the local writer."""

import functools
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from records import beam, features, writer
from records.build import build
from records.source import BuildError
from tests.records.trees import files_of, jsonl_tree

needs_beam = pytest.mark.skipif(beam.beam is None, reason="apache-beam is not installed")


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    root = tmp_path_factory.mktemp("beam")
    tree = jsonl_tree(root / "tree")
    build("jsonl", root / "records", source_dir=str(tree), num_shards=2)
    return root


def decode(size, parsed):
    image = tf.io.decode_image(parsed["image/encoded"], channels=3, expand_animations=False)
    return tf.cast(tf.image.resize(image, size), tf.uint8)


def make_encode(factor):
    """The mean of each image, times a factor."""
    return lambda images: factor * images.mean((1, 2))[:, None, None, :]


def build_features(originals, records_dir, **changed):
    arguments = {
        "make_encode": functools.partial(make_encode, 0.37),
        "decode": functools.partial(decode, (6, 5)),
        "name": "means",
        "arguments": {},
        "map_shape": (1, 1, 3),
        "batch_size": 2,
        "report": lambda line: None,
    }
    return features.build_features(originals / "records", records_dir, **(arguments | changed))


@needs_beam
def test_the_direct_runner_writes_the_same_records(originals, tmp_path):
    write_shards = beam.shard_writer(["--runner=DirectRunner"])
    source = str(originals / "tree")
    build("jsonl", tmp_path / "r", source_dir=source, num_shards=2, write_shards=write_shards)
    assert files_of(tmp_path / "r") == files_of(originals / "records")


@needs_beam
def test_the_direct_runner_writes_the_same_maps(originals, tmp_path):
    build_features(originals, tmp_path / "local")
    write_shards = beam.map_shard_writer(["--runner=DirectRunner"])
    build_features(originals, tmp_path / "beam", write_shards=write_shards)
    assert files_of(tmp_path / "beam") == files_of(tmp_path / "local")
    assert len(files_of(tmp_path / "beam")) == 6


@needs_beam
def test_only_missing_shards_are_written(originals, tmp_path):
    """After a failure: the same command goes on."""
    tree = shutil.copytree(originals / "tree", tmp_path / "tree")
    image = (tree / "photos/train2.png").read_bytes()
    (tree / "photos/train2.png").write_bytes(
        b"no image".ljust(len(image))
    )  # fingerprint: sizes
    arguments = {"source_dir": str(tree), "num_shards": 2}
    write_shards = beam.shard_writer()
    with pytest.raises(BuildError, match=r"photos/train2\.png: not an image.*Run the same"):
        build("jsonl", tmp_path / "r", write_shards=write_shards, **arguments)
    there = [n for n in os.listdir(tmp_path / "r") if n.endswith("of-00002")]
    (tree / "photos/train2.png").write_bytes(image)
    written = []

    def watch(shards, on_error):
        written.extend(os.path.basename(shard.path) for shard in shards)
        write_shards(shards, on_error)

    build("jsonl", tmp_path / "r", write_shards=watch, **arguments)
    assert len(written) == 4 - len(there) > 0 and set(written).isdisjoint(there)
    assert files_of(tmp_path / "r") == files_of(originals / "records")


@needs_beam
def test_the_encoder_is_made_once_for_all_shards(originals, tmp_path):
    log = tmp_path / "made"

    def make_and_count():
        with open(log, "a") as file:
            file.write("made\n")
        return lambda images: np.zeros((len(images), 1, 1, 3), np.float32)

    write_shards = beam.map_shard_writer(["--runner=DirectRunner"])
    build_features(
        originals, tmp_path / "maps", make_encode=make_and_count, write_shards=write_shards
    )
    assert log.read_text() == "made\n"


@needs_beam
def test_shards_that_a_worker_wrote_elsewhere(originals, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "write_shard", lambda shard, on_error: None)
    with pytest.raises(
        BuildError, match="4 of 4 shards are not there after.*all of them share"
    ):
        build(
            "jsonl",
            tmp_path / "r",
            source_dir=str(originals / "tree"),
            num_shards=2,
            write_shards=beam.shard_writer(["--runner=DirectRunner"]),
        )


@pytest.mark.parametrize("make_writer", [beam.shard_writer, beam.map_shard_writer])
def test_without_apache_beam_it_says_what_to_install(monkeypatch, make_writer):
    monkeypatch.setattr(beam, "beam", None)
    with pytest.raises(BuildError, match="apache-beam, which is not installed.*pip install -r"):
        make_writer(["--runner=DirectRunner"])
