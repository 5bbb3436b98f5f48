"""Which questions a server takes."""

import pytest

from hardvqa_tf.serving.limits import Limits
from hardvqa_tf.vqa import requests


@pytest.mark.parametrize(
    "question, problem",
    [
        ("What?", None),
        ("Wie groß?", None),
        ("?", None),
        ("", "has no words: .* Write it in words."),
        (" \t\n", "has no words: .* Write it in words."),
        ("\u200b\u00ad", "has no words: .* Write it in words."),
        ("\0", "has no words: .* Write it in words."),
        ("Is it\0 red?", "has a NUL character .* Remove it."),
        ("x" * 20, None),
        ("ß" * 21, "too long: 21 characters, at most 20 are taken. Shorten it."),
        (b"\xff", "The question is not UTF-8 text"),
    ],
)
def test_questions(question, problem):
    encoded = question if isinstance(question, bytes) else question.encode()
    check, limits = requests.INPUTS["question"].check, Limits(max_text_length=20)
    if problem is None:
        assert check(encoded, limits) == 1
        return
    with pytest.raises(ValueError, match=problem):
        check(encoded, limits)
