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
from tests.gifs import make_gif
from tests.records.odd import (
    BGR,
    bmp,
    bmp_rows,
    png,
    random_rows,
    rgba_rows,
    with_alpha,
)
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
    expected["notices"] = []
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


@pytest.mark.parametrize(
    "count, message",
    [
        ("num_images", r"says splits.val.num_images = 99, which should be 2"),
        ("num_questions", r"says splits.val.questions_per_image = .*should add up"),
        ("num_answered", r"says num_answered = 99 of 'val', but it is 4"),
    ],
)
def test_a_changed_count(records, count, message):
    edit_info(records, lambda info: info["splits"]["val"].update({count: 99}))
    with pytest.raises(BuildError, match=message):
        verify(records)


def test_a_changed_number_of_records(records):
    edit_info(records, lambda info: info["splits"]["val"]["shards"][0].update(num_records=9))
    with pytest.raises(BuildError, match="says splits.val.num_images = 2, which should be 10"):
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


@pytest.fixture
def build_as_before(tmp_path, monkeypatch):
    """A function that builds records of such images as older versions did."""

    def build_records(*images):
        source = jsonl_tree(tmp_path / "source")
        for number, image in enumerate(images):
            (source / f"photos/train{number}.png").write_bytes(image)
        monkeypatch.setattr(writer, "check_image", image_size)  # They looked at the header.
        build("jsonl", tmp_path / "r", source_dir=str(source))
        return tmp_path / "r"

    return build_records


# A frame of 12,000x1 pixels and one of 1x12,000, which are decoded to 144 million.
CROSS = make_gif((12_000, 12_000), [(0, 0, 12_000, 1), (0, 0, 1, 12_000)])


@pytest.mark.parametrize(
    "broken, reason",
    [
        (png(end=False), "training cannot decode"),
        (make_gif((9, 7), [(0, 0, 9, 7)])[:-1], "its end is missing"),
        (bmp(bmp_rows(BGR)[:-9], 24), "broken or truncated"),
        (png(rows=random_rows(39, 5)), "training cannot decode"),
        (CROSS, "too large an image"),
    ],
)
def test_images_that_training_cannot_decode_are_named(build_as_before, broken, reason):
    records = build_as_before(png(), png(6, rows=rgba_rows(0)), png(), broken)
    expected = rf"-train\.tfrecord-.*: image 'photos/train3\.png': .*{reason}.*on_error=skip"
    with pytest.raises(BuildError, match=expected):
        verify(records)


@pytest.mark.parametrize(
    "image, reason",
    [
        (png(6, rows=rgba_rows(0)), "a PNG with transparent pixels"),
        (make_gif((8, 8), [(0, 0, 4, 4)]), "first frame is 4x4"),
        (with_alpha(128), "a BMP with transparent pixels"),
    ],
)
def test_what_an_older_version_took_is_no_damage(build_as_before, image, reason):
    records = build_as_before(png(), image, png(), image)
    found = verify(records)
    assert found["num_images"] == 7
    assert [notice["image_id"] for notice in found["notices"]] == [
        "photos/train1.png",
        "photos/train3.png",
    ]
    assert {notice["shard"] for notice in found["notices"]} == {
        "jsonl-train.tfrecord-00000-of-00001"
    }
    assert all(reason in notice["reason"] for notice in found["notices"])


def test_a_record_that_is_none_and_one_that_lacks_something(tmp_path):
    path, serialized = write_record(tmp_path)
    message = tf.train.Example.FromString(serialized)
    del message.features.feature["question/id"]
    for content, reason in ((b"none", "it is no record"), (None, "it has no question/id")):
        with tf.io.TFRecordWriter(path) as file:
            file.write(content or message.SerializeToString())
        with pytest.raises(BuildError, match=f"damaged after record 0 .{reason}"):
            contents.read_split([path], QuestionCounts())
