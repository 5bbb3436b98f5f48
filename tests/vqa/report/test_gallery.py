"""Which questions all models are asked."""

from hardvqa_tf.vqa.report.gallery import choose_questions


def test_the_same_questions_are_chosen_again(records_dir):
    chosen = choose_questions(records_dir, "test", 4)
    assert chosen == choose_questions(records_dir, "test", 4)
    assert len({question.type for question in chosen}) == 4  # of six types, each once
    assert len({question.question_id for question in chosen}) == 4
    assert all(question.answer and question.text.endswith("?") for question in chosen)
    assert len(choose_questions(records_dir, "test", 99)) == 5  # one an image
