"""Files of other formats: builds, the server and the graph say the same of them."""

import gzip
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from hardvqa_tf.data.image_status import image_status
from hardvqa_tf.request_parts import image_checks
from records.images import check_image


def saved(name):
    file = io.BytesIO()
    Image.fromarray(np.zeros((5, 8, 3), np.uint8)).save(file, name)
    return file.getvalue()


CONVERT = "Convert it to PNG or JPEG."
IMAGES = {
    "a WebP image": saved("WEBP"),
    "a TIFF image": saved("TIFF"),
    "a HEIC image": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "an AVIF image": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B",
    "a HEIF image": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
    "a JPEG XL image": b"\xff\x0a\xfa\x1f",
    "a JPEG 2000 image": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ",
    "a Photoshop image": b"8BPS\0\1",
    "an icon (ICO)": saved("ICO"),
    "an SVG, a drawing in XML": b'\n <svg xmlns="http://www.w3.org/2000/svg"/>',
}
# What they are, with what to do, and their bytes.
NO_IMAGES = {
    f"XML, perhaps an SVG. {CONVERT}": b'<?xml version="1.0"?><svg/>',
    "a PDF. Save what it shows as PNG or JPEG.": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "an HTML page. Download the file itself.": b"<!DOCTYPE html>\n<html><head>",
    "a gzip file. Unpack it.": gzip.compress(saved("PNG")),
    "a zip file. Unpack it.": b"PK\3\4\x14\0",
    "a pointer of Git LFS. Fetch the file itself: git lfs pull.": (
        b"version https://git-lfs.github.com/spec/v1\n"
    ),
}
SAID = {
    f"not a JPEG, PNG, BMP or GIF file, but {what}. {CONVERT}": encoded
    for what, encoded in IMAGES.items()
} | {f"not an image, but {what}": encoded for what, encoded in NO_IMAGES.items()}


def sentence_of(check, encoded):
    with pytest.raises(ValueError) as raised:
        check(encoded)
    return str(raised.value)


def count_pixels(encoded):
    return image_checks.count_pixels(encoded, 1_000)


def test_builds_and_the_server_name_the_format():
    assert [sentence_of(check_image, encoded) for encoded in SAID.values()] == [*SAID]
    found = [sentence_of(count_pixels, encoded) for encoded in SAID.values()]
    assert found == [f"This is {said}" for said in SAID]


def test_the_graph_says_the_same():
    found = [text.decode() for text in image_status(tf.constant([*SAID.values()])).numpy()]
    assert found == [f"This is {said}" for said in SAID]


@pytest.mark.parametrize("encoded", [b"RIFF\x10\0\0\0AVI LIST", b"\0\0\0\x18ftypisom", b"II"])
def test_what_begins_nearly_so_is_not_named(encoded):
    assert "(it begins with b'" in sentence_of(check_image, encoded)
    assert f"it begins with {encoded[:8]!r}. Send" in sentence_of(count_pixels, encoded)
    (said,) = image_status(tf.constant([encoded])).numpy()
    assert said == b"This is not an image. Send the bytes of a JPEG, PNG, BMP or GIF file."
