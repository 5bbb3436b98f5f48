"""The last look at what a builder yields, before anything is written: strings, and questions.

Builders name the line or the entry where they read a text; what they let through is named here
by its id, whatever the builder.
"""

import dataclasses

from records import questions
from records.schema import ImageExample
from records.source import check_text


def usable(key, example, problems):
    """Leaves out of an example what no record can hold, and tells `problems`.

    Args:
      key: of the example.
      example: `schema.ImageExample`; one of another kind is left as it is.
      problems: `source.Problems`.

    Returns:
      The example, perhaps with fewer questions; None if none is left.
    """
    if not isinstance(example, ImageExample):
        return example
    names = (key, example.image_id, *(thing.name for thing in example.objects))
    if not questions.is_text("".join(names)):
        reason = f"{_reason(*names)} It has {example.holds()}."
        problems.report(ascii(example.source)[1:-1], reason)
        return None
    wrong = [question for question in example.questions if _wrong_with(question)]
    if not wrong:
        return example
    for question in wrong:
        where = f"{example.source}: question {ascii(question.id)[1:-1]}"
        problems.report(where, _wrong_with(question))
    kept = tuple(question for question in example.questions if question not in wrong)
    return dataclasses.replace(example, questions=kept) if kept else None


def _wrong_with(question):
    """What is wrong with a question, whole sentences; None if nothing is."""
    texts = (question.id, question.type, question.answer_type, question.group)
    texts += (*question.answers, *question.confidences)
    if not questions.is_text("".join(texts)):
        return _reason(*texts)
    wrong = questions.wrong_with(question.text)
    return wrong and f"{wrong} Received: {ascii(question.text)}."


def _reason(*texts):
    for text in texts:
        try:
            check_text(text, "a string")
        except ValueError as error:
            return str(error)
