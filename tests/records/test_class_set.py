"""What records say of their classes, in words and of what arguments make them."""

import pytest

from records.class_set import in_words, names_in, pairs_in

DESCRIBED = {
    "name": "56", "unseen_name": "E", "leak_free": True,
    "seen": ["cat", "dog"], "unseen": ["clock"], "left_out": [],
}  # fmt: skip
START = "Classes: 3 (set 56), 1 of them unseen in training (set E); "


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, f"{START}leak-free: no training image shows an unseen one."),
        ({"leak_free": False}, f"{START}not leak-free: training images may show unseen ones, "
         "without their boxes."),
        ({"unseen": [], "unseen_name": "none", "left_out": ["cow"]},
         "Classes: 2 (set 56; 1 without drawings left out), all of them seen in training."),
    ],
)  # fmt: skip
def test_the_sentence_beside_every_number(changed, text):
    assert in_words(DESCRIBED | changed) == text


def test_scenes_that_are_composed_have_no_set():
    assert in_words(None) == ""


def test_lists_in_an_argument():
    assert names_in("hot dog + cat+") == ("hot dog", "cat")
    assert pairs_in("tv=television+cat=house cat", "drawn_as") == {
        "tv": "television", "cat": "house cat"
    }  # fmt: skip
    with pytest.raises(ValueError, match="`drawn_as` must be CLASS=DRAWING.*'cat='"):
        pairs_in("tv=television+cat=", "drawn_as")
