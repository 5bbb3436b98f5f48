"""JSON whose faults `json` passes over, or ends in a traceback at."""

import json

import pytest

from records import strict_json
from records.source import BuildError, parse_json, shown
from records.strict_json import Repeated, loads, loads_marked

DEEP = "[" * 100_000 + "]" * 100_000
DEEP_OBJECTS = '{"a":' * 100_000 + "1" + "}" * 100_000


def test_what_is_in_order_is_read_as_ever():
    text = '{"a": [1, {"b": null}], "c": {"b": "é"}}'
    assert loads(text) == loads(text.encode()) == loads_marked(text) == json.loads(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[0, {"b": {"a": 1, "c": 2, "a": 3}}]'])
def test_a_key_twice(text):
    with pytest.raises(ValueError, match="the key 'a' is there twice"):
        loads(text)


@pytest.mark.parametrize("text", [DEEP, DEEP_OBJECTS, f'{{"a": {DEEP}}}'])
def test_what_is_too_deep(text):
    with pytest.raises(ValueError, match="nested too deeply"):
        loads(text)
    with pytest.raises(BuildError, match=r"q\.json: cannot be read: it is nested too deeply"):
        parse_json(text.encode(), "q.json")


@pytest.mark.parametrize("depth", range(900, 1001, 5))
def test_what_is_nearly_too_deep_is_shown_or_refused(depth):
    """A value that can be read may be too deep to be written into a message."""
    try:
        value = loads("[" * depth + "]" * depth)
    except ValueError as error:
        assert "nested too deeply" in str(error)
    else:
        assert shown(value).startswith("[[[") or "nested too deeply" in shown(value)


def test_a_number_of_thousands_of_digits():
    with pytest.raises(BuildError, match=r"q\.json: cannot be read: it has a whole number of"):
        parse_json(b"[" + b"1" * 5000 + b"]", "q.json")


def test_objects_are_marked_with_what_is_around_them_and_nothing_else():
    text = '{"list": [{"a": 1}, {"b": [{"x": 1, "x": 2}]}, {"a": 2, "c": {"a": 1}}]}'
    content = loads_marked(text)
    assert isinstance(content, Repeated) and not content.is_own
    kinds = [type(entry) for entry in content["list"]]
    assert kinds == [dict, Repeated, dict]
    entry = content["list"][1]
    assert (entry.key, entry.is_own, entry["b"][0].is_own) == ("x", False, True)


def test_the_hook_is_given_all_but_marked_objects():
    seen = []
    strict_json.loads_marked(
        '[{"a": 1}, {"b": 1, "b": 2}]', lambda raw: seen.append(raw) or raw
    )
    assert seen == [{"a": 1}]


def test_a_file_whose_own_object_has_a_key_twice():
    with pytest.raises(BuildError, match=r"q\.json: the key 'questions' is there twice"):
        parse_json(b'{"questions": [], "questions": []}', "q.json")


@pytest.mark.parametrize(
    "data, sentence",
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "a pointer of Git LFS.*git lfs pull",
        ),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "what macOS keeps beside a file"),
        (b"\x1f\x8b\x08\x00", "a gzip file. Unpack it"),
    ],
)
def test_another_file_in_the_place_of_json(data, sentence):
    with pytest.raises(BuildError, match=rf"q\.json: not text, but {sentence}"):
        parse_json(data, "q.json")
