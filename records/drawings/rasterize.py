"""Strokes → pixels: the one rule by which a drawing becomes a raster.

    canvas     size x size pixels, of 4x4 samples each; a pixel's value is the share of its
               samples that lie in ink: white (1) on black (0)
    place      the bounds of the points, aspect kept, centred, fill all but 2/64 at each side
    ink        all that is at most 1/64 of the size away from a stroke, so a line is 2/64 wide,
               with round ends; a stroke of one point is a dot

All is whole numbers of 32 bits, in units of an eighth of a pixel, in which samples lie at odd
places. So NumPy, TensorFlow, JAX, PyTorch and JavaScript agree to the bit; no number exceeds
2^31. The ink of a part of a stroke, a capsule, meets a row of samples in one interval: the
intervals' ends are computed, not the samples.

`hardvqa_tf/layers/rasterize.py` is the same on `keras.ops`.

Letters: D drawings, N points; R = 4 size rows of samples; C capsules, M rows that they meet.
"""

import math

import numpy as np

from records.drawings.strokes import pad

SIZE = 64
MAX_SIZE = 184  # Beyond it, squares of lengths leave 31 bits.
MAX_EXTENT = 2**19  # Of a drawing, in its own units; for the same reason.
_SAMPLES = 4  # A side of a pixel.
_UNITS = 2 * _SAMPLES  # A side of a pixel; samples lie at 1, 3, 5, 7.
_FAR = 2**20  # Outside of every canvas.
_AT_ONCE = 8  # Drawings: what is computed of them stays in the processor's cache.


def rasterize_strokes(strokes, size=SIZE):
    """Returns the raster of one drawing.

    Args:
      strokes: list of whole-numbered [n, 2], e.g. in the canonical form.
      size: as in `rasterize`.

    Returns:
      float32[size, size] in [0, 1].
    """
    return rasterize_points(*pad([strokes]), size)[0]


def rasterize_points(points, stroke, size=SIZE):
    """Returns the rasters of drawings.

    Args:
      points: int[..., N, 2], (x, y), y downwards; a drawing's extent is at most `MAX_EXTENT`.
      stroke: int[..., N], the number of the stroke that a point is of; below 0: no point.
        Points that follow each other with the same number are joined.
      size: pixels of a side, a multiple of 8, at most `MAX_SIZE`.

    Returns:
      float32[..., size, size] in [0, 1]; zeros where there is no point.

    Raises:
      ValueError: names the argument that cannot be used.
    """
    points, stroke = np.asarray(points), np.asarray(stroke)
    _check(points, stroke, size)
    shape = stroke.shape
    points = points.reshape(-1, shape[-1], 2).astype(np.int32)
    stroke = stroke.reshape(-1, shape[-1]).astype(np.int32)
    rasters = np.zeros((len(points), size, size), np.float32)
    for i in range(0, len(points), _AT_ONCE):
        part = slice(i, i + _AT_ONCE)
        rasters[part] = _rasterize(points[part], stroke[part], size)
    return rasters.reshape(*shape[:-1], size, size)


def check_size(size):
    """Raises `ValueError` unless a raster may have this size."""
    if size % 8 or not 8 <= size <= MAX_SIZE:
        raise ValueError(
            f"`size` of a raster must be a multiple of 8 between 8 and {MAX_SIZE}. Received: "
            f"{size}. Use one of them, and resize the raster."
        )


def half_widths(size):
    """Returns int32[r + 2]: half the width of a dot's ink at each distance from its centre.

    All in units, for 0 ... r, the radius; then -1, for what is farther away.
    """
    radius = size // 8
    widths = [math.isqrt(radius * radius - e * e) for e in range(radius + 1)]
    return np.array([*widths, -1], np.int32)


def _check(points, stroke, size):
    check_size(size)
    if points.shape != (*stroke.shape, 2) or not stroke.ndim or not stroke.shape[-1]:
        raise ValueError(
            "`points` must be [..., N, 2] and `stroke` [..., N], N at least 1. Received: "
            f"{points.shape} and {stroke.shape}."
        )
    if {points.dtype.kind, stroke.dtype.kind} - {"i", "u"}:
        raise ValueError(
            "`points` and `stroke` must be whole numbers. Received: "
            f"{points.dtype} and {stroke.dtype}. Round them."
        )
    if points.size and max(-int(points.min()), int(points.max())) > MAX_EXTENT // 2:
        raise ValueError(
            f"`points` must lie between {-MAX_EXTENT // 2} and {MAX_EXTENT // 2}. Received: "
            f"{points.min()} to {points.max()}. Scale the drawing."
        )


def _rasterize(points, stroke, size):
    """points int32[D, N, 2], stroke int32[D, N] → float32[D, size, size]."""
    num_drawings, side = len(points), _SAMPLES * size
    drawing, ax, ay, bx, by = _capsules(_placed(points, stroke, size), stroke)
    capsule, row, left, right = _intervals(ax, ay, bx, by, size)
    # +1 where an interval begins, -1 where it ends: ink is where their running sum is above 0.
    start = (drawing[capsule] * side + row) * (side + 1)  # [M]
    edges = np.zeros(num_drawings * side * (side + 1), np.int16)
    np.add.at(edges, start + left, np.int16(1))
    np.add.at(edges, start + right, np.int16(-1))
    edges = edges.reshape(num_drawings, side, side + 1)
    ink = np.cumsum(edges, axis=-1, dtype=np.int16)[..., :-1] > 0  # [D, R, R]
    # Four samples of a row, a byte each, are added as one number of 32 bits.
    fours = (
        ink.view(np.uint32)
        .reshape(num_drawings, size, _SAMPLES, size)
        .sum(axis=2, dtype=np.uint32)
    )
    covered = fours * np.uint32(0x01010101) >> np.uint32(24)
    return covered.astype(np.float32) / np.float32(_SAMPLES**2)


def _placed(points, stroke, size):
    """Points in units of the canvas, int32[D, N, 2]; anything where there is no point."""
    is_point = (stroke >= 0)[..., None]  # [D, N, 1]
    low = np.where(is_point, points, MAX_EXTENT).min(axis=1, keepdims=True)  # [D, 1, 2]
    high = np.where(is_point, points, -MAX_EXTENT).max(axis=1, keepdims=True)
    extent = np.maximum((high - low).max(axis=-1, keepdims=True), 1)  # [D, 1, 1]
    points = np.where(is_point, points, low)
    margin = size // 4
    fit = _UNITS * size - 2 * margin
    # The nearest unit, a half upwards; the divided number is not negative.
    centred = 2 * (points - low) + extent - (high - low)
    return margin + (fit * centred + extent) // (2 * extent)


def _capsules(points, stroke):
    """From each point to the next one of its stroke, or to itself: drawing, ax, ay, bx, by."""
    is_joined = np.zeros_like(stroke, bool)
    is_joined[:, :-1] = stroke[:, :-1] == stroke[:, 1:]
    ends = np.where(is_joined[..., None], np.roll(points, -1, axis=1), points)
    drawing, index = np.nonzero(stroke >= 0)
    a, b = points[drawing, index], ends[drawing, index]
    return drawing, a[:, 0], a[:, 1], b[:, 0], b[:, 1]


def _intervals(ax, ay, bx, by, size):
    """Where the ink of capsules meets rows of samples.

    Args:
      ax, ay, bx, by: int32[C], the ends of the capsules' middle lines, in units.
      size: in pixels.

    Returns:
      capsule, row: int[M]; left, right: int32[M], samples left <= i < right of a row; none
      where they are equal.
    """
    radius = size // 8
    # a is the upper end, and b lies to its right, in a mirror if need be.
    swap = ay > by
    ax, ay, bx, by = (
        np.where(swap, one, other) for one, other in ((bx, ax), (by, ay), (ax, bx), (ay, by))
    )
    is_mirrored, dx, dy = bx < ax, np.abs(bx - ax), by - ay
    squared = dx * dx + dy * dy
    reach = _integer_root(radius * radius * squared)  # radius times the length

    first, last = (ay - radius) // 2, (by + radius - 1) // 2  # rows 2 j + 1 in units
    capsule = np.repeat(np.arange(len(ax)), last - first + 1)
    before = np.cumsum(last - first + 1) - (last - first + 1)
    row = (np.arange(len(capsule)) - before[capsule] + first[capsule]).astype(np.int32)

    ax, ay, is_mirrored, dx, dy, squared, reach = (
        value[capsule] for value in (ax, ay, is_mirrored, dx, dy, squared, reach)
    )
    y = 2 * row + 1 - ay  # [M], from a, as is x below
    across, along = dx * y, dy * y
    # Beside the line:  |dx y - dy x| <= reach,  and  0 <= dx x + dy y <= squared.
    div_dx, div_dy = np.maximum(dx, 1), np.maximum(dy, 1)
    is_between = (along >= 0) & (along <= squared) & (squared > 0)
    low = np.maximum(
        np.where(dy > 0, -((reach - across) // div_dy), -_FAR),
        np.where(dx > 0, -(along // div_dx), np.where(is_between, -_FAR, _FAR)),
    )
    high = np.minimum(
        np.where(dy > 0, (across + reach) // div_dy, _FAR),
        np.where(dx > 0, (squared - along) // div_dx, np.where(is_between, _FAR, -_FAR)),
    )
    low, high = np.where(low <= high, low, _FAR), np.where(low <= high, high, -_FAR)
    # And the round ends.
    widths = half_widths(size)
    at_a = widths[np.minimum(np.abs(y), radius + 1)]
    at_b = widths[np.minimum(np.abs(y - dy), radius + 1)]
    low = np.minimum(low, np.where(at_a >= 0, -at_a, _FAR))
    low = np.minimum(low, np.where(at_b >= 0, dx - at_b, _FAR))
    high = np.maximum(high, np.where(at_a >= 0, at_a, -_FAR))
    high = np.maximum(high, np.where(at_b >= 0, dx + at_b, -_FAR))

    left = np.where(is_mirrored, ax - high, ax + low) // 2  # samples 2 i + 1 in units
    right = (np.where(is_mirrored, ax - low, ax + high) + 1) // 2
    is_met = low <= high
    return capsule, row, np.where(is_met, left, 0), np.where(is_met, right, 0)


def _integer_root(values):
    """The greatest whole numbers whose squares are not above int32 values."""
    root = np.sqrt(values.astype(np.float32)).astype(np.int32)
    for _ in range(2):  # float32 may miss it by one; so it does not matter how it rounds.
        root -= root * root > values
    for _ in range(2):
        root += (root + 1) * (root + 1) <= values
    return root
