"""What stands in a town."""

from records.drawings.doodles.shapes import arc, around, line, turned


def house(pen):
    """A box with a roof; a door, windows and a chimney."""
    wide, high, eave = pen.about(76), pen.about(52), pen.between(0, 9)
    left, right, bottom = 50 - wide / 2, 50 + wide / 2, 40 + high
    if pen.chance(0.2):
        pen.line(
            (left, 40), (50, pen.about(8, 0.5)), (right, 40), (right, bottom), (left, bottom),
            (left, 40),
        )  # fmt: skip
        if pen.chance(0.7):
            pen.line((left, 40), (right, 40))
    else:
        pen.rectangle(left, 40, wide, high)
        pen.line((left - eave, 40), (50, pen.between(0, 16)), (right + eave, 40))
    if pen.chance(0.8):
        x, door = pen.choose(50 - 8, left + 8, right - 24), pen.between(24, 32)
        pen.line((x, bottom), (x, bottom - door), (x + 16, bottom - door), (x + 16, bottom))
        if pen.chance(0.4):
            pen.dot(x + 12, bottom - door / 2)
    size = pen.between(12, 16)
    for x in (
        ((left + 7, right - 7 - size) if pen.chance(0.6) else (right - 8 - size,))
        if pen.chance(0.75)
        else ()
    ):
        pen.rectangle(x, 48, size, size)
        if pen.chance(0.4):
            pen.line((x + size / 2, 48), (x + size / 2, 48 + size))
            pen.line((x, 48 + size / 2), (x + size, 48 + size / 2))
    if pen.chance(0.3):
        pen.line((70, 22), (70, 6), (79, 6), (79, 29))


def castle(pen):
    """A wall with battlements between two towers, with a gate."""
    top, tower = pen.about(38), pen.about(24)
    pointed = pen.chance(0.3)
    for left in (0, 100 - tower):
        step = tower / 5
        if pointed:
            pen.line((left, 100), (left, 25), (left + tower, 25), (left + tower, 100))
            pen.line((left - 3, 25), (left + tower / 2, 0), (left + tower + 3, 25))
        else:
            rim = [(left, 8)]
            for i in range(5):
                rim += [
                    (left + step * i, 16 - 8 * (i % 2 == 0)),
                    (left + step * (i + 1), 16 - 8 * (i % 2 == 0)),
                ]
            pen.stroke(
                [(left, 100), (left, 50), *rim[1:], (left + tower, 50), (left + tower, 100)]
            )
    gap = 100 - 2 * tower
    teeth = pen.choose(3, 5)
    wall = []
    for i in range(teeth):
        y = top + 8 * (i % 2)
        wall += [(tower + gap * i / teeth, y), (tower + gap * (i + 1) / teeth, y)]
    pen.stroke(wall)
    pen.line((0, 100), (100, 100))
    if pen.chance(0.8):
        pen.stroke(
            line((40, 100), (40, 78))
            + arc(50, 78, 10, 12, 180, 360)
            + line((60, 78), (60, 100))
        )
    if pen.chance(0.4):
        for x in (tower / 2, 100 - tower / 2):
            pen.rectangle(x - 3, 40, 6, 10)
    if pen.chance(0.25):
        pen.line((tower / 2, 5), (tower / 2, -18), (tower / 2 + 15, -12), (tower / 2, -6))


def tent(pen):
    """A triangle with an open front; at times seen from the side."""
    wide = pen.about(50, 0.15)
    if pen.chance(0.6):
        pen.shape((50, 5), (50 + wide, 85), (50 - wide, 85))
        door = pen.between(9, 20)
        if pen.chance(0.7):
            pen.line((50 - door, 85), (50, pen.choose(7, 35)), (50 + door, 85))
        else:
            pen.line((50, 5), (50, 85))
    else:
        pen.shape((30, 8), (58, 85), (2, 85))
        pen.line((30, 8), (92, 2), (118, 72), (58, 85))
        if pen.chance(0.7):
            pen.line((30, 8), (30, 85))
    if pen.chance(0.35):
        pen.line((50, 5), (46, -3))
        pen.line((50, 5), (54, -3))


def windmill(pen):
    """Four sails on a tower."""
    foot, top = pen.about(20), pen.about(11)
    pen.line((50 - top, 42), (50 - foot, 105), (50 + foot, 105), (50 + top, 42))
    if pen.chance(0.5):
        pen.arc(50, 42, top, 12, 180, 360)
    first, length, wide = pen.between(20, 65), pen.about(42, 0.1), pen.about(11)
    as_leaves = pen.chance(0.25)
    for i in range(4):
        angle = first + 90 * i
        if as_leaves:
            x, y = around(50, 38, length / 2, angle)
            pen.ellipse(x, y, length / 2, wide / 2, angle)
        else:
            end = 50 + length
            sail = line((50, 38), (end, 38), (end, 38 + wide), (58, 38 + wide * 0.8), (50, 38))
            pen.stroke(turned(sail, angle, 50, 38))
    if pen.chance(0.5):
        pen.line((44, 105), (44, 88), (56, 88), (56, 105))


def traffic_light(pen):
    """Three lamps in a box, often on a pole."""
    wide = pen.about(19)
    pen.rectangle(50 - wide, 0, wide * 2, 88)
    radius = min(wide * 0.65, pen.about(11))
    for i in range(3):
        pen.circle(50, 16 + 28 * i, radius)
    way = pen.choose(0, 1, 2)
    if way == 1:
        pen.line((50, 88), (50, 130))
    elif way == 2:
        pen.line((45, 88), (45, 128))
        pen.line((55, 88), (55, 128))


CLASSES = {
    "house": house,
    "castle": castle,
    "tent": tent,
    "windmill": windmill,
    "traffic light": traffic_light,
}
