"""A picture of a drawing becomes, in a graph, the raster that the reader of files makes."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFilter

from hardvqa_tf.data.image_status import OK
from hardvqa_tf.localize import sketch_pictures
from records.drawings import photographs, pixels


@pytest.fixture(scope="module")
def read():
    specs = [tf.TensorSpec([], dtype) for dtype in (tf.string, tf.int32, tf.bool)]
    return tf.function(sketch_pictures.raster_of, specs, autograph=False)


def drawn(seed, side=100, width=3, aspect=1.0, blur=0.0, mode="L"):
    """Dark lines on white."""
    rng = np.random.default_rng(seed)
    size = side, int(side * aspect)
    image = Image.new(mode, size, 255 if mode == "L" else (255, 250, 240))
    for _ in range(3):
        points = rng.uniform(0.1, 0.9, (4, 2)) * size
        ink = 0 if mode == "L" else (20, 30, 160)
        ImageDraw.Draw(image).line([tuple(point) for point in points.tolist()], ink, width)
    return image.filter(ImageFilter.GaussianBlur(blur)) if blur else image


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_alpha(image, colour):
    """Ink where the image is dark, in a colour, on a transparent ground."""
    found = Image.new("RGBA", image.size, (*colour, 255))
    found.putalpha(Image.eval(image, lambda level: 255 - level))
    return found


def check(read, encoded):
    is_png = encoded.startswith(b"\x89PNG")
    bits, is_grey = (encoded[24], encoded[25] == 0) if is_png else (0, False)
    raster, status = read(encoded, bits, is_grey)
    assert status == OK
    np.testing.assert_array_equal(raster * 16, pixels.raster_of(encoded))


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_picture(read, seed):
    image = drawn(seed, 90 + 40 * seed, 1 + 2 * seed, blur=0.7 * seed)
    for encoded in (
        encode(image),
        encode(image, "JPEG", quality=60),
        encode(drawn(seed, mode="RGB")),
        encode(drawn(seed, mode="RGB", blur=1), "JPEG", progressive=True),
        encode(Image.eval(image, lambda level: 255 - level)),
        encode(image.convert("1")),
        encode(image.convert("1"), transparency=1),
        encode(image, transparency=255),
        encode(image.quantize(4)),
        encode(image.quantize(4), transparency=1),
        encode(drawn(seed, mode="RGB").convert("P")),
        encode(Image.fromarray(np.asarray(image).astype(np.uint16) * 201)),
        encode(with_alpha(image, (10, 20, 200))),
        encode(with_alpha(image, (255, 255, 255))),
        encode(with_alpha(image, (0, 0, 0)).convert("LA")),
        encode(image.convert("CMYK"), "JPEG"),
    ):
        check(read, encoded)


@pytest.mark.parametrize(
    ("side", "width", "aspect"),
    [(9, 1, 1.0), (30, 1, 3.0), (64, 2, 0.3), (256, 9, 1.0), (700, 2, 0.4), (1500, 9, 2.0)],
)
def test_every_size(read, side, width, aspect):
    """Made larger in between pixels, and smaller by boxes, rounded as Pillow rounds."""
    for seed in range(3):
        check(read, encode(drawn(seed, side, width, aspect)))


def test_dots_and_thin_lines(read):
    dot = Image.new("L", (30, 20), 255)
    dot.putpixel((3, 4), 0)
    level, thin = np.full((50, 400), 255, np.uint8), np.full((1200, 1300), 255, np.uint8)
    level[20, 30:370] = 0
    np.fill_diagonal(thin[:, 50:], 0)
    for image in (dot, Image.fromarray(level), Image.fromarray(thin)):
        check(read, encode(image))


def photograph(step):
    """Paper under light that falls off, by grey levels over the whole width."""
    light = np.tile(np.linspace(250 - step, 250, 200).round(), (150, 1)).astype(np.uint8)
    light[40:45, 50:150] = 20
    return Image.fromarray(light)


def test_photographs_are_told_by_the_same_sign(read):
    for step in (3, 11, 12, 13, 40):
        image = photograph(step)
        levels = np.asarray(image).astype(np.int32)
        raster, status = read(encode(image), 8, True)
        if photographs.is_photograph(levels):
            assert "photograph" in status.numpy().decode() and not raster.numpy().any()
        else:
            check(read, encode(image))
    assert photographs.is_photograph(np.asarray(photograph(40)))
    assert not photographs.is_photograph(np.asarray(photograph(3)))


def test_where_nothing_is_drawn_it_says_so(read):
    faint = np.full((20, 30), 120, np.uint8)
    faint[5:9, 5:9] = 130
    for image in (Image.new("RGB", (30, 20), (9, 9, 9)), Image.fromarray(faint)):
        with pytest.raises(ValueError, match="nothing is drawn on it"):
            pixels.raster_of(encode(image))
        raster, status = read(encode(image), 8, image.mode == "L")
        assert "Nothing is drawn" in status.numpy().decode() and not raster.numpy().any()
