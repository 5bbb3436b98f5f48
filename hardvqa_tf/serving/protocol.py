"""TensorFlow Serving's REST form of a request: JSON to arrays.

A request holds `instances`, a list with an item per row, or `inputs`, an array per input; with
a single input its name is left out. Strings are text, or bytes as {"b64": "..."}.
(https://www.tensorflow.org/tfx/serving/api_rest)
"""

import binascii
import dataclasses
import difflib

import numpy as np
import pybase64

from hardvqa_tf.serving.json_body import read_json
from hardvqa_tf.serving.refusals import Refusal, shown, too_many_rows

DEFAULT_SIGNATURE = "serving_default"
INSTANCES, INPUTS = "instances", "inputs"
_KEYS = ("signature_name", INSTANCES, INPUTS)
_MAX_RANK = 32
_SPACE = b" \t\n\r\v\f"


@dataclasses.dataclass(frozen=True)
class Problem:
    """Stands in an array of strings where one could not be read."""

    sentence: str


def parse_request(body, limits):
    """Reads the JSON of a request to predict.

    Args:
      limits: `limits.Limits`.

    Returns:
      (name of the signature, "instances" or "inputs", the value of that key).
    """
    request = read_json(body, limits)
    if not isinstance(request, dict):
        raise Refusal(
            400,
            f"The body must be a JSON object. Received: {_kind(request)}. "
            'Send {"instances": [...]} or {"inputs": {...}}.',
        )
    _refuse_other_keys(request)
    signature = request.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(signature, str):
        raise Refusal(400, f"`signature_name` must be a string. Received: {_kind(signature)}.")
    signature = signature or DEFAULT_SIGNATURE
    forms = [form for form in (INSTANCES, INPUTS) if form in request]
    if len(forms) != 1:
        raise Refusal(
            400,
            "A request has either `instances` (a list of rows) or `inputs` (an array per "
            f"input). Received: {'both' if forms else 'neither'}.",
        )
    return signature, forms[0], request[forms[0]]


def _refuse_other_keys(request):
    """Left out in silence, a misspelt `signature_name` would ask another signature."""
    for key in request:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or "Leave it out. "
            raise Refusal(
                400,
                f"A request has no key {shown(key)}. {hint}It has `instances` or `inputs`, "
                "and may have `signature_name`.",
            )


def did_you_mean(given, names, other_names=()):
    """A sentence with the name that is nearest to what was given, or "".

    Args:
      other_names: {what people write as well: name}.
    """
    other_names = {name: name for name in names} | dict(other_names)
    near = difflib.get_close_matches(given[:40].lower(), other_names, n=1)
    return f"Did you mean `{other_names[near[0]]}`? " if near else ""


def read_columns(form, value, signature, known=None, find_bytes=None, max_rows=None):
    """Makes an array of every input.

    Args:
      known: {input: `request_parts.inputs.Input`} of those that are known.
      find_bytes: of known inputs whose bytes may be named by their SHA-256, it is called with
        that, in hexadecimal, and returns the bytes.
      max_rows: of a signature that answers row by row.

    Returns:
      {input: array}; strings are bytes in arrays of objects, or `Problem` where they could not
      be read.
    """
    inputs, known = signature.inputs, known or {}
    if signature.is_joinable and max_rows is not None:
        _check_number(form, value, inputs, max_rows)
    values = (_from_instances if form == INSTANCES else _from_inputs)(value, inputs, known)
    columns = {
        name: _to_array(values[name], tensor, known.get(name), find_bytes)
        for name, tensor in inputs.items()
    }
    if form == INSTANCES or signature.is_joinable:
        _check_rows(columns)
    return columns


def _is_value(item):
    """Whether a JSON object is an encoded string rather than a row."""
    return len(item) == 1 and next(iter(item)) in ("b64", "sha256")


def _check_number(form, value, inputs, max_rows):
    """Counts rows before any of them is looked at."""
    lists = [value] if form == INSTANCES or not isinstance(value, dict) else value.values()
    most = max((len(rows) for rows in lists if isinstance(rows, list)), default=0)
    if most > max_rows:
        raise too_many_rows(most, max_rows)


def _from_instances(instances, inputs, known):
    if not isinstance(instances, list) or not instances:
        raise Refusal(
            400,
            f"`instances` must be a list of rows. Received: {_kind(instances)}. "
            f"A row has {_names(inputs)}.",
        )
    if len(inputs) == 1 and not (
        isinstance(instances[0], dict) and not _is_value(instances[0])
    ):
        return {name: instances for name in inputs}
    for number, row in enumerate(instances):
        if not isinstance(row, dict) or row.keys() != inputs.keys():
            given = ", ".join(map(str, row)) if isinstance(row, dict) else _kind(row)
            raise Refusal(
                400,
                f"Each of `instances` must be an object with {_names(inputs)}. "
                f"Received: {shown(given)} as number {number}."
                f"{_near_names(row, inputs, known)}",
            )
    return {name: [row[name] for row in instances] for name in inputs}


def _from_inputs(value, inputs, known):
    if isinstance(value, dict) and not _is_value(value):
        if value.keys() != inputs.keys():
            raise Refusal(
                400,
                f"`inputs` must be an object with {_names(inputs)}. "
                f"Received: {shown(', '.join(value))}.{_near_names(value, inputs, known)}",
            )
        return value
    if len(inputs) != 1:
        raise Refusal(
            400,
            f"`inputs` must be an object with {_names(inputs)}. Received: {_kind(value)}.",
        )
    return {name: value for name in inputs}


def _near_names(given, inputs, known):
    """For keys that are no inputs, those that they may stand for: sentences, or ""."""
    if not isinstance(given, dict):
        return ""
    missing = [name for name in inputs if name not in given]
    others = {
        other: name for name in missing if name in known for other in known[name].other_names
    }
    for key in given:
        if key not in inputs and (near := did_you_mean(key, missing, others)):
            return f" {near[:-1]}"
    return ""


def _to_array(value, tensor, known, find_bytes):
    shape = _shape_of(value, tensor, known)
    if not (known and known.is_remembered):
        find_bytes = None
    if not tensor.is_string:
        return _numbers(value, tensor)
    flat = value if shape else [value]
    for _ in shape[1:]:
        flat = [item for items in flat for item in items]
    array = np.empty(len(flat), object)
    array[:] = [_to_bytes(item, tensor, find_bytes) for item in flat]
    return array.reshape(shape)


def _shape_of(value, tensor, known):
    """The shape of nested lists.

    Raises:
      Refusal: it is not what the tensor takes, or lists beside each other differ.
    """
    shape, first = [], value
    while isinstance(first, list) and len(shape) <= _MAX_RANK:
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    expected = tensor.shape
    fits = len(shape) <= _MAX_RANK and (
        expected is None
        or (
            len(shape) == len(expected)
            and all(e is None or e == s for s, e in zip(shape, expected, strict=True))
        )
    )
    if not fits:
        raise Refusal(
            400,
            f"`{tensor.name}` takes {tensor}. Received: nested lists of shape {shape}."
            + (f" {known.wants}" if known else ""),
        )
    if not _is_regular(value, shape, 0):
        raise Refusal(
            400,
            f"`{tensor.name}` takes {tensor}. Received: lists of different lengths, or values "
            "beside lists. Rows that differ in shape need requests of their own.",
        )
    return tuple(shape)


def _is_regular(value, shape, level):
    if level == len(shape):
        return not isinstance(value, list)
    if not isinstance(value, list) or len(value) != shape[level]:
        return False
    if level == len(shape) - 1:
        return list not in set(map(type, value))
    return all(_is_regular(item, shape, level + 1) for item in value)


def _numbers(value, tensor):
    kind = tensor.dtype.kind
    allowed = {"b": {bool}, "i": {int}, "u": {int}}.get(kind, {int, float})
    found = _leaf_types(value) - allowed
    if found:
        names = sorted(_KINDS.get(t, "something else") for t in found)
        raise Refusal(
            400, f"`{tensor.name}` takes {tensor}. Received: {', '.join(names)} in it."
        )
    try:
        with np.errstate(over="ignore"):
            array = np.array(value, tensor.dtype)
    except (OverflowError, ValueError):
        array = None
    if array is None or (kind == "f" and np.isinf(array).any() and _is_finite(value)):
        raise Refusal(400, f"`{tensor.name}` takes {tensor}. Received: a number too large.")
    return array


def _leaf_types(value):
    if not isinstance(value, list):
        return {type(value)}
    if value and isinstance(value[0], list):
        return set().union(*map(_leaf_types, value))
    return set(map(type, value))


def _is_finite(value):
    return bool(np.isfinite(np.array(value, np.float64)).all())


def _to_bytes(item, tensor, find_bytes):
    if type(item) is str:
        try:
            return item.encode("utf-8")
        except UnicodeEncodeError:
            return Problem(f"`{tensor.name}` is not Unicode text: it has half a character.")
    if isinstance(item, dict) and _is_value(item):
        (key, content) = next(iter(item.items()))
        if isinstance(content, str) and key == "b64":
            return _decode_base64(content, tensor)
        if isinstance(content, str) and find_bytes:
            return find_bytes(content)
    raise Refusal(
        400,
        f'`{tensor.name}` takes {tensor}: text, or bytes as {{"b64": "..."}}. '
        f"Received: {_kind(item)}.",
    )


def _decode_base64(text, tensor):
    try:
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # Lines and missing padding are taken, too.
        encoded = text.encode("utf-8", "replace").translate(None, _SPACE)
        encoded += b"=" * (-len(encoded) % 4) if b"=" not in encoded[-2:] else b""
    try:
        return pybase64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return Problem(
            f"`{tensor.name}` is not base64. Encode its bytes in A-Z, a-z, 0-9, + and /."
        )


def _check_rows(columns):
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} of `{name}`" for name, size in sizes.items())
        raise Refusal(400, f"All inputs must have equally many rows. Received: {found}.")
    if 0 in sizes.values():
        raise Refusal(400, "There are no rows. Send one at least.")


_KINDS = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def _kind(value):
    if value == [] or value == {}:
        return f"an empty {type(value).__name__.replace('dict', 'object')}"
    return _KINDS.get(type(value), "something else")


def _names(inputs):
    return " and ".join(f"`{name}` ({tensor})" for name, tensor in inputs.items())
