"""Strokes → pixels inside a graph, to the bit as `records/drawings/rasterize.py` draws them.

That file states the rule, and the reason why numbers stay below 2^31; here it is on `keras.ops`
with shapes that are known beforehand. Records are drawn from there, models from here; a test
holds both together on every backend.

Letters: D drawings, N points; R = 4 size rows of samples; C = D·N capsules, from each point to
the next one of its stroke; M capsules that are drawn at once.
"""

import math

import numpy as np
from keras import ops

_MAX_SIZE = 184  # Beyond it, squares of lengths leave 31 bits.
_MAX_EXTENT = 2**19
_SAMPLES = 4  # A side of a pixel.
_UNITS = 2 * _SAMPLES  # A side of a pixel; samples lie at 1, 3, 5, 7.
_FAR = 2**20  # Outside of every canvas.
# Capsules at once: an array of 512 x 256 rows of four bytes stays in a processor's cache.
_AT_ONCE = 512


def rasterize(points, stroke, size=64):
    """Returns the rasters of drawings: white (1) on black (0), centred, aspect kept.

    Args:
        points: int32[..., N, 2], (x, y), y downwards; a drawing's extent is at most 2^19.
        stroke: int32[..., N], the number of the stroke that a point is of; below 0: no point.
            Points that follow each other with the same number are joined.
        size: pixels of a side, a multiple of 8, at most 184. A line is 2/64 of it wide.

    Returns:
        float32[..., size, size] in [0, 1]; zeros where there is no point. Without a gradient.

    Raises:
        ValueError: if `size` cannot be used.

    Example:
        >>> rasterize([[[0, 0], [9, 0]]], [[0, 0]], size=8).shape
        (1, 8, 8)
    """
    if size % 8 or not 8 <= size <= _MAX_SIZE:
        raise ValueError(
            f"`size` of a raster must be a multiple of 8 between 8 and {_MAX_SIZE}. Received: "
            f"{size}. Use one of them, and resize the raster."
        )
    points = ops.convert_to_tensor(points, "int32")
    stroke = ops.convert_to_tensor(stroke, "int32")
    shape = ops.shape(stroke)
    points = ops.reshape(points, (-1, shape[-1], 2))  # [D, N, 2]
    stroke = ops.reshape(stroke, (-1, shape[-1]))  # [D, N]
    capsules, num_capsules = _capsules(_placed(points, stroke, size), stroke, size)
    edges = _edges(capsules, num_capsules, ops.shape(stroke)[0], size)
    ink = ops.cumsum(edges, axis=-1)[..., :-1] > 0  # [D, R, R]
    pixels = ops.reshape(ops.cast(ink, "int32"), (-1, size, _SAMPLES, size, _SAMPLES))
    covered = ops.sum(pixels, axis=(2, 4))  # [D, size, size]
    raster = ops.cast(covered, "float32") / _SAMPLES**2
    return ops.reshape(raster, (*shape[:-1], size, size))


def _placed(points, stroke, size):
    """Points in units of the canvas, int32[D, N, 2]; anything where there is no point."""
    is_point = ops.expand_dims(stroke >= 0, -1)  # [D, N, 1]
    low = ops.min(ops.where(is_point, points, _MAX_EXTENT), axis=1, keepdims=True)
    high = ops.max(ops.where(is_point, points, -_MAX_EXTENT), axis=1, keepdims=True)
    extent = ops.maximum(ops.max(high - low, axis=-1, keepdims=True), 1)  # [D, 1, 1]
    points = ops.where(is_point, points, low)
    margin = size // 4
    fit = _UNITS * size - 2 * margin
    centred = 2 * (points - low) + extent - (high - low)
    return margin + (fit * centred + extent) // (2 * extent)


def _capsules(points, stroke, size):
    """What is needed of each capsule, those that are drawn first.

    Returns:
        int32[C + M, 9], see the last line; how many are drawn, int32.
    """
    is_point = stroke >= 0
    # The last point of a drawing is followed by another stroke, -2, of which nothing is drawn.
    following = ops.pad(stroke[:, 1:], ((0, 0), (0, 1)), constant_values=-2)
    is_joined = ops.expand_dims(stroke == following, -1)
    ends = ops.where(is_joined, ops.roll(points, -1, axis=1), points)
    (ax, ay), (bx, by) = _columns(points), _columns(ends)
    # a is the upper end, and b lies to its right, in a mirror if need be.
    swap = ay > by
    ax, bx = ops.where(swap, bx, ax), ops.where(swap, ax, bx)
    ay, by = ops.where(swap, by, ay), ops.where(swap, ay, by)
    is_mirrored, dx, dy = ops.cast(bx < ax, "int32"), ops.abs(bx - ax), by - ay
    squared = ops.where(is_point, dx * dx + dy * dy, 0)
    radius = size // 8
    reach = _integer_root(radius * radius * squared)  # radius times the length
    drawing = ops.expand_dims(ops.arange(ops.shape(stroke)[0], dtype="int32"), 1)
    drawing = ops.broadcast_to(drawing, ops.shape(stroke))
    drawn = ops.cast(is_point, "int32")
    columns = (drawing, drawn, ax, ay, is_mirrored, dx, dy, squared, reach)
    table = ops.stack([ops.reshape(column, (-1,)) for column in columns], axis=-1)  # [C, 9]
    first = ops.argsort(1 - ops.reshape(drawn, (-1,)))
    table = ops.pad(ops.take(table, first, axis=0), ((0, _AT_ONCE), (0, 0)))
    return table, ops.sum(drawn)


def _columns(points):
    return points[..., 0], points[..., 1]


def _edges(capsules, num_capsules, num_drawings, size):
    """1 where the ink of a capsule begins in a row of samples, -1 behind its end, summed.

    Returns:
        int32[D, R, R + 1].
    """
    side = _SAMPLES * size
    num_places = num_drawings * side * (side + 1)

    def is_left(start, edges):
        return start < num_capsules

    def add(start, edges):
        part = ops.slice(capsules, (start, 0), (_AT_ONCE, capsules.shape[1]))  # [M, 9]
        left, right = _intervals(part, size)  # [M, R]
        rows = part[:, :1] * side + ops.arange(side, dtype="int32")
        places = ops.concatenate([rows * (side + 1) + left, rows * (side + 1) + right])
        values = ops.concatenate([ops.ones_like(left), -ops.ones_like(right)])
        edges = edges + ops.segment_sum(
            ops.reshape(values, (-1,)), ops.reshape(places, (-1,)), num_places
        )
        return start + _AT_ONCE, edges

    start = ops.zeros((), "int32"), ops.zeros((num_places,), "int32")
    _, edges = ops.while_loop(is_left, add, start)
    return ops.reshape(edges, (-1, side, side + 1))


def _intervals(capsules, size):
    """Where the ink of capsules meets each row of samples.

    Args:
        capsules: int32[M, 9].
        size: in pixels.

    Returns:
        left, right: int32[M, R], samples left <= i < right of the row; none where equal.
    """
    radius, side = size // 8, _SAMPLES * size
    columns = ops.split(capsules, capsules.shape[1], axis=1)  # each [M, 1]
    _, drawn, ax, ay, is_mirrored, dx, dy, squared, reach = columns
    y = 2 * ops.arange(side, dtype="int32") + 1 - ay  # [M, R], from a, as is x below
    across, along = dx * y, dy * y
    # Beside the line:  |dx y - dy x| <= reach,  and  0 <= dx x + dy y <= squared.
    div_dx, div_dy = ops.maximum(dx, 1), ops.maximum(dy, 1)
    is_between = ops.logical_and(ops.logical_and(along >= 0, along <= squared), squared > 0)
    low = ops.maximum(
        ops.where(dy > 0, -((reach - across) // div_dy), -_FAR),
        ops.where(dx > 0, -(along // div_dx), ops.where(is_between, -_FAR, _FAR)),
    )
    high = ops.minimum(
        ops.where(dy > 0, (across + reach) // div_dy, _FAR),
        ops.where(dx > 0, (squared - along) // div_dx, ops.where(is_between, _FAR, -_FAR)),
    )
    # Rows above and below a level line have no ink of it.
    is_level_ink = ops.logical_or(dy > 0, ops.abs(across) <= reach)
    is_beside = ops.logical_and(low <= high, is_level_ink)
    low, high = ops.where(is_beside, low, _FAR), ops.where(is_beside, high, -_FAR)
    # And the round ends.
    at_a, at_b = _half_widths(ops.abs(y), radius), _half_widths(ops.abs(y - dy), radius)
    low = ops.minimum(low, ops.where(at_a >= 0, -at_a, _FAR))
    low = ops.minimum(low, ops.where(at_b >= 0, dx - at_b, _FAR))
    high = ops.maximum(high, ops.where(at_a >= 0, at_a, -_FAR))
    high = ops.maximum(high, ops.where(at_b >= 0, dx + at_b, -_FAR))

    is_mirrored = is_mirrored > 0
    left = ops.where(is_mirrored, ax - high, ax + low) // 2  # samples 2 i + 1 in units
    right = (ops.where(is_mirrored, ax - low, ax + high) + 1) // 2
    is_met = ops.logical_and(low <= high, drawn > 0)
    return ops.where(is_met, left, 0), ops.where(is_met, right, 0)


def _half_widths(distance, radius):
    """Half the width of a dot's ink at a distance from its centre; -1 where it has none."""
    widths = [math.isqrt(radius * radius - e * e) for e in range(radius + 1)]
    widths = ops.convert_to_tensor(np.array([*widths, -1], np.int32))
    return ops.take(widths, ops.minimum(distance, radius + 1), axis=0)


def _integer_root(values):
    """The greatest whole numbers whose squares are not above int32 values."""
    root = ops.cast(ops.sqrt(ops.cast(values, "float32")), "int32")
    for _ in range(2):  # float32 may miss it by one; so it does not matter how it rounds.
        root = root - ops.cast(root * root > values, "int32")
    for _ in range(2):
        root = root + ops.cast((root + 1) * (root + 1) <= values, "int32")
    return root
