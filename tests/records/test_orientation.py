"""Images are turned as EXIF says, like Pillow turns them; without it they are left alone."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from records.decode import decode_image
from records.orientation import exif_orientation, turn

ORIENTATIONS = range(1, 9)


def encoded_with(orientation, kind="PNG"):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, exif=exif, quality=100)
    return file.getvalue()


def as_pillow_turns(encoded):
    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_png_is_turned_as_pillow_turns_it(orientation):
    encoded = encoded_with(orientation)
    found = exif_orientation(encoded)
    assert found == orientation
    turned = decode_image(encoded, orientation=tf.constant(found, tf.int64)).numpy()
    np.testing.assert_array_equal(turned, as_pillow_turns(encoded))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_jpeg_says_its_orientation(orientation):
    assert exif_orientation(encoded_with(orientation, "JPEG")) == orientation


def test_it_is_turned_before_it_is_resized():
    encoded = encoded_with(6)  # 2 high and 3 wide, seen 3 high and 2 wide
    as_seen = as_pillow_turns(encoded)
    np.testing.assert_array_equal(decode_image(encoded, (3, 2), 6), as_seen)


def test_within_a_graph():
    turned = tf.function(turn)(tf.zeros([2, 5, 3], tf.uint8), tf.constant(8, tf.int64))
    assert turned.shape == (5, 2, 3)


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_with(exif):
    file = io.BytesIO()
    Image.new("RGB", (3, 2)).save(file, "PNG")
    plain = file.getvalue()
    return plain[:33] + chunk(b"eXIf", exif) + plain[33:]


def entry(kind, value, endian="<"):
    start = b"II*\0" if endian == "<" else b"MM\0*"
    return start + struct.pack(endian + "IHHHI", 8, 1, 0x0112, kind, 1) + value + b"\0" * 4


@pytest.mark.parametrize(
    ("exif", "expected"),
    [
        (entry(3, struct.pack("<HH", 6, 0)), 6),
        (entry(3, struct.pack(">HH", 6, 0), ">"), 6),
        (entry(4, struct.pack("<I", 8)), 8),
        (entry(3, struct.pack("<HH", 9, 0)), 1),  # There is no ninth.
        (entry(3, struct.pack("<HH", 0, 0)), 1),
        (entry(2, b"6\0\0\0"), 1),  # a text
        (entry(3, struct.pack("<HH", 6, 0))[:-8], 1),  # cut off
        (b"II*\0", 1),
        (b"", 1),
        (b"not exif at all", 1),
    ],
)
def test_exif_as_files_have_it(exif, expected):
    assert exif_orientation(png_with(exif)) == expected


def test_a_file_without_exif_is_left_as_it_is():
    file = io.BytesIO()
    Image.new("RGB", (3, 2)).save(file, "BMP")
    assert exif_orientation(file.getvalue()) == 1
    assert exif_orientation(b"no image") == 1
