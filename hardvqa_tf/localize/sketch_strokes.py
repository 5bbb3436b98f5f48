"""Strokes in JSON → points in the canonical form, in the graph of an export.

The twin of what a file of strokes goes through, step by step and in the same float64
arithmetic, so that a model sees the same raster:

    JSON ──► simplify (records/drawings/simplify.py) ──► normalize (records/drawings/strokes.py)
             255 pixels, steps of one pixel,             255 pixels, whole, no repeats,
             Ramer-Douglas-Peucker                       at most 512 points

Lists of depth three are a regular language, so regular expressions read them wholly.

Letters: N points of a drawing, C its strokes.
"""

import tensorflow as tf

from hardvqa_tf.data.image_status import OK
from hardvqa_tf.localize.sketch_sentences import (
    HUGE,
    NO_POINTS,
    NOT_READ,
    TOO_LARGE,
    TOO_LONG,
    TOO_MANY_POINTS,
    TOO_MANY_STROKES,
)
from records.drawings.strokes import MAX_COORDINATE, MAX_POINTS, MOST_RAW_POINTS

MAX_BYTES = 8_000_000
_MOST_STEPS, _MOST_LEVELS, _EPSILON = 255_000, 128, 2.0
_MOST_LOOKS, _LOOKS_A_POINT = 250_000, 16
# Steps of all strokes together; a drawing of 100 strokes across it has 25,500.
_MOST_PLACES = 1_000_000

_W = r"[ \t\n\r]*"
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"


def _list_of(item):
    return rf"\[{_W}{item}{_W}(?:,{_W}{item}{_W})*\]"


_POINT = rf"\[{_W}{_NUMBER}{_W},{_W}{_NUMBER}{_W}\]"
_STROKES = rf"{_W}{_list_of(_list_of(_POINT))}{_W}"
_EMPTY = rf"{_W}\[{_W}(?:\[{_W}\]{_W}(?:,{_W}\[{_W}\]{_W})*)?\]{_W}"


def read_strokes(text):
    """Reads one drawing.

    Args:
      text: string scalar, JSON: [[[x, y], ...], ...].

    Returns:
      points int32[N, 2], in the canonical form; stroke int32[N], the number of the stroke that
      a point is of; what is wrong, string: then N is 1.
    """
    text = tf.strings.regex_replace(text, "^\ufeff", "")
    is_short = tf.strings.length(text) <= MAX_BYTES
    is_read = is_short & tf.strings.regex_full_match(tf.where(is_short, text, ""), _STROKES)
    is_empty = tf.strings.regex_full_match(tf.where(is_short, text, ""), _EMPTY)
    points, stroke = _parsed(tf.where(is_read, text, "[[[0,0]]]"))
    status = _first_that_holds(
        (~is_short, TOO_MANY_POINTS),
        (is_empty, NO_POINTS),
        (~is_read, NOT_READ),
        (tf.shape(points)[0] > MOST_RAW_POINTS, TOO_MANY_POINTS),
        (stroke[-1] >= MAX_POINTS, TOO_MANY_STROKES),
        (~tf.reduce_all(tf.abs(points) <= HUGE), TOO_LARGE),
    )
    dot = tf.zeros([1, 2], tf.float64), tf.zeros([1], tf.int32)
    points, stroke = _if(status == OK, lambda: (points, stroke), lambda: dot)
    points = _moved(points)
    places = tf.reduce_sum(tf.math.ceil(_lengths(points, stroke)))
    status = tf.where((status == OK) & (places > _MOST_PLACES), TOO_LONG, status)
    points, stroke = _if(status == OK, lambda: (points, stroke), lambda: dot)
    points, stroke = _simplified(points, stroke)
    points, stroke, fits = _normalized(points, stroke)
    ends = tf.reduce_sum(tf.minimum(tf.math.bincount(stroke), 2))
    wrong = tf.where(ends > MAX_POINTS, TOO_MANY_STROKES, TOO_LONG)
    status = tf.where((status == OK) & ~fits, wrong, status)
    points, stroke = _if(status == OK, lambda: (points, stroke), lambda: dot)
    return tf.cast(points, tf.int32), stroke, status


def _if(condition, one, other):
    """Points and strokes of one of two branches, of which only that one is computed."""
    points, stroke = tf.cond(condition, one, other)
    return tf.ensure_shape(points, [None, 2]), tf.ensure_shape(stroke, [None])


def _first_that_holds(*cases):
    status = tf.constant(OK)
    for holds, sentence in reversed(cases):
        status = tf.where(holds, sentence, status)
    return status


def _parsed(text):
    """Text of the right form -> float64[N, 2], int32[N]."""
    text = tf.strings.regex_replace(text, r"[ \t\n\r]+", "")
    inside = tf.strings.substr(text, 3, tf.strings.length(text) - 6)  # of [[[ and ]]]
    strokes = _split(inside[None], "]],[[")[0]
    points, stroke = _split(strokes, "],[")
    numbers = tf.strings.to_number(_split(points, ",")[0], tf.float64)
    return tf.reshape(numbers, [-1, 2]), stroke


def _split(texts, separator):
    """string[n] -> its parts, string[m], and of which text each is, int32[m]."""
    parts = tf.raw_ops.StringSplitV2(input=texts, sep=separator)
    return parts.values, tf.cast(parts.indices[:, 0], tf.int32)


def _moved(points):
    """To the upper left corner, and to a greatest coordinate of 255."""
    low = tf.reduce_min(points, axis=0)
    size = tf.reduce_max(tf.reduce_max(points, axis=0) - low)
    scale = tf.where(size > 0, MAX_COORDINATE / tf.where(size > 0, size, 1.0), 1.0)
    return (points - low) * scale


def _ends(stroke):
    """Numbers of the first and of the last point of each stroke, int32[C]."""
    changes = stroke[1:] != stroke[:-1]
    first, last = (tf.concat(x, 0) for x in (([True], changes), (changes, [True])))
    return tuple(tf.cast(tf.where(x)[:, 0], tf.int32) for x in (first, last))


def _steps_between(points):
    difference = points[1:] - points[:-1]
    return tf.sqrt(tf.reduce_sum(tf.square(difference), axis=1))


def _lengths(points, stroke):
    """float64[C], of each stroke."""
    first, last = _ends(stroke)
    along = tf.concat([tf.zeros([1], tf.float64), _steps_between(points)], 0)
    is_joined = tf.concat([[False], stroke[1:] == stroke[:-1]], 0)
    along = tf.cumsum(tf.where(is_joined, along, 0.0))
    return tf.gather(along, last) - tf.gather(along, first)


def _simplified(points, stroke):
    """Moved points -> fewer, whole ones, float64: see `simplify.simplify`."""
    first, last = _ends(stroke)
    number = tf.size(first)

    def resample(i, all_places, counts):
        places = _resampled(points[first[i] : last[i] + 1])
        return (
            i + 1,
            all_places.write(i, places),
            tf.tensor_scatter_nd_update(counts, [[i]], [tf.shape(places)[0]]),
        )

    arrays = tf.TensorArray(tf.float64, size=number, infer_shape=False, element_shape=[None, 2])
    start = tf.constant(0), arrays, tf.zeros([number], tf.int32)
    _, arrays, counts = tf.while_loop(lambda i, *_: i < number, resample, start)
    points = tf.ensure_shape(arrays.concat(), [None, 2])
    index = tf.range(tf.shape(points)[0])
    stroke = tf.searchsorted(tf.cumsum(counts), index, side="right")
    kept = _peucker(points, stroke, tf.constant(_EPSILON, tf.float64))
    return tf.round(tf.boolean_mask(points, kept)), tf.boolean_mask(stroke, kept)


def _resampled(points):
    """The points at 0, 1, 2, ... steps along a stroke, and its last: `simplify.resample`."""
    start = tf.zeros([1], tf.float64)
    along = tf.concat([start, tf.cumsum(_steps_between(points))], 0)
    step = tf.maximum(tf.constant(1.0, tf.float64), along[-1] / _MOST_STEPS)
    count = tf.cast(tf.math.ceil(along[-1] / step), tf.int32)
    places = tf.cast(tf.range(count), tf.float64) * step
    before = tf.searchsorted(along, places, side="right") - 1
    before = tf.minimum(before, tf.maximum(tf.size(along) - 2, 0))
    behind = tf.minimum(before + 1, tf.size(along) - 1)
    (x, y), (from_x, to_x) = (
        (tf.gather(points, before), tf.gather(points, behind)),
        (tf.gather(along, before), tf.gather(along, behind)),
    )
    slope = (y - x) / (to_x - from_x)[:, None]
    return tf.concat([slope * (places - from_x)[:, None] + x, points[-1:]], 0)


def _peucker(points, stroke, epsilon):
    """bool[N]: what `simplify.peucker` keeps of each stroke, of all of them at once."""
    first, last = _ends(stroke)
    kept = tf.zeros([tf.shape(points)[0]], tf.int32)
    kept = _marked(_marked(kept, first), last)
    owner = tf.range(tf.size(first))  # the stroke of each part
    most_looks = _MOST_LOOKS + _LOOKS_A_POINT * (last - first + 1)

    def has_parts(level, looks, owner, first, last, kept):
        return tf.reduce_any(last - first >= 2)

    def part(level, looks, owner, first, last, kept):
        is_long = last - first >= 2
        owner, first, last = (tf.boolean_mask(x, is_long) for x in (owner, first, last))
        farthest, is_far = _farthest(points, first, last, epsilon)
        level += 1
        looks = tf.tensor_scatter_nd_add(looks, owner[:, None], last - first)
        is_over = (level > _MOST_LEVELS) | tf.gather(looks > most_looks, owner)
        farthest = tf.where(is_over, (first + last) // 2, farthest)
        owner, first, last, farthest = (
            tf.boolean_mask(x, is_far) for x in (owner, first, last, farthest)
        )
        owner = tf.concat([owner, owner], 0)
        first, last = tf.concat([first, farthest], 0), tf.concat([farthest, last], 0)
        return level, looks, owner, first, last, _marked(kept, farthest)

    any_number = tf.TensorShape([None])
    *_, kept = tf.while_loop(
        has_parts,
        part,
        (tf.constant(0), tf.zeros_like(most_looks), owner, first, last, kept),
        shape_invariants=(tf.TensorShape([]), *[any_number] * 5),
    )
    return kept > 0


def _marked(kept, places):
    return tf.tensor_scatter_nd_update(kept, places[:, None], tf.ones_like(places))


def _farthest(points, first, last, epsilon):
    """See `simplify._farthest`."""
    lengths = last - first - 1
    begins = tf.cumsum(lengths, exclusive=True)
    index = tf.range(tf.reduce_sum(lengths))
    part = tf.searchsorted(begins, index, side="right") - 1
    inner = index - tf.gather(begins, part) + tf.gather(first, part) + 1
    start = tf.gather(points, first)
    along = tf.gather(points, last) - start
    dx, dy = along[:, 0], along[:, 1]
    away = tf.gather(points, inner) - tf.gather(start, part)
    x, y = away[:, 0], away[:, 1]
    scale = dx * dx + dy * dy
    squared = tf.square(tf.gather(dx, part) * y - tf.gather(dy, part) * x)
    squared = tf.where(tf.gather(scale, part) == 0, x * x + y * y, squared)
    greatest = tf.math.segment_max(squared, part)
    places = tf.where(squared == tf.gather(greatest, part), index, tf.size(index))
    farthest = tf.gather(inner, tf.math.segment_min(places, part))
    return farthest, greatest > epsilon * epsilon * tf.where(scale != 0, scale, 1.0)


def _normalized(points, stroke):
    """See `strokes.normalize`; returns, too, whether the strokes fit into so few points."""

    def is_not_done(points, stroke, is_done, fits):
        return ~is_done & fits

    def normalize(points, stroke, is_done, fits):
        points, stroke = _whole(points, stroke)
        first, last = _ends(stroke)
        fits = tf.reduce_sum(tf.minimum(last - first + 1, 2)) <= MAX_POINTS
        is_done = tf.size(stroke) <= MAX_POINTS
        fewer = _if(is_done | ~fits, lambda: (points, stroke), lambda: _fewer(points, stroke))
        fits &= is_done | ~_lost_its_turns(fewer[1])
        return *fewer, is_done, fits

    shapes = tf.TensorShape([None, 2]), tf.TensorShape([None]), *[tf.TensorShape([])] * 2
    points, stroke, _, fits = tf.while_loop(
        is_not_done,
        normalize,
        (points, stroke, tf.constant(False), tf.constant(True)),
        shape_invariants=shapes,
    )
    return points, stroke, fits


def _lost_its_turns(stroke):
    """Whether nearly nothing is left between the ends: `simplify` thins strokes instead."""
    first, last = _ends(stroke)
    number = last - first + 1
    left = MAX_POINTS - tf.reduce_sum(tf.minimum(number, 2))
    return tf.reduce_sum(tf.maximum(number - 2, 0)) < left // 8


def _whole(points, stroke):
    low = tf.reduce_min(points, axis=0)
    extent = tf.reduce_max(tf.reduce_max(points, axis=0) - low)
    divided_by = tf.where(extent > 0, extent, 1.0)  # One point only: all are zeros.
    points = tf.floor((points - low) * MAX_COORDINATE / divided_by + 0.5)
    is_new = tf.reduce_any(points[1:] != points[:-1], axis=1) | (stroke[1:] != stroke[:-1])
    is_new = tf.concat([[True], is_new], 0)
    return tf.boolean_mask(points, is_new), tf.boolean_mask(stroke, is_new)


def _fewer(points, stroke):
    """See `simplify.fewer_points`."""

    def is_too_many(points, stroke, epsilon):
        return tf.size(stroke) > MAX_POINTS

    def leave_out(points, stroke, epsilon):
        kept = _peucker(points, stroke, epsilon)
        return tf.boolean_mask(points, kept), tf.boolean_mask(stroke, kept), epsilon * 1.25

    points, stroke, _ = tf.while_loop(
        is_too_many,
        leave_out,
        (points, stroke, tf.constant(0.5, tf.float64)),
        shape_invariants=(
            tf.TensorShape([None, 2]),
            tf.TensorShape([None]),
            tf.TensorShape([]),
        ),
    )
    return points, stroke
