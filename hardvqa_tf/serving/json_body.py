"""The JSON of a request's body: counted before it is read, and no key of it is lost."""

import re

import orjson

from hardvqa_tf.serving.refusals import Refusal, shown
from records import strict_json

_SMALL_BODY = 16 * 1024  # Whatever it holds, it is read in a millisecond or so.
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
# A text, with the colon that makes it a key; or where an object begins or ends.
_KEYS_AND_OBJECTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|[{}]', re.DOTALL)


def read_json(body, limits):
    """What a body says.

    Args:
      limits: `limits.Limits`.

    Raises:
      Refusal: it is no JSON, or too much of it, or has a key twice in one object.
    """
    _check_size(body, limits)
    return _parse_json(body)


def _check_size(body, limits):
    """Counts what a body's JSON holds before it is read.

    Reading makes an object of every list, key and number, in one step during which no other
    thread runs: 15 MB of "[]," take seconds, where 15 MB of an image take milliseconds.
    """
    if len(body) <= _SMALL_BODY:
        return
    content = body
    for signs, most, what in (
        (b"[{:", limits.max_lists, "lists, objects and keys"),
        (b",", limits.max_values, "values"),
    ):
        number = _count(content, signs)
        if number > most and content is body:
            content = _without_texts(body, limits)
            number = _count(content, signs)
        if number > most:
            raise Refusal(
                413,
                f"The body has too many {what}: by its signs {number:,}, at most {most:,} are "
                "taken. Send fewer rows.",
            )


def _without_texts(body, limits):
    """A body of which no text is left: what is within one, such as JSON, is not read here.

    A body of too many texts, or escapes in them, is left as it is: to look through them all
    would take as long as to read them.
    """
    if body.count(b'"') > 2 * limits.max_lists or body.count(b"\\") > limits.max_lists:
        return body
    return _TEXTS.sub(b"", body)


def _count(body, signs, few=1000):
    """How often signs are in a body; fast where they are few, as in one with an image."""
    number = 0
    for sign in signs:
        position = body.find(sign)
        while position >= 0 and number < few:
            number += 1
            position = body.find(sign, position + 1)
    return number if number < few else len(body) - len(body.translate(None, signs))


def _parse_json(body):
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = error
    else:
        _refuse_repeated_keys(body, content)
        return content
    # TensorFlow Serving takes the first two; half a character spoils its own row alone.
    if any(sign in body for sign in (b"NaN", b"Infinity", b"\\ud", b"\\uD")):
        try:
            return strict_json.loads(body.decode("utf-8"))
        except strict_json.RepeatedKey as error:
            raise _unusable(error) from None
        except ValueError as error:
            reason = error
    raise Refusal(
        400,
        f"The body is not JSON ({shown(str(reason))}). "
        'Send {"instances": [...]} or {"inputs": {...}}.',
    )


def _refuse_repeated_keys(body, content):
    """Of a key that an object has twice, orjson takes the last value in silence.

    Such a body has more colons than `content` has keys, and so has one with a colon in a text,
    which is then looked through. Numbers, of which there may be a million, are not read again.
    """
    if _count(body, b":") == _count_keys(content):
        return
    objects = []
    for token in _KEYS_AND_OBJECTS.finditer(body):
        text = token[0]
        if text == b"{":
            objects.append(set())
        elif text == b"}":
            objects.pop()
        elif text.endswith(b":"):
            key = orjson.loads(text[:-1])
            if key in objects[-1]:
                raise _unusable(strict_json.twice(key))
            objects[-1].add(key)


def _count_keys(content):
    """Keys of all objects in what JSON says."""
    number, left = 0, [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            number += len(value)
            value = value.values()
        elif not isinstance(value, list):
            continue
        if not {dict, list}.isdisjoint(map(type, value)):
            left.extend(value)
    return number


def _unusable(reason):
    sentence = str(reason).encode("ascii", "backslashreplace").decode()
    return Refusal(400, f"The body's JSON cannot be used: {sentence}")
