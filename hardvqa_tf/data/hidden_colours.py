"""Which images have colours that people do not see: found out in the graph.

The rule is that of `records.images`, of which this is the twin for a batch, as far as a graph
can be one: TensorFlow gives the alpha of a PNG and of a BMP, but makes what is transparent in a
GIF black, without a word.

Letters: N images.
"""

import tensorflow as tf

from hardvqa_tf.data.byte_numbers import big, little, number, numbers_at
from records.decode import decode_pixels

_BEFORE_PIXELS = 65_536  # bytes of a PNG in which its transparent colours are looked for
_PNG, _BMP = b"\x89PNG\r\n\x1a\n", b"BM"
_ADOBE = b"\xff\xee\0\x0eAdobe"  # a JPEG's segment, always of that length
_HEADER = {
    "png": big(0, 8),
    "png_bits": big(24, 1),
    "png_colors": big(25, 1),
    "bmp": big(0, 2),
    "bmp_header": little(14, 4),
    "bmp_bits": little(28, 2),
    "bmp_compression": little(30, 4),
}


def has_transparent_pixels(encoded, usable):
    """Decodes images that may have transparent pixels, by their headers.

    Args:
      encoded: string[N].
      usable: bool[N]; the others are not decoded.

    Returns:
      bool[N].
    """
    start = tf.zeros_like(encoded, tf.int32)
    head = numbers_at(encoded, start, _HEADER)
    is_png = usable & (head["png"] == number(_PNG))
    is_bmp = usable & (head["bmp"] == number(_BMP)) & (head["bmp_bits"] == 32)
    is_bmp &= (head["bmp_compression"] == 3) & (head["bmp_header"] >= 56)

    def look():
        colors = head["png_colors"]
        has_alpha = (colors == 4) | (colors == 6)
        has_alpha |= _has_within(encoded, start, start + _BEFORE_PIXELS, b"tRNS")
        end = tf.minimum(start + 66, tf.strings.length(encoded))
        mask = numbers_at(encoded, end, {"alpha": little(0, 4)})["alpha"]
        may_be = is_png & has_alpha | is_bmp & (mask == 0xFF000000)
        rows = encoded, may_be, is_png & (head["png_bits"] == 16)
        return tf.map_fn(_is_transparent, rows, fn_output_signature=tf.bool)

    return tf.cond(tf.reduce_any(is_png | is_bmp), look, lambda: tf.zeros_like(usable))


def lacks_adobe_mark(encoded, frame, has_four_inks):
    """Whether JPEGs of four inks do not say which end of them is white.

    Args:
      encoded: string[N].
      frame: int32[N], where the frame header is.
      has_four_inks: bool[N].

    Returns:
      bool[N].
    """

    def look():
        start = tf.zeros_like(frame)
        return has_four_inks & ~_has_within(encoded, start, frame, _ADOBE)

    return tf.cond(tf.reduce_any(has_four_inks), look, lambda: has_four_inks)


def _has_within(encoded, start, length, mark):
    part = tf.strings.substr(encoded, start, length)
    return tf.strings.split(part, mark, maxsplit=1).row_lengths() > 1


def _is_transparent(row):
    encoded, may_be, is_deep = row

    def look():
        return ~tf.cond(
            is_deep,
            lambda: _is_all(encoded, 65_535, tf.uint16),
            lambda: _is_all(encoded, 255, tf.uint8),
        )

    return tf.cond(may_be, look, lambda: tf.constant(False))


def _is_all(encoded, most, dtype):
    return tf.reduce_all(decode_pixels(encoded, 4, dtype)[..., 3] == most)
