"""Classes that nobody named: a class is a random stroke program, a drawing one run of it.

A program is a list of parts. The first part is large; each of the others stands in a relation
to an earlier one: inside it, on one of its sides, as a pair left and right, in a ring around
it, in a row, or across it. What a person would keep from one drawing to the next belongs to the
class: which shapes, in which relation, about how large. What differs between two drawings, the
pen and the hand choose, as they do for named classes.

So there are as many classes as wanted, and a model that must tell them apart learns to match,
and not to know classes.
"""

import functools
from typing import NamedTuple

from records.drawings.doodles import shapes
from records.drawings.doodles.hand import Numbers
from records.drawings.doodles.pen import Pen
from records.drawings.doodles.shapes import around, cos, curve, line, scallops, sin, zigzag

# Unit shapes: functions of three numbers of the class in [0, 1), which give strokes in
# [-1, 1] x [-1, 1]. Those that point somewhere point up.


def arc(x, y, rx, ry, start=0, end=360):
    """With as many points as one of a usual size has."""
    large = shapes.arc(20 * x, 20 * y, 20 * rx, 20 * ry, start, end)
    return [(px / 20, py / 20) for px, py in large]


def ellipse(u, v, w):
    return [arc(0, 0, 1, 1)]


def polygon(u, v, w):
    corners = 3 + int(4 * u)
    first = -90 if v < 0.6 else -90 + 180 / corners
    return [line(*(around(0, 0, 1, first + 360 * i / corners) for i in range(corners + 1)))]


def box(u, v, w):
    """A rectangle or a trapezoid."""
    top = 1.0 if u < 0.5 else 0.3 + 0.5 * v
    return [line((-top, -1), (top, -1), (1, 1), (-1, 1), (-top, -1))]


def star(u, v, w):
    points, inner = 4 + int(4 * u), 0.3 + 0.35 * v
    corners = (
        around(0, 0, (1, inner)[i % 2], -90 + 180 * i / points) for i in range(2 * points + 1)
    )
    return [line(*corners)]


def blob(u, v, w):
    """A smooth outline, the same left and right."""
    side = [(0.35 + 0.3 * u, -0.8), (0.4 + 0.6 * v, -0.1), (0.3 + 0.7 * w, 0.6)]
    dent = -1 + 0.5 * (u > 0.6)
    left = [(-x, y) for x, y in reversed(side)]
    return [curve((0, dent), *side, (0, 1 - 0.4 * (v < 0.3)), *left, (0, dent))]


def bean(u, v, w):
    """A smooth outline that is nowhere the same."""
    radii = (1.0, 0.5 + 0.5 * u, 0.9, 0.45 + 0.5 * v, 1.0, 0.6 + 0.4 * w)
    points = [around(0, 0, radius, 60 * i) for i, radius in enumerate(radii)]
    return [curve(*points, closed=True)]


def petal(u, v, w):
    """Pointed at its top, or at both ends."""
    wide, foot = 0.5 + 0.5 * u, (0, 1) if v < 0.5 else (0.3, 0.9)
    right = curve((0, -1), (wide, 0.1 + 0.3 * w), foot)
    left = [(-x, y) for x, y in reversed(right)]
    return [right + left]


def dome(u, v, w):
    """Half an ellipse on a line, or with a scalloped rim."""
    bow = arc(0, 1, 1, 1.6 + 0.4 * v, 180, 360)
    return [bow + (line((1, 1), (-1, 1)) if u < 0.6 else scallops((1, 1), (-1, 1), 3, -0.25))]


def crescent(u, v, w):
    thin = 0.4 + 0.5 * u
    return [arc(0, 0.6, 1, 1.5, 190, 350) + arc(0, 0.6, 1, 1.5 - thin, 350, 190)]


def stick(u, v, w):
    """A line, at times with an end."""
    end = {0: [], 1: [line((-0.5, -0.5), (0, -1), (0.5, -0.5))], 2: [arc(0, -0.8, 0.25, 0.2)]}
    return [line((0, 1), (0, -1)), *end.get(int(6 * u), [])]


def bow(u, v, w):
    return [arc(0, 1, 1, 1 + v, 180, 360)]


def teeth(u, v, w):
    return [zigzag((-1, 0.5), (1, 0.5), 2 + int(3 * u), 0.6 + 0.6 * v)]


def waves(u, v, w):
    return [scallops((-1, 0.4), (1, 0.4), 2 + int(3 * u), 0.4 + 0.4 * v)]


def coil(u, v, w):
    return [shapes.spiral(0, 0, 1, 1.5 + 1.3 * u, 360 * v)]


def cross(u, v, w):
    if u < 0.5:
        return [line((-1, 0), (1, 0)), line((0, -1), (0, 1))]
    return [line((-0.8, -0.8), (0.8, 0.8)), line((0.8, -0.8), (-0.8, 0.8))]


def fork(u, v, w):
    out = 0.4 + 0.6 * v
    return [line((0, 1), (0, 0.2 - 0.5 * u)), line((-out, -1), (0, 0.2 - 0.5 * u), (out, -1))]


def hook(u, v, w):
    return [line((0, 1), (0, -0.3)) + arc(0.45, -0.3, 0.45, 0.6, 180, 330 + 60 * u)]


def bars(u, v, w):
    """Lines side by side."""
    number = 2 + int(3 * u)
    places = [-0.8 + 1.6 * i / (number - 1) for i in range(number)]
    return [line((x, -1), (x, 1)) if v < 0.5 else line((-1, x), (1, x)) for x in places]


def ladder(u, v, w):
    return [line((-0.8, -1), (-0.8, 1)), line((0.8, -1), (0.8, 1)), *bars(u, 1, w)]


LARGE = (ellipse, polygon, box, star, blob, bean, petal, dome, crescent, stick, ladder, coil)
SMALL = (
    ellipse, polygon, box, star, blob, petal, dome, crescent, stick, bow, teeth, waves, coil,
    cross, fork, hook, bars,
)  # fmt: skip
MANY = (stick, stick, stick, ellipse, ellipse, polygon, petal, bow, hook)  # drawn many times
NARROW = {stick: 0.15, hook: 0.5, fork: 0.7}  # their greatest width over height
SIDES = (-90, 90, 180, 0)


class Place(NamedTuple):
    """Where a unit shape is drawn: its centre, half its width and height, and its turn."""

    x: float
    y: float
    wide: float
    high: float
    turn: float = 0.0

    def put(self, shape):
        c, s = cos(self.turn), sin(self.turn)
        return [
            (
                self.x + px * self.wide * c - py * self.high * s,
                self.y + px * self.wide * s + py * self.high * c,
            )
            for px, py in shape
        ]


class Part(NamedTuple):
    """Of a program.

    shape, other, style: a unit shape, another that is drawn instead at times (None: never), and
        their three numbers.
    size, aspect: half its greater side, as a share of the parent's, and width over height.
    parent: number of an earlier part; -1 is none.
    relation, numbers: a function of this file, and three numbers in [0, 1) that it reads. The
        first makes its choices; the others differ a little from drawing to drawing.
    often: the share of drawings that have it.
    """

    shape: object
    other: object
    style: tuple
    size: float
    aspect: float
    parent: int
    relation: object
    numbers: tuple
    often: float


# Relations: where the copies of a part lie, given the place of its parent.


def sized(part, parent, pen):
    """Half the width and the height of a part in this drawing."""
    size = pen.about(part.size, 0.5) * max(abs(parent.wide), parent.high)
    aspect = min(pen.about(part.aspect, 0.5), NARROW.get(part.shape, 9.0))
    return (size, size / aspect) if aspect > 1 else (size * aspect, size)


def alone(part, parent, pen):
    return [Place(parent.x, parent.y, *sized(part, parent, pen))]


def inside(part, parent, pen):
    u, v, w = part.numbers
    x = parent.x + parent.wide * 0.5 * (2 * w - 1) * (u > 0.5)
    y = parent.y + parent.high * 0.5 * (2 * v - 1)
    wide, high = sized(part, parent, pen)
    return [Place(x, y, 0.8 * wide, 0.8 * high)]


def on_a_side(part, parent, pen):
    """It touches one side, and points away from it."""
    u, v, w = part.numbers
    angle, (wide, high) = SIDES[int(4 * u)], sized(part, parent, pen)
    out = high * (0.4 + 0.6 * v)
    x = parent.x + cos(angle) * (abs(parent.wide) + out)
    y = parent.y + sin(angle) * (parent.high + out)
    tilt = 60 * (2 * w - 1) if 4 * u % 1 > 0.7 else 0
    return [Place(x, y, wide, high, angle + 90 + tilt)]


def pair(part, parent, pen):
    """Left and right, the one the mirror image of the other."""
    u, v, w = part.numbers
    wide, high = sized(part, parent, pen)
    out, y = parent.wide * (0.3 + 0.7 * v), parent.y + parent.high * (1.8 * w - 0.9)
    turn = pen.about(80 * (2 * u - 1))
    return [Place(parent.x + side * out, y, side * wide, high, side * turn) for side in (-1, 1)]


def ring(part, parent, pen):
    """Around, pointing outwards."""
    u, v, w = part.numbers
    number = 4 + int(4 * u) + pen.choose(-1, 0, 0, 0, 1)
    wide, high = (side * 0.55 for side in sized(part, parent, pen))
    first, gap = 360 * (9 * u % 1) + pen.between(-15, 15), high * (0.3 + 1.2 * w)
    places = []
    for i in range(number):
        angle = first + 360 * i / number
        x = parent.x + (abs(parent.wide) + gap) * cos(angle)
        y = parent.y + (parent.high + gap) * sin(angle)
        places.append(Place(x, y, wide, high, angle + 90))
    return places


def row(part, parent, pen):
    """Side by side below, above or across."""
    u, v, w = part.numbers
    number = 2 + int(3 * u) + pen.choose(0, 0, 0, 1)
    wide, high = (side * 0.6 for side in sized(part, parent, pen))
    out = parent.high + 0.8 * high
    y = parent.y + (out, out, -out, 0.0)[int(4 * (9 * u % 1))]
    places = []
    for i in range(number):
        x = parent.x + parent.wide * (0.6 + 0.3 * v) * (2 * i / (number - 1) - 1)
        places.append(Place(x, y, wide, high))
    return places


def across(part, parent, pen):
    u, v, w = part.numbers
    wide, high = sized(part, parent, pen)
    turn = (0, 90, 45, -45)[int(4 * u)] + pen.between(-8, 8)
    return [Place(parent.x, parent.y, wide * (1.5 + v), high * (1.5 + v), turn)]


RELATIONS = (inside, on_a_side, on_a_side, pair, pair, ring, row, across)


@functools.lru_cache(maxsize=4096)
def program(class_name):
    """The parts of a random class: a tuple of `Part`."""
    pen = Pen(Numbers(f"the program of {class_name}"))
    parts = []
    for i in range(pen.choose(2, 2, 3, 3, 3, 4)):
        relation = pen.choose(*RELATIONS) if i else alone
        options = LARGE if i == 0 else MANY if relation in (ring, row) else SMALL
        parts.append(
            Part(
                shape=pen.choose(*options),
                other=pen.choose(None, None, pen.choose(*options)) if i else None,
                style=tuple(pen.between(0, 1) for _ in range(3)),
                size=pen.between(0.2, 0.65) if i else 50.0,
                aspect=pen.choose(0.35, 0.55, 0.8, 1.0, 1.0, 1.3, 1.9, 2.6),
                parent=pen.choose(0, 0, i - 1) if i else -1,
                relation=relation,
                numbers=tuple(pen.between(0, 1) for _ in range(3)),
                often=pen.choose(1.0, 1.0, 0.9, 0.6) if i > 1 else 1.0,
            )
        )
    return tuple(parts)


def near(u, pen):
    """A number in [0, 1) near another."""
    return min(max(u + pen.between(-0.15, 0.15), 0.0), 0.999)


def run(parts, pen):
    """One drawing of a program. Children of a part that is left out stand where it would be."""
    places = []
    for part in parts:
        parent = places[part.parent] if places else Place(0.0, 0.0, 1.0, 1.0)
        if part.other and pen.chance(0.3):
            part = part._replace(shape=part.other)
        first, *others = part.numbers
        part = part._replace(numbers=(first, *(near(u, pen) for u in others)))
        copies = part.relation(part, parent, pen)
        places.append(copies[0])
        if not pen.chance(part.often):
            continue
        style = [near(u, pen) for u in part.style]
        for place in copies:
            for shape in part.shape(*style):
                pen.stroke(place.put(shape))
