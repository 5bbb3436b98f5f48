"""Drawings to rasterize, and the rule typed again, sample by sample, in plain Python."""

import fractions

import numpy as np


def reference(strokes, size):
    """The raster of one drawing, from the rule alone: no roots, no limits of bits."""
    points = [(int(x), int(y)) for stroke in strokes for x, y in stroke]
    covered = [[0] * size for _ in range(size)]
    if points:
        place = _placing(points, size)
        for stroke in strokes:
            _ink(covered, [place(int(x), int(y)) for x, y in stroke], size)
    return np.array(
        [[bin(samples).count("1") / 16 for samples in row] for row in covered], np.float32
    )


def _placing(points, size):
    """Where a point lies in units of an eighth of a pixel, whole."""
    xs, ys = zip(*points, strict=True)
    extent = max(max(xs) - min(xs), max(ys) - min(ys), 1)
    scale = fractions.Fraction(8 * size - size // 2, extent)

    def place(x, y):
        # From the centre of the bounds to that of the canvas; the nearest, a half upwards.
        return tuple(
            int((4 * size + (2 * p - min(ps) - max(ps)) * scale / 2 + fractions.Fraction(1, 2)))
            for p, ps in ((x, xs), (y, ys))
        )

    return place


def _ink(covered, stroke, size):
    """Marks the samples, of a pixel's 16 bits, that the ink of a stroke covers."""
    radius = size // 8
    for (ax, ay), (bx, by) in zip(stroke, stroke[1:] or stroke, strict=False):
        x0, x1 = min(ax, bx) - radius, max(ax, bx) + radius
        y0, y1 = min(ay, by) - radius, max(ay, by) + radius
        for row in range(max(0, y0 // 2 - 1), min(4 * size, y1 // 2 + 2)):
            for column in range(max(0, x0 // 2 - 1), min(4 * size, x1 // 2 + 2)):
                if _is_ink(2 * column + 1, 2 * row + 1, ax, ay, bx, by, radius):
                    covered[row // 4][column // 4] |= 1 << (4 * (row % 4) + column % 4)


def _is_ink(x, y, ax, ay, bx, by, radius):
    """Whether a sample is at most the radius away from the line from a to b."""
    length = (bx - ax) ** 2 + (by - ay) ** 2
    along = (x - ax) * (bx - ax) + (y - ay) * (by - ay)
    if along <= 0 or length == 0:
        return (x - ax) ** 2 + (y - ay) ** 2 <= radius**2
    if along >= length:
        return (x - bx) ** 2 + (y - by) ** 2 <= radius**2
    beside = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    return beside**2 <= radius**2 * length


CORNERS = {
    "one point": [[[7, 9]]],
    "dots at one place": [[[7, 9]], [[7, 9]], [[7, 9]]],
    "a dot and a line": [[[0, 0]], [[10, 40], [60, 255]]],
    "all points equal": [[[3, 3], [3, 3], [3, 3]]],
    "a level line": [[[0, 5], [255, 5]]],
    "a level line drawn backwards": [[[255, 0], [0, 0], [90, 0]]],
    "an upright line": [[[4, 255], [4, 0]]],
    "one unit wide": [[[0, 0], [1, 255], [0, 100]]],
    "one unit high": [[[0, 1], [255, 0]]],
    "two points": [[[0, 0], [1, 0]]],
    "diagonals": [[[0, 0], [255, 255]], [[255, 0], [0, 255]]],
    "below zero": [[[-300, -20], [500, 731]], [[-300, 731]]],
    "a repeated point": [[[0, 0], [0, 0], [200, 255], [200, 255]]],
    "far apart": [[[-262144, 262144], [262144, 262143], [0, -262144]]],
}


def random_drawing(rng, num_points=None):
    """A drawing of 1 to 40 points, in any number of strokes, long and short parts mixed."""
    num_points = num_points or int(rng.integers(1, 41))
    reach = int(rng.choice([1, 2, 9, 60, 255, 3000]))
    points = rng.integers(0, reach + 1, (num_points, 2)) - rng.integers(0, 300)
    cuts = np.sort(rng.integers(0, num_points + 1, rng.integers(0, 1 + min(num_points, 9))))
    return [stroke for stroke in np.split(points, cuts) if len(stroke)]


def many_drawings(num=60):
    """Corner cases and random drawings, with one of 512 points and an empty one between."""
    rng = np.random.default_rng(5)
    drawings = [[np.array(s) for s in strokes] for strokes in CORNERS.values()]
    drawings += [[], random_drawing(rng, 512)]
    return drawings + [random_drawing(rng) for _ in range(num)]
