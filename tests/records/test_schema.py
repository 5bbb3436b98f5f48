"""A record gives back what was put into it."""

import numpy as np
import pytest

from records import schema
from records.schema import ImageExample, Object, Question


def example(**changes):
    values = dict(
        image_id="img 7",
        source="photos/7.png",
        load_image=lambda: b"",
        questions=(
            Question(
                "q1", "How many?", ("2", "two", "2"), "count", "number", ("yes", "no", "")
            ),
            Question("q2", "Où est-ce ?"),
            Question("q3", "Is it red?", ("no",), "yes/no"),
        ),
        objects=(Object("red circle", 0.25, 0.5), Object("blue square", 1.0, 0.0)),
    )
    return ImageExample(**(values | changes))


def test_parse_returns_what_was_serialized():
    parsed = schema.parse_example(schema.serialize_example(example(), b"\x00bytes", 6, 9))
    assert parsed["image/id"] == b"img 7"
    assert parsed["image/encoded"] == b"\x00bytes"
    assert (int(parsed["image/height"]), int(parsed["image/width"])) == (6, 9)
    texts = [text.decode() for text in parsed["question/text"].numpy()]
    assert texts == ["How many?", "Où est-ce ?", "Is it red?"]
    assert parsed["question/id"].numpy().tolist() == [b"q1", b"q2", b"q3"]
    assert parsed["question/type"].numpy().tolist() == [b"count", b"", b"yes/no"]
    assert parsed["answer/text"].to_list() == [[b"2", b"two", b"2"], [], [b"no"]]
    assert parsed["answer/count"].numpy().tolist() == [3, 0, 1]
    assert parsed["answer/confidence"].to_list() == [[b"yes", b"no", b""], [], [b""]]
    assert parsed["question/answer_type"].numpy().tolist() == [b"number", b"", b""]
    assert parsed["image/features"] == b""
    assert parsed["object/name"].numpy().tolist() == [b"red circle", b"blue square"]
    np.testing.assert_array_equal(parsed["object/x"], [0.25, 1.0])
    np.testing.assert_array_equal(parsed["object/y"], [0.5, 0.0])


def test_unanswered_questions_and_no_objects():
    unanswered = example(questions=(Question("q1", "Why?"),), objects=())
    parsed = schema.parse_example(schema.serialize_example(unanswered, b"x", 6, 9))
    assert parsed["answer/text"].to_list() == [[]]
    assert parsed["object/name"].shape == (0,)
    assert parsed["object/x"].shape == (0,)


def test_a_map_takes_the_place_of_the_image_and_of_nothing_else():
    record = schema.serialize_example(example(), b"bytes", 6, 9)
    features = np.arange(2 * 3 * 4, dtype=np.float16).reshape(2, 3, 4) / 7
    parsed = schema.parse_example(schema.with_features(record, features))
    assert parsed["image/encoded"] == b""
    stored = np.frombuffer(parsed["image/features"].numpy(), "<f2").reshape(2, 3, 4)
    np.testing.assert_array_equal(stored, features)
    before = schema.parse_example(record)
    for name in before.keys() - {"image/encoded", "image/features"}:
        assert str(parsed[name]) == str(before[name]), name


def test_confidences_must_match_the_answers():
    torn = example(questions=(Question("q1", "Why?", ("a", "b"), confidences=("yes",)),))
    with pytest.raises(ValueError, match="'q1' has 2 answers and 1 confidences. Give one"):
        schema.serialize_example(torn, b"x", 6, 9)


def test_pixels_are_divided_by_the_image_size():
    in_pixels = example(objects=(Object("cube", 3, 3),), objects_in_pixels=True)
    parsed = schema.parse_example(schema.serialize_example(in_pixels, b"x", 6, 12))
    assert parsed["object/x"].numpy().tolist() == [0.25]
    assert parsed["object/y"].numpy().tolist() == [0.5]


def test_an_object_outside_the_image_is_refused():
    outside = example(objects=(Object("cube", 13, 3),), objects_in_pixels=True)
    with pytest.raises(ValueError, match="'cube' lies outside the 12x6 image.*resized?"):
        schema.serialize_example(outside, b"x", 6, 12)


def test_the_same_bytes_twice():
    first = schema.serialize_example(example(), b"x", 6, 9)
    assert first == schema.serialize_example(example(), b"x", 6, 9)


def test_what_has_nothing_to_say_is_left_out_and_filled_in():
    record = schema.serialize_example(example(), b"bytes", 6, 9)
    for name in (b"image/orientation", b"question/group", b"object/box", b"object/area"):
        assert name not in record
    parsed = schema.parse_example(record)
    assert int(parsed["image/orientation"]) == 1
    assert parsed["question/group"].numpy().tolist() == [b"", b"", b""]
    assert parsed["object/box"].shape == (2, 4) and np.isnan(parsed["object/box"]).all()
    assert np.isnan(parsed["object/area"]).all() and parsed["object/area"].shape == (2,)
    assert parsed["object/crowd"].numpy().tolist() == [0, 0]


def test_boxes_areas_crowds_groups_and_orientation():
    boxed = Object("cat", 0.5, 0.25, box=(0.25, 0.125, 0.75, 0.375), area=11.5, crowd=True)
    given = example(
        questions=(Question("q1", "Is it?", ("no",), group="pair 1"), Question("q2", "So?")),
        objects=(Object("dog", 0.25, 0.5), boxed),
    )
    parsed = schema.parse_example(schema.serialize_example(given, b"bytes", 6, 9, 8))
    assert int(parsed["image/orientation"]) == 8
    assert parsed["question/group"].numpy().tolist() == [b"pair 1", b""]
    nothing = [np.nan] * 4
    np.testing.assert_array_equal(parsed["object/box"], [nothing, boxed.box])
    np.testing.assert_array_equal(parsed["object/area"], [np.nan, 11.5])
    assert parsed["object/crowd"].numpy().tolist() == [0, 1]


def test_boxes_in_pixels_are_divided():
    box = Object("cat", 4.5, 3, box=(0, 1.5, 9, 4.5))
    given = example(objects=(box,), objects_in_pixels=True)
    parsed = schema.parse_example(schema.serialize_example(given, b"bytes", 6, 9))
    np.testing.assert_array_equal(parsed["object/box"], [[0, 0.25, 1, 0.75]])
    np.testing.assert_array_equal(parsed["object/x"], [0.5])


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((0.0, 0.0, 1.01, 1.0), r"'cat' lies outside the 9x6 image.*box \(0.000.*1.010"),
        ((0.6, 0.0, 1.0, 1.0), "'cat' has its centre outside its box"),
        ((1.0, 1.0, 0.0, 0.0), "Give the box as its two corners"),
    ],
)
def test_boxes_that_cannot_be(box, message):
    given = example(objects=(Object("cat", 0.5, 0.5, box=box),))
    with pytest.raises(ValueError, match=message):
        schema.serialize_example(given, b"bytes", 6, 9)
