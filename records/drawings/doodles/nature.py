"""Sky, weather and plants."""

from records.drawings.doodles.shapes import arc, around, cloud, curve, line, turned, zigzag


def sun(pen):
    """A circle with rays around it, or a zigzag."""
    radius = pen.about(26, 0.35)
    pen.circle(50, 50, radius)
    rays, first = pen.count(7, 12), pen.between(0, 360)
    if pen.chance(0.12):
        pen.star(50, 50, radius * 1.7, radius * 1.1, rays)
        return
    inside, outside = radius + pen.between(0, 9), radius + pen.between(17, 26)
    for i in range(rays):
        angle = first + 360 * pen.about(i, 0.06) / rays
        pen.line(around(50, 50, inside, angle), around(50, 50, pen.about(outside), angle))
    if pen.chance(0.12):
        pen.dot(42, 44)
        pen.dot(58, 44)
        pen.arc(50, 50, 12, 10, 20, 160)


def moon(pen):
    """A crescent, or a full one with craters."""
    if pen.chance(0.2):
        pen.circle(50, 50, 48)
        for i in range(pen.choose(0, 3, 4)):
            x, y = around(50, 50, pen.between(18, 32), 90 * i + pen.between(0, 60))
            pen.circle(x, y, pen.between(4, 10))
        return
    half, thin, turn = pen.between(80, 125), pen.between(10, 32), pen.between(-30, 40)
    outer = arc(0, 0, 48, 48, 180 - half, 180 + half)
    x, y = outer[-1]
    inner = arc(x, 0, 48 + x - thin, -y, -90, -270)
    if pen.chance(0.7):
        pen.stroke(turned(outer + inner[1:], turn))
    else:
        pen.stroke(turned(outer, turn))
        pen.stroke(turned(inner, turn))


def star(pen):
    """Its outline, or five lines in one go."""
    turn = pen.between(-8, 8)
    if pen.chance(0.5):
        pen.star(50, 50, 50, pen.about(21, 0.25))
    else:
        pen.line(*(around(50, 50, 50, turn - 234 + 144 * i) for i in range(6)))


def cloud_in_the_sky(pen):
    """Bows all around, or above a flat bottom."""
    width, height = pen.about(48), pen.about(25)
    if pen.chance(0.5):
        pen.stroke(cloud(50, 50, width, height, pen.count(6, 9), 0.3, start=30, end=390))
    else:
        bows = cloud(50, 50, width, height, pen.count(4, 6), 0.4, start=175, end=365)
        pen.stroke(bows)
        pen.line(bows[-1], bows[0])


def lightning(pen):
    """An outline, or one zigzag line."""
    wide = pen.about(20, 0.4)
    if pen.chance(0.3):
        steps = pen.count(2, 4)
        side = [(50 + wide * (-1) ** i, 100 * i / steps) for i in range(steps + 1)]
        pen.line(*side)
    elif pen.chance(0.6):
        pen.shape(
            (50, 0), (50 - wide * 1.4, 52), (50 - wide * 0.2, 48), (50 - wide, 100),
            (50 + wide * 1.3, 38), (50 + wide * 0.2, 40), (50 + wide * 1.2, 2),
        )  # fmt: skip
    else:
        pen.shape(
            (30, 0), (30 + wide, 34), (25 + wide, 38), (48 + wide, 62), (42 + wide, 66),
            (80, 100), (62 + wide, 56), (68 + wide, 53), (50 + wide, 26), (56 + wide, 22),
            (58, 0),
        )  # fmt: skip


def rainbow(pen):
    """Bows inside each other."""
    bows, width = pen.count(2, 5), pen.about(50)
    step = pen.between(6, 11)
    height = pen.between(0.75, 1.1)
    for i in range(bows):
        radius = width - i * step
        pen.arc(50, 60, radius, radius * height, 180, 360)
    if pen.chance(0.4):
        pen.line((50 - width, 60), (50 - width + step * (bows - 1), 60))
        pen.line((50 + width - step * (bows - 1), 60), (50 + width, 60))


def snowflake(pen):
    """Lines through a point, often with twigs at their ends."""
    arms, twigs = pen.choose(3, 3, 4), pen.chance(0.65)
    first, out = pen.between(0, 60), pen.between(26, 34)
    for i in range(arms):
        angle = first + 180 * i / arms
        pen.line(around(50, 50, 50, angle), around(50, 50, 50, angle + 180))
        for end in (angle, angle + 180) if twigs else ():
            left, right = (around(50, 50, 46, end + side) for side in (-17, 17))
            pen.line(left, around(50, 50, out, end), right)


def mountain(pen):
    """One to three peaks, with snow on top."""
    peaks = pen.count(1, 3)
    points, tops = [(0.0, 70.0)], []
    for i in range(peaks):
        top = ((100 * i + 50) / peaks + pen.between(-5, 5), pen.between(0, 22))
        valley = 70.0 if i == peaks - 1 else pen.between(35, 60)
        points += [top, (100 * (i + 1) / peaks, valley)]
        tops.append(top)
    pen.line(*points)
    for x, y in tops if pen.chance(0.55) else ():
        side = 7 if peaks > 1 else 11
        pen.line((x - side, y + 17), (x - 3, y + 12), (x + 2, y + 18), (x + side, y + 16))
    if pen.chance(0.2):
        pen.line((0, 70), (100, 70))


def tree(pen):
    """A trunk with a crown of bows, a round one, or a fir."""
    way, wide = pen.choose(0, 0, 1, 2), pen.about(9, 0.3)
    top, bottom = 52, pen.about(100, 0.1)
    if way == 2:
        tiers = pen.count(1, 3)
        for i in range(tiers):
            width, y = 18 + 22 * (i + 1) / tiers, 70 * i / tiers
            foot = y + 70 / tiers + 8
            pen.shape((50, y), (50 + width, foot), (50 - width, foot))
        pen.line((50 - wide / 2, 80), (50 - wide / 2, bottom))
        pen.line((50 + wide / 2, 80), (50 + wide / 2, bottom))
        return
    if way == 0:
        pen.stroke(cloud(50, 30, pen.about(32), pen.about(24), pen.count(6, 9), 0.3, 80, 440))
    else:
        pen.ellipse(50, 30, pen.about(34), pen.about(32, 0.1))
    foot = wide * pen.between(1, 1.6)
    pen.line((50 - wide, top + 5), (50 - wide, 80), (50 - foot, bottom))
    pen.line((50 + wide, top + 5), (50 + wide, 80), (50 + foot, bottom))
    if pen.chance(0.3):
        pen.line((50 - foot, bottom), (50 + foot, bottom))


def palm_tree(pen):
    """A bent trunk with leaves that hang from its top."""
    bend, wide = pen.between(-12, 12), pen.about(6, 0.3)
    for side in (-1, 1):
        top, foot = (50 + side * wide + bend, 30), (50 + side * wide * 1.4, 105)
        pen.curve(top, (50 + side * wide - bend / 2, 65), foot)
    x, leaves, way = 50 + bend, pen.count(4, 6), pen.choose(0, 1, 1, 2)
    for i in range(leaves):
        angle = -195 + 210 * i / (leaves - 1)
        half = around(x, 28, pen.about(22), angle)
        tip_x, tip_y = around(x, 28, pen.about(38), angle)
        tip = (tip_x, tip_y + pen.between(9, 17))
        back = ((half[0] + tip[0]) / 2 - (tip[0] - x) / 8, (half[1] + tip[1]) / 2 + 8)
        if way == 0:
            pen.curve((x, 28), half, tip)
        elif way == 1:
            pen.stroke(curve((x, 28), half, tip) + curve(tip, back, (x, 30))[1:])
        else:
            pen.stroke(curve((x, 28), half, tip) + zigzag(tip, (x, 32), 3, 5)[1:])
    if pen.chance(0.25):
        pen.circle(x - 5, 35, 4)
        pen.circle(x + 5, 36, 4)
    if pen.chance(0.3):
        for y in (48, 62, 78):
            pen.line((50 - wide, y), (50 + wide, y))


def flower(pen):
    """Petals around a middle, on a stalk with leaves."""
    radius, petals = pen.about(9, 0.4), pen.count(4, 7)
    pen.circle(50, 28, radius)
    way = pen.choose(0, 0, 1, 2)
    length, first = pen.about(11, 0.35), pen.between(0, 360)
    if way == 0:
        for i in range(petals):
            angle = first + 360 * i / petals
            x, y = around(50, 28, radius + length, angle)
            pen.ellipse(x, y, length, length * pen.between(0.5, 0.8), angle)
    elif way == 1:
        pen.stroke(cloud(50, 28, radius * 1.7, radius * 1.7, petals, 0.9))
    else:
        for i in range(petals):
            angle = first + 360 * i / petals
            left, right = (around(50, 28, radius, angle + side) for side in (-25, 25))
            tips = (around(50, 28, radius + 2 * length, angle + side) for side in (-22, 22))
            pen.curve(left, *tips, right)
    foot = pen.about(88, 0.2)
    pen.curve((50, 28 + radius + length), (50 + pen.between(-5, 5), 70), (50, foot))
    for side in (-1, 1):
        if pen.chance(0.45):
            y = pen.between(68, 82)
            tip = (50 + side * 22, y - 14)
            pen.loop((50, y), (50 + side * 10, y - 13), tip, (50 + side * 14, y - 2))


def leaf(pen):
    """A pointed oval with a rib in the middle, and veins."""
    wide, turn = pen.about(26, 0.3), pen.choose(0, 0, 35, -50, 75) + pen.between(-12, 12)
    side = [(50 - wide * 0.8, 25), (50 - wide, 50), (50 - wide * 0.7, 72)]
    left = curve((50, 0), *side, (50, 88))
    right = curve((50, 88), *((100 - x, y) for x, y in reversed(side)), (50, 0))
    if pen.chance(0.6):
        pen.stroke(turned(left + right[1:], turn, 50, 50))
    else:
        pen.stroke(turned(left, turn, 50, 50))
        pen.stroke(turned(right, turn, 50, 50))
    pen.stroke(turned(line((50, pen.between(5, 40)), (50, pen.between(95, 115))), turn, 50, 50))
    for i in range(pen.choose(0, 2, 3, 4)):
        y = 30 + 14 * i
        for out in (-1, 1):
            vein = line((50, y + 9), (50 + out * wide * pen.between(0.5, 0.75), y))
            pen.stroke(turned(vein, turn, 50, 50))


def mushroom(pen):
    """A cap on a stalk, with spots."""
    high, wide = pen.about(42), pen.about(12, 0.35)
    if pen.chance(0.5):
        pen.stroke(arc(50, 52, 48, high, 180, 360) + line((98, 52), (2, 52)))
    elif pen.chance(0.5):
        pen.arc(50, 52, 48, high, 180, 360)
        pen.arc(50, 52, 48, 10, 0, 180)
    else:
        pen.ellipse(50, 42, 48, high * 0.6)
    foot = pen.about(98, 0.1)
    pen.stroke(
        curve((50 - wide, 54), (50 - wide * 0.8, 75), (50 - wide * 1.2, foot))
        + curve((50 + wide * 1.2, foot), (50 + wide * 0.8, 75), (50 + wide, 54))
    )
    if pen.chance(0.5):
        for x, y in ((30, 40), (52, 28), (72, 41), (50, 45))[: pen.count(2, 4)]:
            pen.circle(x, y, pen.between(3, 6))


def cactus(pen):
    """A column with arms that bend upwards, and thorns."""
    wide, top = pen.about(12, 0.4), pen.between(0, 12)
    column = arc(50, top + 12, wide, 12, 180, 360)
    pen.stroke([(50 - wide, 100), (50 - wide, 60), *column, (50 + wide, 60), (50 + wide, 100)])
    for side in pen.choose((-1, 1), (-1, 1), (-1, 1), (1,), (-1,)):
        y, up, thick = pen.between(45, 68), pen.between(18, 34), pen.between(8, 14)
        near = 50 + side * wide
        out = near + side * pen.between(10, 20)
        pen.curve(
            (near, y), (out - side * 3, y), (out, y - up), (out + side * thick / 2, y - up - 5),
            (out + side * thick, y - up), (out + side * thick * 0.8, y + 8), (near, y + 13),
        )  # fmt: skip
    for i in range(pen.choose(0, 0, 4, 6)):
        x, y = 50 + pen.between(-6, 6), 22 + 12 * i
        pen.line((x - 3, y), (x + 3, y - 3))
    if pen.chance(0.2):
        pen.line((15, 100), (85, 100))
    elif pen.chance(0.15):
        pen.line((28, 98), (32, 120), (68, 120), (72, 98), (28, 98))


def feather(pen):
    """A bent quill in a vane, or with barbs along it."""
    bend, wide, turn = pen.between(3, 16), pen.about(10, 0.4), pen.choose(0, 0, -35, 35)
    barbs = pen.chance(0.3)
    parts = [curve((15, 100), (40, 62), (62 + bend / 2, 30), (82, 2))]
    if not barbs:
        left = curve((34, 74), (42 - wide, 52 - wide), (62 - wide, 26 - wide / 2), (82, 2))
        right = curve((82, 2), (70 + wide, 36), (50 + wide, 62), (34, 74))
        if pen.chance(0.4):
            cut = (58 + wide / 3, 42)
            right = curve((82, 2), (72 + wide, 34)) + line(cut, (60 + wide, 50), (34, 74))
        parts.append(left + right[1:])
    for i in range(pen.count(5, 8) if barbs else pen.choose(0, 3, 4, 5)):
        x, y = 42 + 5.5 * i, 62 - 9 * i
        parts.append(line((x, y), (x + wide, y - 5)))
        if barbs or pen.chance(0.6):
            parts.append(line((x, y), (x - wide * 0.6, y - 13)))
    for part in parts:
        pen.stroke(turned(part, turn, 50, 50))


CLASSES = {
    "sun": sun,
    "moon": moon,
    "star": star,
    "cloud": cloud_in_the_sky,
    "lightning": lightning,
    "rainbow": rainbow,
    "snowflake": snowflake,
    "mountain": mountain,
    "tree": tree,
    "palm tree": palm_tree,
    "flower": flower,
    "leaf": leaf,
    "mushroom": mushroom,
    "cactus": cactus,
    "feather": feather,
}
