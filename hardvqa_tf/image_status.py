"""Whether bytes are an image that can be decoded: found out in the graph, before decoding.

TensorFlow's decoders stop the whole batch at one broken image, and take the memory of whatever
size a header claims. So an exported graph first looks at what is cheap to see: the first bytes,
the size in the header, and whether the end is there. Not looked at is the compressed content:
one flipped bit in it can still stop a batch.

    format   size and kind from               its end
    JPEG     the frame header, found by       FF D9 behind the scan header
             walking from segment to segment
    PNG      the IHDR chunk                   the IEND chunk
    GIF      the screen's descriptor          the last byte, 3B
    BMP      the two headers                  as many bytes as the pixels need

All images of the batch are looked at together, so that the price is that of a few small
operations a batch.

Letters: N images.
"""

import numpy as np
import tensorflow as tf

OK = "ok"
MAX_PIXELS = 50_000_000  # as for records. A photo has 12-24 million; decoded, three bytes each
MAX_SIDE = 65_500  # libjpeg's own limit, and near those of GIF and of libpng
_MAX_SEGMENTS = 1_000  # of a JPEG before its scan; cameras write some ten

# What a marker of a JPEG means for somebody who looks for its frame header.
_REFUSED, _SKIPPED, _FRAME, _SCAN, _FILLING = range(5)
_JPEG_MARKERS = np.full(256, _REFUSED, np.int32)
_JPEG_MARKERS[[0xC4, *range(0xDB, 0xFF)]] = _SKIPPED  # tables, application data, comments
_JPEG_MARKERS[[0xC0, 0xC1, 0xC2]] = _FRAME  # Others are lossless or arithmetic: not decoded.
_JPEG_MARKERS[0xDA] = _SCAN
_JPEG_MARKERS[0xFF] = _FILLING


def image_status(encoded, max_pixels=MAX_PIXELS):
    """Says what is wrong with images, as far as their headers and ends tell.

    Args:
      encoded: string[N], bytes that should be JPEG, PNG, BMP or GIF.
      max_pixels: height times width of the largest image to be decoded.

    Returns:
      string[N], OK or a sentence.
    """
    head = _bytes_at(encoded, 0, 32)
    is_jpeg = _begins(head, b"\xff\xd8\xff")
    is_png = _begins(head, b"\x89PNG\r\n\x1a\n") & (_text_at(encoded, 12, 4) == b"IHDR")
    is_gif = _begins(head, b"GIF87a") | _begins(head, b"GIF89a")
    is_bmp = _begins(head, b"BM")
    jpeg_height, jpeg_width, scan = _walk_jpeg(encoded, is_jpeg)
    bmp_height = tf.abs(_little(head, 22, 4))  # negative: the top row comes first
    bmp_width = _little(head, 18, 4)
    zero = tf.zeros_like(bmp_width)

    def of_format(jpeg, png, gif, bmp):
        rest = tf.where(is_gif, gif, tf.where(is_bmp, bmp, zero))
        return tf.where(is_jpeg, jpeg, tf.where(is_png, png, rest))

    height = of_format(jpeg_height, _big(head, 20), _little(head, 8, 2), bmp_height)
    width = of_format(jpeg_width, _big(head, 16), _little(head, 6, 2), bmp_width)
    fits = (height <= MAX_SIDE) & (width <= MAX_SIDE) & (height * width <= max_pixels)
    whole = (
        _has_end(encoded, b"\xff\xd9", is_jpeg & (scan > 0), scan)
        | _has_end(encoded, b"IEND\xaeB`\x82", is_png, 8)
        | (is_gif & (_text_at(encoded, tf.strings.length(encoded) - 1, 1) == b";"))
        | (is_bmp & _bmp_is_whole(encoded, head, bmp_height, bmp_width))
    )
    size = [tf.strings.as_string(width), "x", tf.strings.as_string(height)]
    too_large = tf.strings.join(
        ["The image is too large: ", *size, f" pixels, at most {max_pixels} are taken."]
    )
    # The first that holds is said.
    findings = (
        (encoded == b"", "The image is empty."),
        (
            ~(is_jpeg | is_png | is_gif | is_bmp),
            "This is not an image: JPEG, PNG, BMP or GIF was expected.",
        ),
        (
            is_jpeg & (scan == 0),
            "The JPEG's header is broken, or it is of a kind that cannot be decoded.",
        ),
        (
            is_bmp & ~_bmp_is_known(encoded, head),
            "BMP is taken with 24 or 32 bits a pixel, or grey, and not compressed.",
        ),
        ((height < 1) | (width < 1), "The image has no pixels."),
        (~fits, too_large),
        (~whole, "The image is cut off: its end is missing."),
    )
    status = tf.fill(tf.shape(encoded), OK)
    for found, sentence in reversed(findings):
        status = tf.where(found, sentence, status)
    return status


def _walk_jpeg(encoded, is_jpeg):
    """Goes from segment to segment up to the scan.

    Returns:
      height, width: int64[N], 0 where there is no frame header that can be decoded.
      scan: int32[N], where the scan header begins; 0 if there is none, or nothing before it
        says the size.
    """
    length = tf.strings.length(encoded)
    nothing = tf.zeros_like(length)

    def step(position, height, width, scan, walking):
        # FF, marker, length of the segment (2), precision, height (2), width (2), components
        head = _bytes_at(encoded, position, 10)
        kind = tf.gather(_JPEG_MARKERS, head[:, 1])
        kind = tf.where(head[:, 0] == 0xFF, kind, _REFUSED)
        segment = head[:, 2] * 256 + head[:, 3]
        is_frame = kind == _FRAME
        # Eight bits a value; grey, three colours, or four as printers use them.
        known = (head[:, 4] == 8) & tf.reduce_any(head[:, 9, None] == [1, 3, 4], axis=1)
        refused = (kind == _REFUSED) | (is_frame & ~known)
        refused |= (kind != _FILLING) & (segment < 2)
        following = position + tf.where(kind == _FILLING, 1, 2 + segment)
        refused |= following > length
        is_frame &= walking
        height = tf.where(is_frame, head[:, 5] * 256 + head[:, 6], height)
        width = tf.where(is_frame, head[:, 7] * 256 + head[:, 8], width)
        at_scan = walking & (kind == _SCAN) & ~refused & (height > 0)
        scan = tf.where(at_scan, position, scan)
        walking &= ~refused & (kind != _SCAN)
        return tf.where(walking, following, position), height, width, scan, walking

    state = (nothing + 2, nothing, nothing, nothing, is_jpeg)
    _, height, width, scan, _ = tf.while_loop(
        lambda position, height, width, scan, walking: tf.reduce_any(walking),
        step,
        state,
        maximum_iterations=_MAX_SEGMENTS,
    )
    return tf.cast(height, tf.int64), tf.cast(width, tf.int64), scan


def _has_end(encoded, mark, asked, start):
    """Whether `mark` is in the bytes from `start` on: bool[N], False where not `asked`."""
    length = tf.strings.length(encoded)
    start = tf.zeros_like(length) + start
    at_end = _text_at(encoded, length - len(mark), len(mark)) == mark
    search = asked & ~at_end  # Seldom: cameras and editors leave things behind the end.

    def search_all():
        rest = tf.strings.substr(encoded, tf.where(search, start, length), length)
        return tf.strings.split(rest, mark, maxsplit=1).row_lengths() > 1

    found = tf.cond(tf.reduce_any(search), search_all, lambda: tf.zeros_like(search))
    return asked & (at_end | found)


def _bmp_is_whole(encoded, head, height, width):
    row = (_little(head, 28, 2) // 8 * width + 3) // 4 * 4  # filled up to four bytes
    # So wide an image is too large; not multiplied, the numbers cannot overflow.
    row = tf.minimum(row, 2**31)
    return tf.cast(tf.strings.length(encoded), tf.int64) >= _little(head, 10, 4) + row * height


def _bmp_is_known(encoded, head):
    bits, compression = _little(head, 28, 2), _little(head, 30, 4)
    pixels, second_header = _little(head, 10, 4), _little(head, 14, 4)
    # TensorFlow takes the index into a palette for a shade of grey: right if it is one.
    palette = tf.cast(second_header, tf.int32) + 14
    colours = tf.reshape(_bytes_at(encoded, palette, 1024), [-1, 256, 4])[:, :, :3]
    is_grey = tf.reduce_all(colours == tf.range(256)[:, None], axis=[1, 2])
    known_bits = (bits == 24) | (bits == 32) | ((bits == 8) & is_grey)
    return known_bits & (compression == 0) & (second_header >= 40) & (pixels >= 54)


def _begins(head, magic):
    return tf.reduce_all(head[:, : len(magic)] == list(magic), axis=1)


def _text_at(encoded, position, number):
    """`number` bytes from `position` on, fewer where the string ends: string[N]."""
    length = tf.strings.length(encoded)
    position = tf.clip_by_value(tf.zeros_like(length) + position, 0, length)
    return tf.strings.substr(encoded, position, tf.fill(tf.shape(length), number))


def _bytes_at(encoded, position, number):
    """The same as numbers, filled up with zeros: int32[N, number]."""
    text = _text_at(encoded, position, number)
    return tf.cast(tf.io.decode_raw(text, tf.uint8, fixed_length=number), tf.int32)


def _big(head, position):
    """Four bytes, the most significant first, as int64[N]."""
    return _number(head[:, position : position + 4][:, ::-1])


def _little(head, position, number):
    """Bytes, the least significant first, as int64[N]; four of them with a sign."""
    value = _number(head[:, position : position + number])
    return tf.where(value >= 2**31, value - 2**32, value)


def _number(little_endian):
    places = 256 ** np.arange(little_endian.shape[1])
    return tf.reduce_sum(tf.cast(little_endian, tf.int64) * places, axis=1)
