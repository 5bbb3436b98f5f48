"""Which ids of questions are numbers."""

import pytest

from hardvqa_tf.vqa.judging.question_ids import as_number


@pytest.mark.parametrize(
    ("question_id", "expected"),
    [
        ("0", 0),
        ("12", 12),
        ("262148000", 262_148_000),
        ("9" * 40, int("9" * 40)),
        ("012", "012"),
        ("-3", "-3"),
        ("1.0", "1.0"),
        ("1_000", "1_000"),
        (" 7", " 7"),
        ("7\n", "7\n"),
        ("", ""),
        ("\u0663", "\u0663"),  # an Arabic digit, which int() would read
        ("\u00b2", "\u00b2"),
        ("a7", "a7"),
        ("1" * 5000, "1" * 5000),  # more digits than int() reads
    ],
)
def test_an_id_that_is_a_whole_number_is_one(question_id, expected):
    found = as_number(question_id)
    assert found == expected and type(found) is type(expected)
