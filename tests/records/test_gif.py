"""GIFs are taken where TensorFlow and Pillow see the same picture, and by what is decoded."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from records.gif import gif_size
from records.images import check_image
from tests.gifs import EXTENSION, make_gif

LIMIT = 1000  # pixels
SCREEN = (9, 7)
WHOLE = (0, 0, 9, 7)


def moving(frames, **options):
    """As Pillow writes it: of later frames what has changed."""
    images = [Image.new("P", SCREEN, 0) for _ in range(frames)]
    for number, image in enumerate(images):
        image.putpalette([255, 0, 0, 0, 255, 0])
        image.paste(1, (number, 0, number + 2, 3))
    file = io.BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], **options)
    return file.getvalue()


GOOD = {
    "one frame": make_gif(SCREEN, [WHOLE]),
    "later frames within": make_gif(SCREEN, [WHOLE, (3, 2, 6, 5), (8, 6, 1, 1)]),
    "extensions": make_gif(SCREEN, [WHOLE, WHOLE], before_frame=EXTENSION),
    "small parts": make_gif(SCREEN, [WHOLE], part=1),
    "something behind": make_gif(SCREEN, [WHOLE]) + b"more",
    "moving": moving(3),
    "disposed of": moving(4, disposal=2),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_taken_is_the_same_for_tensorflow_and_pillow(name):
    size = gif_size(GOOD[name], LIMIT)
    assert (size.height, size.width) == (7, 9)
    pixels = tf.io.decode_image(GOOD[name], channels=3, expand_animations=False).numpy()
    with Image.open(io.BytesIO(GOOD[name])) as image:
        np.testing.assert_array_equal(pixels, np.asarray(image.convert("RGB")))
    assert check_image(GOOD[name]) == (7, 9)


def test_all_frames_count():
    assert gif_size(GOOD["later frames within"], LIMIT).frame_pixels == 63 + 30 + 1
    many = make_gif(SCREEN, [WHOLE] * 64)  # 4,032 pixels of four times 1,000
    with pytest.raises(ValueError, match="4,032 pixels or more together.*first frame as a PNG"):
        gif_size(many, LIMIT)
    assert gif_size(many, 1008).frame_pixels == 4032


# Each is decoded by TensorFlow to another size than its screen has, or to nothing.
BAD = {
    "small first frame": (make_gif((8, 8), [(0, 0, 4, 4)]), "first frame is 4x4 pixels at"),
    "first frame moved": (make_gif((8, 8), [(2, 2, 6, 6)]), r"\(2, 2\), its screen 8x8"),
    "first frame outside": (make_gif((4, 4), [(0, 0, 8, 8)]), "8x8 .*, its screen 4x4"),
    "large first frame, moved": (make_gif((4, 4), [(2, 0, 4, 4)]), "first frame is 4x4"),
    "later frame wider": (
        make_gif((8, 8), [(0, 0, 8, 8), (0, 0, 12, 3)]),
        "outside its screen",
    ),
    "later frame moved out": (
        make_gif((8, 8), [(0, 0, 8, 8), (5, 0, 4, 8)]),
        r"a frame outside its screen: 4x8 pixels at \(5, 0\)",
    ),
    "a cross": (make_gif((1, 1), [(0, 0, 1, 900), (0, 0, 900, 1)]), "first frame is 1x900"),
    "a late cross": (
        make_gif((1, 1), [(0, 0, 1, 1), (0, 0, 1, 900), (0, 0, 900, 1)]),
        "outside its screen: 1x900",
    ),
    "no frame": (make_gif(SCREEN, []), "holds no picture"),
    "no screen": (make_gif((0, 7), [WHOLE]), "its header says 0x7 pixels"),
    "large screen": (make_gif((70, 70), [WHOLE]), "too large an image: 70x70"),
    "cut in the header": (GOOD["one frame"][:10], "its header is cut off"),
    "strange block": (make_gif(SCREEN, [WHOLE], end=b"\x07"), "a GIF has no such block"),
    "no end": (make_gif(SCREEN, [WHOLE], end=b""), "its end is missing"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name):
    encoded, sentence = BAD[name]
    with pytest.raises(ValueError, match=sentence):
        gif_size(encoded, LIMIT)


@pytest.mark.parametrize(
    "name", [name for name in BAD if "frame" in name and name != "no frame"]
)
def test_a_record_is_refused_by_its_frames_too(name):
    with pytest.raises(ValueError, match=BAD[name][1]):
        check_image(BAD[name][0])


def test_a_cut_anywhere_is_seen():
    for name, encoded in GOOD.items():
        if name != "something behind":
            for length in range(6, len(encoded)):
                with pytest.raises(ValueError, match="broken or truncated"):
                    gif_size(encoded[:length], LIMIT)


def test_a_changed_byte_is_refused_or_leaves_the_size():
    encoded = GOOD["extensions"]
    for at in range(6, len(encoded)):
        for value in (0, 1, 0x21, 0x2C, 0x3B, 0x7F, 0xFF):
            changed = encoded[:at] + bytes([value]) + encoded[at + 1 :]
            try:
                size = gif_size(changed, LIMIT)
            except ValueError:
                continue
            assert (size.width, size.height) == struct.unpack_from("<HH", changed, 6)
            assert size.height * size.width <= size.frame_pixels <= 4 * LIMIT


def test_many_parts_end_quickly():
    parts = GOOD["one frame"][:-1] + b"\x21\xfe" + b"\x01a" * 2_000_000 + b"\0;"
    with pytest.raises(ValueError, match="more than 100,000 parts"):
        gif_size(parts, LIMIT)
