"""Animals that one draws by their face, a smiley, a snowman."""

from records.drawings.doodles.shapes import arc, line


def cat(pen):
    """A face with ears and whiskers; at times with a body."""
    wide, high = pen.about(40), pen.about(34)
    if pen.chance(0.5):
        pen.ellipse(50, 55, wide, high)
        for side in (-1, 1):
            x = 50 + side * wide
            tip = (x - side * pen.between(-2, 8), pen.between(0, 14))
            pen.line((x - side * 6, 38), tip, (x - side * 28, 25))
    else:
        pen.stroke(
            arc(50, 55, wide, high, -25, 205)
            + line((50 - wide, 38), (50 - wide * 0.9, 2), (50 - wide * 0.4, 24))
            + line((50 + wide * 0.4, 24), (50 + wide * 0.9, 2), (50 + wide, 40))
        )
    pen.eyes(50, 46, 15, 4)
    if pen.chance(0.7):
        pen.shape((46, 58), (54, 58), (50, 63))
    if pen.chance(0.6):
        pen.curve((38, 68), (44, 73), (50, 64), (56, 73), (62, 68))
    whiskers = pen.choose(0, 2, 3, 3)
    for side in (-1, 1):
        for i in range(whiskers):
            pen.line(
                (50 + side * 18, 58 + 4 * i), (50 + side * pen.between(44, 58), 50 + 9 * i)
            )
    if pen.chance(0.25):
        trunk(pen, 50 + wide * 0.7, 75, pen.about(80), pen.about(42))


def trunk(pen, x, y, length, high):
    """Of an animal whose head hides its left end: a back, four legs and a tail."""
    right, foot = x + length, y + high * 1.3
    pen.curve((x, y - high * 0.3), ((x + right) / 2, y - high * 0.45), (right, y - high * 0.2))
    pen.line((x, y + high * 0.4), (x, foot), (x + 8, foot), (x + 9, y + high * 0.6))
    pen.line((x + 9, y + high * 0.6), (right - 12, y + high * 0.6))
    pen.line(
        (right - 12, y + high * 0.6), (right - 11, foot), (right, foot), (right, y - high * 0.2)
    )
    pen.curve(
        (right, y - high * 0.1), (right + 15, y - high * 0.5), (right + 12, y - high * 1.2)
    )


def rabbit(pen):
    """A face with two long ears; at times with a body."""
    wide, high, ear = pen.about(28, 0.3), pen.about(26), pen.about(8, 0.4)
    pen.ellipse(50, 72, wide, high)
    foot = 74 - high
    for side in (-1, 1):
        x, tilt = 50 + side * (ear + 5), side * pen.between(-2, 20)
        tip = foot - pen.between(32, 58)
        near, far = x - ear + tilt / 2, x + ear + tilt / 2
        middle = (foot + tip) / 2
        pen.curve(
            (x - ear, foot), (near, middle), (x + tilt, tip), (far, middle), (x + ear, foot)
        )
        if pen.chance(0.3):
            pen.curve((x - 2, foot - 4), (x + tilt * 0.8, tip + 12), (x + 4, foot - 6))
    pen.eyes(50, 66, 10)
    if pen.chance(0.7):
        pen.shape((47, 75), (53, 75), (50, 79))
    if pen.chance(0.5):
        pen.curve((40, 83), (45, 88), (50, 80), (55, 88), (60, 83))
    for side in (-1, 1) if pen.chance(0.4) else ():
        for i in (-1, 1):
            pen.line((50 + side * 12, 78 + 2 * i), (50 + side * 38, 77 + 7 * i))
    if pen.chance(0.2):
        pen.ellipse(50, 72 + high + 28, wide * 1.1, 29)
        pen.circle(50 + wide * 1.1, 72 + high + 40, 7)


def mouse(pen):
    """A body like a drop, round ears and a long tail; or a face with large ears."""
    ear = pen.about(10, 0.4)
    if pen.chance(0.3):
        wide = pen.about(30)
        pen.ellipse(50, 62, wide, pen.about(28))
        for side in (-1, 1):
            pen.circle(50 + side * (wide * 0.7 + ear), 36 - ear, ear * 1.9)
        pen.eyes(50, 56, 11)
        pen.circle(50, 70, 4)
        for side in (-1, 1) if pen.chance(0.7) else ():
            pen.line((50 + side * 8, 70), (50 + side * 34, 64))
            pen.line((50 + side * 8, 72), (50 + side * 34, 76))
        return
    high, back = pen.about(38, 0.35), pen.between(74, 92)
    if pen.chance(0.5):
        pen.loop((2, 72), (30, 75 - high * 0.8), (60, 75 - high), (back, 60), (back, 74))
    else:
        pen.ellipse((back + 2) / 2, 75 - high / 2, (back - 2) / 2, high / 2)
    pen.circle(30, 74 - high * 0.9, ear)
    if pen.chance(0.5):
        pen.circle(44, 70 - high, ear)
    pen.dot(17, 72 - high * 0.2)
    pen.curve((back, 70), (back + 14, 76), (back + 24, 58), (back + 40, pen.between(30, 76)))
    for i in (-1, 0, 1) if pen.chance(0.4) else ():
        pen.line((5, 72), (-12, 71 + 6 * i))
    for x in (30, 66) if pen.chance(0.4) else ():
        pen.arc(x, 76, 7, 5, 0, 180)


def pig(pen):
    """A face with a snout and ears; at times with a body."""
    wide = pen.about(40)
    pen.ellipse(50, 55, wide, pen.about(36))
    pen.ellipse(50, 64, pen.about(14), pen.about(10))
    way = pen.choose(0, 0, 1)
    for side in (-1, 1):
        pen.dot(50 + side * 5, 64)
        x = 50 + side * wide
        if way == 0:
            pen.line(
                (x - side * wide * 0.55, 22),
                (x - side * 3, pen.between(0, 12)),
                (x - side * 5, 34),
            )
        else:
            pen.curve(
                (x - side * wide * 0.5, 22), (x - side * 8, 10), (x + side * 4, 20),
                (x - side * 4, 36),
            )  # fmt: skip
    pen.eyes(50, 44, 16)
    if pen.chance(0.5):
        pen.arc(50, 70, 17, 14, 30, 150)
    if pen.chance(0.3):
        x, right = 50 + wide * 0.8, 50 + wide * 0.8 + pen.about(70)
        pen.curve(
            (x, 35), ((x + right) / 2, 22), (right, 45), (right, 75), ((x + right) / 2, 90),
            (x, 80),
        )  # fmt: skip
        for foot in (x + 12, right - 14):
            pen.line((foot, 86), (foot, 108), (foot + 9, 108), (foot + 9, 84))
        pen.spiral(right + 8, 50, 7, 1.6, 180)


def owl(pen):
    """A body like an egg with large eyes, a beak, tufts and wings."""
    wide = pen.about(32, 0.15)
    pen.curve(
        (50, 12), (50 - wide * 0.6, 8), (50 - wide * 0.9, 0), (50 - wide, 35),
        (50 - wide, 70), (50, 98), (50 + wide, 70), (50 + wide, 35), (50 + wide * 0.9, 0),
        (50 + wide * 0.6, 8), (50, 12),
    )  # fmt: skip
    size = pen.about(12, 0.15)
    for side in (-1, 1):
        pen.circle(50 + side * 14, 30, size)
        pen.dot(50 + side * 13, 30)
    pen.shape((45, 40), (55, 40), (50, 50))
    for side in (-1, 1) if pen.chance(0.6) else ():
        pen.curve(
            (50 + side * wide, 45), (50 + side * wide * 0.45, 65), (50 + side * wide * 0.8, 85)
        )
    for side in (-1, 1) if pen.chance(0.6) else ():
        pen.zigzag((50 + side * 8 - 6, 98), (50 + side * 8 + 6, 98), 2, -7)


def smiley_face(pen):
    """Eyes and a mouth in a circle."""
    pen.circle(50, 50, 48)
    if pen.chance(0.35):
        pen.line((34, 28), (34, pen.between(38, 46)))
        pen.line((66, 28), (66, pen.between(38, 46)))
    else:
        pen.eyes(50, 36, pen.about(16), 4.5)
    wide, deep = pen.about(28), pen.about(20, 0.3)
    pen.arc(50, 60, wide, deep, 0, 180)
    if pen.chance(0.2):
        pen.line((50 - wide, 60), (50 + wide, 60))
    if pen.chance(0.12):
        pen.line((50, 46), (47, 56), (52, 56))


def snowman(pen):
    """Two or three balls on each other, a carrot, buttons, arms and a hat."""
    balls, y, radius = pen.choose(2, 3, 3), 100.0, pen.about(25, 0.12)
    for i in range(balls):
        y -= radius
        pen.circle(50, y, radius)
        if i == balls - 2 and pen.chance(0.7):
            for side in (-1, 1):
                pen.line(
                    (50 + side * radius, y - 3),
                    (50 + side * (radius + 20), y - pen.between(5, 18)),
                )
        if i < balls - 1:
            y -= radius - 2
            radius *= pen.between(0.68, 0.82)
    if pen.chance(0.8):
        pen.eyes(50, y - radius * 0.2, radius * 0.4, 2)
    if pen.chance(0.6):
        pen.line((50, y), (50 + radius * 1.3, y + 3), (50, y + 4))
    for i in range(pen.choose(0, 2, 3)):
        pen.dot(50, y + radius + 10 + 10 * i)
    if pen.chance(0.4):
        top = y - radius
        pen.line((50 - radius * 1.2, top), (50 + radius * 1.2, top))
        pen.line(
            (50 - radius * 0.8, top), (50 - radius * 0.8, top - 18),
            (50 + radius * 0.8, top - 18), (50 + radius * 0.8, top),
        )  # fmt: skip


CLASSES = {
    "cat": cat,
    "rabbit": rabbit,
    "mouse": mouse,
    "pig": pig,
    "owl": owl,
    "smiley face": smiley_face,
    "snowman": snowman,
}
