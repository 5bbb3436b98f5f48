"""Judging by the official metric, and what a vocabulary can express."""

import numpy as np
import pytest

from hardvqa_tf.vqa.judging.blind import blind_accuracy
from hardvqa_tf.vqa.judging.metrics import Answers, accuracy_by_type
from hardvqa_tf.vqa.judging.scoring import counted_coverage, coverage, score_officially
from records.schema import Question

QUESTIONS = [
    Question("7", "Is it red?", ("yes",) * 8 + ("no",) * 2, "is it", "yes/no"),
    Question("8", "How many?", ("2",) * 3 + ("3",) * 6 + ("a lot",), "how many", "number"),
    Question("9", "How many now?", ("many",) * 10, "how many", "number"),
    Question("10", "Why?", (), "why", "other"),
]


def answers_to(questions, said):
    texts = {
        name: np.array([getattr(q, name.removeprefix("question_")) for q in questions], object)
        for name in ("question_id", "question_type", "question_text")
    }
    return Answers(
        prediction=np.arange(len(said)),
        target=np.full(len(said), -1),
        num_cells=np.full(len(said), 4),
        has_answer=np.array([bool(q.answers) for q in questions]),
        answer_text=np.array([""] * len(said), object),
        **texts,
    )


def test_rows_of_the_official_metric():
    said = ["no", "2", "Many.", "because"]
    judged = score_officially(
        answers_to(QUESTIONS, said), said, {q.id: q for q in QUESTIONS}, evaluator=2018
    )
    rows = accuracy_by_type(judged)
    assert list(rows) == [
        "all",
        "number",
        "yes/no",
        "question type: how many",
        "question type: is it",
    ]
    assert rows["all"] == (pytest.approx((0.6 + 0.9 + 1.0) / 3), 3)  # "Why?" is not answered
    assert rows["number"] == (pytest.approx(0.95), 2)
    assert rows["yes/no"] == (pytest.approx(0.6), 1)
    assert rows["question type: how many"] == rows["number"]


def test_the_evaluators_differ():
    said = ["yes", "3", "Many.", ""]
    by_id = {q.id: q for q in QUESTIONS}
    scores = {
        year: score_officially(answers_to(QUESTIONS, said), said, by_id, year).score.tolist()
        for year in (2018, 2021)
    }
    # All ten said "many": the evaluator of 2021 then normalises nothing.
    assert scores == {2018: [1.0, 1.0, 1.0, 0.0], 2021: [1.0, 1.0, 0.0, 0.0]}


def test_the_blind_baselines_are_judged_alike():
    train = [
        Question("1", "How many?", ("2",) * 10, "how many"),
        Question("2", "How many cats?", ("3",) * 10 + ("3",), "how many"),
    ]
    rows = blind_accuracy(train, QUESTIONS[1:2], evaluator=2021)
    assert rows["text"]["all"] == (pytest.approx(0.9), 1)  # "2", of three people
    assert rows["type"]["all"] == (pytest.approx(1.0), 1)  # "3", of six
    assert blind_accuracy(train, QUESTIONS[1:2])["text"]["all"] == (0.0, 1)


def test_coverage():
    shares = coverage(["no", "2", "yes"], QUESTIONS, evaluator=2021)
    assert shares == {
        "answers": pytest.approx((10 + 3 + 0) / 30),
        "questions": pytest.approx(2 / 3),
        "best_score": pytest.approx((1.0 + 0.9 + 0.0) / 3),
    }
    assert "best_score" not in coverage(["no"], QUESTIONS)
    assert coverage(["no"], QUESTIONS[3:]) == {}
    counts = [("no", 13), ("yes", 4), ("2", 3)]
    assert counted_coverage(["2", "no", "blue"], counts) == {"answers": 0.8}
