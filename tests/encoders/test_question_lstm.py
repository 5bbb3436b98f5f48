import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.encoders import question_lstm

TOKENS = np.array([[7, 5, 2, 0, 0], [3, 4, 6, 8, 1], [9, 0, 0, 0, 0], [0, 0, 0, 0, 0]], "int32")


def _encoder(**arguments):
    return question_lstm(vocabulary_size=10, embedding_dim=4, units=6, **arguments)


def test_golden_parameters():
    # 10·4 of the embedding; four gates of (4 + 6)·6 + 6.
    assert _encoder().count_params() == 40 + 4 * 66


@pytest.mark.parametrize("reverse", [False, True])
def test_it_is_an_lstm_over_the_words_alone(reverse):
    encoder = _encoder(reverse=reverse)
    questions = np.array(encoder(TOKENS))
    table = np.array(encoder.get_layer("embedding").embeddings)
    plain = keras.layers.LSTM(6)
    for row, length in enumerate([3, 5, 1]):
        words = table[TOKENS[row, :length]]
        words = words[::-1] if reverse else words
        plain.build((1, length, 4))
        plain.set_weights(encoder.get_layer("lstm").get_weights())
        np.testing.assert_allclose(questions[row], plain(words[None])[0], atol=1e-6)
    np.testing.assert_array_equal(questions[3], np.zeros(6))  # no word, no question


@pytest.mark.parametrize("reverse", [False, True])
def test_padding_does_not_move_the_output(reverse):
    encoder = _encoder(reverse=reverse)
    longer = np.pad(TOKENS, ((0, 0), (0, 3)))
    np.testing.assert_allclose(encoder(longer), encoder(TOKENS), atol=1e-6)


def test_the_mean_hears_every_word_and_no_padding():
    encoder = _encoder(pool="mean")
    states = keras.Model(encoder.input, encoder.get_layer("lstm").output)(TOKENS)
    questions = np.array(encoder(TOKENS))
    for row, length in enumerate([3, 5, 1]):
        expected = np.array(states)[row, :length].mean(axis=0)
        np.testing.assert_allclose(questions[row], expected, atol=1e-6)
    np.testing.assert_array_equal(questions[3], np.zeros(6))
    longer = np.pad(TOKENS, ((0, 0), (0, 3)))
    np.testing.assert_allclose(encoder(longer), questions, atol=1e-6)


def test_padding_gets_no_gradient():
    encoder = _encoder()
    embeddings = encoder.get_layer("embedding").embeddings.value
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder(TOKENS) ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, embeddings)).numpy()
    assert (gradient[0] == 0).all()
    assert (np.abs(gradient[1:]).max(axis=1) > 0).all()


def test_dropout_acts_in_training_only():
    encoder = _encoder(dropout=0.5)
    np.testing.assert_array_equal(encoder(TOKENS), encoder(TOKENS))
    assert np.abs(encoder(TOKENS, training=True) - encoder(TOKENS)).max() > 1e-3


def test_it_is_saved_and_loaded(tmp_path):
    encoder = _encoder(reverse=True, dropout=0.1, name="ear")
    encoder.save(tmp_path / "ear.keras")
    loaded = keras.saving.load_model(tmp_path / "ear.keras")
    np.testing.assert_allclose(loaded(TOKENS[:2]), encoder(TOKENS[:2]), atol=1e-6)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Pass the length of the stored vocabulary"):
        question_lstm(vocabulary_size=1)
