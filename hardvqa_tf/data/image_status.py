"""Which bytes are an image that can be decoded: found out in the graph, before decoding.

TensorFlow's decoders stop the whole batch at one broken image, and take the memory of whatever
size a header claims. So an exported graph first looks at what is cheap to see: the first bytes,
the size in the header, and whether the end is there. Not looked at is the compressed content:
one flipped bit in it can still stop a batch.

    format   size and kind from               its end
    JPEG     the frame header, found by       FF D9 behind the frame header
             walking from segment to segment
    PNG      the IHDR chunk                   the IEND chunk
    GIF      its frames, walking from block   the block 3B
             to block; the first must be the
             screen (records/gif.py says why)
    BMP      the two headers                  as many bytes as the pixels need, and no more,
                                              at which TensorFlow would stop the batch

A JPEG's scans are counted as well, each of which costs as much time as the whole image: some
encoders write ten, but 16 bytes are enough for one. An image that may be transparent is decoded
to know it.

What this costs is not bytes but calls of small operations. So all images of a batch are looked
at together, and what is only needed for a bad image is in a branch.

Letters: N images.
"""

import numpy as np
import tensorflow as tf

from hardvqa_tf.data.byte_numbers import big, bytes_at, little, number, numbers_at
from hardvqa_tf.data.gif_status import of_gifs
from hardvqa_tf.data.hidden_colours import has_transparent_pixels, lacks_adobe_mark
from records import bmp_kinds
from records.formats import (
    FORMATS,
    MAX_PIXELS,
    MAX_SCANS,
    MAX_SIDE,
    ONE_OF_THEM,
    SCAN,
    SCANS_TO_IMAGE,
)
from records.other_formats import NUM_BYTES, OTHERS

OK = "ok"
_MAX_SEGMENTS = 1_000  # of a JPEG before its frame header; cameras write some ten

_JPEG, _PNG, _BMP, _ = (known.start for known in FORMATS)
_GIF, _GIF_87 = b"GIF89a", b"GIF87a"
_OLD_BMP_HEADERS, _BMP_HEADERS = 26, 54  # bytes
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"

# A segment of a JPEG is as long as it says, and its marker of two bytes; of what is not to be
# walked over, the frame header among it, nothing is added.
_STEPS = np.zeros((256, 2), np.int32)  # times its length, plus
_STEPS[[0xC4, 0xCC, *range(0xDB, 0xFF)]] = 1, 2  # tables, application data, comments
_STEPS[0xFF] = 0, 1  # filling
# Baseline, extended and progressive, the latter two arithmetic as well; the others are lossless
# or differential: not decoded.
_FRAMES = (0xFFC0, 0xFFC1, 0xFFC2, 0xFFC9, 0xFFCA)


def image_status(encoded, max_pixels=MAX_PIXELS, may_be_transparent=False):
    """Says what is wrong with images, as far as their headers and ends tell.

    Args:
      encoded: string[N], bytes that should be an image of one of `FORMATS`.
      max_pixels: height times width of the largest image to be decoded.
      may_be_transparent: transparent pixels are not looked for.

    Returns:
      string[N], OK or a sentence.
    """
    length = tf.strings.length(encoded)
    head = numbers_at(
        encoded,
        tf.zeros_like(length),
        {
            "jpeg": big(0, 3),
            "png": big(0, 8),
            "ihdr": big(12, 4),
            "gif": big(0, 6),
            "bmp": big(0, 2),
            "png_width": big(16, 4),
            "png_height": big(20, 4),
        },
    )
    is_jpeg = head["jpeg"] == number(_JPEG)
    is_png = (head["png"] == number(_PNG)) & (head["ihdr"] == number(b"IHDR"))
    is_gif = (head["gif"] == number(_GIF)) | (head["gif"] == number(_GIF_87))
    is_bmp = head["bmp"] == number(_BMP)
    jpeg = _of_jpegs(encoded, length, is_jpeg)
    bmp = _if_any(is_bmp, lambda: _of_bmps(encoded, length))
    gif = _if_any(is_gif, lambda: of_gifs(encoded, length, is_gif, max_pixels))
    height, width = gif[:2]
    for is_format, of_format in (
        (is_png, (head["png_height"], head["png_width"])),
        (is_jpeg, jpeg[:2]),
        (is_bmp, bmp[:2]),
    ):
        height = tf.where(is_format, of_format[0], height)
        width = tf.where(is_format, of_format[1], width)
    is_known = tf.where(is_jpeg, jpeg[2] > 0, tf.where(is_bmp, bmp[2] > 0, is_png))
    is_known |= is_gif & (gif[2] > 0)
    has_pixels = tf.minimum(height, width) > 0
    has_short_sides = tf.maximum(height, width) <= MAX_SIDE
    fits = has_short_sides & (height * width <= max_pixels)
    most = tf.minimum(
        tf.cast(MAX_SCANS, tf.int64),
        SCANS_TO_IMAGE * max_pixels // tf.maximum(height * width, 1),
    )
    has_few_scans = ~is_jpeg | (_count_scans(encoded, is_jpeg) <= most)
    whole = _has_end(encoded, length, is_jpeg, tf.cast(jpeg[2], tf.int32), is_png)
    whole |= is_bmp & (bmp[3] > 0) | is_gif & (gif[3] > 0)
    is_ok = is_known & has_pixels & fits & has_few_scans & whole
    is_transparent = (
        tf.zeros_like(is_ok) if may_be_transparent else has_transparent_pixels(encoded, is_ok)
    )
    is_ok &= ~is_transparent

    def say():
        size = [tf.strings.as_string(width), "x", tf.strings.as_string(height)]
        too_large = tf.strings.join(
            [
                "The image is too large: ",
                *size,
                f" pixels, at most {max_pixels} are taken. Make it smaller.",
            ]
        )
        too_long = tf.strings.join(
            [
                "The image is too large: ",
                *size,
                f" pixels, at most {MAX_SIDE:,} a side are taken. Make it smaller.",
            ]
        )
        # The last that holds is said.
        cut_off = "The image is cut off: its end is missing. Get the file again."
        status = tf.where(is_ok, OK, cut_off)
        for found, sentence in (
            (
                is_transparent,
                "The image has transparent pixels: behind them are colours that people do not "
                "see and the model would. Save it without transparency, on white, say.",
            ),
            (
                ~has_few_scans,
                "The image is a JPEG of too many scans. Save it again, as a JPEG that is not "
                "progressive.",
            ),
            (~fits, too_large),
            (~has_short_sides, too_long),
            (~has_pixels, "The image has no pixels. Get the file again."),
            (~is_known, f"This is not an image. Send the bytes of a {ONE_OF_THEM} file."),
            *((~is_known & found, said) for found, said in _other_formats(encoded)),
            (is_bmp & ~is_known, _bmp_refused("of a rare kind")),
            (is_bmp & ~is_known & (length < _BMP_HEADERS), cut_off),
            *(
                (is_bmp & (bmp[2] == -code), _bmp_refused(kind))
                for code, kind in enumerate(bmp_kinds.KINDS, 1)
            ),
            (
                is_gif & ~is_known,
                "The GIF's first frame is not its whole screen, or its frames are too many or "
                "outside it. Save its first frame as a PNG.",
            ),
            (
                is_jpeg & ~is_known,
                "The JPEG's header is broken, or it is of a kind that is not taken: of twelve "
                "bits, lossless, or of four inks without Adobe's mark. Save it again, in RGB.",
            ),
            (length == 0, f"The image is empty. Send the bytes of a {ONE_OF_THEM} file."),
        ):
            status = tf.where(found, sentence, status)
        return status

    return tf.cond(tf.reduce_all(is_ok), lambda: tf.fill(tf.shape(length), OK), say)


def _other_formats(encoded):
    """Yields whether images are of a format that is not read, bool[N], and the sentence."""
    start = tf.strings.substr(encoded, 0, NUM_BYTES)
    start = tf.strings.lower(tf.strings.strip(start))
    start = tf.strings.join([start, "\0" * NUM_BYTES])  # A mark lies within each.
    for other in reversed(OTHERS):  # The first that holds is said.
        found = [tf.strings.substr(start, at, len(mark)) == mark for at, mark in other.marks]
        yield tf.reduce_all(found, axis=0), f"This is {other.refusal()}"


def _bmp_refused(kind):
    return f"The image is a BMP {kind}, which is not taken. Convert it to PNG."


def _of_jpegs(encoded, length, is_jpeg):
    """Goes from segment to segment up to the frame header.

    Returns:
      height, width, and where the frame header is, int64[N] each; 0 where there is none that
      can be decoded.
    """
    fours = tf.zeros_like(length) + 4

    def step(position, _):
        text = tf.strings.substr(encoded, tf.minimum(position, length), fours)
        segment = tf.cast(tf.io.decode_raw(text, tf.uint8, fixed_length=4), tf.int32)
        times, plus = tf.unstack(tf.gather(_STEPS, segment[:, 1]), axis=1)
        own = tf.linalg.matvec(segment, [0, 0, 256, 1])
        valid = is_jpeg & (segment[:, 0] == 0xFF) & (own >= 2 * times)
        move = tf.where(valid, times * own + plus, 0)
        return position + move, tf.reduce_any(move > 0)

    position, _ = tf.while_loop(
        lambda _, moved: moved,
        step,
        (tf.zeros_like(length) + 2, tf.reduce_any(is_jpeg)),
        maximum_iterations=_MAX_SEGMENTS,
    )
    frame = numbers_at(
        encoded,
        tf.minimum(position, length),
        {
            "marker": big(0, 2),
            "precision": big(4, 1),
            "height": big(5, 2),
            "width": big(7, 2),
            "components": big(9, 1),
        },
    )
    known = tf.reduce_any(frame["marker"][:, None] == _FRAMES, axis=1)
    # Eight bits a value; grey, three colours, or four as printers use them.
    known &= (frame["precision"] == 8) & (
        tf.reduce_any(frame["components"][:, None] == [1, 3, 4], axis=1)
    )
    known &= ~lacks_adobe_mark(encoded, position, known & (frame["components"] == 4))
    found = (frame["height"], frame["width"], tf.cast(position, tf.int64))
    return [tf.where(known, value, 0) for value in found]


def _count_scans(encoded, is_jpeg):
    """int64[N], to `MAX_SCANS` and one more."""
    parts = tf.raw_ops.StringSplitV2(
        input=tf.where(is_jpeg, encoded, ""), sep=SCAN, maxsplit=MAX_SCANS + 1
    )
    ones = tf.ones_like(parts.indices[:, 0])
    return tf.math.unsorted_segment_sum(ones, parts.indices[:, 0], tf.size(encoded)) - 1


def _has_end(encoded, length, is_jpeg, frame, is_png):
    """bool[N]; False for other formats."""
    names = {"jpeg": big(6, 2), "png": big(0, 8)}
    tail = numbers_at(encoded, tf.maximum(length - 8, 0), names)
    jpeg_ends = tail["jpeg"] == number(_JPEG_END)
    png_ends = tail["png"] == number(_PNG_END)
    ends = is_jpeg & jpeg_ends | is_png & png_ends
    search_jpeg = is_jpeg & ~jpeg_ends & (frame > 0)
    search_png = is_png & ~png_ends

    def search():  # Seldom: cameras and editors leave things behind the end.
        return (
            ends
            | _has_within(encoded, tf.where(search_jpeg, frame, length), length, _JPEG_END)
            | _has_within(encoded, tf.where(search_png, 0, length), length, _PNG_END)
        )

    return tf.cond(tf.reduce_any(search_jpeg | search_png), search, lambda: ends)


def _has_within(encoded, start, length, mark):
    rest = tf.strings.substr(encoded, start, length)
    return tf.strings.split(rest, mark, maxsplit=1).row_lengths() > 1


def _if_any(asked, find):
    """[N] numbers from `find`, four of them, or zeros where nobody asks."""
    zeros = [tf.zeros_like(asked, tf.int64)] * 4
    return tf.cond(tf.reduce_any(asked), find, lambda: zeros)


def _of_bmps(encoded, length):
    """Looks at all images as if they were BMPs.

    Returns:
      Height, width, whether such a BMP is taken (1; 0, or less for one of `bmp_kinds.KINDS`,
      -1 for the first), and whether it is whole: int64[N] each.
    """
    head = numbers_at(
        encoded,
        tf.zeros_like(length),
        {
            "pixels": little(10, 4),
            "second_header": little(14, 4),
            "width": little(18, 4),
            "height": little(22, 4),
            "bits": little(28, 2),
            "compression": little(30, 4),
        },
    )
    # Signed: with a negative height the top row comes first.
    height = tf.where(head["height"] < 2**31, head["height"], 2**32 - head["height"])
    bits, palette = head["bits"], 14 + tf.minimum(head["second_header"], 2**30)
    # Masks of colours are not looked at by TensorFlow: right if they are the usual ones.
    masks = numbers_at(
        encoded,
        tf.minimum(tf.zeros_like(length) + 54, length),
        {"red": little(0, 4), "green": little(4, 4), "blue": little(8, 4)},
    )
    has_masks = (head["compression"] == 3) | (head["compression"] == 6)
    red, green, blue = bmp_kinds.USUAL_MASKS
    is_usual = (masks["red"] == red) & (masks["green"] == green) & (masks["blue"] == blue)
    # TensorFlow takes the index into a palette for a shade of grey: right if it is one.
    colours = bytes_at(encoded, tf.minimum(tf.cast(palette, tf.int32), length), 1024)
    greys = tf.range(256, dtype=tf.int64)[:, None]
    is_grey = tf.reduce_all(tf.reshape(colours, [-1, 256, 4])[:, :, :3] == greys, axis=[1, 2])
    row = (bits // 8 * head["width"] + 3) // 4 * 4  # filled up to four bytes
    # So wide a row is too large anyway; without the limit, the product could overflow.
    needed = head["pixels"] + tf.minimum(row, 2**31) * tf.minimum(height, MAX_SIDE)
    length = tf.cast(length, tf.int64)
    kinds = {
        bmp_kinds.OLD_HEADER: (head["second_header"] < 40) & (length >= _OLD_BMP_HEADERS),
        bmp_kinds.COMPRESSED: (head["compression"] != 0) & ~has_masks,
        bmp_kinds.FEW_BITS: bits < 8,
        bmp_kinds.SIXTEEN_BITS: bits == 16,
        bmp_kinds.MASKS: has_masks & ~is_usual,
        bmp_kinds.PALETTE: (bits == 8) & ~is_grey,
        bmp_kinds.TAIL: length > needed,
    }
    is_taken = (bits == 8) & ~has_masks | (bits == 24) | (bits == 32)
    is_taken &= (head["compression"] != 6) & (head["pixels"] >= 54)
    status = tf.cast(is_taken, tf.int64)
    codes = [*enumerate(bmp_kinds.KINDS, 1)]
    for code, kind in reversed(codes):  # The first that holds is said.
        is_there = kind == bmp_kinds.OLD_HEADER or length >= _BMP_HEADERS
        status = tf.where(kinds[kind] & is_there, tf.cast(-code, tf.int64), status)
    return [height, head["width"], status, tf.cast(length >= needed, tf.int64)]
