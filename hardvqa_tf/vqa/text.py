"""Questions to tokens, by the words of `data.words`, and the answer vocabulary."""

import tensorflow as tf

from hardvqa_tf.data.words import ragged_words
from records import questions

PADDING, UNKNOWN = 0, 1  # token ids; words start at 2
UNKNOWN_ANSWER = -1
MAX_QUESTION_BYTES = 10_000  # that an exported graph looks at; a hundred times a question


def question_status(texts):
    """Says which questions cannot be answered; `records.questions.wrong_with` as a graph.

    Args:
      texts: string[N], any bytes.

    Returns:
      string[N], "ok" or a sentence.
    """
    has_nul = tf.strings.regex_full_match(texts, r"(?s).*\x00.*")
    status = tf.where(has_nul, questions.HAS_NUL, "ok")
    is_blank = tf.strings.regex_full_match(texts, questions.BLANK_IN_RE2)
    status = tf.where(is_blank, questions.EMPTY_QUESTION, status)
    only_utf8 = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
    status = tf.where(
        only_utf8 == texts, status, "The question is not UTF-8 text. Encode it as UTF-8."
    )
    too_long = (
        f"The question is too long: at most {MAX_QUESTION_BYTES:,} bytes are taken. Shorten it."
    )
    return tf.where(tf.strings.length(texts) > MAX_QUESTION_BYTES, too_long, status)


class QuestionTokenizer:
    """Turns raw questions into rows of token ids.

    Args:
      words: list of str, the vocabulary of the train split. Word i gets the id i + 2; 0 is
        padding and 1 any word that is not in the list.
      max_words: T, the length of a row. Longer questions lose their end.

    Attributes:
      table: the lookup table; who saves a graph that calls this must track it.

    Example:
      >>> QuestionTokenizer(["what", "?"], max_words=4)(["What now?"])
      [[2, 1, 3, 0]]
    """

    def __init__(self, words, max_words):
        self.words = list(words)
        self.max_words = max_words
        self.vocabulary_size = len(self.words) + 2
        self.table = _lookup_table(self.words, first_id=UNKNOWN + 1, default=UNKNOWN)

    def __call__(self, questions):
        """string[N] -> int32[N, T]."""
        ids = tf.ragged.map_flat_values(self.table.lookup, ragged_words(questions))
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
        counts = self._counts(self.classes(answers))
        best = tf.argmax(counts, axis=1, output_type=tf.int32)
        return tf.where(tf.reduce_any(counts > 0, axis=1), best, UNKNOWN_ANSWER)

    def classes(self, answers):
        """Ragged string[Q, None] -> ragged int32[Q, None], UNKNOWN_ANSWER for unknown ones."""
        return tf.ragged.map_flat_values(self._table.lookup, answers)

    def sample(self, classes, seed):
        """Draws one of the known answers of each question, each person's as likely.

        Args:
          classes: from `classes`.
          seed: int[2], of a stateless generator.

        Returns:
          int32[Q]; UNKNOWN_ANSWER where none is in the vocabulary.
        """
        known = tf.ragged.boolean_mask(classes, classes >= 0)
        lengths = known.row_lengths()
        draw = tf.random.stateless_uniform(tf.shape(lengths), seed)
        place = tf.cast(draw * tf.cast(lengths, tf.float32), lengths.dtype)
        place = known.row_starts() + tf.minimum(place, lengths - 1)
        found = lengths > 0
        # Where nothing is known, the place of something else is looked up and thrown away.
        values = tf.concat([known.values, [UNKNOWN_ANSWER]], axis=0)
        return tf.where(found, tf.gather(values, tf.where(found, place, 0)), UNKNOWN_ANSWER)

    def soft_scores(self, classes):
        """What the official VQA metric gives for each answer of the vocabulary.

        Of n people, k gave the answer. The metric leaves each person out in turn, counts who of
        the others agree, and takes min(1, agreeing / 3) on average (https://visualqa.org/
        evaluation.html): 0.3, 0.6, 0.9 and 1 for 1, 2, 3 and more of ten. The texts are
        compared as they are here; the scorer that reports (`vqa_accuracy`) normalises them.
        A single person's answer, of which the metric would make 0, gets 1.

        Args:
          classes: from `classes`.

        Returns:
          float32[Q, A].
        """
        counts = tf.cast(self._counts(classes), tf.float32)  # k
        people = tf.cast(classes.row_lengths(), tf.float32)[:, None]  # n
        left_out = counts * tf.minimum(1.0, (counts - 1) / 3)
        others = (people - counts) * tf.minimum(1.0, counts / 3)
        scores = tf.math.divide_no_nan(left_out + others, people)
        return tf.where(people == 1, counts, scores)

    def _counts(self, classes):
        """How often each class was given: int32[Q, A]."""
        rows = tf.cast(classes.value_rowids(), tf.int32)
        known = classes.values >= 0
        pairs = tf.stack([rows, classes.values], axis=1)
        return tf.scatter_nd(
            tf.boolean_mask(pairs, known),
            tf.ones([tf.math.count_nonzero(known)], tf.int32),
            tf.stack([tf.cast(classes.nrows(), tf.int32), len(self)]),
        )


def _lookup_table(strings, first_id, default):
    ids = tf.range(first_id, first_id + len(strings), dtype=tf.int32)
    values = tf.lookup.KeyValueTensorInitializer(tf.constant(strings, tf.string), ids)
    return tf.lookup.StaticHashTable(values, default_value=default)
