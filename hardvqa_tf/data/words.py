"""Texts to words, as building records counts them, and as every reader and graph cuts them.

Every step is a TensorFlow or tensorflow-text operation, so that building records, reading them
and a SavedModel all cut the same text into the same words: Unicode NFKC, case folded, cut at
white space; a punctuation mark, a symbol and a Chinese character are words of their own.
"""

import tensorflow as tf
import tensorflow_text as tf_text

_MARKS = r"[\p{P}\p{S}\p{Han}]"
_DELIMITERS = r"\s+|" + _MARKS


def ragged_words(texts):
    """Cuts texts into words.

    Args:
      texts: string[N], UTF-8.

    Returns:
      A ragged string[N, None].
    """
    folded = tf_text.case_fold_utf8(tf_text.normalize_utf8(texts, "NFKC"))
    words = tf_text.regex_split(folded, _DELIMITERS, keep_delim_regex_pattern=_MARKS)
    return tf.ragged.boolean_mask(words, tf.strings.length(words) > 0)


def split_words(texts):
    """Cuts a list of str into a list of lists of str, as `ragged_words` does."""
    if not texts:
        return []
    rows = ragged_words(tf.constant(texts)).to_list()
    return [[word.decode("utf-8") for word in row] for row in rows]
