"""How many answers are right, by question type, and what was looked at in numbers."""

import numpy as np

from hardvqa_tf.vqa.judging.metrics import Answers, accuracy_by_type, attention_statistics


def answers_of(*rows):
    """rows: (question id, type, prediction, target, whether there is an answer)."""
    ids, types, prediction, target, has_answer = zip(*rows, strict=True)
    return Answers(
        prediction=np.array(prediction),
        target=np.array(target),
        num_cells=np.full(len(rows), 4),
        has_answer=np.array(has_answer),
        question_id=np.array(ids, object),
        question_type=np.array(types, object),
        question_text=np.array(["?"] * len(rows), object),
        answer_text=np.array([""] * len(rows), object),
    )


def test_accuracy_by_type_and_group():
    answers = answers_of(
        ("1", "relational: count", 2, 2, True),
        ("2", "relational: count", 2, 0, True),
        ("3", "relational: closest", 1, 1, True),
        ("4", "exist", 0, 0, True),
        ("5", "exist", 0, -1, True),  # outside the vocabulary: no prediction is right
        ("6", "exist", 0, -1, False),  # hidden: does not count
        ("7", "relational: count", 1, -1, False),
        ("8", "", 3, 1, True),  # without a type: in "all" only
    )
    rows = accuracy_by_type(answers)
    assert list(rows) == [
        "all",
        "exist",
        "relational",
        "relational: closest",
        "relational: count",
    ]
    assert rows == {
        "all": (3 / 6, 6),
        "exist": (1 / 2, 2),
        "relational": (2 / 3, 3),
        "relational: closest": (1.0, 1),
        "relational: count": (1 / 2, 2),
    }


def test_a_group_that_is_a_type_too_counts_once():
    answers = answers_of(
        ("1", "count", 0, 0, True), ("2", "count: of color", 0, 1, True), ("3", "x", 0, 1, True)
    )
    assert accuracy_by_type(answers) == {
        "all": (1 / 3, 3),
        "count": (1 / 2, 2),
        "count: of color": (0.0, 1),
        "x": (0.0, 1),
    }


def test_nothing_is_answered():
    assert accuracy_by_type(answers_of(("1", "a", 0, -1, False))) == {}


def test_what_was_looked_at_in_numbers():
    answers = answers_of(*((str(i), "", 0, 0, True) for i in range(4)))
    answers.num_cells = np.array([2, 2, 6, 6])
    assert attention_statistics(answers) == {"num_cells_mean": 4.0, "num_cells_std": 2.0}
    answers.presence_entropy = np.array([0.5, 0.5, 1.0, 0.0], np.float32)
    assert attention_statistics(answers)["presence_entropy"] == 0.5
    some = answers.take(np.array([3, 0]))
    assert some.question_id.tolist() == ["3", "0"] and some.num_cells.tolist() == [6, 2]
    assert some.presence_entropy.tolist() == [0.0, 0.5] and some.mask is None
