"""A picture of a drawing → its raster, in the graph of an export.

The twin of `records/drawings/pixels.py`, which states the rule and says why; in whole numbers
where that has them, and with Pillow's way to resize, which is whole numbers, too. A JPEG is
decoded by the transform that Pillow uses. Not here: an EXIF orientation is not looked at, and
photographs of drawings are told, by the same sign, and refused (`photographs.py` there).

Letters: h w pixels, of the picture or of what is drawn on it; R = 256 samples a side of a
raster of 64.
"""

import math

import numpy as np
import tensorflow as tf

from hardvqa_tf.data.image_status import OK
from records.decode import decode_pixels
from records.drawings import photographs, pixels
from records.drawings.rasterize import SIZE

NOTHING_DRAWN = (
    "Nothing is drawn on the drawing, or in the colour of its ground. Draw dark on light, or "
    "light on dark, or on a transparent ground."
)
PHOTOGRAPH = (
    "This is a photograph of a drawing, under uneven light, which is not read here. Give the "
    "drawing's strokes, or a scan, or a picture that a program drew."
)
TOO_FINE = (
    "The drawing's lines are too fine for so large a picture: shrunk, nothing is left of them. "
    "Draw them wider."
)
_SAMPLES, _MARGIN, _WIDTH = 4, 2, 8
_FIT, _SIDE = _SAMPLES * (SIZE - 2 * _MARGIN), _SAMPLES * SIZE
_BITS = 22  # of Pillow's weights, behind the point


def raster_of(encoded, bits, is_grey):
    """Reads one picture.

    Args:
      encoded: string scalar, of a PNG or JPEG that can be decoded.
      bits: int scalar, of a channel of a PNG, as its header says; 0: it is a JPEG.
      is_grey: bool scalar, a PNG of one channel, and no alpha beside it.

    Returns:
      float32[64, 64] in [0, 1], and what is wrong, string.
    """
    grey = _on_paper(_decoded(encoded, bits, is_grey))
    edge = tf.sort(tf.concat([grey[0], grey[-1], grey[:, 0], grey[:, -1]], 0))
    differs, strongest = _differs(grey, edge)
    status = tf.where(strongest >= 2 * pixels.FAINT, OK, NOTHING_DRAWN)
    status = tf.where(_is_photograph(grey, edge), PHOTOGRAPH, status)
    canvas = tf.cond(
        status == OK,
        lambda: _fitted(_cut(2 * differs > strongest)),
        lambda: tf.zeros([_SIDE, _SIDE], tf.bool),
    )
    is_left = tf.reduce_any(canvas)
    raster = tf.cond(is_left, lambda: _raster(canvas), lambda: tf.zeros([SIZE, SIZE]))
    return raster, tf.where((status == OK) & ~is_left, TOO_FINE, status)


def _decoded(encoded, bits, is_grey):
    """int32[h, w, 4] of 0..255."""

    def jpeg():
        # The transform by which Pillow decodes; the default one is quicker and less exact.
        colours = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
        return _opaque(tf.cast(colours, tf.int32))

    def grey_16():
        levels = tf.cast(decode_pixels(encoded, 1, tf.uint16), tf.float64)
        greatest = tf.maximum(tf.reduce_max(levels), 1.0)
        return _opaque(tf.tile(tf.cast(levels / greatest * 255, tf.int32), [1, 1, 3]))

    def png():
        colours = tf.cast(decode_pixels(encoded, 4), tf.int32)
        alpha = colours[..., 3:]
        # Of a PNG without alpha, TensorFlow's is the greatest number of so few bits, such as 1.
        most = tf.bitwise.left_shift(1, tf.minimum(bits, 8)) - 1
        alpha = tf.where((tf.reduce_max(alpha) == most) & (alpha > 0), 255, alpha)
        alpha = tf.where(bits < 8, alpha, colours[..., 3:])
        return tf.concat([colours[..., :3], alpha], axis=-1)

    def any_png():
        return tf.cond(is_grey & (bits == 16), grey_16, png)

    return tf.ensure_shape(tf.cond(bits > 0, any_png, jpeg), [None, None, 4])


def _opaque(colours):
    return tf.pad(colours, [[0, 0], [0, 0], [0, 1]], constant_values=255)


def _on_paper(colours):
    """int32[h, w, 4] -> int32[h, w], in units of `pixels.LEVEL`."""
    weights = pixels.GREY
    grey = sum(colours[..., i] * int(weight) for i, weight in enumerate(weights))
    alpha = colours[..., 3]
    white = 255 * int(weights.sum())
    on_black = grey * alpha
    on_white = on_black + white * (255 - alpha)
    shows = tf.reduce_max(on_white) - tf.reduce_min(on_white) >= pixels.FAINT
    return tf.where(shows, on_white, on_black)


def _is_photograph(grey, edge):
    """See `photographs.is_photograph`; of the sorted edge."""
    edge, last = tf.cast(edge, tf.float64), tf.cast(tf.size(edge) - 1, tf.float64)

    def quartile(share):
        place = last * share
        below = tf.math.floor(place)
        i, part = tf.cast(below, tf.int32), place - below
        low, high = edge[i], edge[tf.minimum(i + 1, tf.size(edge) - 1)]
        step = high - low  # As NumPy goes: from the end that is nearer.
        return tf.where(part < 0.5, low + step * part, high - step * (1 - part))

    uneven = quartile(0.75) - quartile(0.25) >= photographs.UNEVEN * pixels.LEVEL
    return uneven & (tf.reduce_min(tf.shape(grey)) >= photographs.LEAST_SIDE)


def _differs(grey, edge):
    """How far pixels are from the ground, doubled int32[h, w]; and the greatest of them."""
    number = tf.size(edge)
    ground = edge[(number - 1) // 2] + edge[number // 2]  # twice the median
    is_dark = ground - 2 * tf.reduce_min(grey) >= 2 * tf.reduce_max(grey) - ground
    differs = tf.where(is_dark, ground - 2 * grey, 2 * grey - ground)
    return differs, tf.reduce_max(differs)


def _raster(canvas):
    samples = tf.cast(_widened(canvas), tf.float32)
    samples = tf.reshape(samples, [SIZE, _SAMPLES, SIZE, _SAMPLES])
    return tf.reduce_sum(samples, axis=[1, 3]) / _SAMPLES**2


def _cut(ink):
    rows, columns = (tf.where(tf.reduce_any(ink, axis))[:, 0] for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(ink):
    """See `pixels._fitted`: bool[h, w] -> bool[R, R]."""
    sides = tf.cast(tf.shape(ink), tf.float64)
    longest, line = tf.reduce_max(sides), _line_width(ink)
    scale = tf.where(
        line * (_FIT + _WIDTH) < longest * _WIDTH,
        _FIT / (longest - line),
        (_FIT + _WIDTH) / longest,
    )
    new = tf.cast(tf.maximum(tf.round(sides * scale), 1), tf.int32)
    inked = tf.cast(ink, tf.int32) * 255
    resized = tf.cond(
        scale < 1,
        lambda: _by_boxes(_by_boxes(inked, new[1], 1), new[0], 0),
        lambda: _between(_between(inked, new[1], 1), new[0], 0),
    )
    share = tf.cast(resized, tf.float64) / 255
    at_least = tf.minimum(line * scale / 2, 0.2)
    canvas = share >= tf.minimum(tf.maximum(at_least, scale / 2), 0.5)
    before = (_SIDE - new) // 2
    return tf.ensure_shape(
        tf.pad(canvas, tf.stack([before, _SIDE - new - before], axis=1)), [_SIDE, _SIDE]
    )


def _places(old, new):
    """Centres of `new` pixels in a line of `old`, float64[new]; and how many each covers."""
    scale = tf.cast(old, tf.float64) / tf.cast(new, tf.float64)
    return (tf.cast(tf.range(new), tf.float64) + 0.5) * scale, scale


def _weighed(sums):
    """Sums of weighed pixels, `_BITS` behind the point -> whole numbers, as Pillow rounds."""
    return tf.bitwise.right_shift(sums + 2 ** (_BITS - 1), _BITS)


def _by_boxes(values, new, axis):
    """Means over boxes along an axis, made smaller: Pillow's BOX, of int32 in 0..255."""
    old = tf.shape(values)[axis]
    centre, scale = _places(old, new)
    support = 0.5 * scale
    first = tf.maximum(tf.cast(centre - support + 0.5, tf.int32), 0)
    last = tf.minimum(tf.cast(centre + support + 0.5, tf.int32), old)
    # Those whose middle lies in the box.
    place = (tf.cast(first, tf.float64) - centre + 0.5) * (1.0 / scale)
    first += tf.cast(place <= -0.5, tf.int32)
    place = (tf.cast(last - 1, tf.float64) - centre + 0.5) * (1.0 / scale)
    last -= tf.cast(place > 0.5, tf.int32)
    weight = tf.cast(1.0 / tf.cast(last - first, tf.float64) * 2**_BITS + 0.5, tf.int32)
    sums = tf.pad(tf.cumsum(values, axis), [[1 - axis, 0], [axis, 0]])
    inside = tf.gather(sums, last, axis=axis) - tf.gather(sums, first, axis=axis)
    return _weighed(inside * (weight if axis else weight[:, None]))


def _between(values, new, axis):
    """Made larger, in between two pixels: Pillow's BILINEAR, of int32 in 0..255."""
    old = tf.shape(values)[axis]
    centre, _ = _places(old, new)
    first = tf.maximum(tf.cast(centre - 0.5, tf.int32), 0)
    last = tf.minimum(tf.cast(centre + 1.5, tf.int32), old)
    taken = tf.range(2)[:, None] + first  # [2, new]
    place = tf.abs(tf.cast(taken, tf.float64) - centre + 0.5)
    weight = tf.where(taken < last, tf.maximum(1.0 - place, 0.0), 0.0)
    weight /= tf.reduce_sum(weight, axis=0)
    weight = tf.cast(weight * 2**_BITS + 0.5, tf.int32)
    taken = tf.minimum(taken, old - 1)
    sums = sum(
        tf.gather(values, taken[i], axis=axis) * (weight[i] if axis else weight[i][:, None])
        for i in range(2)
    )
    return _weighed(sums)


def _widened(canvas):
    """See `pixels._widened`."""
    radius = tf.round((_WIDTH - _line_width(canvas)) / 2)
    radius = tf.cast(tf.clip_by_value(radius, 0, _WIDTH // 2), tf.int32)
    kernel = tf.gather(tf.constant(_disks()), radius)[..., None, None]
    near = tf.nn.conv2d(tf.cast(canvas, tf.float32)[None, ..., None], kernel, 1, "SAME")
    return near[0, ..., 0] > 0.5


def _disks():
    """float32[5, 9, 9]: 1 where a place is no farther from the middle than a radius."""
    away = np.square(np.arange(-_WIDTH // 2, _WIDTH // 2 + 1))
    away = away[:, None] + away
    radii = np.arange(_WIDTH // 2 + 1)
    return (away <= (radii * (radii + 1))[:, None, None]).astype(np.float32)


def _line_width(ink):
    """See `pixels._line_width`."""
    around = tf.pad(ink, [[1, 1], [1, 1]])
    edges = tf.math.count_nonzero(around[1:] != around[:-1]) + tf.math.count_nonzero(
        around[:, 1:] != around[:, :-1]
    )
    return tf.cast(2 * tf.math.count_nonzero(ink), tf.float64) / (
        tf.cast(edges, tf.float64) * math.pi / 4
    )
