"""A drawing that a person asks with: JSON that says two things, or no numbers, is refused."""

import json

import pytest

from hardvqa_tf.localize.sketches import read_sketch

LINE = [[0, 10], [0, 10]]


def test_drawings_in_json_are_read(tmp_path):
    for content in (
        "[[[0, 0], [10, 10]]]",
        f'\ufeff{{"word": "cat", "recognized": true, "drawing": [{LINE}]}}',
    ):
        (tmp_path / "a.json").write_text(content)
        assert read_sketch(str(tmp_path / "a.json")).draw().max() == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'{{"word": "cat", "word": "dog", "drawing": [{LINE}]}}', "the key 'word' is there"),
        (f'{{"drawing": [{LINE}], "drawing": [{LINE}]}}', "the key 'drawing' is there twice"),
        ("[[[true, false], [10, 20], [30, 1]]]", "holds true or false instead of a number"),
        ("[[[0, 1], [10, true]]]", "holds true or false instead of a number"),
        (json.dumps({"drawing": [[[True, 10], [0, 10]]]}), "true or false instead of a number"),
    ],
)
def test_json_that_is_no_drawing_is_refused_by_name(content, said, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"mine.json: .*{said}"):
        read_sketch(str(path))
