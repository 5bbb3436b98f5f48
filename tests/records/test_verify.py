"""`verify` finds every kind of damage and names the file."""

import json
import os

import pytest
import tensorflow as tf

from records import contents, writer
from records.build import build, split_words_simply, verify
from records.counts import QuestionCounts
from records.images import image_size
from records.schema import ImageExample, Question, serialize_example
from records.source import BuildError
from tests.records.odd_images import png, rgba_rows
from tests.records.trees import jsonl_tree, write_image

TRAIN = "jsonl-train.tfrecord-00001-of-00002"


@pytest.fixture
def records(tmp_path):
    source = jsonl_tree(tmp_path / "source")
    build("jsonl", tmp_path / "r", source_dir=str(source), num_shards=2)
    return tmp_path / "r"


def edit_info(records, edit):
    info = json.loads((records / "dataset_info.json").read_text())
    edit(info)
    (records / "dataset_info.json").write_text(json.dumps(info))


def test_intact_records(records):
    num_bytes = sum(path.stat().st_size for path in records.glob("*.tfrecord-*"))
    expected = {"num_shards": 4, "num_images": 7, "num_questions": 14, "num_bytes": num_bytes}
    assert verify(records) == expected
    assert verify(records, split_words=split_words_simply) == expected


def test_a_flipped_bit(records):
    data = bytearray((records / TRAIN).read_bytes())
    data[len(data) // 2] ^= 1
    (records / TRAIN).write_bytes(data)
    with pytest.raises(BuildError, match=f"{TRAIN} does not have the checksum.*Copy it again"):
        verify(records)


def test_a_truncated_shard(records):
    os.truncate(records / TRAIN, 100)
    with pytest.raises(BuildError, match=f"{TRAIN} has 100 bytes, but was written with"):
        verify(records)


@pytest.mark.parametrize("name", [TRAIN, "vocabularies.json"])
def test_a_missing_file(records, name):
    os.remove(records / name)
    with pytest.raises(BuildError, match=f"{name} is missing. Copy it again"):
        verify(records)


def test_a_build_over_damaged_records_says_so(tmp_path, records):
    os.remove(records / TRAIN)
    with pytest.raises(BuildError, match=f"{TRAIN} is missing"):
        build("jsonl", records, source_dir=str(tmp_path / "source"))


def test_a_changed_vocabulary(records):
    path = records / "vocabularies.json"
    path.write_text(path.read_text().replace('"no"', '"yes"'))
    with pytest.raises(BuildError, match="vocabularies.json does not have the checksum"):
        verify(records)


@pytest.mark.parametrize("count", ["num_images", "num_questions", "num_answered"])
def test_a_changed_count(records, count):
    edit_info(records, lambda info: info["splits"]["val"].update({count: 99}))
    with pytest.raises(BuildError, match=f"says {count} = 99 of 'val', but it is [24]"):
        verify(records)


def test_a_changed_number_of_records(records):
    edit_info(records, lambda info: info["splits"]["val"]["shards"][0].update(num_records=9))
    with pytest.raises(BuildError, match="dataset_info.json says shards = "):
        verify(records)


def test_a_changed_count_of_words_is_found_with_the_tokenizer(records):
    edit_info(records, lambda info: info["splits"]["val"].update(max_words=9))
    with pytest.raises(BuildError, match="says max_words = 9 of 'val', but it is 5"):
        verify(records, split_words=split_words_simply)


def write_record(tmp_path, height=6, questions=2):
    encoded = write_image(tmp_path / "x.png", width=9, height=6).read_bytes()
    asked = tuple(Question(f"q{i}", "Why?") for i in range(questions))
    example = ImageExample("x", "x.png", None, asked)
    path = str(tmp_path / "s.tfrecord-00000-of-00001")
    with tf.io.TFRecordWriter(path) as file:
        file.write(serialize_example(example, encoded, height, 9))
    return path, serialize_example(example, encoded, height, 9)


def test_an_image_of_another_size_than_its_record_says(tmp_path):
    path, _ = write_record(tmp_path, height=7)
    with pytest.raises(BuildError, match="its image is 6 high and 9 wide, unlike it says"):
        contents.read_split([path], QuestionCounts())


def test_questions_and_answers_that_do_not_match(tmp_path):
    path, serialized = write_record(tmp_path)
    message = tf.train.Example.FromString(serialized)
    message.features.feature["answer/count"].int64_list.value[0] = 1
    with tf.io.TFRecordWriter(path) as file:
        file.write(message.SerializeToString())
    with pytest.raises(BuildError, match="questions and answers do not match in number"):
        contents.read_split([path], QuestionCounts())


def test_a_question_id_in_two_records(tmp_path):
    path, serialized = write_record(tmp_path)
    with tf.io.TFRecordWriter(path) as file:
        file.write(serialized)
        file.write(serialized)
    with pytest.raises(
        BuildError, match="after record 1 .it has a question id that an earlier"
    ):
        contents.read_split([path], QuestionCounts())


def test_a_file_that_holds_no_records(tmp_path):
    path = tmp_path / writer.shard_name("jsonl", "train", 0, 1)
    path.write_bytes(b"no records at all")
    with pytest.raises(BuildError, match="tfrecord-00000-of-00001: damaged after record 0"):
        contents.read_split([str(path)], QuestionCounts())


@pytest.mark.parametrize(
    "broken, reason",
    [
        (png(end=False), "training cannot decode"),
        (png(6, rows=rgba_rows(0)), "a PNG with transparent pixels"),
    ],
)
def test_images_that_older_versions_took_are_named(tmp_path, monkeypatch, broken, reason):
    source = jsonl_tree(tmp_path / "source")
    (source / "photos/train3.png").write_bytes(broken)
    monkeypatch.setattr(writer, "check_image", image_size)  # which looked at the header alone
    build("jsonl", tmp_path / "r", source_dir=str(source))
    expected = rf"-train\.tfrecord-.*: image 'photos/train3\.png': .*{reason}.*on_error=skip"
    with pytest.raises(BuildError, match=expected):
        verify(tmp_path / "r")


def test_a_record_that_is_none_and_one_that_lacks_something(tmp_path):
    path, serialized = write_record(tmp_path)
    message = tf.train.Example.FromString(serialized)
    del message.features.feature["question/id"]
    for content, reason in ((b"none", "it is no record"), (None, "it has no question/id")):
        with tf.io.TFRecordWriter(path) as file:
            file.write(content or message.SerializeToString())
        with pytest.raises(BuildError, match=f"damaged after record 0 .{reason}"):
            contents.read_split([path], QuestionCounts())
