"""Some features of every record, in order, as Python values."""

import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from records import read, schema
from records.build import build
from records.read import read_questions, read_records
from records.schema import ImageExample, Object, Question, parse_example, serialize_example
from records.source import BuildError, read_bytes
from tests.records import trees

QUESTIONS = (
    Question("q1", "Où ?", ("là", "ici"), "where", "other", ("yes", "no"), "pair"),
    Question("q2", "Why?"),
)
OBJECTS = (Object("hat", 0.5, 0.25, (0.25, 0.0, 0.75, 0.5), 12.5, True), Object("sun", 1, 0))


@pytest.fixture
def records(tmp_path, monkeypatch):
    """Records whose first image has all that a record may have, and the other nothing."""
    trees.jsonl_tree(tmp_path / "source", num_train=2, num_val=1)
    serialize = ImageExample.serialize

    def richer(example, *arguments):
        if example.image_id.endswith("train0.png"):
            load = functools.partial(read_bytes, "")
            example = ImageExample(example.image_id, "", load, QUESTIONS, OBJECTS)
        return serialize(example, *arguments)

    monkeypatch.setattr(ImageExample, "serialize", richer)
    build("jsonl", tmp_path / "r", source_dir=str(tmp_path / "source"))
    return tmp_path / "r"


def test_values_are_those_of_python(records):
    names = (
        "image/id image/height image/orientation question/text question/group answer/text "
        "answer/count object/name object/box object/area object/crowd"
    ).split()
    found = {record["image/id"]: record for record in read_records(records, "train", names)}
    rich, plain = found["photos/train0.png"], found["photos/train1.png"]
    assert list(rich) == names
    assert (rich["image/height"], rich["image/orientation"]) == (5, 1)
    assert rich["question/text"] == ["Où ?", "Why?"] and rich["question/group"] == ["pair", ""]
    assert rich["answer/text"] == [["là", "ici"], []]
    np.testing.assert_array_equal(rich["answer/count"], [2, 0])
    assert rich["object/name"] == ["hat", "sun"]
    np.testing.assert_array_equal(rich["object/box"], [[0.25, 0, 0.75, 0.5], [np.nan] * 4])
    np.testing.assert_array_equal(rich["object/area"], [12.5, np.nan])
    np.testing.assert_array_equal(rich["object/crowd"], [1, 0])
    assert plain["question/group"] == ["", ""] and plain["object/box"].shape == (0, 4)


def test_images_are_bytes(records):
    (record,) = read_records(records, "val", ["image/encoded", "image/features"])
    assert record["image/encoded"].startswith(b"\x89PNG") and record["image/features"] == b""


def test_questions(records):
    found = {question.id: question for question in read_questions(records, "train")}
    assert found["q1"] == Question("q1", "Où ?", ("là", "ici"), "where", "other")
    assert found["photos/train1.png#1"].answers == ("no",) and len(found) == 4


def test_a_part_of_a_record_is_parsed_as_the_whole_is():
    record = serialize_example(ImageExample("i", "", None, QUESTIONS, OBJECTS), b"x", 6, 9)
    whole = parse_example(record)
    for name in whole:
        (part,) = parse_example(record, [name]).values()
        assert str(part) == str(whole[name]), name


def test_a_damaged_shard_is_named(records):
    path = next(records.glob("*-train.*"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for look in (read_questions, functools.partial(read_records, names=["image/id"])):
        with pytest.raises(
            BuildError, match=f"{path.name} cannot be read: record . is damaged"
        ):
            list(look(records, "train"))


def test_an_unknown_split_lists_the_known(records):
    with pytest.raises(ValueError, match="split='valid'.*train, val"):
        next(read_records(records, "valid", ["image/id"]))


def test_parse_questions_of_many_records():
    records = [
        [Question("1", "größer?", ("ja", "nein"), "t/u"), Question("2", "b?", (), "")],
        [],
        [Question("3", "c?", ("x",), "v")],
    ]
    serialized = [
        schema.serialize_example(
            schema.ImageExample(f"image{i}", "", None, tuple(questions)), b"no image", 3, 4
        )
        for i, questions in enumerate(records)
    ]
    parsed = schema.parse_questions(tf.constant(serialized))
    assert [t.decode() for t in parsed["question/text"].numpy()] == ["größer?", "b?", "c?"]
    assert parsed["question/id"].numpy().tolist() == [b"1", b"2", b"3"]
    assert parsed["question/type"].numpy().tolist() == [b"t/u", b"", b"v"]
    assert parsed["answer/text"].to_list() == [[b"ja", b"nein"], [], [b"x"]]
    assert list(read._questions(parsed)) == [q for questions in records for q in questions]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    sizes = {"num_train_images": 3, "num_val_images": 2, "num_test_images": 1}
    build("sort_of_clevr", folder, builder_args=sizes, num_shards=2, num_processes=1)
    return folder


def test_questions_come_whole_and_in_the_order_of_the_records(drawn):
    questions = list(read_questions(drawn, "val"))
    shards = sorted(map(str, pathlib.Path(drawn).glob("*-val.tfrecord-*")))
    parsed = [schema.parse_example(r) for r in tf.data.TFRecordDataset(shards)]
    ids = [i.decode() for record in parsed for i in record["question/id"].numpy()]
    assert [q.id for q in questions] == ids
    assert len(ids) == 40 and all(len(q.answers) == 1 for q in questions)
    assert {q.type.split(": ")[0] for q in questions} == {"relational", "non-relational"}
