"""Ids of questions as result files have them."""

import re

# Python reads numbers of up to 4,300 digits; no id is as long.
_WHOLE_NUMBER = re.compile(r"(0|[1-9][0-9]{0,3999})")


def as_number(question_id):
    """The id as an int if it is a whole number's digits, else as it is.

    Records hold ids as text, and the official evaluator's files have numbers: 12 and "12" are
    the same question, "012" is another.
    """
    return int(question_id) if _WHOLE_NUMBER.fullmatch(question_id) else question_id
