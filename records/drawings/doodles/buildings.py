"""What stands in a town."""

from records.drawings.doodles.shapes import arc, line, turned


def house(pen):
    """A box with a roof; a door, windows and a chimney."""
    wide, high, eave = pen.about(76), pen.about(52), pen.between(0, 9)
    left, right, bottom = 50 - wide / 2, 50 + wide / 2, 40 + high
    if pen.chance(0.2):
        top = (50, pen.about(8, 0.5))
        pen.line((left, 40), top, (right, 40), (right, bottom), (left, bottom), (left, 40))
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
    for x in (right - 7 - size, left + 7)[: pen.choose(0, 1, 2, 2)]:
        pen.rectangle(x, 48, size, size)
        if pen.chance(0.4):
            pen.line((x + size / 2, 48), (x + size / 2, 48 + size))
            pen.line((x, 48 + size / 2), (x + size, 48 + size / 2))
    if pen.chance(0.3):
        pen.line((70, 22), (70, 6), (79, 6), (79, 29))


def battlements(left, right, y, teeth, high):
    """From the left to the right."""
    shape, step = [], (right - left) / teeth
    for i in range(teeth):
        up = high if i % 2 == 0 else 0
        shape += [(left + step * i, y - up), (left + step * (i + 1), y - up)]
    return shape


def castle(pen):
    """A wall with battlements and a gate, often between two towers."""
    top, tower, way = pen.about(38), pen.about(24), pen.choose(0, 1, 2, 2)
    if way == 0:
        teeth, high = pen.choose(5, 7, 9), pen.between(9, 18)
        wall = battlements(0, 100, pen.between(18, 40), teeth, high)
        pen.line((0, 100), *wall, (100, 100))
    else:
        for left in (0, 100 - tower):
            right = left + tower
            if way == 1:
                pen.line((left, 100), (left, 25), (right, 25), (right, 100))
                pen.line((left - 3, 25), (left + tower / 2, 0), (right + 3, 25))
            else:
                rim = battlements(left, right, 16, pen.choose(3, 5), 9)
                pen.stroke([(left, 100), (left, 50), *rim, (right, 50), (right, 100)])
        pen.stroke(battlements(tower, 100 - tower, top, pen.choose(3, 5), 8))
    if pen.chance(0.7):
        pen.line((0, 100), (100, 100))
    if pen.chance(0.8):
        wide, y = pen.about(10), pen.about(78, 0.1)
        gate = arc(50, y, wide, 12, 180, 360)
        pen.stroke([(50 - wide, 100), *gate, (50 + wide, 100)])
    for x in (tower / 2, 100 - tower / 2) if pen.chance(0.4) else ():
        pen.rectangle(x - 3, 46, 6, 10)
    if pen.chance(0.2):
        x = pen.choose(tower / 2, 50)
        pen.line((x, 8), (x, -18), (x + 15, -12), (x, -6))


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
    """Three or four sails on a tower."""
    foot, top, way = pen.about(18, 0.4), pen.about(9, 0.4), pen.choose(0, 0, 1, 2, 3)
    if pen.chance(0.8):
        pen.line((50 - top, 42), (50 - foot, 105), (50 + foot, 105), (50 + top, 42))
        if pen.chance(0.4):
            pen.arc(50, 42, top, 12, 180, 360)
    else:
        pen.line((50, 40), (50, 105))
    first, length, wide = pen.between(20, 80), pen.about(42), pen.about(12, 0.4)
    sails = pen.choose(3, 4, 4, 4)
    end = 50 + length
    for i in range(sails):
        angle = first + 360 * i / sails
        if way == 0:
            sail = line((50, 38), (end, 38), (end, 38 + wide), (58, 38 + wide * 0.8), (50, 38))
        elif way == 1:
            sail = arc(50 + length / 2, 38, length / 2, wide / 2, 180, 540)
        elif way == 2:
            sail = line((50, 38), (end, 38 - wide * 0.7), (end, 38 + wide * 0.7), (50, 38))
        else:
            sail = line((50, 38), (end, 38))
        pen.stroke(turned(sail, angle, 50, 38))
    if pen.chance(0.4):
        pen.circle(50, 38, 4)
    if pen.chance(0.35):
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
