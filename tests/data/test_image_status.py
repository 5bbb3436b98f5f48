"""What is said of images before they are decoded: what is "ok" is decoded without an error."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from benchmarks import image_guard
from hardvqa_tf.data.image_status import image_status
from records import bmp_kinds
from records.decode import decode_image, decode_images
from records.gif import gif_size
from tests.gifs import make_gif
from tests.records import odd, test_gif


def encode(format_, mode="RGB", size=(37, 29), **options):
    """An image of width 37 and height 29, as bytes."""
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, format_, **options)
    return buffer.getvalue()


THUMBNAIL = b"Exif\0\0" + encode("JPEG", size=(8, 6))
GOOD = {
    "jpeg": encode("JPEG"),
    "jpeg_grey": encode("JPEG", "L"),
    "jpeg_cmyk": encode("JPEG", "CMYK"),
    "jpeg_progressive": encode("JPEG", progressive=True),
    "jpeg_with_a_thumbnail": encode("JPEG", exif=THUMBNAIL),
    "jpeg_with_a_video_behind": encode("JPEG") + bytes(5000),
    "jpeg_with_a_long_profile": encode("JPEG", icc_profile=bytes(200_000)),
    "png": encode("PNG"),
    "png_rgba": encode("PNG", "RGBA"),
    "png_grey": encode("PNG", "L"),
    "png_grey_alpha": encode("PNG", "LA"),
    "png_palette": encode("PNG", "P"),
    "png_one_bit": encode("PNG", "1"),
    "png_with_something_behind": encode("PNG") + b"more",
    "gif": encode("GIF"),
    "gif_moving": encode("GIF", save_all=True, append_images=[Image.new("RGB", (37, 29))]),
    "bmp": encode("BMP"),
    "bmp_rgba": encode("BMP", "RGBA"),
    "bmp_grey": encode("BMP", "L"),
    "one_pixel": encode("PNG", size=(1, 1)),
}


# In a graph: step by step, a walk over many segments takes long.
look = tf.function(image_status, [tf.TensorSpec([None], tf.string)], autograph=False)


def status_of(*images):
    return [text.decode() for text in look(tf.constant(images)).numpy()]


def test_all_formats_and_colour_modes_are_ok_and_decoded():
    assert dict(zip(GOOD, status_of(*GOOD.values()), strict=True)) == dict.fromkeys(GOOD, "ok")
    for name, encoded in GOOD.items():
        height, width = (1, 1) if name == "one_pixel" else (29, 37)
        assert decode_image(encoded).shape == (height, width, 3), name


def png_that_claims(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    png = GOOD["png"]
    return png[:8] + header + png[33:]


def jpeg_that_claims(width, height):
    jpeg = bytearray(GOOD["jpeg"])
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(jpeg)


def bmp_that_claims(width, height):
    return GOOD["bmp"][:18] + struct.pack("<ii", width, height) + GOOD["bmp"][26:]


@pytest.mark.parametrize(
    "encoded, sentence",
    [
        (b"", "The image is empty."),
        (b"no image at all", "not an image. Send the bytes of a JPEG, PNG, BMP or GIF file."),
        (encode("WEBP"), "not a JPEG, PNG, BMP or GIF file, but a WebP image. Convert it to"),
        (b"\xff\xd8\xff", "JPEG's header is broken"),
        (b"\xff\xd8\xff\xe0" + b"x" * 100_000, "JPEG's header is broken"),
        (GOOD["jpeg"].replace(b"\xff\xc0", b"\xff\xcb"), "of a kind that is not taken"),
        (png_that_claims(20_000, 20_000), "too large: 20000x20000 pixels, at most 50000000"),
        (png_that_claims(2**31 - 1, 2**31 - 1), "too large: 2147483647x2147483647"),
        (png_that_claims(2**32 - 1, 2**32 - 1), "too large: 4294967295x4294967295"),
        (
            png_that_claims(70_000, 1),
            "70000x1 pixels, at most 65,500 a side are taken",
        ),  # few pixels
        (png_that_claims(0, 5), "has no pixels"),
        (jpeg_that_claims(60_000, 50_000), "too large: 60000x50000"),
        (make_gif((65_535, 800), []), "too large: 65535x800"),
        (
            GOOD["bmp"][:18] + struct.pack("<ii", 30_000, -2_000) + GOOD["bmp"][26:],
            "30000x2000",
        ),
        (GOOD["bmp"][:18] + struct.pack("<ii", 38, 29) + GOOD["bmp"][26:], "cut off"),
        (GOOD["bmp"][:40], "cut off"),
        (b"BM", "cut off"),
    ],
)
def test_what_is_wrong_is_said(encoded, sentence):
    (status,) = status_of(encoded)
    assert sentence in status


def changed(name, at, content):
    encoded = GOOD[name]
    return encoded[:at] + content + encoded[at + len(content) :]


RGBX = odd.masks(0xFF, 0xFF00, 0xFF0000)
BMPS = {
    bmp_kinds.OLD_HEADER: odd.os2_bmp(b"abc\0", 24, 1, 1),
    bmp_kinds.COMPRESSED: changed("bmp", 30, b"\1"),
    bmp_kinds.FEW_BITS: encode("BMP", "1"),
    bmp_kinds.SIXTEEN_BITS: changed("bmp", 28, b"\x10"),
    bmp_kinds.MASKS: odd.bmp(
        odd.bgrx(), 32, compression=3, more=odd.masks(0xFF, 0xFF00, 0xFF0000)
    ),
    bmp_kinds.PALETTE: encode("BMP", "P"),
    bmp_kinds.TAIL: GOOD["bmp"] + b"more",
    "of a rare kind": changed("bmp", 28, b"\x30"),
}


def test_the_kind_of_a_bmp_is_said():
    said = "The image is a BMP {}, which is not taken. Convert it to PNG."
    assert status_of(*BMPS.values()) == [said.format(kind) for kind in BMPS]
    found = [bmp_kinds.refused_kind(encoded) for encoded in BMPS.values()]
    assert found == [*bmp_kinds.KINDS, None]  # As a build says it.


def test_the_limit_is_in_pixels():
    of_size = GOOD["png"], GOOD["jpeg"], GOOD["gif"], GOOD["bmp"]  # 37 x 29 = 1073
    assert set(image_status(tf.constant(of_size), max_pixels=1073).numpy()) == {b"ok"}
    assert set(image_status(tf.constant(of_size), max_pixels=1072).numpy()) == {
        b"The image is too large: 37x29 pixels, at most 1072 are taken. Make it smaller."
    }


@pytest.mark.parametrize("name", ["jpeg", "jpeg_progressive", "png", "png_palette", "bmp"])
def test_cut_off_anywhere_is_seen(name):
    encoded = GOOD[name]
    cuts = [encoded[:n] for n in range(0, len(encoded), 1 + len(encoded) // 400)]
    assert "ok" not in status_of(*cuts)


def graph_agrees(*gifs):
    """Compares with what records take; returns how many are taken."""
    taken = []
    for encoded in gifs:
        try:
            gif_size(encoded, 5_000)
            taken.append(True)
        except ValueError:
            taken.append(False)
    status = look_small(tf.constant(gifs)).numpy()
    assert [text == b"ok" for text in status] == taken
    return sum(taken)


look_small = tf.function(
    lambda encoded: image_status(encoded, 5_000),
    [tf.TensorSpec([None], tf.string)],
    autograph=False,
)


def test_a_gif_is_taken_as_in_records():
    others = [GOOD["gif"], GOOD["gif_moving"], GOOD["gif"] + b"more"]
    assert graph_agrees(*test_gif.GOOD.values(), *others) == len(test_gif.GOOD) + 3
    assert graph_agrees(*(encoded for encoded, _ in test_gif.BAD.values())) == 0
    many = [make_gif((9, 7), [(0, 0, 9, 7)] * number) for number in (317, 318)]  # 20,000 pixels
    assert graph_agrees(*many) == 1
    parts = [make_gif((40, 50), [(0, 0, 40, 50)], part) for part in (1, 2, 7, 200, 254, 255)]
    assert graph_agrees(*parts) == 6


@pytest.mark.parametrize("name", ["extensions", "moving"])
def test_a_gif_that_is_cut_or_changed_is_taken_as_in_records(name):
    encoded = test_gif.GOOD[name]
    assert graph_agrees(*(encoded[:n] for n in range(6, len(encoded)))) == 0
    changed = [
        encoded[:at] + bytes([value]) + encoded[at + 1 :]
        for at in range(6, len(encoded))
        for value in (0, 1, 0x21, 0x2C, 0x3B, 0xFF)
    ]
    assert graph_agrees(*changed) > len(changed) / 10


def test_what_is_said_of_gifs():
    cut, small = GOOD["gif"][:-1], make_gif((8, 8), [(0, 0, 4, 4)])
    assert status_of(cut, small, make_gif((8, 8), [])) == [
        "The image is cut off: its end is missing. Get the file again.",
        "The GIF's first frame is not its whole screen, or its frames are too many or outside "
        "it. Save its first frame as a PNG.",
        "The image is cut off: its end is missing. Get the file again.",
    ]


def test_a_gif_of_many_parts_comes_to_an_end():
    parts = b"\x01a\x02aa" * 100_000
    (status,) = status_of(GOOD["gif"][:-1] + b"\x21\xfe" + parts + b"\0;")
    assert "its frames are too many" in status


def with_scans(name, number):
    """A JPEG whose last scan comes again, until it has so many."""
    jpeg = GOOD[name]
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + scan * (number - jpeg.count(b"\xff\xda")) + jpeg[-2:]


def test_scans_of_a_jpeg_are_bounded():
    refused = (
        "The image is a JPEG of too many scans. Save it again, as a JPEG that is not "
        "progressive."
    )
    images = [with_scans("jpeg_progressive", n) for n in (100, 101, 5_000)]
    images += [with_scans("jpeg", 101), GOOD["png"]]
    assert status_of(*images) == ["ok", refused, refused, refused, "ok"]
    assert decode_image(images[0]).shape == (29, 37, 3)
    # An image as large as may be has at most 20.
    images = [with_scans("jpeg_progressive", n) for n in (20, 21)]
    status = image_status(tf.constant(images), max_pixels=37 * 29).numpy()
    assert [text.decode() for text in status] == ["ok", refused]


def test_what_looks_like_a_scan_behind_an_image_does_not_count():
    """Phones put films there."""
    film = GOOD["jpeg"] + b"\xff\xda\x12" * 1_000
    assert status_of(film) == ["ok"]


def test_many_segments_before_the_scan_come_to_an_end():
    jpeg = GOOD["jpeg"]
    comment = b"\xff\xfe\x00\x02"
    assert status_of(jpeg[:2] + comment * 900 + jpeg[2:]) == ["ok"]
    assert "header is broken" in status_of(jpeg[:2] + comment * 200_000 + jpeg[2:])[0]


@pytest.mark.slow
def test_the_benchmark_runs():
    found = image_guard.main(["--width=40", "--height=30", "--batch_size=3", "--rounds=2"])
    assert set(found) == {3} and len(found[3]) == 4 and min(found[3].values()) > 0


def test_a_batch_is_decoded_row_by_row():
    images = [GOOD["jpeg"], b"broken", GOOD["png_rgba"], GOOD["one_pixel"]]
    usable = tf.constant([True, False, True, True])
    pixels = decode_images(tf.constant(images), usable, (10, 14)).numpy()
    assert pixels.shape == (4, 10, 14, 3)
    assert not pixels[1].any()
    for row in (0, 2, 3):
        np.testing.assert_array_equal(pixels[row], decode_image(images[row], (10, 14)))
