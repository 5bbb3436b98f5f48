"""Order, uniqueness, and shards that are whole or not there."""

import functools
import hashlib
import os

import pytest
import tensorflow as tf

from records import writer
from records.schema import ImageExample, Question
from records.source import BuildError, read_bytes
from tests.records.trees import write_image


def example(name, load_image=None, question_id=None):
    question = Question(question_id or f"q-{name}", "Is it red?", ("yes",))
    return ImageExample(name, f"photos/{name}.png", load_image, (question,))


def test_order_is_that_of_the_hash_whatever_the_order_of_the_source():
    keys = ["a", "b", "c", "d", "e", "f", "g"]
    dealt = writer.deal([(key, example(key)) for key in keys], 3)
    assert dealt == writer.deal([(key, example(key)) for key in reversed(keys)], 3)
    assert [len(part) for part in dealt] == [2, 2, 3]
    order = [e.image_id for part in dealt for e in part]
    assert order == sorted(keys, key=lambda key: hashlib.sha256(key.encode()).hexdigest())
    assert order != keys


def test_more_shards_than_images_leaves_some_empty():
    dealt = writer.deal([("a", example("a"))], 3)
    assert sorted(len(part) for part in dealt) == [0, 0, 1]


def test_a_key_that_is_there_twice_shows_both():
    pairs = [("k", example("one")), ("k", example("two"))]
    with pytest.raises(BuildError, match=r"Key 'k' is there twice.*one\.png.*two\.png"):
        writer.deal(pairs, 1)


def test_a_question_id_that_is_there_twice_shows_both():
    pairs = [(n, example(n, question_id="q9")) for n in ("one", "two")]
    with pytest.raises(BuildError, match=r"Question id 'q9'.*one\.png.*two\.png.*unique"):
        writer.deal(pairs, 1)


def shard_of(tmp_path, *names):
    parts = []
    for name in names:
        path = write_image(tmp_path / f"{name}.png")
        parts.append(example(name, functools.partial(read_bytes, str(path))))
    return writer.Shard(str(tmp_path / "s.tfrecord-00000-of-00001"), "train", tuple(parts))


def test_a_shard_that_fails_midway_leaves_nothing(tmp_path):
    shard = shard_of(tmp_path, "a", "b")
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(BuildError, match=r"photos/b\.png: not an image.*It has 1 question"):
        writer.write_shard(shard)
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    shard = writer.Shard(str(tmp_path / "none" / "s.tfrecord"), "train", ())
    with pytest.raises(BuildError, match="could not be written.*run the same command again"):
        writer.write_shard(shard)


def test_skipped_images_are_noted_beside_the_shard_and_forgotten_once_mended(tmp_path):
    shard = shard_of(tmp_path, "a", "b", "c")
    os.remove(tmp_path / "b.png")
    writer.write_shard(shard, "skip")
    assert len(list(tf.data.TFRecordDataset(shard.path))) == 2
    (note,) = writer.read_notes([shard.path])
    assert (note["where"], note["split"]) == ("photos/b.png", "train")
    assert "cannot be read" in note["reason"] and "Put the file back" in note["reason"]
    assert str(tmp_path) not in note["reason"]

    write_image(tmp_path / "b.png")
    writer.write_shard(shard, "skip")
    assert len(list(tf.data.TFRecordDataset(shard.path))) == 3
    assert writer.read_notes([shard.path]) == []


def test_one_plain_line_per_split_where_there_is_no_terminal(tmp_path, capsys):
    writer.write_shards([shard_of(tmp_path, "a", "b")])
    out, err = capsys.readouterr()
    assert out == "train: 2 images in 1 shard\n"
    assert err == ""
