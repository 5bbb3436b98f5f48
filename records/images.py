"""Which image files are taken: those of which training sees what people see.

Training decodes by TensorFlow, people look at images with other programs, for which Pillow
stands here. An image is refused if TensorFlow cannot decode it, or makes other pixels of it:

    any     cut off, broken, above `MAX_PIXELS`, a side above `MAX_SIDE`
    JPEG    four colours of ink without Adobe's mark: programs disagree on which end is white;
            more scans than anything writes, each of which takes as long as an image
    PNG     transparent pixels: behind them are colours that nobody sees
    GIF     transparent pixels (TensorFlow makes them black); a first frame that does not fill
            the screen (`gif.py`)
    BMP     a palette (but of greys), 1, 4 or 16 bits a pixel, RLE, masks of colours in another
            order than blue, green, red; a header of OS/2; bytes behind the pixels; transparent

JPEG and PNG are decoded once, by TensorFlow: whatever it takes, Pillow takes (of 20,000 files
with a byte changed or cut off there was none that only Pillow refused), and to the same pixels
(JPEG but for rounding). GIF and BMP, which are rare, are decoded by both and compared.

The rule is the same for builds and `--mode=predict` (`check_image`), and for the server, which
decodes most images later and only then finds what is broken within (`check_header`).
"""

import contextlib
import io
import warnings

import numpy as np
import tensorflow as tf
from PIL import Image

from records.bmp_kinds import refused_kind
from records.decode import decode_pixels, reason_of
from records.formats import (
    MAX_PIXELS,
    MAX_SIDE,
    ONE_OF_THEM,
    SCAN,
    format_of,
    most_scans,
)
from records.gif import FRAMES_TO_IMAGE, decoded_size, gif_size
from records.other_formats import other_format

_PNG_BITS = 24  # The byte of a PNG that says how many each colour has.
_TRANSPARENT = (
    "a {} with transparent pixels: behind them are colours that people do not see and training "
    "would. Save it without transparency, on white, say."
)


class _Refused(ValueError):
    """The image cannot be used; the text says what to do."""


def check_image(encoded, may_be_transparent=False):
    """Decodes an image wholly and returns its (height, width).

    Args:
      encoded: the file's bytes.
      may_be_transparent: a PNG's transparent pixels are taken, too.

    Raises:
      ValueError: training could not decode it, or would see other pixels than people do; says
        what to do.
    """
    with _checked(encoded) as (kind, image):
        size = image.height, image.width
        check = _CHECKS[kind.name]
        if may_be_transparent and kind.name == "PNG":
            check = _check_any_png
        check(image, encoded)
    return size


def check_header(encoded):
    """Finds what `check_image` refuses, as far as an image's header tells.

    For who decodes it anyway, and so finds what is broken within.

    Returns:
      Whether only decoding tells that people see the same, so that `check_image` is needed.

    Raises:
      ValueError: as `check_image`.
    """
    with _checked(encoded) as (kind, image):
        if kind.name == "JPEG":
            _check_inks(image)
        return kind.name in ("BMP", "GIF") or image.has_transparency_data


@contextlib.contextmanager
def _checked(encoded):
    """Gives the format of an image, and it, opened by Pillow; its header was checked."""
    kind = format_of(encoded)
    if kind is None:
        raise ValueError(_no_image(encoded))
    if kind.name == "GIF":
        gif_size(encoded, MAX_PIXELS)  # Before any decoder sees it.
    with _opened(encoded, kind) as image:
        width, height = image.size
        if max(width, height) > MAX_SIDE:
            raise _Refused(
                f"too large an image: {width}x{height} pixels, at most {MAX_SIDE:,} a side are "
                "taken. Make it smaller."
            )
        if width * height > MAX_PIXELS:
            raise _Refused(
                f"too large an image: {width}x{height} pixels, at most {MAX_PIXELS:,} are "
                "taken. Make it smaller."
            )
        most = most_scans(width * height)
        if kind.name == "JPEG" and encoded.count(SCAN) > most:
            raise _Refused(
                f"a JPEG of more than {most} scans, each of which takes as long to decode as "
                "an image. Save it again, as a JPEG that is not progressive."
            )
        yield kind, image


def check_decodes(encoded):
    """Decodes an image that `check_image` refused, as an older version's records may hold it.

    Raises:
      ValueError: training could not decode it either, or not in the memory of one image.
    """
    kind = format_of(encoded)
    size = image_size(encoded)
    if kind.name == "GIF":
        gif = decoded_size(encoded)
        size = gif.height, gif.width, gif.frame_pixels / FRAMES_TO_IMAGE
    if size[0] * size[1] > MAX_PIXELS or size[-1] > MAX_PIXELS:
        raise ValueError("too large an image.")
    try:
        decode_pixels(tf.constant(encoded))
    except tf.errors.OpError as error:
        raise ValueError(reason_of(error)) from None


def image_size(encoded):
    """Returns (height, width) from an image's header; `ValueError` if it has none."""
    kind = format_of(encoded)
    if kind is None:
        raise ValueError(_no_image(encoded))
    with _opened(encoded, kind) as image:
        return image.height, image.width


def _no_image(encoded):
    if not encoded:
        return "the image is empty: the file has 0 bytes. Get it again."
    other = other_format(encoded)
    if other:
        return other.refusal()
    return (
        f"not an image in one of the formats {ONE_OF_THEM} (it begins with {encoded[:8]!r}). "
        "Convert it to PNG or JPEG, or replace it."
    )


@contextlib.contextmanager
def _opened(encoded, kind):
    """Opens an image by Pillow, and turns what it raises of broken files into `ValueError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(encoded), formats=[kind.name]) as image:
                yield image
    except (_Refused, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ValueError(f"too large an image: {error} Make it smaller.") from None
    except Exception as error:  # Pillow's readers raise whatever they come across.
        if kind.name == "BMP" and refused_kind(encoded):
            raise ValueError(_bmp_refused(encoded)) from None
        hint = ", or convert it to PNG" if kind.name == "BMP" else ""  # There are too many.
        if "too large" in str(
            error
        ):  # A text or profile of a PNG, which is none of its pixels.
            hint = ", or save it again without its text and colour profile"
        raise ValueError(
            f"broken or truncated image ({_said(error)}). Get the file again{hint}."
        ) from None


def _said(error):
    if isinstance(error, Image.UnidentifiedImageError):  # It says an address in memory.
        return "its header cannot be read"
    if isinstance(error, (OSError, SyntaxError)) and str(error):
        return str(error)
    if not str(error):  # An assertion, say: its kind says nothing to who sent the image.
        return "a part that it needs is missing"
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _check_jpeg(image, encoded):
    _check_inks(image)
    _decode(image, encoded)


def _check_inks(image):
    if image.mode == "CMYK" and "adobe" not in image.info:
        raise _Refused(
            "a JPEG of four colours of ink (CMYK) without Adobe's mark: programs disagree on "
            "which end is white. Save it in RGB."
        )


def _check_png(image, encoded):
    may_be_transparent = image.has_transparency_data
    pixels = _decode(image, encoded, 4 if may_be_transparent else 3)
    if may_be_transparent and not _is_opaque(encoded, pixels.numpy()[..., 3]):
        raise _Refused(_TRANSPARENT.format("PNG"))


def _check_any_png(image, encoded):
    _decode(image, encoded, 4)


def _is_opaque(encoded, alpha):
    """Of a PNG; looks at all bits of alpha, uint8[H, W], whose upper ones are given."""
    if alpha.min() < 255 or encoded[_PNG_BITS] < 16:
        return alpha.min() == 255
    return decode_pixels(tf.constant(encoded), 4, tf.uint16).numpy()[..., 3].min() == 65_535


def _check_gif(image, encoded):
    colours = np.asarray(image)
    if (colours == image.info.get("transparency", -1)).any():
        raise _Refused(_TRANSPARENT.format("GIF"))
    if not np.array_equal(_decode(image, encoded), image.convert("RGB")):
        raise _Refused(
            "a GIF that training would show in another way than other programs. Save its "
            "first frame as a PNG."
        )


def _check_bmp(image, encoded):
    image.load()
    if image.mode == "RGBA" and np.asarray(image)[..., 3].min() < 255:
        raise _Refused(_TRANSPARENT.format("BMP"))
    try:
        is_same = np.array_equal(_decode(image, encoded), image.convert("RGB"))
    except _Refused:
        is_same = False
    if not is_same:
        raise _Refused(_bmp_refused(encoded))


def _bmp_refused(encoded):
    kind = refused_kind(encoded) or "of a rare kind"
    return (
        f"a BMP {kind}, which TensorFlow, by which training decodes, shows in another "
        "way than other programs, or not at all. Convert it to PNG."
    )


_CHECKS = {"JPEG": _check_jpeg, "PNG": _check_png, "BMP": _check_bmp, "GIF": _check_gif}


def _decode(image, encoded, channels=3):
    """uint8[H, W, channels] as training sees it; refuses what training could not decode."""
    try:
        # A tensor: of Python's bytes, TensorFlow takes a way that is twice as long.
        pixels = decode_pixels(tf.constant(encoded), channels)
    except tf.errors.OpError as error:
        raise _Refused(
            "broken or truncated, or of a kind that training cannot decode "
            f"({reason_of(error)}). Get the file again, or save it as a new PNG."
        ) from None
    height, width = pixels.shape[:2]
    if (width, height) != image.size:
        raise _Refused(
            f"an image of {image.width}x{image.height} pixels that training would see as "
            f"{width}x{height}. Save it as a new PNG."
        )
    return pixels
