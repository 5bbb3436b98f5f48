"""Photographs of drawings on paper become the rasters that their strokes would."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from records.drawings.pixels import raster_of
from records.drawings.rasterize import rasterize_strokes
from tests.records.drawings import files

WIDTH, HEIGHT = 1000, 750


def photograph(shade=0.5, ink=0.5, noise=6, table=False, ruled=False, is_board=False):
    """A JPEG: light falls off by `shade` from a corner, pencil takes `ink` of it."""
    rng = np.random.default_rng(0)
    drawing = Image.new("L", (WIDTH, HEIGHT), 0)
    for stroke in files.STROKES:
        places = [(300 + 1.4 * x, 200 + 1.4 * y) for x, y in stroke]
        ImageDraw.Draw(drawing).line(places, 255, 5, joint="curve")
        x, y = places[0]
        ImageDraw.Draw(drawing).ellipse((x - 3, y - 3, x + 3, y + 3), 255)
    line = np.asarray(drawing.filter(ImageFilter.GaussianBlur(1))) / 255
    y, x = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    light = 235 * (1 - shade * np.hypot(x, y) / 1.4)
    paper = np.where((np.arange(HEIGHT) % 50 < 2)[:, None], 0.85, 1) if ruled else 1
    grey = light * (0.25 + ink * line if is_board else paper * (1 - ink * line))
    if table:
        grey[:, :60], grey[-40:] = 70, 55
    grey += rng.normal(size=grey.shape) * noise
    file = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=80)
    return file.getvalue()


@pytest.mark.parametrize(
    "how",
    [
        {"shade": 0.2},
        {},
        {"shade": 0.7},
        {"ink": 0.3},
        {"noise": 15, "ink": 0.6},
        {"table": True},
        {"ruled": True},
        {"is_board": True},
    ],
    ids=str,
)
def test_the_drawing_alone_is_ink(how):
    expected = rasterize_strokes(files.STROKES)
    difference = np.abs(raster_of(photograph(**how)) / 16 - expected).mean()
    assert difference < 0.025 and expected.mean() > 0.06


def test_an_empty_sheet():
    with pytest.raises(ValueError, match="nothing is drawn on it"):
        raster_of(photograph(ink=0))
