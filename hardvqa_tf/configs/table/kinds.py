"""Kinds of values that a config can hold: what each allows, and what to say of another.

A table of such values is what configs/base.py is made of:

    "epochs": count(10, "passes over the train split"),
"""

import dataclasses
import difflib
import operator
import struct
from collections.abc import Callable

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

_AS_DEFAULT = object()
GREATEST = 2**31 - 1  # TensorFlow counts in int32.
_GREATEST_FLOAT = (2 - 2**-23) * 2.0**127  # of float32
_LEAST_FLOAT = 2.0**-126  # above 0; what is less TensorFlow may take for 0


@dataclasses.dataclass(frozen=True)
class Value:
    """One value of a config.

    Attributes:
      default: what a new config has; None where something else decides.
      comment: what it is, for people.
      type: the type of a value that is not None.
      allowed: what it may be, in words that end "must be ...".
      allows: function of a value; whether it may be that.
      choices: the names that it may be, where there are such; the nearest one is suggested.
      absent: what holds in a config that lacks the key, because a program wrote it that did not
        know the key yet: what that program did. Not always the default: defaults may change.
      most: the greatest whole number that it may be, or hold, where `allowed` does not say it.
    """

    default: object
    comment: str
    type: type
    allowed: str
    allows: Callable
    choices: tuple = ()
    absent: object = _AS_DEFAULT
    most: int = GREATEST

    @property
    def where_absent(self):
        return self.default if self.absent is _AS_DEFAULT else self.absent

    def complaint(self, value):
        """What is wrong with `value`, in one sentence or two; None if nothing is."""
        if self.allows(value):
            return None
        parts = value if isinstance(value, tuple | list) else [value]
        if "at least" in self.allowed and any(_is(p, int) and p > self.most for p in parts):
            return f"must be at most {self.most:,}."
        words = f"must be {self.allowed}.{nearest(value, self.choices)}"
        if self.type is float and _is(value, float) and value != _rounded(value):
            words += f" In float32 it is {_rounded(value):g}."
        return words


def choice(default, choices, comment, absent=_AS_DEFAULT):
    """One of a few names, or numbers."""
    choices = tuple(choices)
    words = f"one of: {', '.join(map(str, choices))}"
    names = tuple(name for name in choices if isinstance(name, str))
    kind = type(default)
    return Value(
        default, comment, kind, words, lambda v: _is(v, kind) and v in choices, names, absent
    )


def whole(default, comment, least, most=None, or_none=False, absent=_AS_DEFAULT):
    """A whole number from `least` to `most`."""
    words, greatest = f"a whole number {_range(least, most)}", most or GREATEST

    def allows(value):
        return _is(value, int) and least <= value <= greatest

    return _or_none(Value(default, comment, int, words, allows, absent=absent), or_none)


def count(default, comment="", or_none=False, absent=_AS_DEFAULT):
    """A whole number of at least 1."""
    return whole(default, comment, 1, or_none=or_none, absent=absent)


def number(
    default,
    comment,
    least=None,
    above=None,
    below=None,
    most=None,
    or_none=False,
    absent=_AS_DEFAULT,
):
    """A number that is finite in float32, and in its range there, too.

    `above` and `below` are not in its range, `least` and `most` are.
    """
    bounds = [
        ("at least", least, operator.ge),
        ("above", above, operator.gt),
        ("below", below, operator.lt),
        ("at most", most, operator.le),
    ]
    bounds = [bound for bound in bounds if bound[1] is not None]
    words = "a finite number " + " and ".join(f"{word} {bound:g}" for word, bound, _ in bounds)

    def allows(value):
        is_number = _is(value, int) or _is(value, float)
        return (
            is_number
            and abs(value) <= _GREATEST_FLOAT
            and all(is_right(value, bound) for _, bound, is_right in bounds)
            and all(is_right(_rounded(value), bound) for _, bound, is_right in bounds)
        )

    return _or_none(Value(default, comment, float, words, allows, absent=absent), or_none)


def rate(default, comment, absent=_AS_DEFAULT):
    """A share, 0 for none of it; 1 would leave nothing."""
    return number(default, comment, least=0, below=1, absent=absent)


def odd(default, comment, absent=_AS_DEFAULT):
    """The width of what has a middle, or 0."""
    return Value(
        default,
        comment,
        int,
        "an odd whole number, or 0",
        lambda value: _is(value, int) and (value == 0 or value in range(1, GREATEST + 1, 2)),
        absent=absent,
    )


def yes_or_no(default, comment, absent=_AS_DEFAULT):
    return Value(default, comment, bool, "True or False", lambda v: _is(v, bool), absent=absent)


def text(default, comment, or_none=False, absent=_AS_DEFAULT):
    """A text with something in it: a folder, a split's name."""

    def allows(value):
        return _is(value, str) and bool(value.strip()) and "\0" not in value

    words = "a text that is not empty"
    return _or_none(Value(default, comment, str, words, allows, absent=absent), or_none)


def sizes(
    default,
    comment,
    least=1,
    most=GREATEST,
    length=None,
    may_be_empty=False,
    ascending=False,
    absent=_AS_DEFAULT,
):
    """Whole numbers from `least` to `most`, a tuple of them; as many as `length` says."""
    many = f"{length or ''} {'ascending' if ascending else ''} whole numbers"
    many = " ".join(many.split())
    words = f"{many} {_range(least, None)}, e.g. {default or (8, 16, 32)}"
    words += ", or () for none" if may_be_empty else ""

    def allows(value):
        if not isinstance(value, tuple | list) or not (value or may_be_empty):
            return False
        if not all(_is(size, int) and least <= size <= most for size in value):
            return False
        is_right = not ascending or list(value) == sorted(set(value))
        return is_right and length in (None, len(value))

    return Value(default, comment, tuple, words, allows, absent=absent, most=most)


def arguments(comment):
    """Names and values that someone else checks."""

    def allows(value):
        return hasattr(value, "items") and all(_is(key, str) for key in value)

    return Value({}, comment, dict, "a dict from name to value", allows)


def merge(table, other):
    """Two tables as one; a section that both have has the values of both."""
    sections = {
        name: merge(table[name], other[name])
        for name in table.keys() & other.keys()
        if isinstance(table[name], dict)
    }
    return {**table, **other, **sections}


def to_config(table):
    """The locked `ConfigDict` of a table's defaults."""
    config = ConfigDict()
    for name, entry in table.items():
        if isinstance(entry, dict):
            config[name] = to_config(entry)
        elif entry.type is dict:
            config[name] = ConfigDict(entry.default, convert_dict=False)
        else:
            config[name] = placeholder(entry.type) if entry.default is None else entry.default
    config.lock()
    return config


def nearest(name, names):
    """A hint at the one of `names` that is meant, or an empty text."""
    near = difflib.get_close_matches(str(name), names, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _rounded(value):
    """A number as float32 has it."""
    if abs(value) < _LEAST_FLOAT:
        return 0.0
    if abs(value) <= _GREATEST_FLOAT:
        return struct.unpack("f", struct.pack("f", value))[0]
    return value  # Too large, infinite or none.


def _is(value, kind):
    """Python counts True as a number; here it is none."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _range(least, most):
    return f"from {least} to {most:,}" if most is not None else f"of at least {least}"


def _or_none(value, or_none):
    if not or_none:
        return value
    return dataclasses.replace(
        value,
        allowed=f"{value.allowed}, or None",
        allows=lambda given: given is None or value.allows(given),
    )
