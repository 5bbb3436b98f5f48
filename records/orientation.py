"""How an image is turned: EXIF's orientation, read from a file and applied to pixels.

    1 as it is · 2 mirrored · 3 by 180° · 4 upside down · 5 transposed · 6 by 90° clockwise
    7 transposed along the other diagonal · 8 by 90° anticlockwise

Of a JPEG it stands in its EXIF segment, of a PNG in its eXIf chunk. Orientations that other
metadata (XMP) say are not followed: browsers do not, either.
"""

import io
import struct
import warnings

import tensorflow as tf
from PIL import Image

_TAG = 0x0112
_PNG = b"\x89PNG\r\n\x1a\n"


def exif_orientation(encoded):
    """Returns the orientation, 1 to 8, that an image file says; 1 where it says none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Damaged EXIF: the image is as it is.
            orientation = _read_orientation(encoded)
    except Exception:  # Pillow's readers raise whatever they come across in damaged EXIF.
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _read_orientation(encoded):
    exif = _exif_of_png(encoded) if encoded.startswith(_PNG) else _exif_of_others(encoded)
    values = Image.Exif()
    values.load(exif or b"")
    return values.get(_TAG, 1)


def turn(image, orientation):
    """Turns pixels as an orientation says.

    Args:
      image: uint8[H, W, C] tensor.
      orientation: int scalar tensor, 1 to 8.

    Returns:
      uint8[H, W, C], or [W, H, C] for 5 to 8.
    """

    def is_one_of(*numbers):
        return tf.reduce_any(tf.constant(numbers, orientation.dtype) == orientation)

    image = tf.cond(
        is_one_of(5, 6, 7, 8), lambda: tf.transpose(image, (1, 0, 2)), lambda: image
    )
    image = tf.cond(is_one_of(2, 3, 6, 7), lambda: image[:, ::-1], lambda: image)
    return tf.cond(is_one_of(3, 4, 7, 8), lambda: image[::-1], lambda: image)


def _exif_of_others(encoded):
    with Image.open(io.BytesIO(encoded)) as image:
        return image.info.get("exif")


def _exif_of_png(encoded):
    place = len(_PNG)
    while place + 8 <= len(encoded):
        length, kind = struct.unpack_from(">I4s", encoded, place)
        if kind == b"eXIf":
            return encoded[place + 8 : place + 8 + length]
        place += length + 12
    return None
