"""Questions to words to tokens, and answers to classes."""

import random

import numpy as np
import tensorflow as tf

from hardvqa_tf.data.words import split_words
from hardvqa_tf.vqa.judging.vqa_accuracy import score_answer
from hardvqa_tf.vqa.text import AnswerVocabulary, QuestionTokenizer, question_status
from records.questions import is_blank, wrong_with


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


def check_the_rule(texts):
    """Python, the graph and the cut into words agree on which questions have words."""
    status = [text.decode() for text in question_status(tf.constant(texts)).numpy()]
    assert status == [wrong_with(text) or "ok" for text in texts]
    for text, words in zip(texts, split_words(texts), strict=True):
        if not wrong_with(text):
            assert words, ascii(text)


def test_the_rule_for_every_character():
    """Above 0x20000, where there is Chinese or nothing yet, of each hundredth; and of tags."""
    codes = [*range(0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE1200)]
    codes += range(0x20000, 0x110000, 100)
    characters = list(map(chr, codes))
    check_the_rule(characters)
    # What the cut into words drops is nothing that can be seen.
    dropped = [c for c, words in zip(characters, split_words(characters)) if not words]
    assert len(dropped) > 4000 and all(map(is_blank, dropped))


def test_the_rule_for_many_strings():
    rng = random.Random(5)
    signs = (
        "\0\x01 \t\n\x85\xad\u200b\u200d\u2028\u3164\u2800\ufe0f\U000e0041?a\u0301é是👍\ue000"
    )
    texts = ["".join(rng.choices(signs, k=rng.randrange(5))) for _ in range(20_000)]
    check_the_rule(texts)
    found = [wrong_with(text) for text in texts]
    assert len(set(found)) == 3 and min(map(found.count, set(found))) > 500


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


def classes(answers, vocabulary=("yes", "no", "2", "red")):
    return AnswerVocabulary(vocabulary).classes(tf.ragged.constant(answers, dtype=tf.string))


def test_soft_scores_are_the_metrics():
    """0.3, 0.6, 0.9, 1 for 1, 2, 3, 4 of ten; other numbers of people by the same formula."""
    ten = ["yes"] + ["no"] * 2 + ["2"] * 3 + ["red"] * 4
    five = ["yes", "yes", "no", "blue", "blue"]  # two of five: (2 * 1/3 + 3 * 2/3) / 5
    scores = AnswerVocabulary(["yes", "no", "2", "red"]).soft_scores(
        classes([ten, five, ["red"], ["blue"], []])
    )
    np.testing.assert_allclose(
        scores,
        [
            [0.3, 0.6, 0.9, 1.0],
            [8 / 15, 4 / 15, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],  # one person: right is right
            [0.0] * 4,
            [0.0] * 4,
        ],
        atol=1e-6,
    )


def test_soft_scores_equal_the_scorer():
    people = ["yes", "no", "yes", "red", "red", "red", "red", "red", "2", "no"]
    (scores,) = AnswerVocabulary(["yes", "no", "2", "red"]).soft_scores(classes([people]))
    expected = [score_answer(answer, people) for answer in ("yes", "no", "2", "red")]
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_sampled_answers_follow_the_people():
    """A seed decides; each known person is as likely; who is unknown is never drawn."""
    vocabulary = AnswerVocabulary(["yes", "no", "2", "red"])
    given = classes([["blue", "no", "red", "red"]] * 3000 + [["blue"], []])
    drawn = vocabulary.sample(given, [3, 4]).numpy()
    np.testing.assert_array_equal(drawn, vocabulary.sample(given, [3, 4]))
    assert drawn[3000:].tolist() == [-1, -1]
    shares = np.bincount(drawn[:3000], minlength=4) / 3000
    # Five standard deviations of a share of 2/3 in 3,000 draws are 0.043.
    np.testing.assert_allclose(shares, [0, 1 / 3, 0, 2 / 3], atol=0.043)
    assert (vocabulary.sample(given, [3, 5]).numpy() != drawn).any()
