"""JSON as `json` reads it, but for what it passes over: a key twice, and what is too deep.

Of a key that an object has twice, `json` takes the last value in silence.
"""

import json
import math


class RepeatedKey(ValueError):
    """Raised of JSON that is in order, but for a key that an object has twice."""


class Repeated(dict):
    """An object that has a key twice, or holds one that has.

    Attributes:
      key: the first such key.
      is_own: whether the key is this object's, and not one's within it.
    """

    def __init__(self, content, key, is_own):
        super().__init__(content)
        self.key, self.is_own = key, is_own


def loads(text):
    """What JSON says.

    Args:
      text: str, or bytes in UTF-8.

    Raises:
      ValueError: it is no JSON, too deep, or an object has a key twice (`RepeatedKey`).
    """
    return _loads(text if isinstance(text, str) else text.decode("utf-8"), _once)


def loads_marked(text, object_hook=None):
    """What JSON says, where an object with a key twice is a `Repeated`.

    So are the objects around it. What is wrong with an entry of a file must not cost others.

    Args:
      text: str.
      object_hook: as of `json.loads`; it is not given a `Repeated`.
    """
    return _loads(text, _Marking(object_hook))


def twice(key):
    """The sentence about a key that an object has twice."""
    shown = repr(key) if len(key) <= 80 else f"{key[:80]!r}..."
    return f"the key {shown} is there twice in one object. Keep one of them."


def _loads(text, hook):
    try:
        return json.loads(text, object_pairs_hook=hook)
    except RecursionError:
        raise ValueError(
            "it is nested too deeply: hundreds of lists or objects in each other."
        ) from None
    except (json.JSONDecodeError, RepeatedKey):
        raise
    except ValueError as error:
        if "integer string conversion" in str(error):  # Python's own bound.
            raise ValueError("it has a whole number of thousands of digits.") from None
        raise


def _once(pairs):
    content = dict(pairs)
    if len(content) != len(pairs):
        raise RepeatedKey(twice(_first_repeated(pairs)))
    return content


class _Marking:
    def __init__(self, object_hook):
        self._hook = object_hook or (lambda content: content)
        self._found = False  # So that nothing is searched as long as there is nothing.

    def __call__(self, pairs):
        content = dict(pairs)
        if len(content) != len(pairs):
            self._found = True
            return Repeated(content, _first_repeated(pairs), is_own=True)
        if self._found:
            inner = _find_repeated(content.values())
            if inner is not None:
                return Repeated(content, inner.key, is_own=False)
        return self._hook(content)


def _first_repeated(pairs):
    seen = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)


def _find_repeated(values):
    """The first `Repeated` among values and what lists among them hold."""
    left = list(values)
    while left:
        value = left.pop()
        if isinstance(value, Repeated):
            return value
        if isinstance(value, list):
            left.extend(value)
    return None


def finite(value):
    """A number of JSON as a float; None for all that is no finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None
