"""Which drawings a server takes: those that the graph of an export takes, within its limits."""

import io
import json
import random

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from hardvqa_tf.data.image_status import OK
from hardvqa_tf.localize import requests
from hardvqa_tf.localize.sketch_inputs import read_sketches
from hardvqa_tf.localize.sketch_sentences import (
    NO_DRAWING,
    NO_POINTS,
    NOT_A_DRAWING,
    NOT_READ,
    TOO_LARGE,
    TOO_MANY_STROKES,
)
from hardvqa_tf.serving.limits import Limits
from tests.serving.test_protocol import filled

SKETCH = requests.INPUTS["sketch"]
STROKES = b"[[[0,0],[90,10],[40,70]],[[20,20]]]"


def picture(mode="L", size=(60, 50), kind="PNG"):
    image = Image.new(mode, size, {"L": 255, "RGBA": (0, 0, 0, 0)}.get(mode, (255, 255, 255)))
    ink = {"L": 0, "RGBA": (0, 0, 0, 255)}.get(mode, (0, 0, 0))
    image.paste(ink, (10, 20, size[0] - 10, 24))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def check(encoded, **limits):
    """What is said of a drawing, as a server says it; OK if nothing is."""
    try:
        weight = SKETCH.check(encoded, Limits(**limits))
        assert weight >= 1
        if SKETCH.must_look(encoded):
            SKETCH.look(encoded)
    except ValueError as error:
        return str(error)
    return OK


@pytest.fixture(scope="module")
def in_graph():
    """What the graph says of drawings."""
    texts = tf.TensorSpec([None], tf.string)
    read = tf.function(lambda texts: read_sketches(texts)[1], [texts], autograph=False)
    return lambda texts: [status.decode() for status in read(tf.constant(texts)).numpy()]


DRAWINGS = {
    STROKES: OK,
    b"\xef\xbb\xbf [ [\t[ 1 , 2 ] ,\r\n[ -3.5e1 , 4E+2 ] ] , [[0, -0.0]] ] \n": OK,
    b" " * 100 + STROKES: OK,
    b"[[[12345678.123456789012345678901, 123456789]]]": OK,
    picture(): OK,
    picture("RGBA"): OK,
    picture("RGB", kind="JPEG"): OK,
    b"": NO_DRAWING,
    b"{}": NOT_A_DRAWING,
    b"hello": NOT_A_DRAWING,
    picture(kind="GIF"): NOT_A_DRAWING,
    b"[]": NO_POINTS,
    b"[[], [ ]]": NO_POINTS,
    b"[[[0,0]],[]]": NOT_READ,
    b"[[[0,0]]": NOT_READ,
    b"[[[0,0]]]]": NOT_READ,
    b"[[0,0]]": NOT_READ,
    b"[[[[0,0]]]]": NOT_READ,
    b"[[[1,2,3]]]": NOT_READ,
    b'[[["1",2]]]': NOT_READ,
    b"[[[true,1]]]": NOT_READ,
    b"[[[null,1]]]": NOT_READ,
    b"[[[NaN,1]]]": NOT_READ,
    b"[[[01,1]]]": NOT_READ,
    b"[[[.5,1]]]": NOT_READ,
    b"[" * 900: NOT_READ,
    b"[[[1000000001,1]]]": TOO_LARGE,
    json.dumps([[[i, 0]] for i in range(513)]).encode(): TOO_MANY_STROKES,
}


def test_the_graph_says_the_same(in_graph):
    expected = [*DRAWINGS.values()]
    assert [check(drawing) for drawing in DRAWINGS] == expected
    assert in_graph([*DRAWINGS]) == expected


def changed(text, draw):
    text = bytearray(text)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(text) + 1)
        text[at : at + draw.randrange(3)] = draw.choice(
            (b"", b"[", b"]", b",", b"],[", b"]],[[", b"0", b"-", b".5", b"e3", b" ", b"1e400")
        )
    return bytes(text)


def test_the_graph_says_the_same_of_strokes_that_nobody_would_send(in_graph):
    draw = random.Random(0)
    texts = [changed(STROKES, draw) for _ in range(300)]
    told = [check(text) for text in texts]
    assert 20 < told.count(OK) < 280
    for text, ours, theirs in zip(texts, told, in_graph(texts), strict=True):
        # A number that no float holds is no JSON to one, and too large to the other.
        assert ours == theirs or b"e400" in text and OK not in (ours, theirs), text


@pytest.mark.parametrize(
    "drawing, sentence",
    [
        (b"[[[0,0],[1,1],[2,2],[3,3],[4,4],[5,5]]]", "too many points: 6, at most 5 are taken"),
        (b"[" * 600, "too many points: 599, at most 5"),
        (b"[[[0," + b"1" * 400 + b"]]]", "too many bytes: 408, at most 320 are taken"),
        (picture(size=(80, 60)), "The drawing is too large: 80x60 pixels, at most 3,500 are"),
        (picture()[:-20], "The drawing is broken or truncated: its end is missing"),
        (picture()[:50] + b"\0" * 9 + picture()[59:], "The drawing cannot be taken: broken"),
        (b"[[[1,\xff]]]", "The drawing's strokes cannot be read"),
    ],
)
def test_what_is_refused_before_the_graph_sees_it(drawing, sentence):
    assert sentence in check(drawing, max_points=5, max_pixels=14_000)


def test_a_drawing_weighs_by_its_points_or_pixels():
    limits = Limits(max_points=10, max_pixels=24_000, max_batch_size=20)
    assert SKETCH.check(b"[[[0,0]],[[1,1],[2,2],[3,3]]]", limits) == 8
    assert SKETCH.check(picture(), limits) == 10  # 3,000 of 6,000 pixels
    assert SKETCH.check(b"[[[0,0]]]", Limits()) == SKETCH.check(picture(), Limits()) == 1


def test_a_body_of_many_points_is_read():
    """Points within a text are no lists of the body."""
    from hardvqa_tf.serving.protocol import parse_request
    from hardvqa_tf.serving.refusals import Refusal

    strokes = json.dumps([np.arange(20_000).reshape(-1, 2).tolist()])
    rows = [{"image": "", "sketch": strokes}] * 8
    body = json.dumps({"instances": rows}).encode()
    assert body.count(b"[") > Limits().max_lists
    assert parse_request(body, Limits())[2] == rows
    for unit in (b"[],", b'"[",[],', b'"\\"[",'):  # But it is looked for within bounds.
        with pytest.raises(Refusal, match="The body has too many"):
            parse_request(b'{"instances": [' + filled(unit) + b"[]]}", Limits())


def test_files_of_an_example():
    example = {"image": "a.png", "queries": [{"sketch": "b.json"}, {"sketch": "c.png"}]}
    assert requests.files_of_example(example) == ["b.json", "c.png"]
