"""The exported graph finds what `--mode=predict` finds, row by row, and says what is wrong."""

import io
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from hardvqa_tf.localize.classes import Classes
from hardvqa_tf.localize.model import build_localizer
from hardvqa_tf.localize.predicting import predict
from hardvqa_tf.localize.signatures import OUTPUTS, FindGraph, number_of_boxes
from hardvqa_tf.localize.slots import LOCALIZER_ATTENTIONS, SELECTIONS
from hardvqa_tf.runs import Run
from tests.localize import small

ROOT = pathlib.Path(__file__).parents[2]
THRESHOLD = 0.05


def build(**changed):
    config = small.config(**changed)
    keras.utils.set_random_seed(1)
    model = build_localizer(config)
    small.spread_norms(model)
    return Run(model, config, Classes(["a"], []))


def picture(kind="PNG", size=(50, 40), seed=0, mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3)).astype(np.uint8)
    return encode(Image.fromarray(pixels).convert(mode), kind)


def encode(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def drawing(ground, ink, mode="RGB", kind="PNG"):
    image = Image.new(mode, (60, 50), ground)
    image.paste(ink, (10, 20, 50, 24))
    image.paste(ink, (10, 20, 14, 44))
    return encode(image, kind)


IMAGES = [picture("JPEG", (31, 27)), picture(seed=1), picture("GIF", (32, 24), 2)]
STROKES = json.dumps([[[0, 0], [90, 10], [40, 70]], [[20, 20]]]).encode()
SKETCHES = [
    STROKES,
    drawing((255, 255, 255), (0, 0, 0)),
    drawing((10, 10, 60), (250, 250, 255), kind="JPEG"),
    drawing((0, 0, 0, 0), (0, 0, 0, 255), "RGBA"),
]


@pytest.fixture
def predicted(tmp_path):
    """A function: what `--mode=predict` finds, as the signatures give it."""

    def ask(run, image, sketches):
        paths = []
        for i, sketch in enumerate(sketches):
            path = tmp_path / f"{i}.{'json' if sketch.startswith(b'[') else 'png'}"
            path.write_bytes(sketch)
            paths.append(str(path))
        result, _ = predict(run, image, sketch=paths, threshold=0.0)
        boxes = np.array([found["box"] for found in result["found"]])
        boxes[:, 2:] += boxes[:, :2]
        scores = np.array([found["score"] for found in result["found"]])
        return boxes, scores, result["num_cells"]

    return ask


def check(found, row, expected):
    boxes, scores, num_cells = expected
    number = len(scores)
    assert found["status"].numpy()[row] == b"ok"
    # In another order of summation: float32 rounding, of boxes in some 50 pixels.
    np.testing.assert_allclose(found["scores"][row][:number], scores, atol=1e-5, rtol=0)
    np.testing.assert_allclose(found["boxes"][row][:number], boxes, atol=5e-4, rtol=0)
    assert not np.any(found["boxes"][row][number:]) and not np.any(
        found["scores"][row][number:]
    )
    assert found["num_cells"].numpy()[row] == num_cells == found["mask"].numpy()[row].sum()
    assert found["num_found"].numpy()[row] == (scores >= np.float32(THRESHOLD)).sum()


@pytest.mark.slow
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("attention", LOCALIZER_ATTENTIONS)
def test_it_finds_what_predict_finds(predicted, attention, selection):
    """Step by step: the graph is for the others."""
    run = build(attention=attention, selection=selection)
    ask = FindGraph(run.model, THRESHOLD).find_many.python_function
    given = [[SKETCHES[:2], [SKETCHES[2], b""]], [[b"", SKETCHES[3]], [SKETCHES[0]] * 2]]
    found = ask(tf.constant(IMAGES[:2]), tf.constant(given))
    for b, queries in enumerate(given):
        for q, sketches in enumerate(queries):
            expected = predicted(run, IMAGES[b], [sketch for sketch in sketches if sketch])
            of_image = {name: value[b] for name, value in found.items()}
            check(of_image, q, expected)
    sizes = np.array([[31, 27], [50, 40]])[:, None, None]
    corners = found["boxes"].numpy()
    assert (corners >= 0).all() and (corners.reshape(2, 2, -1, 2) <= sizes).all()
    scores = found["scores"].numpy()
    assert (np.diff(scores, axis=-1) <= 0).all() and scores.shape[2] == number_of_boxes(
        run.model
    )


@pytest.fixture(scope="module")
def adahan():
    """It keeps more cells of some rows than of others."""
    run = build(attention="adahan")
    return run, FindGraph(run.model, THRESHOLD)


def test_rows_of_a_batch_are_as_alone(adahan, predicted):
    """In the graph, by both of the signatures that have a row for each image."""
    run, graph = adahan
    images, sketches = [*IMAGES, IMAGES[0]], [SKETCHES[i] for i in (3, 0, 1, 2)]
    found = graph.find(tf.constant(images), tf.constant(sketches))
    numbers = set()
    for row, (image, sketch) in enumerate(zip(images, sketches, strict=True)):
        expected = predicted(run, image, [sketch])
        check(found, row, expected)
        numbers.add(expected[2])
    assert len(numbers) > 1  # cells: a batch is as wide as its widest row
    pairs = [[sketch, b""] for sketch in sketches[:3]] + [[sketches[3], sketches[0]]]
    several = graph.find_by_several(tf.constant(images), tf.constant(pairs))
    for name, value in found.items():
        if value.dtype == tf.float32:
            np.testing.assert_allclose(several[name][:3], value[:3], atol=5e-4, err_msg=name)
        else:
            np.testing.assert_array_equal(several[name][:3], value[:3], err_msg=name)
    check(several, 3, predicted(run, images[3], pairs[3]))


LARGE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x4e\x20\0\0\x4e\x20" + bytes(90)
BAD = [
    (b"", STROKES, "The image is empty."),
    (b"GET / HTTP/1.1", STROKES, "This is not an image."),
    (IMAGES[0][:-300], STROKES, "The image is cut off"),
    (LARGE, STROKES, "The image is too large"),
    (IMAGES[1], b"", "There is no drawing"),
    (IMAGES[1], b"a cat", "This is not a drawing"),
    (IMAGES[1], b"\0\xff\xfe", "This is not a drawing"),
    (IMAGES[1], b'{"drawing": [[[0, 1], [2, 3]]]}', "This is not a drawing"),
    (IMAGES[1], picture("GIF"), "This is not a drawing"),
    (IMAGES[1], b"[]", "The drawing has no points"),
    (IMAGES[1], b"[[[0, 1]", "strokes cannot be read"),
    (IMAGES[1], b"[[[1e10, 1], [0, 0]]]", "must be finite"),
    (IMAGES[1], SKETCHES[1][:-1], "The drawing is cut off"),
    (IMAGES[1], SKETCHES[2][:-30], "The drawing is cut off"),
    (IMAGES[1], SKETCHES[2][:100], "header is broken"),
    (IMAGES[1], LARGE, "The drawing is too large"),
    (IMAGES[1], encode(Image.new("L", (20, 30), 255)), "Nothing is drawn"),
]


def test_bad_rows_leave_the_others_as_they_are(adahan, predicted):
    run, graph = adahan
    good = [(IMAGES[0], SKETCHES[0]), (IMAGES[2], SKETCHES[1])]
    rows = [*BAD, good[0], *BAD, good[1]]
    images, sketches = ([row[i] for row in rows] for i in (0, 1))
    found = graph.find(tf.constant(images), tf.constant(sketches))
    for place, row in ((len(BAD), good[0]), (2 * len(BAD) + 1, good[1])):
        check(found, place, predicted(run, row[0], [row[1]]))
    for i, (_, _, sentence) in enumerate(BAD):
        assert sentence in found["status"].numpy()[i].decode(), BAD[i][1][:40]
        for name, value in found.items():
            assert name == "status" or not np.any(value.numpy()[i]), name
    found = graph.find(tf.constant([b"", IMAGES[0]]), tf.constant([STROKES, b"no"]))
    assert all(status != b"ok" for status in found["status"].numpy())
    assert not found["num_cells"].numpy().any()


def test_of_several_drawings_the_wrong_one_is_named(adahan):
    _, graph = adahan
    given = [[STROKES, b"", b"[[1]]"], [b"", b"", b""], [STROKES, STROKES, b""]]
    status = graph.find_by_several(tf.constant(IMAGES), tf.constant(given))["status"].numpy()
    assert status[0].startswith(b"Drawing 3: The drawing's strokes cannot be read.")
    assert status[1].startswith(b"There is no drawing.") and status[2] == b"ok"
    with pytest.raises(tf.errors.InvalidArgumentError, match="As many rows of image as"):
        graph.find(tf.constant(IMAGES), tf.constant([STROKES]))


def test_the_table_is_what_the_graph_gives(adahan):
    run, graph = adahan
    sizes = {"H": 3, "W": 4, "R": number_of_boxes(run.model)}
    for name, rows in (
        ("find", [None]),
        ("find_by_several", [None]),
        ("find_many", [None] * 2),
    ):
        found = getattr(graph, name).get_concrete_function().structured_outputs
        assert found.keys() == {output.name for output in OUTPUTS}
        for output in OUTPUTS:
            expected = rows + [sizes.get(axis, axis) for axis in output.axes]
            assert found[output.name].shape.as_list() == expected, output.name
            assert found[output.name].dtype.name == output.dtype, output.name


def test_the_docs_have_the_table():
    text = (ROOT / "docs" / "localizer.md").read_text(encoding="utf-8")
    lines = text[text.index("| output | | |") :].split("\n\n")[0].splitlines()
    assert lines[2:] == [f"| `{o.name}` | {o.kind('N')} | {o.meaning} |" for o in OUTPUTS]
