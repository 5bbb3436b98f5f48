"""Values in messages, of which a user needs the start alone."""


def shortened(text, length):
    """Returns the first `length` characters of a text, with dots where more follow.

    Of one in quotes, as `repr` and JSON write a string, the dots stand within them.
    """
    if len(text) <= length:
        return text
    first = text.removeprefix("b")[:1]
    quote = first if first in ("'", '"') else ""
    start = text[:length].rstrip("\\")  # Half of an escaped character would escape the quote.
    return f"{start}...{quote}"
