"""What a signature takes as a drawing → its raster, in the graph.

    PNG or JPEG   its bytes                     `sketch_pictures`, the rule of `--mode=predict`
    strokes       JSON, [[[x, y], ...], ...]    `sketch_strokes`, and the rasterizer

The first bytes tell which it is. Letters: M drawings.
"""

import tensorflow as tf

from hardvqa_tf.data.byte_numbers import big, number, numbers_at
from hardvqa_tf.data.image_status import OK, image_status
from hardvqa_tf.layers.rasterize import rasterize
from hardvqa_tf.localize.sketch_pictures import raster_of
from hardvqa_tf.localize.sketch_sentences import NO_DRAWING, NOT_A_DRAWING, NOT_READ
from hardvqa_tf.localize.sketch_strokes import read_strokes
from records.drawings.rasterize import SIZE
from records.formats import MAX_PIXELS

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_LIST = r"\x{feff}?[ \t\n\r]*\[(?s:.)*"


def read_sketches(encoded, max_pixels=MAX_PIXELS):
    """Reads drawings.

    Args:
      encoded: string[M]; "" is none.
      max_pixels: height times width of the largest picture that is decoded.

    Returns:
      float32[M, 64, 64] in [0, 1]; and what is wrong, string[M], OK or a sentence: then the
      raster is anything.
    """
    head = numbers_at(
        encoded,
        tf.zeros_like(encoded, tf.int32),
        {"png": big(0, 8), "jpeg": big(0, 3), "bits": big(24, 1), "colours": big(25, 1)},
    )
    is_png = head["png"] == number(_PNG)
    is_picture = is_png | (head["jpeg"] == number(_JPEG))
    # Its sentences speak of an image.
    status = image_status(
        tf.where(is_picture, encoded, ""), max_pixels, may_be_transparent=True
    )
    status = tf.strings.regex_replace(status, r"\b(image|JPEG's)\b", r"drawing's \1")
    status = tf.strings.regex_replace(status, "drawing's image", "drawing")
    status = tf.where(is_picture, status, OK)
    status = tf.where(encoded == "", NO_DRAWING, status)
    bits = tf.cast(tf.where(is_png, head["bits"], 0), tf.int32)
    is_grey = is_png & (head["colours"] == 0)
    specs = tf.TensorSpec([SIZE, SIZE], tf.float32), tf.TensorSpec([], tf.string)
    rasters, found = tf.map_fn(
        _read_one,
        (encoded, status == OK, is_picture, bits, is_grey),
        fn_output_signature=specs,
    )
    return rasters, tf.where(status == OK, found, status)


def _read_one(row):
    encoded, is_usable, is_picture, bits, is_grey = row

    def nothing():
        return tf.zeros([SIZE, SIZE]), tf.constant(OK)

    def strokes():
        points, stroke, status = read_strokes(encoded)
        raster = rasterize(points[None], stroke[None], SIZE)[0]
        is_list = tf.strings.regex_full_match(tf.strings.substr(encoded, 0, 64), _LIST)
        is_other = (status == NOT_READ) & ~is_list
        return tf.ensure_shape(raster, [SIZE, SIZE]), tf.where(is_other, NOT_A_DRAWING, status)

    def read():
        return tf.cond(is_picture, lambda: raster_of(encoded, bits, is_grey), strokes)

    return tf.cond(is_usable, read, nothing)
