"""Questions to words to tokens, and answers to classes."""

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.text import AnswerVocabulary, QuestionTokenizer, ragged_words, split_words


@pytest.mark.parametrize(
    "question, words",
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
def test_words(question, words):
    assert split_words([question]) == [words.split()]


def test_empty_questions_keep_their_row():
    assert split_words(["a b", "", "c"]) == [["a", "b"], [], ["c"]]
    assert split_words(["", ""]) == [[], []]
    assert split_words([]) == []
    assert ragged_words(tf.constant([], tf.string)).to_list() == []


def test_tokens_with_padding_unknown_words_and_truncation():
    tokenizer = QuestionTokenizer(["is", "it", "?", "red"], max_words=4)
    tokens = tokenizer(["Is it red?", "RED", "is it blue red?", ""])
    assert tokens.dtype == tf.int32
    np.testing.assert_array_equal(
        tokens,
        [
            [2, 3, 5, 4],
            [5, 0, 0, 0],
            [2, 3, 1, 5],  # the fifth word, "?", is cut off
            [0, 0, 0, 0],
        ],
    )
    assert tokenizer.vocabulary_size == 6  # four words, padding, unknown
    assert tokenizer.max_words == 4


def test_tokens_within_a_graph_of_unknown_size():
    tokenizer = QuestionTokenizer(["is"], max_words=3)
    texts = tf.data.Dataset.from_tensor_slices([["is a", "b"], ["is is", ""]])
    rows = list(texts.map(tokenizer).as_numpy_iterator())
    np.testing.assert_array_equal(rows, [[[2, 1, 0], [1, 0, 0]], [[2, 2, 0], [0, 0, 0]]])
    assert texts.map(tokenizer).element_spec.shape[-1] == 3


def test_no_question_gives_no_row():
    assert QuestionTokenizer(["is"], 3)(tf.constant([], tf.string)).shape == (0, 3)


def test_no_word_is_known():
    np.testing.assert_array_equal(
        QuestionTokenizer(["is"], 2)(["a b c", "d"]), [[1, 1], [1, 0]]
    )


def targets(answers, vocabulary=("yes", "no", "2", "red")):
    found = AnswerVocabulary(vocabulary).targets(tf.ragged.constant(answers, dtype=tf.string))
    assert found.dtype == tf.int32
    return found.numpy().tolist()


def test_a_target_is_the_most_frequent_answer():
    people = ["red", "no", "no", "yes", "no", "red"]
    assert targets([["red"], people, ["2", "2", "yes"]]) == [3, 1, 2]


def test_of_equally_frequent_answers_the_one_frequent_in_train():
    assert targets([["red", "no"], ["2", "red", "red", "2", "yes"]]) == [1, 2]


def test_answers_that_the_vocabulary_lacks():
    # Unknown answers lose even where they are the most frequent; alone, they leave -1.
    assert targets([["blue", "blue", "red"], ["blue"], ["Red"], []]) == [3, -1, -1, -1]
    assert targets([[], []]) == [-1, -1]


def test_targets_of_no_question():
    empty = tf.RaggedTensor.from_row_lengths(
        tf.constant([], tf.string), tf.constant([], tf.int64)
    )
    assert AnswerVocabulary(["yes"]).targets(empty).shape == (0,)


def test_the_length_of_the_vocabulary():
    vocabulary = AnswerVocabulary(["yes", "größer"])
    assert len(vocabulary) == 2 and vocabulary.answers == ["yes", "größer"]
    assert targets([["größer"]], ["yes", "größer"]) == [1]
