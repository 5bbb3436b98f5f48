"""The scorer gives what the official evaluator gives, quirks included."""

import json
import pathlib
from fractions import Fraction

import pytest

from hardvqa_tf.vqa.judging import vqa_accuracy
from hardvqa_tf.vqa.judging.vqa_accuracy import Annotation, score, score_answer
from tests.invented_rows import invented_vqa
from tests.shared_data import read_shared

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
CASES = json.loads((FIXTURES / "vqa_official_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", range(len(CASES)))
def test_official_cases(number):
    case = CASES[number]
    accuracy = score_answer(case["prediction"], case["answers"])
    assert round(100 * accuracy, 2) == case["acc_percent"]


@pytest.mark.parametrize(
    "same, accuracy", [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (9, 1.0)]
)
def test_by_how_many_of_ten_agree(same, accuracy):
    answers = ["cat"] * same + [f"dog{i}" for i in range(10 - same)]
    assert score_answer("cat", answers) == pytest.approx(accuracy)


@pytest.mark.parametrize(
    "same, people, accuracy",
    [
        (1, 1, 0),  # The one is left out, and nobody else is left to agree.
        (3, 3, 2 / 3),
        (4, 4, 1),
        (2, 9, (2 * 1 / 3 + 7 * 2 / 3) / 9),
        (2, 11, (2 * 1 / 3 + 9 * 2 / 3) / 11),
    ],
)
def test_other_than_ten_people(same, people, accuracy):
    answers = ["cat"] * same + [f"dog{i}" for i in range(people - same)]
    assert score_answer("cat", answers) == pytest.approx(accuracy)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("t-shirt", "t shirt"),
        ("t -shirt", "t shirt"),  # Beside a space it is removed,
        ("t-shirt - red", "tshirt  red"),  # and every other one of its kind with it.
        ("a/b;c", "a b c"),
        ("1,000", "1000"),
        ("1,000-2;3", "100023"),  # The comma between digits has all marks removed,
        ("x,y-z", "x y z"),  # between letters it has not.
        ("١,٢", "١ ٢"),  # Digits are ASCII.
        ("NET!", "NET "),
        ("5.", "5"),
        (".5", ".5"),
        ("1.5", "1.5"),
        ("a.5", "a.5"),
        ("p.m.", "pm"),
        ("." * 33, "."),  # 32 at most
        ("9:30 o'clock 50% $5 &", "9:30 o'clock 50% $5 &"),
        ('[(q)] {x}\\"<y>`@_=+?', "  q  x    y       "),
    ],
)
def test_punctuation(text, expected):
    assert vqa_accuracy.normalize_punctuation(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Two  Cats", "2 cats"),
        ("none", "0"),
        ("zero", "0"),
        ("ten eleven", "10 eleven"),
        ("twenty-one", "twenty-one"),  # A hyphen is not white space.
        ("the A an", ""),
        ("dont", "don't"),
        ("couldntve couldn'tve couldnt've", "couldntve couldn't've couldn't've"),
        ("lets shes let's", "lets shes let's"),
        ("somebody'd", "somebodyd"),  # the wrong way round
        ("Im Ive Id've", "im ive id've"),  # Its keys "Im", "Ive" are never met in lower case.
        ("ΟΔΟΣ İ", "οδοσ i"),  # Python 3 would say "οδος i̇".
    ],
)
def test_words(text, expected):
    assert vqa_accuracy.normalize_words(text) == expected


def test_white_space():
    assert vqa_accuracy.normalize_space("\n a\tb\r\n") == "a b"
    assert vqa_accuracy.normalize("\tThe\nT-shirt. ") == "t shirt"


def test_normalize_takes_marks_before_words():
    assert vqa_accuracy.normalize("the-two,dont") == "2 don't"


# prediction, answers, accuracy by the evaluator of 2018, of 2021; both asked, in Python 2.7.
BOTH = {
    "all agree: since 2021 the prediction is compared as it is": (
        *("The no.", ["no"] * 10),
        *(1.0, 0.0),
    ),
    "all agree on a form that normalising changes": ("the cat", ["the cat"] * 10, 0.0, 1.0),
    "capitals of people count until 2021": ("cat", ["Cat"] * 9 + ["dog"], 0.0, 1.0),
    "people's number words count until 2021": ("2", ["two"] * 9 + ["3"], 0.0, 1.0),
    "people's marks never count if they disagree": ("t shirt", ["t-shirt"] * 9 + ["x"], 1, 1),
    "a mark at the end leaves a space until 2021": ("net", ["net!"] * 9 + ["x"], 0.0, 1.0),
    "the ends are stripped since 2021": ("net", ["net "] * 10, 0.0, 1.0),
    "only spaces differ, so that since 2021 all agree": (
        *("The net", ["net "] * 4 + ["net"] * 6),
        *(1.0, 0.0),
    ),
    "an article alone is an empty answer": ("the", ["a"] * 2 + ["b"] * 8, 0.0, 0.6),
    "an empty answer": ("", [""] * 3 + ["b"] * 7, 0.9, 0.9),
    "an empty answer that nobody gave": ("", ["b"] * 10, 0.0, 0.0),
}


@pytest.mark.parametrize("name", BOTH)
def test_what_2021_changed(name):
    prediction, answers, of_2018, of_2021 = BOTH[name]
    assert score_answer(prediction, answers, evaluator=2018) == pytest.approx(of_2018)
    assert score_answer(prediction, answers, evaluator=2021) == pytest.approx(of_2021)


def test_score_by_types():
    annotations = [
        Annotation(("yes",) * 10, "is the", "yes/no"),
        (["2"] * 3 + ["3"] * 7, "how many", "number"),
        (["red"] * 9 + ["blue"], "what color", "other"),
        (["no"] * 10, "is the", "yes/no"),
        (["no"] * 10, "are", "yes/no"),
    ]
    result = score(["yes", "2", "green", "yes", "no"], annotations)
    assert result["overall"].accuracy == pytest.approx((1 + 0.9 + 0 + 0 + 1) / 5)
    assert result["overall"][1:] == (5, 58.0)
    types = result["by_answer_type"]
    assert list(types) == ["number", "other", "yes/no"]
    assert types["yes/no"] == (pytest.approx(2 / 3), 3, 66.67)
    types = {name: value[1:] for name, value in result["by_question_type"].items()}
    assert list(types) == ["are", "how many", "is the", "what color"]
    assert types == {
        "is the": (2, 50.0),
        "how many": (1, 90.0),
        "what color": (1, 0.0),
        "are": (1, 100.0),
    }


def test_percent_rounds_an_exact_middle_up_as_python_2_does():
    right, wrong = (["yes"] * 10, "q", "a"), (["no"] * 10, "q", "a")
    # 1 of 16 is 6.25 %; 1 of 32 is 3.125 %, which Python 3's `round` would make 3.12.
    assert round(100 / 32, 2) == 3.12
    result = score(["yes"] * 32, [right] + [wrong] * 31)
    assert result["overall"] == (1 / 32, 32, 3.13)


def rows_of(annotations):
    """[(question type, answer type, majority, ten answers), ...] of VQA's annotations."""
    names = ("question_type", "answer_type", "multiple_choice_answer")
    return [
        (*(raw[name] for name in names), [answer["answer"] for answer in raw["answers"]])
        for raw in annotations
    ]


PREDICTIONS = {
    "multiple_choice_answer": lambda majority, answers: majority,
    "constant_yes": lambda majority, answers: "yes",
    "third_answer_in_capitals": lambda majority, answers: f"The {answers[2].upper()}.",
}


def expected_percent(rows, said):
    """The official formula, of answers that are compared as they are: each is left out once."""
    total = Fraction(0)
    for (*_, answers), predicted in zip(rows, said, strict=True):
        for left_out in range(10):
            others = answers[:left_out] + answers[left_out + 1 :]
            total += min(Fraction(1), Fraction(others.count(predicted), 3)) / 10
    return float(100 * total / len(rows))


@pytest.mark.parametrize("evaluator", (2018, 2021))
@pytest.mark.parametrize("name", PREDICTIONS)
def test_scores_on_invented_questions(name, evaluator):
    rows = rows_of(invented_vqa(500)["annotations"])
    predictions = [PREDICTIONS[name](row[2], row[3]) for row in rows]

    def plain(majority, answers):
        """What is left of it: of "The RED." the word, but not where all ten agree (2021)."""
        if name != "third_answer_in_capitals":
            return PREDICTIONS[name](majority, answers)
        return "" if evaluator == 2021 and len(set(answers)) == 1 else answers[2]

    said = [plain(row[2], row[3]) for row in rows]
    result = score(predictions, [(row[3], row[0], row[1]) for row in rows], evaluator)
    assert result["overall"].count == 500
    assert result["overall"].percent == pytest.approx(expected_percent(rows, said), abs=0.0051)
    for place, found in ((0, "by_question_type"), (1, "by_answer_type")):
        for kind in {row[place] for row in rows}:
            chosen = [i for i, row in enumerate(rows) if row[place] == kind]
            expected = expected_percent([rows[i] for i in chosen], [said[i] for i in chosen])
            assert result[found][kind].percent == pytest.approx(expected, abs=0.0051)
            assert result[found][kind].count == len(chosen)


@pytest.mark.parametrize("evaluator", (2018, 2021))
@pytest.mark.parametrize("name", PREDICTIONS)
def test_official_overall_scores_on_real_questions(name, evaluator):
    """By type, where the order of adding matters, see test_score_files."""
    rows = rows_of(read_shared("vqa_v2_rows/valid.annotations.json.gz")["annotations"])
    scores = json.loads((FIXTURES / "vqa_official_scores.json").read_text(encoding="utf-8"))
    official = scores[str(evaluator)][name]
    predictions = [PREDICTIONS[name](row[2], row[3]) for row in rows]
    result = score(predictions, [(row[3], row[0], row[1]) for row in rows], evaluator)
    assert result["overall"].percent == official["overall"]
    by_type = {name: value.percent for name, value in result["by_answer_type"].items()}
    assert by_type == official["perAnswerType"]
    assert result["overall"].count == 8977


def test_errors():
    with pytest.raises(ValueError, match="must be 2018 or 2021. Received: 2020"):
        score_answer("a", ["a"] * 10, evaluator=2020)
    with pytest.raises(ValueError, match="Leave out questions that nobody has answered"):
        score_answer("a", [])
    with pytest.raises(ValueError, match="Received: 'yes'. Put it in a list"):
        score_answer("yes", "yes")
    with pytest.raises(ValueError, match="Received: 2 and 1. Give each question"):
        score(["a", "b"], [(["a"] * 10, "q", "t")])
    with pytest.raises(ValueError, match="equally long, and not empty"):
        score([], [])
