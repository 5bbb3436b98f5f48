"""What the server reads from an image's header, and what TensorFlow makes of the image."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from hardvqa_tf.request_parts import image_checks
from tests.gifs import make_gif
from tests.serving.tiny_models import encode, png

LIMIT = 1000  # pixels
PIXELS = np.arange(7 * 9 * 3, dtype=np.uint8).reshape(7, 9, 3)


def saved(mode, **options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, **options)
    return file.getvalue()


GOOD = {
    "jpeg": encode(PIXELS, "JPEG"),
    "progressive": saved("RGB", format="JPEG", progressive=True),
    "grey jpeg": saved("L", format="JPEG"),
    "cmyk": saved("CMYK", format="JPEG"),
    "jpeg with exif": saved("RGB", format="JPEG", exif=b"Exif\0\0" + b"\xff\xc0" * 99),
    "png": encode(PIXELS),
    "palette png": saved("P", format="PNG"),
    "rgba": saved("RGBA", format="PNG"),
    "gif": saved("P", format="GIF"),
    "bmp": encode(PIXELS, "BMP"),
    "text after the end": encode(PIXELS, "JPEG") + b"more",
}


def tensorflow_shape(encoded):
    return tuple(tf.io.decode_image(encoded, channels=3, expand_animations=False).shape)


@pytest.mark.parametrize("name", GOOD)
def test_size_is_what_tensorflow_decodes(name):
    assert image_checks.count_pixels(GOOD[name], LIMIT) == 63
    assert tensorflow_shape(GOOD[name]) == (7, 9, 3)


def animation(frames):
    file = io.BytesIO()
    images = [Image.new("L", (8, 5), i) for i in range(frames)]
    images[0].save(file, "GIF", save_all=True, append_images=images[1:])
    return file.getvalue()


def test_frames_of_a_gif_are_added_up():
    assert image_checks.count_pixels(animation(1), 100) == 40
    assert image_checks.count_pixels(animation(5), 100) == 50  # 200 pixels at a quarter
    assert tensorflow_shape(animation(5)) == (5, 8, 3)
    with pytest.raises(ValueError, match="too large a GIF.*Save its first frame"):
        image_checks.count_pixels(animation(20), 100)


def bomb(side):
    """A PNG of few bytes whose header says side x side pixels."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def many_scans(number=200):
    """With the last scan so many times more."""
    jpeg = GOOD["progressive"]
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + scan * number + jpeg[-2:]


def test_scans_of_a_jpeg_count():
    assert image_checks.count_pixels(GOOD["progressive"], LIMIT) == 63  # ten of them
    assert tensorflow_shape(many_scans(50)) == (7, 9, 3)
    assert image_checks.count_pixels(many_scans(50), LIMIT) == 6 * 63
    assert image_checks.count_pixels(many_scans(10), 63) == 2 * 63
    film = GOOD["progressive"] + b"\xff\xda\x12" * 1_000  # as phones put behind a photograph
    assert image_checks.count_pixels(film, LIMIT) == 63
    with pytest.raises(ValueError, match="a JPEG of more than 20 scans. Save it again"):
        image_checks.count_pixels(many_scans(11), 63)  # An image of full size may have fewer.


# None of these is decoded by TensorFlow, or it should not be.
BAD = {
    "empty": (b"", "The image is empty. Send the bytes of a JPEG"),
    "text": (b"GET / HTTP", "begins with b'GET / HT'. Send the bytes of a JPEG, PNG, BMP or"),
    "webp": (saved("RGB", format="WEBP"), "This is not a JPEG, .* but a WebP image"),
    "bomb": (bomb(20_000), "too large: 20000x20000 pixels, at most 1,000 are taken"),
    "one too many": (png(7, (7, 143)), "7x143 pixels, at most 1,000"),
    "a long side": (png(7, (1, 65_501)), "1x65501 pixels, at most 65,500 a side are taken"),
    "no width": (bomb(0), "its header says 0x0 pixels"),
    "scans": (many_scans(), "a JPEG of more than 100 scans"),
    "png without end": (GOOD["png"][:-12], "truncated: its end is missing"),
    "png, cut header": (GOOD["png"][:20], "broken or truncated"),
    "png, other chunk": (GOOD["png"].replace(b"IHDR", b"IHDX"), "begins with its size"),
    "jpeg without end": (GOOD["jpeg"][:-2], "its end is missing"),
    "jpeg, only markers": (b"\xff\xd8\xff\xd9\xff", "its header is cut off"),
    "jpeg, no frame": (b"\xff\xd8\xff\xd9" + b"\0" * 50, "its size is not to be found"),
    "bmp, cut": (GOOD["bmp"][:60], "cannot be taken: broken or truncated"),
    "bmp of OS/2": (GOOD["bmp"][:14] + b"\x0c\0\0\0" + GOOD["bmp"][18:], "an old header"),
    "bmp with palette": (
        saved("P", format="BMP"),
        "a BMP with a palette of colours, which",
    ),
    "gif, cut header": (GOOD["gif"][:8], "its header is cut off"),
    "gif without end": (GOOD["gif"][:40], "its end is missing"),
    "gif of ten bytes": (GOOD["gif"][:10], "its header is cut off"),
    "gif of few bytes and many pixels": (
        make_gif((1, 1), [(0, 0, 1, 900), (0, 0, 900, 1)]),
        "a GIF whose first frame is 1x900 pixels",
    ),
    "gif, strange block": (GOOD["gif"][:-1] + b"\x07", "a GIF has no such block"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_told_by_its_header(name):
    encoded, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        image_checks.count_pixels(encoded, LIMIT)
        if image_checks.must_look(encoded):
            image_checks.look(encoded)


@pytest.mark.parametrize(
    "name", ["png without end", "jpeg without end", "png, cut header", "jpeg, no frame"]
)
def test_what_is_called_truncated_tensorflow_does_not_decode_either(name):
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_image(BAD[name][0])


def test_many_blocks_end_quickly():
    fill = b"\xff\xd8\xff\xe0" + b"\x00\x02\xff\xe0" * 1_000_000 + b"\xff\xd9"
    with pytest.raises(ValueError, match="its size is not to be found"):
        image_checks.count_pixels(fill, LIMIT)


def test_a_broken_image_with_a_good_header_is_explained():
    broken = GOOD["png"][:45] + b"\0" * (len(GOOD["png"]) - 57) + GOOD["png"][-12:]
    assert image_checks.count_pixels(broken, LIMIT) == 63
    assert "cannot be decoded" in image_checks.explain(broken)
    assert image_checks.explain(GOOD["png"]) is None


def test_media_types():
    assert image_checks.media_type(GOOD["jpeg"]) == "image/jpeg"
    assert image_checks.media_type(GOOD["png"]) == "image/png"
    assert image_checks.media_type(b"<svg>") == "application/octet-stream"
