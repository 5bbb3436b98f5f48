"""What a request to a served model is made of: an image and a question."""

from hardvqa_tf.request_parts.inputs import IMAGE, Input
from records import questions

PAGE, PAGE_ASKS = "vqa", True


def _check_question(encoded, limits):
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("The question is not UTF-8 text. Encode it as UTF-8.") from None
    wrong = questions.wrong_with(text)
    if wrong:
        raise ValueError(wrong)
    if len(text) > limits.max_text_length:
        raise ValueError(
            f"The question is too long: {len(text):,} characters, at most "
            f"{limits.max_text_length:,} are taken. Shorten it."
        )
    return 1.0


INPUTS = {
    "image": IMAGE,
    "question": Input(
        wants="A question, as text in UTF-8.",
        check=_check_question,
        example=lambda: b"What is it?",
        title="Question",
        none="There is no question. Ask one.",
    ),
}


def files_of_example(example):
    """Of an entry of `examples` in model.json: files beside its image. Questions are texts."""
    del example
    return []
