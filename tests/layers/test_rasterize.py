"""The graph draws what records draw, to the bit, on every backend that is installed."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.layers.rasterize import rasterize
from records.drawings.rasterize import rasterize_points
from records.drawings.strokes import pad
from tests.records.drawings.rasters import many_drawings

ROOT = pathlib.Path(__file__).parent.parent.parent
SIZES = (8, 64, 184)

EVERYTHING = """
import keras
import numpy as np
from hardvqa_tf.layers.rasterize import rasterize
from records.drawings.rasterize import rasterize_points
from records.drawings.strokes import pad
from tests.records.drawings.rasters import many_drawings

points, stroke = pad(many_drawings(120))
if keras.backend.backend() == "jax":
    import jax
    compiled = jax.jit(rasterize, static_argnames="size")
    np.testing.assert_array_equal(compiled(points, stroke), rasterize_points(points, stroke))
for size in (8, 64, 184):
    of = slice(None, 20) if size == 184 else slice(None)
    raster = keras.ops.convert_to_numpy(rasterize(points[of], stroke[of], size))
    np.testing.assert_array_equal(raster, rasterize_points(points[of], stroke[of], size))
print("drawn by", keras.backend.backend())
"""


@pytest.fixture(scope="module", name="padded")
def _padded():
    return pad(many_drawings(120))


@pytest.mark.parametrize("size", SIZES)
def test_equals_the_raster_of_records(padded, size):
    points, stroke = (array[: 40 if size == 184 else None] for array in padded)
    raster = rasterize(points, stroke, size)
    assert raster.dtype == tf.float32
    np.testing.assert_array_equal(raster, rasterize_points(points, stroke, size))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_in_a_graph_of_unknown_sizes(padded, jit_compile):
    signature = [
        tf.TensorSpec([None, None, 2], tf.int32),
        tf.TensorSpec([None, None], tf.int32),
    ]
    compiled = tf.function(rasterize, input_signature=signature, jit_compile=jit_compile)
    for rows in (slice(3, 4), slice(None)):
        points, stroke = padded[0][rows], padded[1][rows]
        np.testing.assert_array_equal(
            compiled(points, stroke), rasterize_points(points, stroke)
        )


def test_leading_axes_and_padding(padded):
    points, stroke = padded[0][:12], padded[1][:12]
    expected = rasterize_points(points, stroke, 16).reshape(3, 2, 2, 16, 16)
    points = np.pad(points, ((0, 0), (0, 30), (0, 0)), constant_values=99)
    stroke = np.pad(stroke, ((0, 0), (0, 30)), constant_values=-1)
    raster = rasterize(points.reshape(3, 2, 2, -1, 2), stroke.reshape(3, 2, 2, -1), 16)
    np.testing.assert_array_equal(raster, expected)


def test_nothing_drawn_is_black():
    np.testing.assert_array_equal(
        rasterize(np.zeros((2, 5, 2), int), np.full((2, 5), -1), 8), np.zeros((2, 8, 8))
    )


@pytest.mark.parametrize("size", [0, 60, 192])
def test_a_size_that_numbers_of_32_bits_cannot_draw(size):
    with pytest.raises(ValueError, match=f"between 8 and 184. Received: {size}"):
        rasterize([[[0, 0]]], [[0]], size)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_draw_the_same(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"drawn by {backend}" in done.stdout, done.stderr
