"""Questions to tokens, and the answer vocabulary.

Every step is a TensorFlow or tensorflow-text operation, so that building records, reading them
and a SavedModel all cut the same question into the same words: Unicode NFKC, case folded, cut
at white space; a punctuation mark, a symbol and a Chinese character are words of their own.
"""

import tensorflow as tf
import tensorflow_text as tf_text

PADDING, UNKNOWN = 0, 1  # token ids; words start at 2
UNKNOWN_ANSWER = -1

_MARKS = r"[\p{P}\p{S}\p{Han}]"
_DELIMITERS = r"\s+|" + _MARKS


def ragged_words(questions):
    """Cuts questions into words.

    Args:
      questions: string[N], UTF-8.

    Returns:
      A ragged string[N, None].
    """
    folded = tf_text.case_fold_utf8(tf_text.normalize_utf8(questions, "NFKC"))
    words = tf_text.regex_split(folded, _DELIMITERS, keep_delim_regex_pattern=_MARKS)
    return tf.ragged.boolean_mask(words, tf.strings.length(words) > 0)


def split_words(questions):
    """Cuts a list of str into a list of lists of str, as `ragged_words` does."""
    if not questions:
        return []
    rows = ragged_words(tf.constant(questions)).to_list()
    return [[word.decode("utf-8") for word in row] for row in rows]


class QuestionTokenizer:
    """Turns raw questions into rows of token ids.

    Args:
      words: list of str, the vocabulary of the train split. Word i gets the id i + 2; 0 is
        padding and 1 any word that is not in the list.
      max_words: T, the length of a row. Longer questions lose their end.

    Example:
      >>> QuestionTokenizer(["what", "?"], max_words=4)(["What now?"])
      [[2, 1, 3, 0]]
    """

    def __init__(self, words, max_words):
        self.words = list(words)
        self.max_words = max_words
        self.vocabulary_size = len(self.words) + 2
        self._table = _lookup_table(self.words, first_id=UNKNOWN + 1, default=UNKNOWN)

    def __call__(self, questions):
        """string[N] -> int32[N, T]."""
        ids = tf.ragged.map_flat_values(self._table.lookup, ragged_words(questions))
        return ids.to_tensor(PADDING, shape=[None, self.max_words])


class AnswerVocabulary:
    """The answers that a model can give, most frequent in the train split first.

    Args:
      answers: list of str; the position of an answer is its class.
    """

    def __init__(self, answers):
        self.answers = list(answers)
        self._table = _lookup_table(self.answers, first_id=0, default=UNKNOWN_ANSWER)

    def __len__(self):
        return len(self.answers)

    def targets(self, answers):
        """Picks one class per question: its most frequent answer that the vocabulary holds.

        Args:
          answers: ragged string[Q, None], the answers that people gave to each question.

        Returns:
          int32[Q]. Of equally frequent answers the one more frequent in the train split;
          UNKNOWN_ANSWER where there is no answer or none is in the vocabulary.
        """
        classes = tf.ragged.map_flat_values(self._table.lookup, answers)
        num_questions = answers.nrows()
        rows = tf.cast(classes.value_rowids(), tf.int32)
        known = classes.values >= 0
        pairs = tf.stack([rows, classes.values], axis=1)
        counts = tf.scatter_nd(
            tf.boolean_mask(pairs, known),
            tf.ones([tf.math.count_nonzero(known)], tf.int32),
            tf.stack([tf.cast(num_questions, tf.int32), len(self)]),
        )  # [Q, A]
        best = tf.argmax(counts, axis=1, output_type=tf.int32)
        return tf.where(tf.reduce_any(counts > 0, axis=1), best, UNKNOWN_ANSWER)


def _lookup_table(strings, first_id, default):
    ids = tf.range(first_id, first_id + len(strings), dtype=tf.int32)
    values = tf.lookup.KeyValueTensorInitializer(tf.constant(strings, tf.string), ids)
    return tf.lookup.StaticHashTable(values, default_value=default)
