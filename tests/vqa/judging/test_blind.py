"""The blind baseline: hand-typed questions, and the questions of real records."""

import glob
import os

import pytest
import tensorflow as tf

from hardvqa_tf.vqa.judging import blind
from hardvqa_tf.vqa.judging.blind import BlindBaseline, blind_accuracy
from records import build, schema
from records.schema import Question

TRAIN = [
    Question("1", "what color?", ("red",), "color"),
    Question("2", "what color?", ("blue",), "color"),
    Question("3", "what color?", ("blue",), "color"),
    Question("4", "which color?", ("red",), "color"),
    Question("5", "which hue?", ("red",), "color"),
    Question("6", "how many?", ("3", "2", "3", "10"), "count"),
    Question("7", "how many things?", (), "count"),
]


def test_text_then_type_then_overall():
    baseline = BlindBaseline.from_train(TRAIN)
    assert baseline.predict("what color?", "color") == "blue"
    assert baseline.predict("what shade?", "color") == "red"  # 3 of 5 of this type
    assert baseline.predict("how many things?", "count") == "3"  # its own answers are hidden
    assert baseline.predict("is it?", "exist") == "red"
    assert baseline.predict_by_type("count") == "3"


def test_ties_go_to_the_first_in_the_alphabet():
    tied = [Question(str(i), "a?", (answer,)) for i, answer in enumerate(["no", "yes", "2"])]
    for questions in (tied, tied[::-1]):
        assert BlindBaseline.from_train(questions).predict("a?") == "2"
        assert BlindBaseline.from_train(questions[1:]).predict("b?") == min(
            q.answers[0] for q in questions[1:]
        )


def test_accuracy_by_type_in_the_form_of_a_models():
    questions = [
        Question("a", "what color?", ("blue",), "color"),  # text right, type wrong
        Question("b", "which color?", ("red",), "color"),  # both right
        Question("c", "how many?", ("4", "3", "3"), "count"),  # both right: most said 3
        Question("d", "how many?", (), "count"),  # hidden: does not count
        Question("e", "is it?", ("no",), "exist"),  # both wrong
    ]
    rows = blind_accuracy(TRAIN, questions)
    assert list(rows["text"]) == ["all", "color", "count", "exist"]
    assert rows["text"]["all"] == (0.75, 4)
    assert rows["type"]["all"] == (0.5, 4)
    assert rows["text"]["color"] == (1.0, 2)
    assert rows["type"]["color"] == (0.5, 2)
    assert rows["text"]["count"] == (1.0, 1)
    assert rows["text"]["exist"] == (0.0, 1)


def test_train_questions_without_answers_are_refused():
    with pytest.raises(ValueError, match="needs answers"):
        BlindBaseline.from_train(TRAIN[-1:])


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
    assert list(blind._questions(parsed)) == [q for questions in records for q in questions]


@pytest.fixture(scope="module")
def records_dir(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    sizes = {"num_train_images": 3, "num_val_images": 2, "num_test_images": 1}
    build.build("sort_of_clevr", folder, builder_args=sizes, num_shards=2, num_processes=1)
    return folder


def test_questions_come_whole_and_in_the_order_of_the_records(records_dir):
    questions = list(blind.read_questions(records_dir, "val"))
    shards = sorted(glob.glob(os.path.join(records_dir, "*-val.tfrecord-*")))
    parsed = [schema.parse_example(r) for r in tf.data.TFRecordDataset(shards)]
    ids = [i.decode() for record in parsed for i in record["question/id"].numpy()]
    assert [q.id for q in questions] == ids
    assert len(ids) == 40 and all(len(q.answers) == 1 for q in questions)
    assert {q.type.split(": ")[0] for q in questions} == {"relational", "non-relational"}


def test_an_unknown_split_names_the_known_ones(records_dir):
    with pytest.raises(ValueError, match="Use one of: train, val, test"):
        next(blind.read_questions(records_dir, "valid"))
