"""What one eats."""

from records.drawings.doodles.shapes import arc, around, curve, line, scallops, turned


def apple(pen):
    """Round with a dent at the top, a stalk and a leaf."""
    wide, dent = pen.about(45, 0.15), pen.about(10, 0.4)
    pen.stroke(
        curve(
            (50, 22 + dent), (50 - wide * 0.5, 17), (50 - wide, 45), (50 - wide * 0.6, 90),
            (50, 88 + pen.between(-4, 4)), (50 + wide * 0.6, 90), (50 + wide, 45),
            (50 + wide * 0.5, 17), (50, 22 + dent),
        )
    )  # fmt: skip
    tip = (50 + pen.between(-6, 10), pen.between(-4, 6))
    pen.curve((50, 22 + dent), (50, 16), tip)
    if pen.chance(0.6):
        pen.loop((52, 14), (62, 1), (78, 0), (68, 14))


def pear(pen):
    """Narrow above and wide below, with a stalk."""
    wide, neck = pen.about(34), pen.about(15, 0.25)
    left = [(50 - neck, 22), (50 - neck * 1.1, 42), (50 - wide, 68), (50 - wide * 0.6, 97)]
    right = [(100 - x, y) for x, y in reversed(left)]
    pen.loop((50, 15), *left, (50, 100), *right)
    pen.curve((50, 15), (51, 8), (50 + pen.between(-5, 10), pen.between(-4, 3)))
    if pen.chance(0.35):
        pen.loop((52, 10), (62, 0), (76, 0), (66, 11))


def banana(pen):
    """A bow, thick in the middle, with a blunt end and lines along it."""
    thick, turn = pen.about(22, 0.25), pen.choose(0, 0, 90, -60) + pen.between(-15, 15)
    outer = arc(50, 30, 50, 50, 5, 165)
    (x0, y0), (x1, y1) = outer[0], outer[-1]
    inner = curve(
        (x1, y1), (20, 60 - thick * 0.4), (50, 80 - thick), (80, 60 - thick * 0.4),
        (x0 - 7, y0 - 2),
    )  # fmt: skip
    end = line((x0 - 7, y0 - 2), (x0 - 4, y0 - 13), (x0 + 2, y0 - 12), (x0, y0))
    parts = [outer + inner[1:] + end[1:]] if pen.chance(0.6) else [outer, inner, end]
    if pen.chance(0.4):
        parts.append(arc(50, 25, 46, 48 - thick * 0.4, 30, 140))
    for part in parts:
        pen.stroke(turned(part, turn, 50, 50))


def carrot(pen):
    """A long cone with leaves and a few short lines."""
    wide, turn = pen.about(15), pen.choose(0, 30, 45) + pen.between(-10, 10)
    body = curve(
        (50 - wide, 32), (50 - wide * 0.8, 50), (50, 105), (50 + wide * 0.8, 50),
        (50 + wide, 32),
    )  # fmt: skip
    top = curve((50 + wide, 32), (50, 26), (50 - wide, 32))
    pen.stroke(turned(body + top[1:], turn, 50, 50))
    for _ in range(pen.count(2, 4)):
        x = 50 + pen.between(-18, 18)
        leaf = curve((50, 28), ((x + 50) / 2 + 3, 14), (x, pen.between(-4, 6)))
        if pen.chance(0.4):
            leaf += curve((x, 0), ((x + 50) / 2 - 5, 12), (50, 28))
        pen.stroke(turned(leaf, turn, 50, 50))
    for i in range(pen.choose(0, 3, 4)):
        y, side = 42 + 13 * i, (-1) ** i
        x = 50 + side * wide * (1 - (y - 32) / 80)
        pen.stroke(turned(line((x, y), (x - side * wide * 0.7, y + 1)), turn, 50, 50))


def strawberry(pen):
    """A heart without the dent, leaves on top, and seeds."""
    wide = pen.about(36)
    pen.loop(
        (50, 24), (50 - wide * 0.7, 24), (50 - wide, 45), (50 - wide * 0.5, 82), (50, 100),
        (50 + wide * 0.5, 82), (50 + wide, 45), (50 + wide * 0.7, 24),
    )  # fmt: skip
    leaves = pen.count(3, 5)
    pen.zigzag(
        (50 - wide * 0.7, 22),
        (50 + wide * 0.7, 22),
        leaves,
        pen.between(-16, -8) if pen.chance(0.4) else 15,
    )
    if pen.chance(0.5):
        pen.line((50, 18), (50 + pen.between(-6, 6), 2))
    for i in range(pen.choose(0, 5, 8, 10)):
        x, y = 50 + (i % 3 - 1) * wide * 0.45, 42 + 12 * (i // 3) + 6 * (i % 2)
        if pen.chance(0.5):
            pen.line((x, y), (x + 1, y + 3))
        else:
            pen.dot(x, y)


def grapes(pen):
    """Circles in rows that get shorter, with a stalk."""
    radius, rows = pen.about(11, 0.25), pen.choose(3, 3, 4)
    for row in range(rows):
        number = rows - row
        for i in range(number):
            x = 50 + (i - (number - 1) / 2) * radius * 2
            y = 30 + row * radius * 1.8
            pen.circle(x + pen.between(-4, 4), y + pen.between(-4, 4), pen.about(radius))
    pen.curve((50, 22), (52, 12), (50 + pen.between(-8, 12), 2))
    if pen.chance(0.3):
        pen.loop((52, 14), (66, 2), (80, 8), (68, 18))
    if pen.chance(0.2):
        pen.loop((14, 24), (34, 14), (66, 14), (86, 24), (66, 64), (50, 96), (34, 64))


def ice_cream(pen):
    """One to three balls on a cone, whose waffle may show."""
    wide, balls = pen.about(22, 0.15), pen.choose(1, 1, 2, 3)
    pen.line((50 - wide, 50), (50, pen.about(115, 0.1)), (50 + wide, 50))
    if pen.chance(0.8):
        pen.line((50 - wide, 50), (50 + wide, 50))
    for i in range(balls):
        radius = wide * (1 if i == 0 else 0.85)
        y = 50 - i * wide * 1.2
        if i == 0 and pen.chance(0.3):
            rim = scallops((50 + wide, y), (50 - wide, y), 3, -6)
            pen.stroke(arc(50, y, wide * 1.15, wide * 1.2, 180, 360) + rim)
        else:
            pen.arc(50, y, radius, radius * 1.2, 170, 370)
    if pen.chance(0.35):
        for i in range(3):
            pen.line((50 - wide * 0.8 + 10 * i, 52), (50 + 7 * i - 2, 95 - 14 * i))
            pen.line((50 + wide * 0.8 - 10 * i, 52), (50 - 7 * i + 2, 95 - 14 * i))


def lollipop(pen):
    """A disc on a stick, often with a spiral."""
    radius = pen.about(24)
    pen.circle(50, 30, radius)
    pen.line((50, 30 + radius), (50 + pen.between(-4, 4), pen.about(105, 0.15)))
    if pen.chance(0.6):
        pen.spiral(50, 30, radius * 0.85, pen.between(1.5, 2.8), pen.between(0, 360))
    elif pen.chance(0.4):
        pen.arc(50, 30, radius * 0.6, radius * 0.6, 190, 260)


def pizza(pen):
    """A slice with its crust, or a whole one cut in pieces."""
    if pen.chance(0.5):
        wide = pen.about(38)
        pen.line((50 - wide, 18), (50, 100), (50 + wide, 18))
        pen.curve((50 - wide, 18), (50, 6), (50 + wide, 18))
        if pen.chance(0.7):
            pen.curve((50 - wide * 0.9, 27), (50, 17), (50 + wide * 0.9, 27))
        for x, y in ((36, 36), (60, 38), (47, 55), (55, 72))[: pen.count(2, 4)]:
            pen.circle(x, y, pen.between(4, 7))
        return
    pen.circle(50, 50, 50)
    if pen.chance(0.7):
        pen.circle(50, 50, 42)
    cuts, first = pen.count(2, 4), pen.between(0, 180)
    for i in range(cuts):
        angle = first + 180 * i / cuts
        pen.line(around(50, 50, 44, angle), around(50, 50, 44, angle + 180))
    for i in range(pen.choose(0, 3, 5)):
        x, y = around(50, 50, 28, first + 25 + 72 * i)
        pen.circle(x, y, 4)


def donut(pen):
    """A ring, with icing and sprinkles."""
    hole, flat = pen.about(15, 0.3), pen.between(0.75, 1)
    pen.ellipse(50, 50, 48, 48 * flat)
    pen.ellipse(50, 50, hole, hole * flat)
    for i in range(pen.choose(0, 0, 6, 9)):
        x, y = around(50, 50, pen.between(23, 40), 360 * i / 9)
        pen.line((x, y), around(x, y, 5, pen.between(0, 360)))


def birthday_cake(pen):
    """One or two tiers with icing, and candles on top."""
    wide, top = pen.about(44, 0.15), 50.0
    pen.rectangle(50 - wide, 50, wide * 2, pen.about(42))
    if pen.chance(0.5):
        pen.scallops((50 + wide, 54), (50 - wide, 54), pen.count(4, 6), 9)
    if pen.chance(0.35):
        top, wide = 28.0, wide * 0.65
        pen.rectangle(50 - wide, 28, wide * 2, 22)
    candles, high = pen.choose(1, 3, 3, 4, 5), pen.about(16)
    for i in range(candles):
        x = 50 + wide * 1.5 * ((i + 0.5) / candles - 0.5)
        pen.line((x, top), (x, top - high))
        if pen.chance(0.9):
            pen.loop(
                (x, top - high), (x - 3, top - high - 5), (x, top - high - 11),
                (x + 3, top - high - 5),
            )  # fmt: skip
    if pen.chance(0.25):
        pen.line((5, 94), (95, 94))


CLASSES = {
    "apple": apple,
    "pear": pear,
    "banana": banana,
    "carrot": carrot,
    "strawberry": strawberry,
    "grapes": grapes,
    "ice cream": ice_cream,
    "lollipop": lollipop,
    "pizza": pizza,
    "donut": donut,
    "birthday cake": birthday_cake,
}
