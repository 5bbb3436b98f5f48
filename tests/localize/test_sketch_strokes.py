"""Strokes in JSON become, in a graph, the points that the reader of files makes of them."""

import json

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.data.image_status import OK
from hardvqa_tf.localize import sketch_strokes
from records.drawings import quickdraw
from records.drawings.strokes import normalize, pad


@pytest.fixture(scope="module")
def read():
    text = tf.TensorSpec([], tf.string)
    return tf.function(sketch_strokes.read_strokes, [text], autograph=False)


def expected(text):
    points, stroke = pad([normalize(quickdraw.from_list(text.encode()))])
    return points[0], stroke[0]


def circle(number, radius, decimals):
    angle = np.linspace(0, 2 * np.pi, number)
    points = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points.round(decimals).tolist()


def scribbles(seed):
    """Drawings of many kinds: few points and many, whole and not, short steps and long ones."""
    rng = np.random.default_rng(seed)
    walk = [np.cumsum(rng.normal(size=(n, 2)), axis=0).tolist() for n in (1, 2, 150)]
    steps = [np.cumsum(rng.integers(-5, 6, (n, 2)), axis=0).tolist() for n in (3, 80)]
    return [
        [rng.integers(0, 256, (n, 2)).tolist() for n in (1, 2, 7)],
        steps,
        walk,
        [*steps, *walk, circle(40, 30, seed % 4)],
        [(1e6 * rng.uniform(-1, 1, (5, 2))).tolist()],
        [rng.uniform(0, 1e-3, (9, 2)).tolist()],
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_points_are_those_of_files(read, seed):
    for strokes in scribbles(seed):
        text = json.dumps(strokes)
        points, stroke, status = read(text)
        assert status == OK
        for found, wanted in zip((points, stroke), expected(text), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_more_points_than_a_drawing_has_are_left_out_alike(read):
    rng = np.random.default_rng(0)
    for strokes in (
        [rng.uniform(0, 1000, (n, 2)).tolist() for n in (900, 1, 400)],
        [circle(300, 100, 2)] * 9,
        [[[i % 2 * 900, i] for i in range(1500)]],
    ):
        text = json.dumps(strokes)
        points, stroke, status = read(text)
        wanted = expected(text)
        assert status == OK and len(wanted[0]) > 200
        np.testing.assert_array_equal(points, wanted[0])
        np.testing.assert_array_equal(stroke, wanted[1])


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff[[[1,2],[3,4]]]",
        " [ [\t[ 1 , 2 ] ,\r\n[ -3.5e1 , 4E+2 ] ] , [[0, -0.0]] ] \n",
        "[[[5, 5]]]",
        "[[[5, 5], [5, 5]], [[5, 5]]]",
        "[[[0, 1e-400], [1e-5, 12345678.123456789012345678901]]]",
        "[[[1e9, 0], [-1e9, 1]]]",
    ],
)
def test_json_in_every_way_it_is_written(read, text):
    points, stroke, status = read(text)
    assert status == OK
    wanted = expected(text)
    np.testing.assert_array_equal(points, wanted[0])
    np.testing.assert_array_equal(stroke, wanted[1])


def test_scribbles_that_files_thin_are_told():
    """Fewer than an eighth of the points that are left beside the ends lie between them."""
    dots = [*range(100)]  # 512 - 102 = 410 points are left; an eighth is 51
    for inner, is_lost in ((0, True), (50, True), (51, False), (400, False)):
        stroke = tf.constant([*dots, *[100] * (2 + inner)])
        assert sketch_strokes._lost_its_turns(stroke).numpy() == is_lost


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "has no points"),
        (" [ [ ], [] ] ", "has no points"),
        ("[[[1, 2]], []]", "cannot be read"),
        ("[[1, 2]]", "cannot be read"),
        ("[[[1, 2, 3]]]", "cannot be read"),
        ("[[[1]]]", "cannot be read"),
        ("[[[1, 2]", "cannot be read"),
        ("[[[1, 2],]]", "cannot be read"),
        ("[[[1 2, 3]]]", "cannot be read"),
        ("[[[01, 2]]]", "cannot be read"),
        ("[[[.5, 2]]]", "cannot be read"),
        ("[[[1., 2]]]", "cannot be read"),
        ("[[[true, 2]]]", "cannot be read"),
        ('[[["1", 2]]]', "cannot be read"),
        ("[[[NaN, 2]]]", "cannot be read"),
        ("[[[1e999, 2]]]", "must be finite"),
        ("[[[2e9, 1], [0, 0]]]", "must be finite"),
        ("[[[1, 2]]] [[[1, 2]]]", "cannot be read"),
        (b"[[[1, 2\xff]]]", "cannot be read"),
        ("[[[1, 2\0]]]", "cannot be read"),
        (json.dumps([[[i, i * i % 97]] for i in range(513)]), "too many strokes"),
        (json.dumps([[[i, 0], [0, i]] for i in range(400)]), "too many strokes"),
        (json.dumps([[[0, 0]] * 100_001]), "too many points"),
        ("[[[1, 2]]]" + " " * sketch_strokes.MAX_BYTES, "too many points"),
        (json.dumps([[[0, 0], [9, 9]] * 3000] * 2), "too long to follow"),
    ],
)
def test_what_cannot_be_read_is_said(read, text, sentence):
    points, stroke, status = read(text)
    assert sentence in status.numpy().decode()
    assert points.shape == (1, 2) and stroke.shape == (1,)
