"""What stands or lies in a home."""

from records.drawings.doodles.shapes import arc, around, curve, line


def cup(pen):
    """Open at the top, with a handle; perhaps steam."""
    wide, foot, way = pen.about(34, 0.25), pen.between(0.6, 1), pen.choose(0, 0, 1, 2)
    bottom = pen.about(90, 0.15)
    left, right, low = 45 - wide, 45 + wide, wide * foot
    if way != 1:
        pen.ellipse(45, 20, wide, pen.about(7, 0.5))
    if way == 0:
        base = arc(45, bottom - 6, low, 8, 180, 0)
        pen.stroke([(left, 20), *base, (right, 20)])
    elif way == 1:
        pen.shape((left, 20), (right, 20), (45 + low, bottom), (45 - low, bottom))
    else:
        side = [(left, 20), (left + 2, 45), (45 - low * 0.7, bottom - 4)]
        pen.curve(*side, (45, bottom), *((90 - x, y) for x, y in reversed(side)))
    if pen.chance(0.85):
        out, x = pen.about(22, 0.3), 45 + wide * (1 + foot) / 2
        pen.curve((x + 1, 34), (x + out, 30), (x + out + 2, 60), (x, 72))
        if pen.chance(0.5):
            pen.curve((x + 1, 43), (x + out - 9, 41), (x + out - 8, 57), (x, 63))
    for i in range(pen.choose(0, 0, 2, 3)):
        pen.curve((32 + 13 * i, 10), (28 + 13 * i, 2), (35 + 13 * i, -7), (31 + 13 * i, -16))


def envelope(pen):
    """A rectangle with a flap."""
    wide, high = 100, pen.about(62)
    pen.rectangle(0, 0, wide, high)
    pen.line((0, 0), (50 + pen.between(-5, 5), high * pen.between(0.4, 0.65)), (wide, 0))
    if pen.chance(0.3):
        pen.line((0, high), (36, high * 0.45))
        pen.line((wide, high), (64, high * 0.45))
    if pen.chance(0.15):
        pen.circle(50, high * 0.5, 5)


def candle(pen):
    """A column with a flame; perhaps a saucer and drops of wax."""
    wide, top = pen.about(13, 0.4), pen.about(38)
    if pen.chance(0.3):
        pen.ellipse(50, top, wide, wide * 0.25)
        pen.stroke(
            line((50 - wide, top), (50 - wide, 98))
            + arc(50, 98, wide, wide * 0.25, 180, 0)
            + line((50 + wide, 98), (50 + wide, top))
        )
    else:
        pen.rectangle(50 - wide, top, wide * 2, 100 - top)
    wick = top - pen.between(4, 9)
    pen.line((50, top), (50, wick))
    pen.loop(
        (50, wick + 2), (50 - 7, wick - 8), (50 + pen.between(-3, 3), wick - 26),
        (50 + 7, wick - 8),
    )  # fmt: skip
    if pen.chance(0.3):
        pen.curve(
            (50 - wide, top), (50 - wide * 0.6, top + 18), (50 - wide * 0.2, top + 5),
            (50 + wide * 0.3, top + 13), (50 + wide, top),
        )  # fmt: skip
    if pen.chance(0.35):
        pen.ellipse(50, 101, wide * pen.between(1.6, 2.4), 6)


def light_bulb(pen):
    """A round glass on a threaded foot, with a wire or with rays."""
    radius, neck, long = pen.about(34, 0.15), pen.about(13, 0.3), pen.between(68, 80)
    glass = arc(50, 36, radius, radius * pen.between(0.9, 1.15), 112, 428)
    pen.stroke(
        line((50 - neck, long), (50 - neck, 68))
        + glass
        + line((50 + neck, 68), (50 + neck, long))
    )
    if pen.chance(0.6):
        pen.rectangle(50 - neck, long, neck * 2, 98 - long)
    else:
        foot = arc(50, 93, neck, 7, 180, 0)
        pen.stroke(line((50 - neck, long), (50 - neck, 93)) + foot + line((50 + neck, long)))
    for i in range(pen.choose(0, 0, 2)):
        pen.line((50 - neck, 84 + 6 * i), (50 + neck, 82 + 6 * i))
    if pen.chance(0.4):
        pen.line((46, 76), (40, 42), (46, 50), (50, 40), (54, 50), (60, 42), (54, 76))
    for angle in range(170, 380, 40) if pen.chance(0.25) else ():
        pen.line(around(50, 36, radius + 8, angle), around(50, 36, radius + 20, angle))


def clock(pen):
    """A dial with two hands and marks of the hours; at times an alarm clock."""
    pen.circle(50, 50, 48)
    hour, minute = pen.between(0, 360), pen.choose(-90, -90, 0, 90, pen.between(0, 360))
    ends = (around(50, 50, pen.about(22), hour), around(50, 50, pen.about(36, 0.1), minute))
    if pen.chance(0.5):
        pen.line(ends[0], (50, 50), ends[1])
    else:
        pen.line((50, 50), ends[0])
        pen.line((50, 50), ends[1])
    step = pen.choose(0, 90, 90, 30)
    for angle in range(0, 360, step) if step else ():
        pen.line(around(50, 50, pen.about(40, 0.05), angle), around(50, 50, 46, angle))
    if pen.chance(0.2):
        for side in (-1, 1):
            pen.arc(50 + side * 32, 6, 14, 11, 180 + side * 40, 360 + side * 40)
            pen.line((50 + side * 28, 90), (50 + side * 38, 104))


def book(pen):
    """Open with lines of text, or closed with a back."""
    if pen.chance(0.6):
        dip, high = pen.between(6, 14), pen.about(58)
        for side in (-1, 1):
            x = 50 + side * 50
            pen.stroke(
                curve((50, dip), (50 + side * 22, 0), (x, 4))
                + line((x, 4), (x, 4 + high))[1:]
                + curve((x, 4 + high), (50 + side * 22, high), (50, high + dip))
            )
            for i in range(pen.choose(0, 2, 3, 4)):
                y = 20 + dip / 2 + 11 * i
                pen.line((50 + side * 8, y), (50 + side * 42, y - 3))
        pen.line((50, dip), (50, high + dip))
    else:
        wide, deep = pen.about(62), pen.between(8, 16)
        pen.rectangle(10, 15, wide, 85)
        pen.line(
            (10, 15), (10 + deep, 15 - deep), (10 + deep + wide, 15 - deep), (10 + wide, 15)
        )
        pen.line(
            (10 + deep + wide, 15 - deep), (10 + deep + wide, 100 - deep), (10 + wide, 100)
        )
        for i in range(pen.choose(0, 1, 2)):
            pen.line((22, 35 + 12 * i), (wide, 35 + 12 * i))


def chair(pen):
    """A back, a seat and legs, from the side or from the front."""
    seat, leg = pen.about(55, 0.1), 100
    if pen.chance(0.5):
        wide = pen.about(46)
        pen.line((20, 0), (20, leg))
        pen.line((20, seat), (20 + wide, seat), (20 + wide, leg))
        if pen.chance(0.4):
            pen.line((20, seat + 8), (20 + wide, seat + 8))
        for x in (30, 20 + wide - 9) if pen.chance(0.35) else ():
            pen.line((x, seat), (x, leg - 10))
    else:
        wide, slant = pen.about(44), pen.between(6, 16)
        pen.rectangle(25, 2, wide, seat - 12)
        pen.shape(
            (25, seat - 8), (25 + wide, seat - 8), (25 + wide + slant, seat + 10),
            (25 - slant, seat + 10),
        )  # fmt: skip
        for x in (25 - slant, 25 + wide + slant):
            pen.line((x, seat + 10), (x, leg))
        for x in (30, 20 + wide) if pen.chance(0.6) else ():
            pen.line((x, seat + 10), (x, leg - 10))
        for i in range(pen.choose(0, 0, 2, 3)):
            pen.line((35 + 12 * i, 4), (35 + 12 * i, seat - 10))


def table(pen):
    """A top on legs, from the side or from above."""
    high, thick, way = pen.about(54, 0.3), pen.between(5, 14), pen.choose(0, 1, 2, 3)
    if way == 0:
        pen.rectangle(0, 0, 100, thick)
        for x, wide in ((4, 6), (96, -6)):
            pen.line((x, thick), (x, high), (x + wide, high), (x + wide, thick))
    elif way == 1:
        pen.line((pen.between(0, 10), high), (0, 0), (100, 0), (pen.between(90, 100), high))
        if pen.chance(0.5):
            pen.line((14, high), (12, thick), (88, thick), (86, high))
    elif way == 2:
        pen.ellipse(50, thick, 50, thick)
        for x in (14, 86, 38, 62)[: pen.choose(2, 4)]:
            pen.line((x, thick * 1.8), (x, thick + high))
    else:
        deep = pen.between(18, 30)
        pen.shape((22, 0), (100, 0), (78, deep), (0, deep))
        for x, y in ((0, deep), (78, deep), (100, 0)):
            pen.line((x, y), (x, y + high * 0.8))
        if pen.chance(0.5):
            pen.line((24, deep), (24, high * 0.8))


def bed(pen):
    """From the side: two boards, a mattress, a pillow and legs."""
    head, top = pen.between(0, 12), pen.about(36, 0.15)
    pen.line((0, head), (0, 68))
    pen.line((100, top - pen.between(3, 16)), (100, 68))
    pen.rectangle(0, top, 100, pen.between(10, 18))
    if pen.chance(0.5):
        pen.loop((3, top), (5, top - 12), (24, top - 11), (27, top))
    else:
        pen.rectangle(3, top - 11, 23, 11)
    if pen.chance(0.5):
        pen.curve((30, top), (40, top - 9), (80, top - 8), (98, top))


def door(pen):
    """A tall rectangle with a knob, often with panels or a frame."""
    wide = pen.about(50)
    if pen.chance(0.2):
        pen.stroke(
            line((0, 100), (0, 25))
            + arc(wide / 2, 25, wide / 2, 24, 180, 360)
            + line((wide, 25), (wide, 100), (0, 100))
        )
    else:
        pen.rectangle(0, 0, wide, 100)
    pen.circle(wide * pen.between(0.8, 0.9), pen.about(54, 0.1), pen.about(3.5))
    way = pen.choose(0, 0, 1, 2)
    if way == 1:
        pen.line((-7, 100), (-7, -7), (wide + 7, -7), (wide + 7, 100))
    elif way == 2:
        for y, high in ((10, 30), (60, 30)):
            pen.rectangle(wide * 0.18, y, wide * 0.55, high)


def vase(pen):
    """A belly with a neck, or narrow in the middle; perhaps flowers."""
    belly, neck, lip = pen.about(28, 0.35), pen.about(12, 0.4), pen.about(18, 0.3)
    foot, low = belly * pen.between(0.4, 0.8), pen.between(58, 80)
    if pen.chance(0.5):
        pen.ellipse(50, 30, lip, 4)
    else:
        pen.line((50 - lip, 30), (50 + lip, 30))
    if pen.chance(0.25):
        pen.line((50 - lip, 30), (50 - foot, 100), (50 + foot, 100), (50 + lip, 30))
    else:
        left = curve((50 - lip, 30), (50 - neck, 42), (50 - belly, low), (50 - foot, 100))
        pen.stroke(left + [(100 - x, y) for x, y in reversed(left)])
    for i in range(pen.choose(0, 0, 0, 1, 2, 3)):
        x, y = 50 + 17 * (i - 1) + pen.between(-4, 4), pen.between(0, 10)
        pen.line((50, 30), (x, y))
        pen.circle(x, y - 6, 6)
    if pen.chance(0.2):
        pen.zigzag((50 - belly * 0.9, low), (50 + belly * 0.9, low), 5, 7)


def hourglass(pen):
    """Two triangles that meet, between two boards, with sand."""
    wide = pen.about(34)
    if pen.chance(0.5):
        pen.line(
            (50 - wide, 4), (50 + wide, 96), (50 - wide, 96), (50 + wide, 4), (50 - wide, 4)
        )
    else:
        for side in (-1, 1):
            pen.curve(
                (50 + side * wide, 5), (50 + side * wide, 24), (50 + side * 4, 50),
                (50 + side * wide, 76), (50 + side * wide, 95),
            )  # fmt: skip
        pen.line((50 - wide, 5), (50 + wide, 5))
        pen.line((50 - wide, 95), (50 + wide, 95))
    if pen.chance(0.4):
        for y in (0, 97):
            pen.rectangle(50 - wide * 1.2, y, wide * 2.4, 5)
    if pen.chance(0.5):
        pen.curve((50 - wide * 0.6, 92), (50, 74), (50 + wide * 0.6, 92))
    if pen.chance(0.3):
        pen.line((50, 50), (50, 75))


def television(pen):
    """A screen in a box, with an aerial or on feet."""
    high = pen.about(64)
    pen.rectangle(0, 0, 100, high)
    edge = pen.between(7, 12)
    right = pen.choose(edge, edge, 25)
    pen.rectangle(edge, edge, 100 - edge - right, high - 2 * edge)
    if right == 25:
        for i in range(pen.count(2, 3)):
            pen.circle(88, 15 + 15 * i, 4)
    if pen.chance(0.65):
        for side in (-1, 1):
            pen.line(
                (50 + side * 2, 0), (50 + side * pen.between(16, 28), -pen.between(20, 32))
            )
    if pen.chance(0.6):
        for x in (20, 80):
            pen.line((x, high), (x + (x - 50) / 6, high + 12))


def ladder(pen):
    """Two rails with rungs."""
    wide, rungs = pen.about(36, 0.3), pen.count(4, 7)
    slant = pen.choose(0, 0, 5, 22)
    pen.line((50 - wide / 2 + slant, 0), (50 - wide / 2, 100))
    pen.line((50 + wide / 2 + slant, 0), (50 + wide / 2, 100))
    for i in range(rungs):
        y = 100 * (i + 0.6) / (rungs + 0.2)
        x = 50 + slant * (1 - y / 100)
        pen.line((x - wide / 2, y), (x + wide / 2, y + pen.between(-2, 2)))


def fork(pen):
    """Three or four tines on a handle."""
    wide, tines = pen.about(18), pen.choose(3, 3, 4)
    pen.stroke(
        line((50 - wide, 0), (50 - wide, 26))
        + arc(50, 26, wide, 14, 180, 0)
        + line((50 + wide, 26), (50 + wide, 0))
    )
    for i in range(1, tines - 1):
        x = 50 - wide + 2 * wide * i / (tines - 1)
        pen.line((x, 0), (x, 38))
    if pen.chance(0.5):
        pen.line((50, 40), (50, 115))
    else:
        pen.line((47, 40), (46, 112), (54, 112), (53, 40))


def wine_glass(pen):
    """A bowl on a stem with a foot, often with wine."""
    wide, deep = pen.about(26), pen.about(44, 0.15)
    pen.curve(
        (50 - wide, 0), (50 - wide, deep * 0.55), (50, deep), (50 + wide, deep * 0.55),
        (50 + wide, 0),
    )  # fmt: skip
    if pen.chance(0.5):
        pen.line((50 - wide, 0), (50 + wide, 0))
    else:
        pen.ellipse(50, 0, wide, 4)
    pen.line((50, deep), (50, 90))
    foot = pen.about(20)
    if pen.chance(0.5):
        pen.line((50 - foot, 91), (50 + foot, 91))
    else:
        pen.ellipse(50, 92, foot, 4)
    if pen.chance(0.55):
        y = deep * pen.between(0.2, 0.45)
        pen.curve((50 - wide, y), (50, y + 3), (50 + wide, y))


CLASSES = {
    "cup": cup,
    "envelope": envelope,
    "candle": candle,
    "light bulb": light_bulb,
    "clock": clock,
    "book": book,
    "chair": chair,
    "table": table,
    "bed": bed,
    "door": door,
    "vase": vase,
    "hourglass": hourglass,
    "television": television,
    "ladder": ladder,
    "fork": fork,
    "wine glass": wine_glass,
}
