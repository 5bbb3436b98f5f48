"""Shortened values: a quote that opens is closed."""

import json

import pytest

from records.shortened import shortened


@pytest.mark.parametrize(
    "text, expected",
    [
        ("abcdef", "abcdef"),
        ("abcdefg", "abcdef..."),
        ('"abcd"', '"abcd"'),
        (json.dumps("abcdefg"), '"abcde..."'),
        (repr("abcdefg"), "'abcde...'"),
        (repr(b"abcdefg"), "b'abcd...'"),
        (json.dumps('abcd"efg'), '"abcd..."'),
        ("[1, 2, 3]", "[1, 2,..."),
    ],
)
def test_a_text_is_cut_within_its_quotes(text, expected):
    assert shortened(text, 6) == expected
