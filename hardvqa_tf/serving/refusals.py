"""What is answered when a request cannot be: a status code and a sentence."""

from records.shortened import shortened


class Refusal(Exception):
    """Ends a request.

    Args:
      code: of HTTP.
      sentence: what arrived, what was expected, what to do.
      headers: dict of further headers.
    """

    def __init__(self, code, sentence, headers=None):
        super().__init__(sentence)
        self.code, self.sentence, self.headers = code, sentence, headers or {}


class BadRows(Exception):
    """A model says that what it was given is wrong; raised with a sentence."""


def shown(value, length=80):
    """Something from a request as ASCII of bounded length, for sentences."""
    if isinstance(value, (str, bytes)):
        value = value[: length + 1]  # Not all of megabytes.
    return shortened(ascii(value), length)


def too_many_rows(number, most):
    return Refusal(
        413,
        f"The request has too many rows: they count as {number:,}, at most {most:,} are taken. "
        "Send several requests.",
    )
