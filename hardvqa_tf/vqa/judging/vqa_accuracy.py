"""The official VQA accuracy (Antol et al. 2015, arXiv 1505.00468), in plain Python.

An answer is right in so far as people gave it. Each of the ten people is left out in turn:

    accuracy = mean over people of min(1, how many of the others said the same / 3)

With ten answers, being said by 0, 1, 2, 3, 4 or more of them is worth 0, 0.3, 0.6, 0.9, 1.

What "the same" means is what the official evaluator makes of it: vqaEval.py in
https://github.com/GT-Vision-Lab/VQA (Python 2). Its quirks are kept here, each with a comment,
because published numbers contain them. There are two evaluators:

    2021  since commit a013f00 (March 2021): if the ten answers are not all equal, they and the
          prediction are normalised fully; if they are, neither is ("The no" is then wrong
          where all ten said "no").
    2018  before it, with which earlier papers were scored: the prediction is always normalised
          fully; the answers only lose punctuation, and only if they are not all equal (a
          prediction can then never match "the cat", because its own article is dropped).
"""

import collections
import decimal
import functools
import operator
import re
from typing import NamedTuple

EVALUATORS = (2018, 2021)

# In the evaluator's order, which is that of the replacements. Apostrophe, colon, per cent and
# the other signs stay; the period has its own rule.
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'

# Python 2 knows ASCII digits only, unless it is told otherwise.
_COMMA_IN_NUMBER = re.compile(r"\d,\d", re.ASCII)
# The evaluator's pattern is (?!<=\d)(\.)(?!\d). Its first part looks like a mistyped lookbehind
# (?<=...) and is always true, so that "5." loses its period, and ".5" keeps it.
_PERIOD = re.compile(r"\.(?!\d)", re.ASCII)
# The evaluator passes re.UNICODE, which is 32, in the place of `count`: a 33rd period stays.
_MAX_PERIODS = 32

_DIGITS = {
    word: str(digit)
    for digit, word in enumerate(
        "zero one two three four five six seven eight nine ten".split()
    )
}
_DIGITS["none"] = "0"
_ARTICLES = ("a", "an", "the")

# The evaluator's dictionary `contractions` puts back one forgotten apostrophe into these words:
# "dont" -> "don't", and both "couldnt've" and "couldn'tve" -> "couldn't've", but "couldntve" is
# not known, nor are "lets", "shes" and "somebodyd". Those with a capital are never met, because
# words are lower-cased before.
_CONTRACTIONS = """
    'ow's'at 'twas I'd've I'm I've ain't aren't can't could've couldn't couldn't've didn't
    doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's how'd how'll how's isn't
    it'd it'd've it'll ma'am might've mightn't mightn't've must've mustn't needn't not've
    o'clock oughtn't shan't she'd've should've shouldn't shouldn't've somebody'd've
    somebody'll somebody's someone'd someone'd've someone'll someone's something'd
    something'd've something'll that's there'd there'd've there're there's they'd they'd've
    they'll they're they've wasn't we'd've we've weren't what'll what're what's what've when's
    where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't
    would've wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll you're you've
""".split()
_APOSTROPHES = {
    word[:i] + word[i + 1 :]: word
    for word in _CONTRACTIONS
    for i, character in enumerate(word)
    if character == "'"
}
# Looks like the evaluator's slip, the wrong way round; followed to stay comparable.
_APOSTROPHES["somebody'd"] = "somebodyd"


class Annotation(NamedTuple):
    """What people said to one question: `answers`, a sequence of str, and its two types."""

    answers: tuple
    question_type: str
    answer_type: str


class Score(NamedTuple):
    """The mean over `count` questions: `accuracy` in 0..1, not rounded, and `percent` as the
    evaluator prints it, with two digits."""

    accuracy: float
    count: int
    percent: float


def score_answer(prediction, answers, evaluator=2021):
    """The accuracy of one answer.

    Args:
      prediction: str; may be empty.
      answers: sequence of str, what people said; usually ten. The formula is followed for any
        other number too: with n answers each of the n is left out in turn. With fewer than
        four, no prediction reaches 1, and with one the accuracy is always 0.
      evaluator: 2021 or 2018.

    Returns:
      float in 0..1.

    Raises:
      ValueError: for an unknown evaluator, and where there are no answers.
    """
    if isinstance(answers, str):
        raise ValueError(
            f"`answers` must be a sequence of strings. Received: {answers!r}. Put it in a list."
        )
    same_form, accuracies = _answer_sheet(tuple(answers), evaluator)
    return accuracies.get(same_form(prediction), 0.0)


def score(predictions, annotations, evaluator=2021):
    """Mean accuracies over many questions.

    Args:
      predictions: sequence of str.
      annotations: sequence of (answers, question_type, answer_type), like `Annotation`, in the
        order of the predictions.
      evaluator: 2021 or 2018.

    Returns:
      {"overall": Score, "by_answer_type": {type: Score}, "by_question_type": {type: Score}},
      types in alphabetical order. Sums are in the order given, which can decide the last digit
      of `percent` at an exact middle; `score_files` uses the evaluator's order.
    """
    if len(predictions) != len(annotations) or not len(predictions):
        raise ValueError(
            "`predictions` and `annotations` must be equally long, and not empty. Received: "
            f"{len(predictions)} and {len(annotations)}. Give each question its annotation."
        )
    right, by_answer = [], collections.defaultdict(list)
    by_question = collections.defaultdict(list)
    for prediction, (answers, question_type, answer_type) in zip(
        predictions, annotations, strict=True
    ):
        accuracy = score_answer(prediction, answers, evaluator)
        right.append(accuracy)
        by_answer[answer_type].append(accuracy)
        by_question[question_type].append(accuracy)
    return {
        "overall": _mean(right),
        "by_answer_type": {name: _mean(by_answer[name]) for name in sorted(by_answer)},
        "by_question_type": {name: _mean(by_question[name]) for name in sorted(by_question)},
    }


def normalize(text):
    """White space, punctuation and words: everything the evaluator does to an answer."""
    return _normalize_stripped(normalize_space(text))


def normalize_space(text):
    """Line breaks and tabs become spaces; none are left at the ends."""
    return text.replace("\n", " ").replace("\t", " ").strip()


def normalize_punctuation(text):
    """Removes punctuation, or puts a space in its place: "t-shirt" -> "t shirt".

    A mark is removed where it stands beside a space *anywhere* in the text. And a comma between
    two digits has *all* marks removed: "1,000-2" -> "10002".
    """
    comma_in_number = _COMMA_IN_NUMBER.search(text)
    result = text
    for mark in _PUNCTUATION:
        if mark in text:
            beside_space = f"{mark} " in text or f" {mark}" in text
            result = result.replace(mark, "" if beside_space or comma_in_number else " ")
    return _PERIOD.sub("", result, count=_MAX_PERIODS)


def normalize_words(text):
    """Lower case, digits for number words up to ten, no articles, apostrophes put back.

    "none" becomes "0", and an answer that is only an article becomes empty.
    """
    words = (_DIGITS.get(word, word) for word in _lower(text).split())
    return " ".join(_APOSTROPHES.get(word, word) for word in words if word not in _ARTICLES)


def _lower(text):
    """Python 2's `lower`: letter for letter, one for one. Python 3 has two forms of sigma."""
    return text.lower() if text.isascii() else "".join(c.lower()[0] for c in text)


@functools.lru_cache(maxsize=2**18)  # Answers repeat: a split has far fewer than it has people.
def _normalize_stripped(text):
    return normalize_words(normalize_punctuation(text))


@functools.lru_cache(maxsize=2**18)  # All sets of answers of a split: it is scored every epoch.
def _answer_sheet(answers, evaluator):
    """What the predictions to one question are compared with.

    Returns:
      The function that brings a prediction into the form of the answers, and a dict from every
      answer in that form to its accuracy.
    """
    if evaluator not in EVALUATORS:
        raise ValueError(
            f"`evaluator` must be 2018 or 2021. Received: {evaluator!r}. Use 2021."
        )
    if not answers:
        raise ValueError("`answers` is empty. Leave out questions that nobody has answered.")
    same_form, answers = (_forms_of_2018 if evaluator == 2018 else _forms_of_2021)(answers)
    return same_form, {
        answer: _leave_one_out(tuple(other == answer for other in answers))
        for answer in set(answers)
    }


def _forms_of_2018(answers):
    if len(set(answers)) > 1:
        # Not even stripped: "net!" becomes "net ", which no prediction can equal.
        answers = tuple(map(normalize_punctuation, answers))
    return normalize, answers


def _forms_of_2021(answers):
    answers = tuple(map(normalize_space, answers))
    if len(set(answers)) == 1:
        return normalize_space, answers
    return normalize, tuple(map(_normalize_stripped, answers))


@functools.lru_cache(maxsize=2**12)  # There are 2^10 ways to say the same or not.
def _leave_one_out(said_it):
    """The accuracy of an answer.

    Args:
      said_it: tuple of bool, who gave the answer. The evaluator tells people apart by comparing
        whole entries of its file, which differ in their `answer_id`.
    """
    same = sum(said_it)
    return _sum(min(1, (same - left_out) / 3) for left_out in said_it) / len(said_it)


def _mean(accuracies):
    total, count = _sum(accuracies), len(accuracies)
    # Python 2 rounds an exact middle up, Python 3's `round` to an even digit.
    percent = decimal.Decimal(100 * total / count).quantize(
        decimal.Decimal("0.01"), decimal.ROUND_HALF_UP
    )
    return Score(total / count, count, float(percent))


def _sum(numbers):
    """Adds in order, with every rounding error that the evaluator makes.

    They decide the last printed digit at exact middles such as 96.375 per cent, which groups of
    16, 80 or 400 questions often hit. (From Python 3.12 on, `sum` makes up for such errors.)
    """
    return functools.reduce(operator.add, numbers, 0.0)
