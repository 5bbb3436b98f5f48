"""The question encoder: word embedding, LSTM, the state at the last word or the mean of all.

Malinowski et al. (https://arxiv.org/abs/1808.00300): an LSTM of 512 units; the width of their
word embedding is not known. Relation networks used 32 and an LSTM of 128.

Letters: R questions (B images x Q questions each), T tokens, V words, D width.
"""

import keras

from hardvqa_tf.layers import LastState, MeanState, ReverseTokens

LSTM = "lstm"  # the layer whose states are those of the words


def question_lstm(
    vocabulary_size,
    embedding_dim=300,
    units=512,
    dropout=0.0,
    reverse=False,
    pool="last",
    name="question_lstm",
):
    """Builds the encoder.

    Padding on the right never moves the output, whatever its length; a question without a
    word gives zeros.

    Args:
        vocabulary_size: V, with padding and unknown words: tokens are in [0, V).
        embedding_dim: width of a word. 300, a usual width of word vectors, is our choice.
        units: D, width of the LSTM.
        dropout: rate on the embedded words.
        reverse: True feeds the last word first, as published relation networks did.
        pool: "last", the state at the last word, or "mean", of the states at all words.
        name: of the model.

    Returns:
        A `keras.Model`: `question_tokens` int32[R, T], 0 is padding -> question float[R, D].

    Example:
        >>> question_lstm(vocabulary_size=50, units=128).output_shape
        (None, 128)
    """
    if vocabulary_size < 2:
        raise ValueError(
            "`vocabulary_size` must count the padding and at least one word. Received: "
            f"vocabulary_size={vocabulary_size}. Pass the length of the stored vocabulary."
        )
    if pool not in ("last", "mean"):
        raise ValueError(
            '`pool` must be "last" or "mean". Received: '
            f'pool={pool!r}. Use "last" for the paper\'s.'
        )
    tokens = keras.Input((None,), dtype="int32", name="question_tokens")
    read = ReverseTokens(name="reverse")(tokens) if reverse else tokens
    # Words of unit variance: with Keras's default of +-0.05 all questions start nearly equal.
    unit_normal = keras.initializers.RandomNormal(stddev=1.0)
    words = keras.layers.Embedding(
        vocabulary_size, embedding_dim, embeddings_initializer=unit_normal, name="embedding"
    )(read)
    words = keras.layers.Dropout(dropout, name="dropout")(words)
    # No mask: the pooling makes it needless, and a masked LSTM is slower.
    states = keras.layers.LSTM(units, return_sequences=True, name=LSTM)(words)
    pooling = LastState(name="last_state") if pool == "last" else MeanState(name="mean_state")
    question = pooling(states, read)
    return keras.Model(tokens, question, name=name)
