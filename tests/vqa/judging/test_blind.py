"""The blind baseline: hand-typed questions, and the questions of real records."""

import pytest

from hardvqa_tf.vqa.judging.blind import BlindBaseline, blind_accuracy
from records.schema import Question

TRAIN = [
    Question("1", "what color?", ("red",), "color"),
    Question("2", "what color?", ("blue",), "color"),
    Question("3", "what color?", ("blue",), "color"),
    Question("4", "which color?", ("red",), "color"),
    Question("5", "which hue?", ("red",), "color"),
    Question("6", "how many?", ("3", "2", "3", "10"), "count"),
    Question("7", "how many things?", (), "count"),
]


def test_text_then_type_then_overall():
    baseline = BlindBaseline.from_train(TRAIN)
    assert baseline.predict("what color?", "color") == "blue"
    assert baseline.predict("what shade?", "color") == "red"  # 3 of 5 of this type
    assert baseline.predict("how many things?", "count") == "3"  # its own answers are hidden
    assert baseline.predict("is it?", "exist") == "red"
    assert baseline.predict_by_type("count") == "3"


def test_ties_go_to_the_first_in_the_alphabet():
    tied = [Question(str(i), "a?", (answer,)) for i, answer in enumerate(["no", "yes", "2"])]
    for questions in (tied, tied[::-1]):
        assert BlindBaseline.from_train(questions).predict("a?") == "2"
        assert BlindBaseline.from_train(questions[1:]).predict("b?") == min(
            q.answers[0] for q in questions[1:]
        )


def test_accuracy_by_type_in_the_form_of_a_models():
    questions = [
        Question("a", "what color?", ("blue",), "color"),  # text right, type wrong
        Question("b", "which color?", ("red",), "color"),  # both right
        Question("c", "how many?", ("4", "3", "3"), "count"),  # both right: most said 3
        Question("d", "how many?", (), "count"),  # hidden: does not count
        Question("e", "is it?", ("no",), "exist"),  # both wrong
    ]
    rows = blind_accuracy(TRAIN, questions)
    assert list(rows["text"]) == ["all", "color", "count", "exist"]
    assert rows["text"]["all"] == (0.75, 4)
    assert rows["type"]["all"] == (0.5, 4)
    assert rows["text"]["color"] == (1.0, 2)
    assert rows["type"]["color"] == (0.5, 2)
    assert rows["text"]["count"] == (1.0, 1)
    assert rows["text"]["exist"] == (0.0, 1)


def test_train_questions_without_answers_are_refused():
    with pytest.raises(ValueError, match="needs answers"):
        BlindBaseline.from_train(TRAIN[-1:])
