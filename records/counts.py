"""What a split of images with questions holds: the counts, and the vocabularies of train.

Another kind of record brings a class with the same methods, and enters it in `KINDS`: how
shards are read, checked and described (`contents.py`, `build.py`, `features.py`) knows of a
record no more than they tell.
"""

import collections

from records.boxes import check_features
from records.drawings.counts import DrawingCounts
from records.object_counts import ObjectCounts
from records.source import BuildError


class QuestionCounts:
    """Counts records of images with questions.

    Attributes:
      EXAMPLE: what a split must have one of, for messages.
      FACTS: what `describe` gives at least, by name, with its type: readers rely on it.
      VOCABULARIES: names in vocabularies.json, what is learned from the train split; without
        any there is no such file.
      num_records: int, how many were added.
    """

    EXAMPLE = "image with a question"
    VOCABULARIES = ("words", "answers")
    FACTS = {"num_images": int, "num_questions": int, "questions_per_image": dict}

    def __init__(self):
        self.num_records = 0
        self._num_answered = 0
        self._types, self._per_image = collections.Counter(), collections.Counter()
        self._answers = collections.Counter()
        self._questions = collections.Counter()  # Texts, so that each is cut into words once.
        self._ids = set()
        self._words = None  # of the questions, once they are cut

    def add(self, features):
        """Checks and counts one record.

        Args:
          features: {name: list of its values}, bytes or numbers.

        Raises:
          ValueError: says what does not fit together.
        """
        ids, counts = features["question/id"], features["answer/count"]
        answers = features["answer/text"]
        of_questions = ("question/text", "question/type", "question/answer_type")
        lengths = {len(features[name]) for name in of_questions}
        if lengths | {len(counts)} != {len(ids)} or sum(counts) != len(answers):
            raise ValueError("its questions and answers do not match in number")
        check_features(features)
        if len(set(ids)) != len(ids) or not self._ids.isdisjoint(ids):
            raise ValueError("it has a question id that an earlier record has")
        self.num_records += 1
        self._per_image[len(ids)] += 1
        self._num_answered += sum(count > 0 for count in counts)
        self._ids.update(ids)
        self._questions.update(text.decode() for text in features["question/text"])
        self._types.update(name.decode() for name in features["question/type"])
        self._answers.update(answer.decode() for answer in answers)

    def vocabularies(self, split_words=None):
        """Returns {"words": [[word, count], ...], "answers": [[answer, count], ...]}.

        The most frequent first, equally frequent ones by text.

        Args:
          split_words: list of questions → list of lists of words. None: what needs no words.
        """
        answers = {"answers": _by_count(self._answers)}
        if split_words is None:
            return answers
        words, _ = self._count_words(split_words)
        return {"words": _by_count(words), **answers}

    def describe(self, vocabularies, split_words=None):
        """Returns the split's entry in dataset_info.json, but for its shards and skips.

        Args:
          vocabularies: of the train split, which tell what is unknown.
          split_words: as in `vocabularies`. None: what is said of words is left out.
        """
        known = {kind: {text for text, _ in pairs} for kind, pairs in vocabularies.items()}
        return {
            "num_images": self.num_records,
            "num_questions": len(self._ids),
            "num_answered": self._num_answered,
            # {questions: images that have so many}: readers know an epoch's length from it.
            "questions_per_image": {str(n): m for n, m in sorted(self._per_image.items())},
            "question_types": dict(sorted(self._types.items())),
            **(self._describe_words(known["words"], split_words) if split_words else {}),
            "num_unknown_answers": _count_unknown(self._answers, known["answers"]),
        }

    @staticmethod
    def in_words(facts):
        """What a build says of a split, from its entry in dataset_info.json."""
        return (
            f"{facts['num_questions']:,} questions, {facts['num_answered']:,} with answers; "
            f"unknown to train: {facts['num_unknown_words']:,} words, "
            f"{facts['num_unknown_answers']:,} answers"
        )

    @staticmethod
    def size_in_words(sums):
        """How much there is, from the sums of the numbers among FACTS."""
        return f"{sums['num_images']:,} images, {sums['num_questions']:,} questions"

    def _describe_words(self, known, split_words):
        words, longest = self._count_words(split_words)
        return {"max_words": longest, "num_unknown_words": _count_unknown(words, known)}

    def _count_words(self, split_words):
        """Returns (Counter of the words of all questions, words of the longest question)."""
        if self._words is None:
            texts, words, longest = list(self._questions), collections.Counter(), 0
            for text, of_text in zip(texts, split_words(texts), strict=True):
                longest = max(longest, len(of_text))
                for word in of_text:
                    words[word] += self._questions[text]
            self._words = words, longest
        return self._words


IMAGE_WITH_QUESTIONS = "image with questions"
KINDS = {
    IMAGE_WITH_QUESTIONS: QuestionCounts,
    "image with objects": ObjectCounts,
    "drawing": DrawingCounts,
}


def counts_of(info):
    """Returns the class that counts the records of a dataset_info.json.

    Args:
      info: what it holds; records of before 1.2 do not say their kind, as there was but one.

    Raises:
      BuildError: if they are of a kind that this version does not know.
    """
    kind = info.get("schema", {}).get("kind", IMAGE_WITH_QUESTIONS)
    if kind not in KINDS:
        raise BuildError(
            f"The records are of the kind {kind!r}, which this version does not read. Known: "
            f"{', '.join(KINDS)}. Use the version that wrote them."
        )
    return KINDS[kind]


def _count_unknown(counter, known):
    return sum(number for text, number in counter.items() if text not in known)


def _by_count(counter):
    return [
        [text, n] for text, n in sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    ]
