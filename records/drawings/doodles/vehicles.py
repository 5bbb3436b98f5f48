"""What one travels in."""

from records.drawings.doodles.shapes import arc, around, cloud, curve, line, turned


def wheels(pen, *places, radius):
    for x, y in places:
        pen.circle(x, y, radius)
    for x, y in places if pen.chance(0.4) else ():
        pen.circle(x, y, radius * 0.4)


def bicycle(pen):
    """Two wheels, a frame, a saddle and a handlebar."""
    radius = pen.about(21, 0.15)
    for x in (20, 84):
        pen.circle(x, 62, radius)
    crank, seat, head = (48, 62), (40, 32), (74, 32)
    if pen.chance(0.6):
        pen.line((20, 62), seat, head, crank, (20, 62))
        pen.line(crank, (seat[0] - 3, seat[1] - 9))
    else:
        pen.line((20, 62), crank, head)
        pen.line(crank, (seat[0] - 3, seat[1] - 8))
    pen.line((84, 62), (head[0] - 3, 20))
    pen.line((seat[0] - 12, seat[1] - 9), (seat[0] + 5, seat[1] - 9))
    if pen.chance(0.6):
        pen.curve((head[0] - 3, 20), (head[0] + 7, 16), (head[0] + 11, 24))
    else:
        pen.line((head[0] - 13, 18), (head[0] + 6, 20))
    if pen.chance(0.3):
        pen.circle(*crank, 5)
    if pen.chance(0.25):
        for x in (20, 84):
            for angle in (20, 80, 140):
                pen.line(around(x, 62, radius, angle), around(x, 62, radius, angle + 180))


def car(pen):
    """A body with a roof on two wheels, with windows."""
    hood, high, radius = pen.about(18), pen.about(22), pen.about(10)
    if pen.chance(0.6):
        roof = curve(
            (0, 42), (8, 38), (hood + 6, 36), (hood + 16, 36 - high * 0.8), (50, 35 - high),
            (72, 36 - high * 0.8), (86, 36), (100, 44),
        )  # fmt: skip
        pen.stroke(line((0, 62), (0, 42)) + roof + line((100, 44), (100, 62), (0, 62)))
    else:
        pen.rectangle(0, 36, 100, 26)
        pen.line((hood, 36), (hood + 12, 36 - high), (74, 36 - high), (86, 36))
    wheels(pen, (24, 64), (77, 64), radius=radius)
    if pen.chance(0.65):
        top = 41 - high
        pen.shape((hood + 14, 34), (hood + 19, top), (49, top), (49, 34))
        pen.shape((54, 34), (54, top), (70, top), (76, 34))
    if pen.chance(0.3):
        pen.circle(96, 48, 3)
    if pen.chance(0.2):
        pen.line((54, 42), (60, 42))


def bus(pen):
    """A long box with a row of windows on two wheels."""
    high, windows = pen.about(46, 0.15), pen.count(3, 5)
    pen.rectangle(0, 8, 110, high)
    wide, start = 92 / windows, 6
    y = 8 + high * 0.15
    for i in range(windows):
        pen.rectangle(start + wide * i, y, wide * 0.78, high * pen.between(0.28, 0.36))
    wheels(pen, (25, 8 + high), (86, 8 + high), radius=pen.about(9.5))
    if pen.chance(0.4):
        pen.line((98, 8 + high), (98, y), (108, y), (108, 8 + high))
    if pen.chance(0.3):
        pen.line((0, 8 + high * 0.65), (97, 8 + high * 0.65))


def truck(pen):
    """A load on wheels behind a cab; or one that is open."""
    load, high, is_open = pen.about(64), pen.about(44), pen.chance(0.25)
    if is_open:
        pen.line((load, 42), (0, 42), (0, 60), (load, 60))
    else:
        pen.rectangle(0, 60 - high, load, high)
    cab, slope = pen.about(30, 0.3), pen.between(0, 14)
    top = 60 - high * pen.between(0.6, 0.85)
    pen.line(
        (load, 60), (load, top), (load + cab - slope, top), (load + cab, 42),
        (load + cab, 60), (load, 60),
    )  # fmt: skip
    if pen.chance(0.6):
        pen.shape(
            (load + 7, top + 5), (load + cab - slope, top + 5), (load + cab - 3, 42),
            (load + 7, 42),
        )  # fmt: skip
    places = [(18, 62), (load + cab / 2 + 2, 62)]
    if pen.chance(0.4):
        places.insert(1, (load * 0.6, 62))
    wheels(pen, *places, radius=pen.about(9, 0.3))


def train(pen):
    """A steam engine with its smoke, and waggons; or waggons alone."""
    radius = pen.about(8)
    if pen.chance(0.25):
        number, long = pen.count(2, 3), pen.about(46)
        for i in range(number):
            x = (long + 8) * i
            pen.rectangle(x, 30, long, 28)
            wheels(pen, (x + 10, 60), (x + long - 10, 60), radius=radius * 0.8)
            if i:
                pen.line((x - 8, 50), (x, 50))
        return
    pen.rectangle(0, 12, 32, 48)
    pen.rectangle(32, 30, 46, 30)
    pen.line((60, 30), (58, 12), (72, 12), (70, 30))
    waggon = pen.chance(0.4)
    if waggon:
        pen.rectangle(-52, 28, 44, 32)
        pen.line((-8, 54), (0, 54))
    places = [(14, 64), (44, 66), (66, 66)]
    wheels(pen, *places, *(((-42, 66), (-18, 66)) if waggon else ()), radius=radius)
    if pen.chance(0.7):
        pen.rectangle(7, 20, 17, 14)
    if pen.chance(0.4):
        pen.shape((78, 46), (92, 62), (78, 62))
    if pen.chance(0.4):
        pen.stroke(cloud(72, 0, pen.about(11), 6, 5, 0.3))
        if pen.chance(0.6):
            pen.stroke(cloud(92, -10, pen.about(9), 5, 5, 0.3))
    if pen.chance(0.3):
        pen.line((-10 - 45 * waggon, 75), (100, 75))


def airplane(pen):
    """From the side with a wing, or from above."""
    if pen.chance(0.5):
        high = pen.about(11)
        pen.loop(
            (0, 50), (14, 50 - high), (50, 50 - high), (92, 46), (108, 44),
            (96, 50 + high * 0.6), (50, 50 + high), (14, 50 + high * 0.8),
        )  # fmt: skip
        pen.line((94, 46), (pen.between(100, 108), 22), (116, 22), (110, 45))
        pen.line((44, 52), (64, 84), (76, 84), (66, 53))
        if pen.chance(0.5):
            pen.line((46, 39), (62, 18), (72, 18), (66, 40))
        for i in range(pen.choose(0, 3, 4)):
            pen.circle(22 + 11 * i, 47, 2.5)
    else:
        wide = pen.about(8)
        pen.stroke(
            curve((50 - wide, 96), (50 - wide, 25), (50, 0), (50 + wide, 25), (50 + wide, 96))
            + line((50 - wide, 96))
        )
        for side in (-1, 1):
            x = 50 + side * wide
            pen.line(
                (x, 34), (50 + side * 50, pen.between(50, 64)), (50 + side * 50, 70), (x, 54)
            )
            pen.line((x, 80), (50 + side * 24, 92), (50 + side * 24, 99), (x, 92))


def sailboat(pen):
    """A hull with a mast and one or two sails; perhaps waves."""
    deep = pen.about(20)
    if pen.chance(0.6):
        pen.shape((2, 75), (98, 75), (80, 75 + deep), (20, 75 + deep))
    else:
        pen.stroke(arc(50, 75, 48, deep, 0, 180) + line((98, 75)))
    mast, top = pen.between(44, 54), pen.between(-4, 10)
    pen.line((mast, 75), (mast, top))
    pen.line((mast, top + 3), (mast + pen.about(36), 65), (mast, 65))
    if pen.chance(0.6):
        pen.line((mast, top + 8), (mast - pen.about(28), 64), (mast, 64))
    if pen.chance(0.2):
        pen.line((mast, top), (mast - 12, top + 4), (mast, top + 8))
    if pen.chance(0.3):
        pen.scallops((-6, 82 + deep), (106, 82 + deep), pen.count(4, 6), 6)


def hot_air_balloon(pen):
    """A large round balloon above a basket."""
    wide, basket = pen.about(38, 0.12), pen.about(11)
    pen.curve(
        (50 - basket, 74), (50 - wide, 42), (50 - wide * 0.85, 12), (50, -2),
        (50 + wide * 0.85, 12), (50 + wide, 42), (50 + basket, 74),
    )  # fmt: skip
    if pen.chance(0.7):
        pen.line((50 - basket, 74), (50 + basket, 74))
    pen.rectangle(50 - basket, pen.between(88, 93), basket * 2, pen.about(16))
    for side in (-1, 1):
        pen.line((50 + side * basket, 74), (50 + side * basket, 90))
    way = pen.choose(0, 0, 1, 2)
    if way == 1:
        for side in (-1, 1):
            pen.curve((50, -2), (50 + side * wide * 0.45, 35), (50 + side * basket * 0.4, 74))
    elif way == 2:
        pen.curve((50 - wide, 30), (50, 40), (50 + wide, 30))
        pen.curve((50 - wide, 45), (50, 55), (50 + wide, 45))


def rocket(pen):
    """A pointed body with a window, fins and a flame."""
    wide, turn = pen.about(17), pen.choose(0, 0, 0, 35) + pen.between(-6, 6)
    parts = [
        curve((50 - wide, 85), (50 - wide, 35), (50, 0), (50 + wide, 35), (50 + wide, 85))
        + line((50 - wide, 85)),
    ]
    for side in (-1, 1):
        shape = line(
            (50 + side * wide, 60), (50 + side * (wide + 16), 84),
            (50 + side * (wide + 16), 98), (50 + side * wide, 84),
        )  # fmt: skip
        parts.append(shape)
    for i in range(pen.choose(0, 1, 1, 2)):
        parts.append(arc(50, 38 + 20 * i, 8, 8, 0, 360))
    if pen.chance(0.4):
        parts.append(line((50 - wide * 0.8, 26), (50 + wide * 0.8, 26)))
    if pen.chance(0.6):
        shape = line(
            (50 - wide * 0.7, 86), (50 - wide * 0.5, 104), (50 - 3, 95), (50, 114), (53, 95),
            (50 + wide * 0.5, 104), (50 + wide * 0.7, 86),
        )  # fmt: skip
        parts.append(shape)
    for part in parts:
        pen.stroke(turned(part, turn, 50, 50))


CLASSES = {
    "bicycle": bicycle,
    "car": car,
    "bus": bus,
    "truck": truck,
    "train": train,
    "airplane": airplane,
    "sailboat": sailboat,
    "hot air balloon": hot_air_balloon,
    "rocket": rocket,
}
