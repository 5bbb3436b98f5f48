"""What a hand does to strokes: it wobbles, misses, forgets, lifts the pen and draws twice.

All noise is in shares of the drawing's size. It is drawn from a bit generator of a fixed
stream, and made by + - * / alone (shapes.py says why).

Letters: N points of all strokes, S strokes.
"""

import hashlib
import math

import numpy as np

# Greatest effects for a care of 1, as shares of half the drawing's size; the usual ones are 0.4
# of these. Chosen so that drawings of a class differ nearly as people's do
# (benchmarks/doodles.py), and a person still recognises them.
SPREAD = 0.11  # A stroke lies off its place.
SCALE = 0.18  # A stroke is larger or smaller.
ROLL = 0.15  # A stroke is turned.
WOBBLE = 0.06  # A point lies off its stroke.
STRETCH = 0.5  # The whole is wider or higher.
SLANT = 0.2
TURN = 0.17
BEND = 0.15
LEAST_BEND = 0.02  # A point nearer to the line between its neighbours is left out.


class Numbers:
    """Random numbers of one drawing.

    Args:
      text: what they are for; another text, other numbers.

    They are the generator's bits shifted, so that they depend on no method of NumPy whose
    stream may change.
    """

    def __init__(self, text):
        entropy = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))
        self._waiting = []

    def many(self, *shape):
        """float64[shape] in [0, 1)."""
        raw = self._bits.random_raw(math.prod(shape))
        return ((raw >> np.uint64(11)) / 2**53).reshape(shape)

    def noise(self, *shape):
        """float64[shape] in (-1, 1), 0 is the most likely; standard deviation 0.41."""
        u = self.many(2, *shape)
        return u[0] - u[1]

    def next(self):
        """One float in [0, 1)."""
        if not self._waiting:
            self._waiting = self.many(64).tolist()
        return self._waiting.pop()


def draw_by_hand(shapes, numbers, mirror=0.3):
    """The strokes of shapes as somebody draws them.

    Args:
      shapes: list of lists of points (x, y).
      numbers: `Numbers`.
      mirror: how likely the drawing is seen from the other side.

    Returns:
      list of float64[n, 2].
    """
    shapes = make_mistakes(shapes, numbers)
    care = 0.5 + 1.1 * numbers.next()  # Small: a careful hand.
    points = np.array([point for shape in shapes for point in shape])  # [N, 2]
    lengths = np.array([len(shape) for shape in shapes])
    starts = np.cumsum(lengths) - lengths
    of = np.repeat(np.arange(len(lengths)), lengths)  # [N], the stroke of each point
    points = to_unit(points)
    points = shake(points, starts, of, care, numbers)
    points = distort(points, care, numbers)
    if numbers.next() < mirror:
        points = points * (-1.0, 1.0)
    keep = bends(points, starts)
    counts = np.add.reduceat(keep, starts)
    return np.split(points[keep > 0], np.cumsum(counts)[:-1])


def bends(points, starts):
    """int[N], 1 but for every other point that lies on the line between its neighbours.

    QuickDraw's simplified drawings have no such points, either.
    """
    keep = np.ones(len(points), int)
    before, here, after = points[:-2], points[1:-1], points[2:]
    chord, off = after - before, here - before
    cross = chord[:, 0] * off[:, 1] - chord[:, 1] * off[:, 0]
    length = chord[:, 0] * chord[:, 0] + chord[:, 1] * chord[:, 1]
    keep[1:-1] = cross * cross > LEAST_BEND * LEAST_BEND * length
    keep[::2] = 1
    keep[starts] = 1
    keep[starts[1:] - 1] = 1
    return keep


def to_unit(points):
    """Into [-1, 1], the aspect kept."""
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - (low + high) / 2) / max((high - low).max() / 2, 1e-6)


def shake(points, starts, of, care, numbers):
    """Each stroke is moved, scaled and turned a little, and each of its points moved.

    Args:
      points: float64[N, 2] in [-1, 1].
      starts: int[S], of: int[N]; a stroke's first point, and a point's stroke.
      care: how strongly.
      numbers: `Numbers`.
    """
    count = len(starts)
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    centre = (low + high) / 2  # [S, 2]
    size = (high - low).max(axis=1, keepdims=True) / 2  # [S, 1], at most 1
    shift = numbers.noise(count, 2) * SPREAD * care
    scale = 1 + numbers.noise(count, 2) * SCALE * care
    turn = numbers.noise(count, 1) * ROLL * care
    inside = (points - centre[of]) * scale[of]
    inside = inside + inside[:, ::-1] * (-1.0, 1.0) * turn[of]  # a small turn
    loose = numbers.noise(len(points), 2)
    loose[1:-1] = (loose[:-2] + 2 * loose[1:-1] + loose[2:]) / 3  # neighbours move together
    loose = loose * (0.35 + 0.65 * size[of]) * WOBBLE * care
    return centre[of] + shift[of] + inside + loose


def distort(points, care, numbers):
    """The whole drawing is stretched, slanted, turned and bent a little."""
    stretch, slant, turn = numbers.noise(3).tolist()
    bends = (numbers.noise(6) * BEND * care).tolist()
    wide = 1 + STRETCH * stretch if stretch > 0 else 1 / (1 - STRETCH * stretch)
    x, y = points[:, 0] * wide, points[:, 1]
    x = x + SLANT * slant * y
    x, y = x - TURN * turn * y, y + TURN * turn * x
    xx, xy, yy = x * x, x * y, y * y
    x = x + bends[0] * xx + bends[1] * xy + bends[2] * yy
    y = y + bends[3] * xx + bends[4] * xy + bends[5] * yy
    return np.stack([x, y], axis=1)


def make_mistakes(shapes, numbers):
    """Strokes forgotten, lifted in between, drawn twice, backwards or in another order."""
    shapes = [*shapes]
    if len(shapes) > 4 and numbers.next() < 0.08:
        # The last ones: what a drawing needs, programs draw first.
        del shapes[-1 - int(numbers.next() * (len(shapes) // 2))]
    drawn = []
    for shape in shapes:
        chance = numbers.next()
        if chance < 0.2:
            shape = shape[::-1]
        if 0.5 < chance < 0.54 and len(shape) > 5:  # The pen is lifted.
            at = 2 + int(numbers.next() * (len(shape) - 4))
            drawn += [shape[: at + 1], shape[at:]]
        elif 0.6 < chance < 0.62:  # It was not good enough, and is drawn again.
            drawn += [shape, shape]
        else:
            drawn.append(shape)
    for i in range(len(drawn) - 1):
        if numbers.next() < 0.12:
            drawn[i], drawn[i + 1] = drawn[i + 1], drawn[i]
    if numbers.next() < 0.05:
        drawn.append(stray(drawn, numbers))
    return drawn


def stray(shapes, numbers):
    """A short stroke that means nothing."""
    shape = shapes[int(numbers.next() * len(shapes))]
    x, y = shape[int(numbers.next() * len(shape))]
    dx, dy = (numbers.noise(2) * 22).tolist()
    return [(x, y), (x + dx, y + dy)]
