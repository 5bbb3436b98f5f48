"""JSON to arrays and back, in TensorFlow Serving's forms."""

import json
import types

import numpy as np
import pytest

from hardvqa_tf.serving import json_body, protocol
from hardvqa_tf.serving.limits import Limits
from hardvqa_tf.serving.protocol import (
    INPUTS,
    INSTANCES,
    Problem,
    read_columns,
)
from hardvqa_tf.serving.refusals import Refusal
from hardvqa_tf.serving.response import write_response
from tests.serving.fakes import tensor


def parse_request(body, **limits):
    return protocol.parse_request(body, Limits(**limits))


def signature(*inputs, is_joinable=True):
    return types.SimpleNamespace(inputs={t.name: t for t in inputs}, is_joinable=is_joinable)


# The example of https://www.tensorflow.org/tfx/serving/api_rest: three named inputs.
THREE = signature(
    tensor("tag", "string", None),
    tensor("signal", "int32", None, 5),
    tensor("sensor", "float32", None, 2, 2),
)
ROWS = [
    {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
    {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]},
]
COLUMNS = {
    "tag": ["foo", "bar"],
    "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]],
    "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]],
}


@pytest.mark.parametrize(
    "body, key, hint",
    [
        (
            '{"instances": [1], "signature_nmae": "a"}',
            "signature_nmae",
            "mean `signature_name`?",
        ),
        ('{"instance": [1]}', "instance", "Did you mean `instances`?"),
        ('{"Inputs": [1]}', "Inputs", "Did you mean `inputs`?"),
        ('{"inputs": [1], "instances ": [1]}', "instances ", "Did you mean `instances`?"),
        ('{"instances": [1], "question": "a"}', "question", "Leave it out."),
        ('{"instances": [1], "": NaN}', "", "Leave it out."),
        ('{"instances": [1], "\u00e9": 1}', r"\xe9", "Leave it out."),
    ],
)
def test_a_key_that_a_request_does_not_have_is_named(body, key, hint):
    with pytest.raises(Refusal) as raised:
        parse_request(body.encode())
    assert raised.value.code == 400 and raised.value.sentence.isascii()
    assert f"A request has no key '{key}'. " in raised.value.sentence
    assert hint in raised.value.sentence


@pytest.mark.parametrize(
    "body, key",
    [
        ('{"instances": [1], "instances": [2]}', "instances"),
        ('{"instances": [{"image": "a", "question": "a:b", "image": "b"}]}', "image"),
        ('{"instances": [{"image": {"b64": "YQ==", "b64": "Yg=="}}]}', "b64"),
        ('{"instances": [1], "more": {"a": [{"b": 1, "c": {"b": 1, "\\u0062": 2}}]}}', "b"),
        ('{"instances": [{"a \\" {:": 1, "a \\" {:": 1}]}', 'a " {:'),
        (
            '{"instances": [NaN], "signature_name": "a", "signature_name": "b"}',
            "signature_name",
        ),
        ('{"instances": ["\\ud83d"], "é": 1, "é": 1}', r"\xe9"),
        ('{"instances": [1], "b": 0, "b": ["' + "x" * 50_000 + '"]}', "b"),
    ],
)
def test_a_key_twice_is_named(body, key):
    with pytest.raises(Refusal, match="Keep one of them") as raised:
        parse_request(body.encode())
    assert raised.value.code == 400 and raised.value.sentence.isascii()
    assert f"the key '{key}' is there twice in one object" in raised.value.sentence


@pytest.mark.parametrize(
    "rows",
    [
        [{"image": "a", "question": "Is it red: yes?"}, {"image": "a", "question": "a"}],
        [{"image": "{", "question": '": "'}, {"image": "\\", "question": "}\\:"}],
        [{"image": "", "question": ":é:😀"}],
        [{"a": {"a": {"a": [{"a": 1}, {"a": ":"}]}}}],
    ],
)
def test_a_colon_in_a_text_is_no_key_twice(rows):
    body = {"instances": rows, "question": "image"}
    for text in (json.dumps(body), json.dumps(body, ensure_ascii=False, indent=1)):
        for bytes_ in (text.encode(), bytearray(text.encode())):  # What a server has.
            assert json_body.read_json(bytes_, Limits()) == body


@pytest.mark.parametrize("form, value", [(INSTANCES, ROWS), (INPUTS, COLUMNS)])
def test_both_forms_give_the_same_arrays(form, value):
    columns = read_columns(form, value, THREE)
    assert columns["tag"].tolist() == [b"foo", b"bar"]
    assert columns["signal"].dtype == np.int32 and columns["signal"].shape == (2, 5)
    assert columns["sensor"].dtype == np.float32
    np.testing.assert_array_equal(columns["sensor"][1], [[4, 5], [6, 8]])


@pytest.mark.parametrize("form", [INSTANCES, INPUTS])
def test_a_single_input_needs_no_name(form):
    lists = signature(tensor("x", "float32", None, 1, 2))
    columns = read_columns(form, [[[1, 2]], [[3, 4]]], lists)
    np.testing.assert_array_equal(columns["x"], [[[1, 2]], [[3, 4]]])
    strings = signature(tensor("s", "string", None))
    assert read_columns(form, [{"b64": "AP8="}, "b"], strings)["s"].tolist() == [
        b"\x00\xff",
        b"b",
    ]
    if form == INSTANCES:
        assert read_columns(form, [{"s": "a"}], strings)["s"].tolist() == [b"a"]


def test_inputs_may_be_scalars_where_rows_are_not_shared():
    both = signature(tensor("scale", "float32"), tensor("x", "int64", None), is_joinable=False)
    columns = read_columns(INPUTS, {"scale": 0.5, "x": [1, 2, 3]}, both)
    assert columns["scale"] == 0.5 and columns["scale"].shape == ()
    single = signature(tensor("encoded", "string"), is_joinable=False)
    assert read_columns(INPUTS, {"b64": "YWJj"}, single)["encoded"] == b"abc"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("aW1hZ2UgYnl0ZXM=", b"image bytes"),
        ("aW1hZ2UgYnl0ZXM", b"image bytes"),  # absl's decoder wants no padding, either
        ("aW1hZ2Ug\nYnl0ZXM=\n", b"image bytes"),  # what the program base64 writes
        ("", b""),
        ("YQ \t\r\n= =", b"a"),
        ("a", None),
        ("a=bc", None),
        ("aW1hZ2Ug*nl0ZXM=", None),
        ("ä", None),
    ],
)
def test_base64(text, expected):
    (value,) = read_columns(INPUTS, [{"b64": text}], signature(tensor("s", "string", None)))[
        "s"
    ]
    if expected is None:
        assert isinstance(value, Problem) and "`s` is not base64" in value.sentence
    else:
        assert value == expected


@pytest.mark.parametrize(
    "form, value, message",
    [
        (INSTANCES, [], "`instances` must be a list of rows. Received: an empty list"),
        (INSTANCES, {"tag": "a"}, "`instances` must be a list of rows. Received: an object"),
        (INSTANCES, ["a"], "must be an object with `tag` .* Received: 'a string' as number 0"),
        (INSTANCES, [ROWS[0], {"tag": "a"}], "Received: 'tag' as number 1"),
        (INSTANCES, [ROWS[0] | {"more": 1}], "Received: 'tag, signal, sensor, more'"),
        (INPUTS, [1], "`inputs` must be an object with `tag`"),
        (INPUTS, {"tag": ["a"]}, "`inputs` must be an object .* Received: 'tag'"),
        (INPUTS, COLUMNS | {"tag": ["a"]}, "equally many rows. Received: 1 of `tag`, 2 of"),
        (INPUTS, COLUMNS | {"tag": "a"}, r"`tag` takes string\[N\]. .* shape \[\]"),
        (INPUTS, COLUMNS | {"tag": [1, 2]}, "text, or bytes as .* Received: a whole number"),
        (INPUTS, COLUMNS | {"tag": [None, "a"]}, "Received: null"),
        (INPUTS, COLUMNS | {"tag": [{"b64": 1}, "a"]}, "Received: an object"),
        (INPUTS, COLUMNS | {"tag": [{"sha256": "00"}, "a"]}, "Received: an object"),
        (INPUTS, COLUMNS | {"signal": [[1, 2], [3, 4]]}, r"int32\[N, 5\]. .* shape \[2, 2\]"),
        (INPUTS, COLUMNS | {"signal": [[1, 2, 3, 4, 5], [1]]}, "lists of different lengths"),
        (INPUTS, COLUMNS | {"signal": [[1, 2, 3, 4, 5], 6]}, "values beside lists"),
        (INPUTS, COLUMNS | {"signal": [[1, 2, 3, 4, 5.0]] * 2}, "Received: a number in it"),
        (INPUTS, COLUMNS | {"signal": [[1, 2, 3, 4, "5"]] * 2}, "Received: a string in it"),
        (INPUTS, COLUMNS | {"signal": [[1, 2, 3, 4, True]] * 2}, "true or false in it"),
        (INPUTS, COLUMNS | {"signal": [[1, 2, 3, 4, 2**31]] * 2}, "a number too large"),
        (INPUTS, COLUMNS | {"sensor": [[[1, 2], [3, 1e39]]] * 2}, "a number too large"),
        (INPUTS, {"tag": [], "signal": [], "sensor": []}, r"Received: .* shape \[0\]"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(form, value, message):
    with pytest.raises(Refusal, match=message) as refusal:
        read_columns(form, value, THREE)
    assert refusal.value.code == 400


def test_no_rows_are_refused():
    with pytest.raises(Refusal, match="There are no rows"):
        read_columns(INPUTS, [], signature(tensor("s", "string", None)))


def test_deep_lists_of_an_input_of_any_rank_are_refused():
    deep = "[" * 900 + "]" * 900
    anything = signature(
        types.SimpleNamespace(**vars(tensor("x", "float32")) | {"shape": None})
    )
    with pytest.raises(Refusal, match="nested lists of shape"):
        read_columns(INPUTS, json.loads(deep), anything)


@pytest.mark.parametrize(
    "body, message",
    [
        (b"", "The body is not JSON"),
        (b"{", "The body is not JSON"),
        (b'{"instances": "\xff"}', "The body is not JSON"),
        (b"[" * 10_000, "The body is not JSON"),
        (b"[NaN" * 10_000, "The body is not JSON"),
        (b"[1]", "must be a JSON object. Received: a list"),
        (b"{}", "Received: neither"),
        (b'{"instances": [1], "inputs": [1]}', "Received: both"),
        *(
            (b'{"instances": [1], "signature_name": %s}' % name, "must be a string. Received: ")
            for name in (b"1", b"0", b"[]", b"{}", b"null", b"false", b"[1]")
        ),
    ],
)
def test_a_body_that_is_no_request_is_refused(body, message):
    with pytest.raises(Refusal, match=message) as refusal:
        parse_request(body)
    assert refusal.value.code == 400 and len(refusal.value.sentence) < 300


def filled(unit, size=1_500_000):
    return b'{"instances": [' + b",".join([unit] * (size // (len(unit) + 1))) + b"]}"


BRACKETS = {
    "lists": filled(b"[]"),
    "deep lists": filled(b"[" * 900 + b"]" * 900),
    "objects": filled(b"{}"),
    "rows": filled(b'{"a":1}'),
    "pairs": filled(b"[1,2]"),
    "numbers": filled(b"1"),
    "fractions": filled(b"0.1"),
    "strings": filled(b'""'),
    "null": filled(b"null"),
    "not a number": filled(b"NaN"),
    "keys": b"{" + b",".join(b'"%06x":1' % i for i in range(150_000)) + b"}",
    "broken": b"[" * 1_500_000,
    "spaces": b"[ " * 700_000,
}


@pytest.mark.parametrize("name", BRACKETS)
def test_a_body_of_many_small_things_is_refused_unread(name, monkeypatch):
    monkeypatch.setattr(json_body, "_parse_json", lambda body: 1 / 0)
    with pytest.raises(Refusal, match="too many (lists|values).*Send fewer rows") as refusal:
        parse_request(BRACKETS[name], max_request_mb=2)
    assert refusal.value.code == 413


def test_a_body_of_few_large_things_is_read():
    for text in (b"x" * 1_500_000, b"\\u00e4" * 200_000, "😀".encode() * 300_000):
        _, _, value = parse_request(b'{"instances": ["' + text + b'"]}', max_request_mb=2)
        assert len(value[0]) > 100_000
    maps = np.random.default_rng(0).random((1, 14, 14, 256)).round(3).tolist()
    _, _, value = parse_request(json.dumps({"inputs": maps}).encode(), max_request_mb=2)
    assert np.shape(value) == (1, 14, 14, 256)


@pytest.mark.parametrize("form", [INSTANCES, INPUTS])
def test_rows_are_counted_before_they_are_looked_at(form):
    rows = [object()] * 11  # Whatever they are.
    value = rows if form == INSTANCES else {"tag": rows, "signal": rows, "sensor": rows}
    with pytest.raises(Refusal, match="count as 11, at most 10 are taken") as refusal:
        read_columns(form, value, THREE, max_rows=10)
    assert refusal.value.code == 413
    alone = signature(tensor("x", "float32", None), is_joinable=False)
    assert len(read_columns(form, [1.0] * 11, alone, max_rows=10)["x"]) == 11


def test_half_a_character_spoils_its_own_row_alone():
    strings = signature(tensor("s", "string", None))
    for half in (b"\\ud800", b"\\uDE00", b"a\\ud83db"):
        body = b'{"instances": ["a", "%s", "\\ud83d\\ude00"]}' % half
        _, form, value = parse_request(body)
        first, bad, last = read_columns(form, value, strings)["s"]
        assert (first, last) == (b"a", "😀".encode())
        assert bad.sentence == "`s` is not Unicode text: it has half a character."


def test_the_signature_is_the_default_unless_named():
    empty = b'{"signature_name": "", "instances": [1]}'
    assert parse_request(empty) == ("serving_default", INSTANCES, [1])
    assert parse_request(b'{"instances": [1]}') == ("serving_default", INSTANCES, [1])
    named = b'{"signature_name": "other", "inputs": {"x": 1}}'
    assert parse_request(named) == ("other", INPUTS, {"x": 1})


def test_numbers_that_are_not_finite_pass_as_in_tensorflow_serving():
    _, form, value = parse_request(b'{"inputs": [1.5, NaN, -Infinity]}')
    column = read_columns(form, value, signature(tensor("x", "float32", None)))["x"]
    np.testing.assert_array_equal(column, [1.5, np.nan, -np.inf])
    text = write_response(INPUTS, {"y": column}).decode()
    assert text == '{"outputs": [1.5, NaN, -Infinity]}'


def outputs():
    return {
        "answer": np.array([b"r\xc3\xb6t", b"blue"], object),
        "share": np.array([0.2, 1], np.float32),
        "mask": np.array([[True, False, True], [False, False, True]]),
        "raw_bytes": np.array([b"\x00\xff", b""], object),
    }


def test_rows_of_outputs():
    assert json.loads(write_response(INSTANCES, outputs())) == {
        "predictions": [
            {
                "answer": "röt",
                "share": 0.2,  # and not 0.20000000298, which float32 does not say
                "mask": [True, False, True],
                "raw_bytes": {"b64": "AP8="},
            },
            {
                "answer": "blue",
                "share": 1.0,
                "mask": [False, False, True],
                "raw_bytes": {"b64": ""},
            },
        ]
    }


def test_columns_of_outputs():
    response = json.loads(write_response(INPUTS, outputs()))["outputs"]
    assert response["answer"] == ["röt", "blue"]
    assert response["mask"] == [[True, False, True], [False, False, True]]
    assert response["raw_bytes"] == [{"b64": "AP8="}, {"b64": ""}]


def test_a_single_output_has_no_name():
    y = {"y": np.array([[1.5], [2]], np.float64)}
    assert write_response(INSTANCES, dict(y)) == b'{"predictions":[[1.5],[2.0]]}'
    assert write_response(INPUTS, dict(y)) == b'{"outputs":[[1.5],[2.0]]}'
    assert write_response(INPUTS, {"y": np.float32(0.1).reshape(())}) == b'{"outputs":0.1}'
    word = {"answer": np.array([b"null"], object)}  # No number that JSON cannot write.
    assert write_response(INPUTS, word) == b'{"outputs":["null"]}'


def test_other_types_of_outputs():
    import ml_dtypes

    halves = {"y": np.array([0.5, 2], ml_dtypes.bfloat16)}
    assert write_response(INPUTS, halves) == b'{"outputs":[0.5,2.0]}'
    assert write_response(INPUTS, {"y": np.zeros((2, 0), np.int8)}) == b'{"outputs":[[],[]]}'
    with pytest.raises(Refusal, match="`y` is complex64, for which JSON has no form"):
        write_response(INPUTS, {"y": np.zeros(2, np.complex64)})


def test_outputs_that_are_not_rows_are_refused_as_rows():
    with pytest.raises(Refusal, match="outputs are not one per row.*Ask with `inputs`"):
        write_response(INSTANCES, {"y": np.zeros(2), "total": np.zeros(())})
