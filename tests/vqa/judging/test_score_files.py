"""Result files against annotation files: the official digits, and what does not belong."""

import gzip
import json
import pathlib

import pytest

from hardvqa_tf.vqa.judging.score_files import _evaluator_order, format_scores, score_files
from hardvqa_tf.vqa.judging.vqa_accuracy import score
from tests.invented_rows import invented_vqa
from tests.shared_data import read_shared, shared
from tests.vqa.judging.test_vqa_accuracy import PREDICTIONS, rows_of

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"


def annotation(question_id, answers, question_type="what", answer_type="other"):
    entries = [{"answer": a, "answer_confidence": "yes"} for a in answers]
    return {
        "question_id": question_id,
        "image_id": 7,
        "question_type": question_type,
        "answer_type": answer_type,
        "answers": [{**entry, "answer_id": i} for i, entry in enumerate(entries, start=1)],
    }


ANNOTATIONS = [
    annotation(90001, ["yes"] * 10, "is the", "yes/no"),
    annotation(90002, ["red"] * 3 + ["blue"] * 7),
    annotation(20000, [""] * 2 + ["two"] * 8, "how many", "number"),
]
PREDICTED = [
    {"question_id": 20000, "answer": ""},
    {"question_id": 90001, "answer": "yes"},
    {"question_id": 90002, "answer": "Red!"},
]
QUESTIONS = [
    {"question_id": a["question_id"], "question": "What?", "image_id": 7} for a in ANNOTATIONS
]


@pytest.fixture
def files(tmp_path):
    """Writes a file and returns its path."""

    def write(name, content):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


@pytest.fixture
def official(files):
    """Paths of predictions, questions and annotations in VQA v2's form."""
    return (
        files("results.json", PREDICTED),
        files("questions.json", {"info": {}, "questions": QUESTIONS}),
        files("annotations.json", {"info": {}, "annotations": ANNOTATIONS}),
    )


EXPECTED = {
    "evaluator": 2021,
    "overall": {"accuracy": (1 + 0.9 + 0.6) / 3, "percent": 83.33, "num_questions": 3},
    "answer_types": {
        "number": {"accuracy": 0.6, "percent": 60.0, "num_questions": 1},
        "other": {"accuracy": 0.9, "percent": 90.0, "num_questions": 1},
        "yes/no": {"accuracy": 1.0, "percent": 100.0, "num_questions": 1},
    },
    "question_types": {
        "how many": {"accuracy": 0.6, "percent": 60.0, "num_questions": 1},
        "is the": {"accuracy": 1.0, "percent": 100.0, "num_questions": 1},
        "what": {"accuracy": 0.9, "percent": 90.0, "num_questions": 1},
    },
    "num_other_than_ten": 0,
}


def as_expected(result):
    """JSON can hold it, and accuracies are right up to the evaluator's own rounding errors."""
    assert json.loads(json.dumps(result)) == result

    def near(value):
        if isinstance(value, dict):
            return {key: near(v) for key, v in value.items()}
        return pytest.approx(value, abs=1e-12) if isinstance(value, float) else value

    return result == near(EXPECTED)


def test_vqa_v2_files(official):
    result = score_files(*official)
    assert as_expected(result)
    assert json.dumps(result) == json.dumps(score_files(*official))


def test_vqa_cp_files_are_bare_lists_and_may_be_zipped(files, official):
    # Told by the first bytes: one .gz is none, and one is called plain .json.
    annotations = files("plain.json", gzip.compress(json.dumps(ANNOTATIONS).encode()))
    questions = files("questions.json.gz", QUESTIONS)
    predictions = files("res.json.gz", gzip.compress(json.dumps(PREDICTED).encode()))
    assert as_expected(score_files(predictions, questions, annotations))
    assert as_expected(score_files(official[0], None, annotations))


def test_ids_as_strings(files, official):
    as_strings = [{**entry, "question_id": str(entry["question_id"])} for entry in PREDICTED]
    assert as_expected(score_files(files("strings.json", as_strings), *official[1:]))


def test_ids_that_are_no_numbers(files):
    ids = {20000: "img_3/q1", 90001: "007", 90002: 90002}
    renamed = [
        files(
            f"{i}.json", [{**entry, "question_id": ids[entry["question_id"]]} for entry in part]
        )
        for i, part in enumerate((PREDICTED, QUESTIONS, ANNOTATIONS))
    ]
    assert as_expected(score_files(*renamed))


def test_evaluator_of_2018(files, official):
    predictions = files("r.json", [{**entry, "answer": "The Yes"} for entry in PREDICTED])
    for evaluator, percent in ((2018, 100.0), (2021, 0.0)):
        result = score_files(predictions, *official[1:], evaluator=evaluator)
        assert result["question_types"]["is the"]["percent"] == percent
        assert result["evaluator"] == evaluator


def test_questions_without_annotation_and_prediction_are_no_matter(files, official):
    more = [*QUESTIONS, {"question_id": 3, "question": "Who?"}]
    assert as_expected(score_files(official[0], files("more.json", more), official[2]))


def test_format(official, files):
    lines = format_scores(score_files(*official)).splitlines()
    assert lines == [
        "               questions  accuracy",
        "all                    3     83.33",
        "",
        "answer type",
        "  number               1     60.00",
        "  other                1     90.00",
        "  yes/no               1    100.00",
        "",
        "question type",
        "  how many             1     60.00",
        "  is the               1    100.00",
        "  what                 1     90.00",
        "",
        "VQA accuracy in per cent, evaluator of 2021.",
    ]
    nine = files("nine.json", [annotation(90001, ["yes"] * 9), *ANNOTATIONS[1:]])
    last = format_scores(score_files(official[0], None, nine)).splitlines()[-1]
    assert last.startswith("Questions with more or fewer than ten answers: 1. ")


def scored_with(official, files, **changed):
    paths = dict(zip(("predictions", "questions", "annotations"), official, strict=True))
    for name, content in changed.items():
        paths[name] = files(f"{name}_changed.json", content)
    return score_files(**paths)


MESSAGES = {
    "missing": (
        {"predictions": PREDICTED[:1]},
        r"annotations.json: 2 question ids with no prediction in .*predictions_changed.json. "
        "Received: 90001, 90002. ",
    ),
    "unknown": (
        {"predictions": [*PREDICTED, *({"question_id": i, "answer": "x"} for i in range(5))]},
        r"predictions_changed.json: 5 question ids with no annotation in .*annotations.json. "
        r"Received: 0, 1, 2, \.\.\.\. Expected every id",
    ),
    "twice": (
        {"predictions": [*PREDICTED, {"question_id": "90002", "answer": "x"}]},
        "predictions_changed.json: 1 question id with more than one entry. Received: 90002",
    ),
    "annotation twice": (
        {"annotations": [*ANNOTATIONS, ANNOTATIONS[1]]},
        "annotations_changed.json: 1 question id with more than one entry. Received: 90002",
    ),
    "annotation without question": (
        {"questions": QUESTIONS[1:]},
        "annotations.json: 1 question id with no question in .*Received: 90001",
    ),
    "answer not a string": (
        {"predictions": [PREDICTED[0], {"question_id": 90001, "answer": 2}]},
        "predictions_changed.json, question_id 90001: 'answer' must be a string. Received: 2",
    ),
    "answer left out": (
        {"predictions": [{"question_id": 90001}]},
        "question_id 90001: 'answer' is missing",
    ),
    "entry is no object": (
        {"predictions": [PREDICTED[0], "yes"]},
        'predictions_changed.json, entry 1: expected an object. Received: "yes"',
    ),
    "id is no id": (
        {"predictions": [{"question_id": 1.5, "answer": "x"}]},
        "entry 0: 'question_id' must be an integer. Received: 1.5",
    ),
    "id is a truth value": (
        {"predictions": [{"question_id": True, "answer": "x"}]},
        "entry 0: 'question_id' must be an integer. Received: true",
    ),
    "no answers": (
        {"annotations": [annotation(90001, [])]},
        r"annotations_changed.json, question_id 90001: 'answers' must hold .*Received: \[\]",
    ),
    "answers are no objects": (
        {"annotations": [{**ANNOTATIONS[0], "answers": ["yes"]}]},
        r"question_id 90001: 'answers' must hold objects .*Received: \[\"yes\"\]",
    ),
    "an answer is a number": (
        {"annotations": [annotation(90001, ["1", 2])]},
        "question_id 90001: 'answers' must hold objects with a string 'answer'",
    ),
    "no type": (
        {"annotations": [{**ANNOTATIONS[0], "answer_type": None}]},
        "question_id 90001: 'answer_type' must be a string. Received: null",
    ),
    "the wrong file": (
        {"annotations": {"questions": QUESTIONS}},
        'annotations_changed.json: expected annotations, .* holds it as "annotations"',
    ),
    "nothing in it": ({"predictions": []}, "expected predictions, a JSON list with one entry"),
    "cut off": ({"predictions": b'[{"question_id": 1'}, r"changed.json:1:19: not JSON"),
    "cut off gzip": (
        {"predictions": gzip.compress(b"[]", mtime=0)[:-6]},
        "predictions_changed.json: broken gzip file",
    ),
    "not UTF-8": ({"predictions": b'["\xff"]'}, "predictions_changed.json:1: not UTF-8"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_errors_name_file_and_id(official, files, name):
    changed, message = MESSAGES[name]
    with pytest.raises(ValueError, match=message):
        scored_with(official, files, **changed)


def test_order_of_a_python_2_dict():
    """Asked of Python 2.7.18; the sixth id makes the table grow."""
    ids = [267853001, 375951005, 555787000, 30414001, 488240000]
    assert _evaluator_order(ids) == [555787000, 267853001, 488240000, 375951005, 30414001]
    ids = [84483005, 508595004, 274330003, 38611005, 473002, 152649002]
    assert _evaluator_order(ids) == [
        *(473002, 38611005, 274330003, 152649002, 508595004, 84483005)
    ]
    assert _evaluator_order(["b", 3, "a"]) == ["b", 3, "a"]


def said_of(rows, name):
    return [
        {"question_id": question_id, "answer": PREDICTIONS[name](majority, answers)}
        for question_id, (*_, majority, answers) in rows.items()
    ]


def rows_by_id(content):
    """{question_id: (question type, answer type, majority, ten answers)}"""
    ids = [raw["question_id"] for raw in content["annotations"]]
    return dict(zip(ids, rows_of(content["annotations"]), strict=True))


@pytest.mark.parametrize("evaluator", (2018, 2021))
@pytest.mark.parametrize("name", PREDICTIONS)
def test_files_of_invented_questions(files, name, evaluator):
    """Through files, in any order, an official annotation file gives what its rows give."""
    content = invented_vqa(500)
    annotations = files("annotations.json", {"annotations": content["annotations"]})
    rows = rows_by_id(content)
    said = said_of(rows, name)
    result = score_files(files("said.json", said[::-1]), None, annotations, evaluator)
    answers = [entry["answer"] for entry in said]
    expected = score(answers, [(row[3], row[0], row[1]) for row in rows.values()], evaluator)
    assert result["overall"]["num_questions"] == 500
    assert result["overall"]["percent"] == pytest.approx(expected["overall"].percent, abs=0.011)
    for found in ("answer_types", "question_types"):
        by_type = expected[f"by_{found.removesuffix('s')}"]
        assert result[found].keys() == by_type.keys()
        for kind, value in by_type.items():
            assert result[found][kind]["num_questions"] == value.count
            assert result[found][kind]["percent"] == pytest.approx(value.percent, abs=0.011)


@pytest.mark.parametrize("evaluator", (2018, 2021))
@pytest.mark.parametrize("name", PREDICTIONS)
def test_official_scores_on_real_questions(files, name, evaluator):
    """To the last printed digit, exact middles ("what is the man": 96.375 %) included."""
    path = "vqa_v2_rows/valid.annotations.json.gz"
    said = said_of(rows_by_id(read_shared(path)), name)
    # The order of the predictions is of no matter.
    result = score_files(files("said.json", said[::-1]), None, str(shared(path)), evaluator)
    official = json.loads((FIXTURES / "vqa_official_scores.json").read_text(encoding="utf-8"))
    official = official[str(evaluator)][name]

    def percent(types):
        return {kind: value["percent"] for kind, value in types.items()}

    assert result["overall"]["percent"] == official["overall"]
    assert percent(result["answer_types"]) == official["perAnswerType"]
    assert percent(result["question_types"]) == official["perQuestionType"]
