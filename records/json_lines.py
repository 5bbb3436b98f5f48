"""A line of a person's own JSON lines: one object, of keys that are known."""

import json

from records import strict_json


def object_of(line, keys, example):
    """The object of a line.

    Args:
      line: str.
      keys: all that it may have.
      example: a line as it should be, for messages.

    Raises:
      ValueError: says what is wrong, and what to do.
    """
    if not line.strip():
        raise ValueError("an empty line. Remove it.")
    expected = f"Expected one line like {example}"
    try:
        raw = strict_json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, column {error.colno}). {expected}") from None
    except strict_json.RepeatedKey:
        raise
    except ValueError as error:  # Too deep, or a number without an end.
        raise ValueError(f"{error} {expected}") from None
    if not isinstance(raw, dict):
        raise ValueError(f"not a JSON object. {expected}")
    unknown = sorted(set(raw) - set(keys))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}. Known: {', '.join(keys)}. Correct it.")
    return raw
