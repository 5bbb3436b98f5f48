"""Texts to words."""

import pytest
import tensorflow as tf

from hardvqa_tf.data.words import ragged_words, split_words


@pytest.mark.parametrize(
    "text, words",
    [
        ("What is the red object's shape?", "what is the red object ' s shape ?"),
        ("  two\tspaces \n and\u3000more  ", "two spaces and more"),
        ("no-one, really...", "no - one , really . . ."),
        ("3+4=7 €", "3 + 4 = 7 €"),  # symbols, not only punctuation
        ("ｗｉｄｅ ﬁne ①", "wide fine 1"),  # NFKC: full width, ligature, circled
        ("e\u0301te\u0301", "\u00e9t\u00e9"),  # a letter and its accent become one letter
        ("Straße ΣΊΣΥΦΟΣ", "strasse σίσυφοσ"),  # case folded, not only in lower case
        ("这是什么颜色？", "这 是 什 么 颜 色 ?"),  # Han characters are words
        ("ABC中1", "abc 中 1"),
        ("ひらがな 한국어", "ひらがな 한국어"),  # other scripts are cut at white space
        ("\U0001f600ok", "\U0001f600 ok"),
        ("", ""),
        (" \t\n", ""),
    ],
)
def test_words(text, words):
    assert split_words([text]) == [words.split()]


def test_empty_texts_keep_their_row():
    assert split_words(["a b", "", "c"]) == [["a", "b"], [], ["c"]]
    assert split_words(["", ""]) == [[], []]
    assert split_words([]) == []
    assert ragged_words(tf.constant([], tf.string)).to_list() == []
