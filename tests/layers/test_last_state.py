import numpy as np

from hardvqa_tf.layers import LastState, ReverseTokens

TOKENS = np.array([[7, 5, 0, 0], [3, 4, 6, 8], [0, 0, 0, 0], [9, 0, 2, 0]], "int32")


def test_the_state_at_the_last_word():
    states = np.arange(1.0, 33.0, dtype="float32").reshape(4, 4, 2)
    # The last word of the last row is its third token: a zero inside is no end.
    expected = [states[0, 1], states[1, 3], [0, 0], states[3, 2]]
    np.testing.assert_array_equal(LastState()(states, TOKENS), expected)


def test_words_turn_round_and_padding_stays():
    expected = [[5, 7, 0, 0], [8, 6, 4, 3], [0, 0, 0, 0], [2, 0, 9, 0]]
    output = ReverseTokens()(TOKENS)
    np.testing.assert_array_equal(output, expected)
    assert output.dtype == "int32"


def test_states_turn_round_as_their_tokens_do():
    states = np.arange(1.0, 33.0, dtype="float32").reshape(4, 4, 2)
    a, b, c, d = states
    expected = [a[[1, 0, 2, 3]], b[::-1], c, d[[2, 1, 0, 3]]]
    turned = ReverseTokens()(TOKENS, states=states)
    np.testing.assert_array_equal(turned, expected)
    np.testing.assert_array_equal(ReverseTokens()(TOKENS, states=turned), states)
