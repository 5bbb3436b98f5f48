"""TensorFlow Serving's REST form of an answer: arrays to JSON.

An answer has `predictions`, an item per row, or `outputs`, an array per output, as its request
had `instances` or `inputs`; with a single output its name is left out. Bytes are what an output
named *_bytes holds. (https://www.tensorflow.org/tfx/serving/api_rest)
"""

import json

import numpy as np
import orjson
import pybase64

from hardvqa_tf.serving.protocol import INSTANCES
from hardvqa_tf.serving.refusals import Refusal


def write_response(form, outputs):
    """JSON bytes of {output: array}."""
    for name, array in outputs.items():
        if array.dtype.kind not in "biufO":
            outputs = outputs | {name: _as_float(name, array)}
    content = _to_rows(outputs) if form == INSTANCES else _to_columns(outputs)
    response = {"predictions" if form == INSTANCES else "outputs": content}
    encoded = orjson.dumps(response, option=orjson.OPT_SERIALIZE_NUMPY)
    # To look for null costs less than to look at all numbers; it may also be in an answer.
    if b"null" in encoded and not all(map(_is_json, outputs.values())):
        # Not JSON, but what TensorFlow Serving sends: NaN, Infinity, -Infinity.
        return json.dumps(response, default=_plain, ensure_ascii=False).encode()
    return encoded


def _to_columns(outputs):
    columns = {name: _encode(name, array) for name, array in outputs.items()}
    return next(iter(columns.values())) if len(columns) == 1 else columns


def _to_rows(outputs):
    sizes = {name: len(a) if a.ndim else None for name, a in outputs.items()}
    if len(set(sizes.values())) > 1 or None in sizes.values():
        raise Refusal(
            400,
            f"This model's outputs are not one per row: {sizes}. Ask with `inputs` instead of "
            "`instances`.",
        )
    columns = {name: _encode(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _encode(name, array):
    """What orjson writes: NumPy arrays of numbers, which it does fastest, lists of strings."""
    if array.dtype != object:
        if not array.ndim:
            return array[()]
        return np.ascontiguousarray(array) if array.size else array.tolist()
    values = array.tolist()
    return _encode_strings(values, _as_b64 if name.endswith("_bytes") else _as_text)


def _encode_strings(values, encode):
    if isinstance(values, list):
        return [_encode_strings(value, encode) for value in values]
    return encode(values)


def _as_text(value):
    return value.decode("utf-8", errors="replace")


def _as_b64(value):
    return {"b64": pybase64.b64encode_as_string(value)}


def _is_json(array):
    """Whether orjson writes its numbers; it writes null where they are not finite."""
    return array.dtype.kind != "f" or np.isfinite(array).all()


def _as_float(name, array):
    if array.dtype.kind == "c":
        raise Refusal(400, f"Output `{name}` is {array.dtype}, for which JSON has no form.")
    return array.astype(np.float32)  # bfloat16 and its like.


def _plain(value):
    """What Python's json writes; float32 with as many digits as it has."""
    if value.dtype.kind == "f":
        return np.vectorize(lambda x: float(str(x)), otypes=[object])(value).tolist()
    return value.tolist()
