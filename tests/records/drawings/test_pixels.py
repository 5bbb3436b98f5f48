"""Pictures of drawings become the rasters that their strokes would."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw

from records.drawings.pixels import raster_of
from records.drawings.rasterize import rasterize_strokes
from tests.records.drawings import files

WHITE, BLACK, CLEAR = (255, 255, 255), (0, 0, 0), (0, 0, 0, 0)


def difference(raster):
    """Mean difference from the raster of the strokes; a black one differs by 0.06."""
    assert raster.shape == (64, 64) and raster.dtype == np.uint8 and raster.max() == 16
    return np.abs(raster / 16 - rasterize_strokes(files.STROKES)).mean()


def test_a_black_raster_would_differ():
    assert rasterize_strokes(files.STROKES).mean() > 0.06


@pytest.mark.parametrize("width", [1, 3, 5, 9])
@pytest.mark.parametrize(
    ("mode", "ground", "ink"),
    [
        ("RGB", WHITE, BLACK),
        ("RGB", BLACK, WHITE),
        ("RGB", (250, 240, 200), (20, 30, 160)),
        ("RGB", (120, 120, 120), BLACK),
        ("RGB", (120, 120, 120), WHITE),
        ("L", 255, 0),
        ("1", 1, 0),
        ("I;16", 65535, 0),
        ("RGBA", CLEAR, (0, 0, 0, 255)),
        ("RGBA", CLEAR, (255, 255, 255, 255)),
        ("RGBA", (255, 255, 255, 0), (255, 255, 0, 255)),
        ("LA", (0, 0), (0, 255)),
    ],
)
def test_any_colours_and_widths(mode, ground, ink, width):
    # Pillow draws lines a little beside their place; widths are steps of samples.
    assert difference(raster_of(files.picture(mode, ground, ink, width))) < 0.016


def test_a_palette():
    file = io.BytesIO()
    Image.open(io.BytesIO(files.picture())).convert("P").save(file, "PNG", transparency=255)
    assert difference(raster_of(file.getvalue())) < 0.016


def test_jpeg():
    assert difference(raster_of(files.picture(kind="JPEG"))) < 0.02
    assert difference(raster_of(files.picture("L", 40, 220, kind="JPEG"))) < 0.02


@pytest.mark.parametrize("side", [300, 900, 2000])
def test_the_place_in_a_large_picture_does_not_matter(side):
    expected = raster_of(files.picture(width=3))
    np.testing.assert_array_equal(raster_of(files.picture(width=3, side=side)), expected)


@pytest.mark.parametrize("factor", [0.12, 0.5, 4])
def test_small_and_large_pictures(factor):
    image = Image.open(io.BytesIO(files.picture(width=9)))
    image = image.resize([round(300 * factor)] * 2, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "PNG")
    assert difference(raster_of(file.getvalue())) < 0.04


@pytest.mark.parametrize("width", [1, 5, 12])
def test_many_strokes(width):
    rng = np.random.default_rng(width)
    for _ in range(5):
        strokes = [np.cumsum(rng.integers(-60, 60, (6, 2)), axis=0) for _ in range(4)]
        low = np.concatenate(strokes).min(axis=0)
        strokes = [3 * (stroke - low) + 50 for stroke in strokes]
        side = 100 + max(stroke.max() for stroke in strokes)
        image = Image.new("L", (side, side), 255)
        for stroke in strokes:
            points = [tuple(point) for point in stroke.tolist()]
            ImageDraw.Draw(image).line(points, 0, width, joint="curve")
        found, expected = raster_of(_png(np.asarray(image))) / 16, rasterize_strokes(strokes)
        assert 0.8 < found.sum() / expected.sum() < 1.25
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.93


def test_grey_is_exact():
    """A pixel halfway between ground and ink is ground, whatever a machine's rounding is."""
    image = np.full((40, 60, 3), 255, np.uint8)
    image[10:30, 10:20] = 1
    image[10:30, 20:50] = 128  # (255 - 128) is half of (255 - 1)
    halfway = raster_of(_png(image))
    image[10:30, 20:50] = 255
    np.testing.assert_array_equal(halfway, raster_of(_png(image)))
    image[10:30, 20:50] = 127
    assert (raster_of(_png(image)) != halfway).any()


def test_photographs_are_turned_by_exif():
    image, file = Image.open(io.BytesIO(files.picture())), io.BytesIO()
    image.transpose(Image.Transpose.ROTATE_90).save(file, "PNG")
    turned = raster_of(file.getvalue())
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn it by 90 degrees to see it upright.
    file = io.BytesIO()
    image.transpose(Image.Transpose.ROTATE_90).save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(raster_of(file.getvalue()), raster_of(files.picture()))
    assert (turned != raster_of(files.picture())).any()


def test_a_level_line_keeps_its_width_and_place():
    image = np.full((50, 400), 255, np.uint8)
    image[20, 30:370] = 0
    raster = raster_of(_png(image))
    np.testing.assert_allclose(raster[:, 30].sum() / 16, 2, atol=0.3)
    np.testing.assert_array_equal(np.flatnonzero(raster[:, 30]), [31, 32])
    assert raster[:, :1].max() == 0 and raster[31, 2:62].min() == 16


def test_a_filled_shape_stays_filled():
    image = np.full((90, 90), 255, np.uint8)
    image[10:80, 20:70] = 0
    assert (raster_of(_png(image))[4:60, 12:52] == 16).all()


def test_a_point_is_a_dot():
    image = np.full((90, 90), 255, np.uint8)
    image[40, 50] = 0
    raster = raster_of(_png(image))
    assert raster.max() == 16


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (files.picture(ink=(245, 245, 245)), "nothing is drawn on it"),
        (files.picture("RGBA", CLEAR, CLEAR), "nothing is drawn on it"),
        (files.picture()[:-40], "cannot be decoded"),
        (files.picture(kind="JPEG")[:500], "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n", "cannot be decoded"),
        (files.picture(kind="GIF"), "cannot be decoded"),
    ],
)
def test_what_is_no_drawing(data, message):
    with pytest.raises(ValueError, match=message):
        raster_of(data)


def test_too_large(monkeypatch):
    monkeypatch.setattr("records.drawings.pixels.MAX_PIXELS", 300 * 300 - 1)
    with pytest.raises(ValueError, match="too large: 300x300 pixels, at most 89,999"):
        raster_of(files.picture())


@pytest.mark.parametrize("pillows_own", [300 * 300 // 3, 300 * 300 - 1])
def test_so_large_that_pillow_refuses_it(pillows_own, monkeypatch):
    """Before it says the size: with an error beyond twice its limit, else with a warning."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows_own)
    with pytest.raises(
        ValueError, match="^too large: at most 50,000,000 pixels are taken. Make"
    ):
        raster_of(files.picture())


def test_pictures_of_random_pixels_end_in_a_raster_or_a_sentence():
    rng = np.random.default_rng(0)
    for height, width in itertools.product((1, 2, 7, 65), repeat=2):
        image = rng.integers(0, 256, (height, width)).astype(np.uint8)
        try:
            raster = raster_of(_png(image))
        except ValueError as error:
            assert "nothing is drawn" in str(error)
            assert height * width <= 2
        else:
            assert raster.shape == (64, 64) and raster.max() > 0


def _png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_a_fine_line_on_a_large_picture():
    image = Image.new("L", (3000, 3000), 255)
    ImageDraw.Draw(image).line((20, 20, 2979, 2979), fill=0)
    file = io.BytesIO()
    image.save(file, "PNG")
    expected = rasterize_strokes([np.array([[0, 0], [255, 255]])])
    assert np.abs(raster_of(file.getvalue()) / 16 - expected).mean() < 0.016
    assert expected.mean() > 0.03


def test_lines_too_fine_for_their_picture(monkeypatch):
    dots = np.full((2, 300_000), 255, np.uint8)
    dots[0, [10, -10]] = 0
    file = io.BytesIO()
    Image.fromarray(dots).save(file, "PNG")
    with pytest.raises(ValueError, match="its lines are too fine .* of 299981x1 pixels"):
        raster_of(file.getvalue())


def test_rows_are_put_on_paper_some_at_a_time(monkeypatch):
    encoded = files.picture("RGBA", CLEAR, (255, 255, 255, 255), 3)
    expected = raster_of(encoded)
    monkeypatch.setattr("records.drawings.pixels._AT_ONCE", 700)
    np.testing.assert_array_equal(raster_of(encoded), expected)


def test_a_damaged_head_is_told_alike_every_time():
    """Pillow would say an address in memory, and skipped.jsonl would differ."""
    with pytest.raises(ValueError) as error:
        raster_of(files.picture()[:10])
    assert "(its header cannot be read). Save it again." in str(error.value)
    assert "0x" not in str(error.value)
