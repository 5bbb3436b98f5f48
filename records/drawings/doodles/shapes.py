"""Points of shapes, as one draws them without a hand: what the strokes of doodles are made of.

A drawing is about 100 units wide, x to the right and y downwards. A shape is a list of points
(x, y); two shapes one after the other, `arc(...) + line(...)`, are drawn in one go. Angles are
degrees: 0 points to the right, 90 down.

Every machine must compute the same points. So sines come from a table, whose values are whole
multiples of 2^-20, and all else is plain Python with + - * / and square roots, which IEEE 754
rounds in one way only. (NumPy's and C's sines differ in the last bit between machines.)
"""

import math

SINES = [round(math.sin(math.radians(i / 2)) * 2**20) / 2**20 for i in range(720)]
LONGEST = 45.0  # A longer line gets points in between, where the hand can shake.


def sin(degrees):
    """To the nearest half degree."""
    return SINES[round(degrees * 2) % 720]


def cos(degrees):
    return sin(degrees + 90)


def around(x, y, radius, degrees):
    """The point at an angle and a distance from (x, y)."""
    return x + radius * cos(degrees), y + radius * sin(degrees)


def line(*points):
    """Straight from point to point."""
    shape = [points[0]]
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        parts = 1 + int(max(abs(x1 - x0), abs(y1 - y0)) / LONGEST)
        for i in range(1, parts + 1):
            shape.append((x0 + (x1 - x0) * i / parts, y0 + (y1 - y0) * i / parts))
    return shape


def arc(x, y, rx, ry, start=0, end=360, turn=0):
    """Part of an ellipse around (x, y), which is turned as a whole by `turn` degrees."""
    size = max(abs(rx), abs(ry))
    parts = max(2, math.ceil(abs(end - start) / 360 * (5 + 1.5 * math.sqrt(size))))
    c, s = cos(turn), sin(turn)
    shape = []
    for i in range(parts + 1):
        angle = start + (end - start) * i / parts
        u, v = rx * cos(angle), ry * sin(angle)
        shape.append((x + u * c - v * s, y + u * s + v * c))
    return shape


def curve(*points, closed=False):
    """Smooth through all points (Catmull-Rom)."""
    points = list(points)
    if closed:
        points = [points[-1], *points, points[0], points[1]]
    else:
        points = [points[0], *points, points[-1]]
    shape = [points[1]]
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
        parts = 2 if max(abs(c[0] - b[0]), abs(c[1] - b[1])) < 15 else 3
        for i in range(1, parts + 1):
            t = i / parts
            wa, wb = t * (2 * t - t * t - 1) / 2, (3 * t * t * t - 5 * t * t + 2) / 2
            wc, wd = t * (4 * t - 3 * t * t + 1) / 2, t * t * (t - 1) / 2
            shape.append(
                (
                    wa * a[0] + wb * b[0] + wc * c[0] + wd * d[0],
                    wa * a[1] + wb * b[1] + wc * c[1] + wd * d[1],
                )
            )
    return shape


def zigzag(start, end, teeth, height):
    """From start to end with so many teeth to the left of the way."""
    (x0, y0), (x1, y1) = start, end
    dx, dy = (x1 - x0) / teeth, (y1 - y0) / teeth
    length = math.sqrt(dx * dx + dy * dy) or 1.0
    nx, ny = dy / length * height, -dx / length * height
    shape = [start]
    for i in range(teeth):
        shape.append((x0 + dx * (i + 0.5) + nx, y0 + dy * (i + 0.5) + ny))
        shape.append((x0 + dx * (i + 1), y0 + dy * (i + 1)))
    return shape


def scallops(start, end, bumps, height):
    """From start to end in so many bows to the left of the way."""
    (x0, y0), (x1, y1) = start, end
    dx, dy = (x1 - x0) / bumps, (y1 - y0) / bumps
    length = math.sqrt(dx * dx + dy * dy) or 1.0
    nx, ny = dy / length * height, -dx / length * height
    shape = [start]
    for i in range(bumps):
        for along, out in ((0.2, 0.75), (0.5, 1.0), (0.8, 0.75), (1.0, 0.0)):
            shape.append((x0 + dx * (i + along) + nx * out, y0 + dy * (i + along) + ny * out))
    return shape


def cloud(x, y, rx, ry, bumps, depth=0.25, start=0, end=360):
    """Bows around an ellipse; depth: of the bows, a share of the radius."""
    shape = []
    for i in range(bumps * 4 + 1):
        angle = start + (end - start) * i / (bumps * 4)
        out = (1.0, 1 + 0.75 * depth, 1 + depth, 1 + 0.75 * depth)[i % 4]
        shape.append((x + rx * out * cos(angle), y + ry * out * sin(angle)))
    return shape


def spiral(x, y, radius, turns, start=0):
    """From the middle outwards."""
    parts = math.ceil(9 * turns)
    angle = 360 * turns / parts
    return [around(x, y, radius * i / parts, start + angle * i) for i in range(1, parts + 1)]


def turned(shape, degrees, x=0.0, y=0.0):
    """Around (x, y)."""
    c, s = cos(degrees), sin(degrees)
    return [
        (x + (px - x) * c - (py - y) * s, y + (px - x) * s + (py - y) * c) for px, py in shape
    ]
