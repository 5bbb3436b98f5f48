"""Animals that one draws as a whole."""

from records.drawings.doodles.shapes import arc, around, curve, line


def fish(pen):
    """An oval with a tail; or one line that crosses itself."""
    high = pen.about(24, 0.3)
    if pen.chance(0.5):
        pen.curve(
            (100, 50 - high * 0.9), (78, 50 + high * 0.1), (45, 50 + high), (0, 50),
            (45, 50 - high), (78, 50 - high * 0.1), (100, 50 + high * 0.9),
        )  # fmt: skip
        if pen.chance(0.7):
            pen.line((100, 50 - high * 0.9), (94, 50), (100, 50 + high * 0.9))
    else:
        pen.ellipse(38, 50, 38, high)
        pen.shape((75, 50), (100, 50 - high), (94, 50), (100, 50 + high))
    if pen.chance(0.5):
        pen.circle(17, 50 - high * 0.25, 3)
    else:
        pen.dot(17, 50 - high * 0.25)
    if pen.chance(0.3):
        pen.curve((4, 57), (10, 58), (15, 55))
    if pen.chance(0.35):
        pen.curve((28, 50 - high * 0.7), (33, 50), (28, 50 + high * 0.7))
    if pen.chance(0.3):
        pen.curve((28, 50 - high), (44, 30 - high), (54, 50 - high * 0.9))


def whale(pen):
    """A large head, a tail with two flukes, and a fountain."""
    high = pen.about(32)
    if pen.chance(0.65):
        pen.curve(
            (88, 45), (76, 62), (60, 90 - high), (25, 82 - high), (2, 70), (18, 92),
            (55, 94), (82, 78), (94, 46),
        )  # fmt: skip
        pen.loop(
            (90, 45), (78, 36), (74, 24), (88, 28), (91, 35), (96, 26), (110, 22), (106, 36)
        )
    else:
        pen.curve(
            (98, 68), (80, 72), (50, 94), (12, 92), (0, 76), (14, 84 - high), (60, 90 - high),
            (98, 64),
        )  # fmt: skip
        pen.line(
            (98, 66), (112, pen.between(44, 54)), (108, 66), (114, pen.between(76, 86)),
            (98, 66),
        )  # fmt: skip
    pen.dot(20, 74)
    if pen.chance(0.6):
        pen.curve((4, 78), (16, 84), (28, 82))
    top = 82 - high
    for side in (-1, 1) if pen.chance(0.7) else ():
        pen.curve(
            (32, top), (32 + side * 4, top - 18), (32 + side * 14, top - 18),
            (32 + side * 16, top - 8),
        )  # fmt: skip


def duck(pen):
    """A head with a beak on a body like a boat, and a wing."""
    pen.curve(
        (38, 45), (44, 28), (35, 12), (20, 16), (17, 32), (28, 44), (14, 60), (20, 84),
        (52, 92), (84, 82), (100, 48), (78, 56), (50, 52), (38, 45),
    )  # fmt: skip
    pen.line((18, 20), (-2, pen.between(24, 28)), (0, 33), (18, 32))
    pen.dot(28, 22)
    if pen.chance(0.65):
        pen.curve((40, 64), (52, 80), (72, 74), (80, 62))
    if pen.chance(0.3):
        pen.scallops((0, 94), (105, 94), 5, 6)
    elif pen.chance(0.3):
        pen.line((45, 92), (45, 105), (36, 106))
        pen.line((58, 92), (58, 105), (49, 106))


def bird(pen):
    """From the side, standing; or two or three of them far away in the sky."""
    if pen.chance(0.15):
        for i in range(pen.count(2, 3)):
            x, y, wide = 40 * i, pen.between(0, 40), pen.about(22)
            pen.curve(
                (x - wide, y), (x - wide / 2, y - 11), (x, y), (x + wide / 2, y - 11),
                (x + wide, y),
            )  # fmt: skip
        return
    long, high, tilt = pen.about(30), pen.about(20), pen.choose(15, 25, 50)
    if pen.chance(0.6):
        pen.circle(25, 30, pen.about(15))
        pen.ellipse(55, 58, long, high, tilt)
    else:
        pen.loop((12, 26), (24, 14), (38, 24), (48, 42), (90, 62), (70, 80), (34, 74), (24, 52))
    pen.line((12, 25), (-4, 31), (11, 35))
    pen.dot(22, 27)
    if pen.chance(0.7):
        pen.curve((44, 52), (52, 70), (72, 66), (76, 56))
    if pen.chance(0.7):
        pen.line((80, 62), (102, pen.between(60, 84)), (99, 82), (80, 70))
    for x in (50, 62) if pen.chance(0.85) else ():
        pen.line((x, 78), (x, 98), (x - 8, 100))


def snail(pen):
    """A spiral on a foot, with a head and two feelers."""
    radius = pen.about(32, 0.25)
    if pen.chance(0.5):
        pen.spiral(60, 75 - radius, radius, pen.between(1.6, 3), 180)
    else:
        pen.circle(60, 75 - radius, radius)
        pen.spiral(60, 75 - radius, radius * 0.75, pen.between(1.2, 2), 180)
    foot = pen.about(77, 0.06)
    if pen.chance(0.7):
        neck = pen.between(40, 55)
        body = curve(
            (100, foot + 5), (60, foot), (30, foot - 5), (24, neck + 7), (14, neck),
            (6, neck + 7), (10, 70), (22, foot + 6),
        )  # fmt: skip
        pen.stroke(body + line((22, foot + 6), (100, foot + 5)))
    else:
        neck = foot - 8
        pen.loop((8, foot), (14, neck), (60, foot - 4), (104, foot + 2), (60, foot + 10))
    if pen.chance(0.85):
        pen.line((11, neck + 1), (4, neck - pen.between(12, 22)))
        pen.line((17, neck), (20, neck - pen.between(12, 24)))
    if pen.chance(0.4):
        pen.dot(13, neck + 8)


def snake(pen):
    """A winding body, one line or two, with a head and a tongue."""
    waves, swing = pen.choose(2, 3, 4), pen.about(20, 0.4)
    way, thick = [], pen.between(7, 12) if pen.chance(0.6) else 0
    for i in range(waves):
        radius, x = 41 / waves, 18 + 82 * i / waves
        up = 180 if i % 2 == 0 else -180
        way += arc(x + radius, 50, radius, swing, 180, 180 + up)[i > 0 :]
    pen.stroke([(6.0, 50.0), *way])
    if thick:
        pen.stroke([(6.0, 50.0 + thick), *((x, y + thick) for x, y in way[:-2]), way[-1]])
    pen.ellipse(0, 50 + thick / 2, 9, 4 + thick / 2)
    pen.dot(0, 49 + thick / 3)
    if pen.chance(0.8):
        y = 51 + thick / 2
        pen.line((-8, y), (-15, y + 1), (-21, y - 4))
        pen.line((-15, y + 1), (-21, y + 6))


def butterfly(pen):
    """Four wings, a body and feelers."""
    out, up, low = pen.about(45, 0.3), pen.about(32, 0.3), pen.about(36, 0.3)
    if pen.chance(0.75):
        pen.ellipse(50, 52, pen.about(4, 0.4), pen.about(30))
    else:
        pen.line((50, 20), (50, 84))
    pointed = pen.chance(0.25)
    for side in (-1, 1):
        x, tip, end = 50 + side * 4, 50 + side * out, 50 + side * out * 0.65
        if pointed:
            pen.line((x, 48), (tip, 48 - up), (tip - side * 2, 50), (x, 52))
            pen.line((x, 52), (tip - side * 5, 60), (end, 52 + low), (x, 60))
        else:
            near, far = x + side * 8, x + side * 16
            pen.loop((x, 48), (near, 48 - up), (tip, 46 - up), (tip, 42), (far, 51))
            pen.loop(
                (x, 54), (far, 53), (tip - side * 5, 65), (end, 54 + low), (near, 42 + low)
            )
    for side in (-1, 1) if pen.chance(0.85) else ():
        pen.curve((50 + side, 22), (50 + side * 6, 10), (50 + side * 14, pen.between(0, 8)))
    for side in (-1, 1) if pen.chance(0.2) else ():
        pen.circle(50 + side * out * 0.6, 32, 5)


def spider(pen):
    """A round body with eight legs; perhaps a head, or a thread."""
    radius, reach, way = pen.about(18, 0.4), pen.about(54, 0.1), pen.choose(0, 0, 1, 2)
    pen.ellipse(50, 50, radius, radius * pen.between(0.75, 1.2))
    if pen.chance(0.5):
        pen.circle(50, 50 - radius - 6, 8)
    for side in (-1, 1):
        for i in range(pen.choose(3, 4, 4, 4)):
            angle = 90 + side * (27 * i - 130)
            hip = around(50, 50, radius, angle)
            knee = around(50, 50, 36, angle - side * 14)
            foot = around(50, 50, pen.about(reach, 0.1), angle + side * 5)
            if way == 0:
                pen.line(hip, knee, foot)
            elif way == 1:
                pen.curve(hip, knee, foot)
            else:
                pen.line(hip, foot)
    if pen.chance(0.2):
        pen.line((50, 50 - radius), (50, -25))
    if pen.chance(0.4):
        pen.eyes(50, 46, 5, 2)


CLASSES = {
    "fish": fish,
    "whale": whale,
    "duck": duck,
    "bird": bird,
    "snail": snail,
    "snake": snake,
    "butterfly": butterfly,
    "spider": spider,
}
