"""Tools, clothes and signs: what one carries, wears or draws in a margin."""

from records.drawings.doodles.shapes import arc, around, curve, line, scallops, turned


def key(pen):
    """A ring, a shaft and a bit with teeth; upright or lying."""
    turn = pen.choose(0, 0, 90, 45) + pen.between(-10, 10)
    radius, wide = pen.about(18, 0.4), pen.between(3, 7)
    parts = [arc(50, 18, radius, radius * pen.between(0.75, 1.1), 90, 450)]
    if pen.chance(0.5):
        parts.append(arc(50, 18, radius * 0.5, radius * 0.5, 90, 450))
    top, end = 18 + radius, pen.about(100, 0.15)
    if pen.chance(0.4):
        parts.append(line((50, top), (50, end)))
        for i in range(pen.count(2, 3)):
            y = end - 2 - 10 * i
            parts.append(line((50, y), (50 + pen.about(13, 0.3), y)))
    else:
        left, right, out = 50 - wide, 50 + wide, 50 + wide + pen.about(9, 0.3)
        teeth = [
            (right, end), (right, end - 7), (out, end - 7), (out, end - 15),
            (right, end - 15),
        ]  # fmt: skip
        if pen.chance(0.6):
            teeth += [(right, end - 21), (out, end - 21), (out, end - 28), (right, end - 28)]
        parts.append(line((left, top), (left, end), *teeth, (right, top)))
    for part in parts:
        pen.stroke(turned(part, turn, 50, 50))


def umbrella(pen):
    """A dome with a scalloped rim on a stick with a crook."""
    high, ribs = pen.about(44), pen.count(3, 5)
    pen.arc(50, 50, 50, high, 180, 360)
    way = pen.choose(0, 0, 1)
    if way == 0:
        pen.stroke(scallops((0, 50), (100, 50), ribs, 8))
    else:
        pen.line((0, 50), (100, 50))
    if pen.chance(0.4):
        for i in range(1, ribs):
            x = 100 * i / ribs
            pen.curve(
                (50, 50 - high), ((50 + x) / 2 + (x - 50) * 0.3, 50 - high * 0.6), (x, 50)
            )
    foot, crook = pen.about(98, 0.08), pen.choose(-9, 9)
    pen.stroke(
        line((50, pen.choose(50, 50, 50 - high - 7)), (50, foot))
        + curve((50, foot), (50 + crook, foot + 10), (50 + 2 * crook, foot))
    )


def eyeglasses(pen):
    """Two lenses, a bridge and temples."""
    radius, square = pen.about(21, 0.15), pen.chance(0.3)
    for x in (26, 76):
        if square:
            pen.rectangle(x - radius, 30 - radius * 0.7, radius * 2, radius * 1.4)
        else:
            pen.ellipse(x, 30, radius, radius * pen.between(0.8, 1))
    pen.arc(51, 30, 25 - radius + 1, 6, 180, 360)
    up = pen.between(-18, 2)
    if pen.chance(0.85):
        pen.line((26 - radius, 28), (-2 - pen.between(5, 12), 28 + up))
        pen.line((76 + radius, 28), (104 + pen.between(5, 12), 28 + up))


def scissors(pen):
    """Two blades that cross, with a ring at the end of each."""
    turn, apart = pen.choose(0, 90, 180) + pen.between(-25, 25), pen.about(18, 0.5)
    radius, wide = pen.about(14, 0.3), pen.chance(0.5)
    for side in (-1, 1):
        tip, near = (50 + side * apart, 0), (50 - side * apart * 0.6, 84 - radius)
        blade = line(tip, near)
        if wide:
            edge = (50 + side * (apart + pen.between(5, 10)), 10)
            blade = line((50 - side * 3, 54), edge, tip) + blade[1:]
        pen.stroke(turned(blade, turn, 50, 50))
        ((x, y),) = turned([(50 - side * (apart * 0.5 + radius * 0.55), 84)], turn, 50, 50)
        pen.ellipse(x, y, radius * 0.8, radius * 1.1, turn + side * 15)
    if pen.chance(0.3):
        pen.dot(50, 50)


def hammer(pen):
    """A head across a handle."""
    turn, wide = pen.choose(0, 0, 35) + pen.between(-8, 8), pen.between(4, 7)
    if pen.chance(0.5):
        head = (
            curve((20, 28), (34, 6), (60, 3))
            + line((84, 3), (84, 25), (60, 25))
            + curve((60, 25), (44, 18), (20, 28))
        )
    else:
        head = line((24, 2), (78, 2), (78, 26), (24, 26), (24, 2))
    pen.stroke(turned(head, turn, 50, 50))
    handle = line((54 - wide, 26), (54 - wide, 104), (54 + wide, 104), (54 + wide, 26))
    pen.stroke(turned(handle, turn, 50, 50))


def pencil(pen):
    """A long body with a point and a rubber at its end."""
    turn, wide = pen.choose(0, 35, 45, 90) + pen.between(-10, 10), pen.about(9, 0.25)
    left, right = 50 - wide, 50 + wide
    parts = [line((left, 0), (right, 0), (right, 82), (50, 108), (left, 82), (left, 0))]
    if pen.chance(0.85):
        parts.append(line((left, 82), (right, 82)))
    if pen.chance(0.6):
        parts.append(line((left, 12), (right, 12)))
    if pen.chance(0.35):
        parts += [
            line((50 + side * wide / 3, 14), (50 + side * wide / 3, 80)) for side in (-1, 1)
        ]
    if pen.chance(0.4):
        parts.append(line((50 - wide / 3, 99), (50 + wide / 3, 99)))
    for part in parts:
        pen.stroke(turned(part, turn, 50, 50))


def heart(pen):
    """In one go, or two halves."""
    wide, dent = pen.about(48, 0.12), pen.about(24)
    halves = []
    for side in (-1, 1):
        x = [50 + side * wide * part for part in (0.3, 0.75, 1, 0.85, 0.45)]
        y = (4, 2, 27, 54, 80)
        halves.append(curve((50, dent), *zip(x, y, strict=True), (50, 100)))
    if pen.chance(0.65):
        pen.stroke(halves[0] + halves[1][::-1][1:])
    else:
        pen.stroke(halves[0])
        pen.stroke(halves[1])
    if pen.chance(0.1):
        pen.line((0, 80), (104, 14))


def diamond(pen):
    """A cut stone from the side, with facets."""
    wide, belt = pen.about(48, 0.12), pen.about(30)
    table = wide * pen.between(0.5, 0.7)
    pen.shape((50 - table, 0), (50 + table, 0), (50 + wide, belt), (50, 92), (50 - wide, belt))
    if pen.chance(0.85):
        pen.line((50 - wide, belt), (50 + wide, belt))
        if pen.chance(0.7):
            inner = wide * 0.35
            pen.line((50 - inner, belt), (50, 92), (50 + inner, belt))
            if pen.chance(0.6):
                pen.line(
                    (50 - table, 0), (50 - inner, belt), (50, 0), (50 + inner, belt),
                    (50 + table, 0),
                )  # fmt: skip


def crown(pen):
    """A band with points, which may carry balls."""
    points, high, out = pen.choose(3, 3, 4, 5), pen.about(60, 0.35), pen.between(-4, 8)
    low, tips, teeth = high * pen.between(0.4, 0.65), [], []
    for i in range(points):
        x = -out + (100 + 2 * out) * i / (points - 1)
        tips.append((x, 70 - high * pen.between(0.85, 1.05)))
        teeth.append(tips[-1])
        if i < points - 1:
            teeth.append((x + (50 + out) / (points - 1), 70 - low))
    pen.shape((0, 70), *teeth, (100, 70))
    if pen.chance(0.4):
        pen.line((0, 58), (100, 58))
    for x, y in tips if pen.chance(0.35) else ():
        pen.circle(x, y - 5, 4)
    for i in range(pen.choose(0, 0, 3)):
        pen.circle(25 + 25 * i, 64, 3)


def sock(pen):
    """A leg and a foot; a cuff, a heel and a toe."""
    wide, foot = pen.about(32, 0.15), pen.about(40)
    left, right, tip = 40 - wide / 2, 40 + wide / 2, 2 - foot / 2
    sole = curve(
        (right, 70), (right - 4, 96), (30, 100), (tip + 3, 102), (tip, 82), (16, 70),
        (left, 52),
    )  # fmt: skip
    pen.stroke(line((left, 0), (right, 0), (right, 55)) + sole + line((left, 52), (left, 0)))
    if pen.chance(0.6):
        pen.line((left, 14), (right, 14))
    if pen.chance(0.35):
        pen.arc(right, 88, 14, 15, 90, 270)
        pen.arc(tip, 92, 16, 14, -60, 60)
    for i in range(pen.choose(0, 0, 2, 3)):
        pen.line((left, 24 + 10 * i), (right, 24 + 10 * i))


def t_shirt(pen):
    """In one go: neck, sleeves and body."""
    body, arm, drop = pen.about(26, 0.15), pen.about(48, 0.1), pen.between(24, 36)
    neck = 12
    pen.stroke(
        arc(50, 4, neck, 9, 0, 180)
        + line(
            (50 - neck, 4), (50 - arm, drop - 6), (50 - arm + 10, drop + 12), (50 - body, drop)
        )
        + line((50 - body, 95), (50 + body, 95), (50 + body, drop))
        + line((50 + arm - 10, drop + 12), (50 + arm, drop - 6), (50 + neck, 4))
    )
    if pen.chance(0.25):
        pen.arc(50, 4, neck + 4, 13, 0, 180)
    if pen.chance(0.2):
        pen.choose(pen.circle, lambda x, y, r: pen.star(x, y, r, r / 2))(50, 55, 11)


def pants(pen):
    """Two legs below a belt."""
    wide, flare, crotch = pen.about(28), pen.about(37), pen.about(42)
    gap = pen.between(4, 14)
    pen.shape(
        (50 - wide, 0), (50 + wide, 0), (50 + flare, 100), (50 + gap, 100), (50, crotch),
        (50 - gap, 100), (50 - flare, 100),
    )  # fmt: skip
    if pen.chance(0.5):
        pen.line((50 - wide, 10), (50 + wide, 10))
    if pen.chance(0.3):
        pen.line((50, 10), (50, crotch))
    for side in (-1, 1) if pen.chance(0.25) else ():
        pen.curve(
            (50 + side * wide * 0.4, 11), (50 + side * wide * 0.5, 24), (50 + side * wide, 25)
        )


def balloon(pen):
    """An oval with a knot and a string."""
    wide = pen.about(28, 0.15)
    left = [(50 - wide, 45), (50 - wide * 0.8, 8)]
    right = [(100 - x, y) for x, y in reversed(left)]
    pen.curve((50, 70), *left, (50, -2), *right, (50, 70))
    if pen.chance(0.75):
        pen.shape((50, 69), (45, 76), (55, 76))
    sway, end = pen.between(2, 10), pen.about(130, 0.15)
    pen.curve((50, 76), (50 - sway, 90), (50 + sway, 106), (50 - sway, 120), (50, end))
    if pen.chance(0.35):
        pen.arc(50, 30, wide * 0.6, 22, 190, 260)


def guitar(pen):
    """A body with a waist, a hole, a long neck and a head."""
    turn, waist = pen.choose(0, 40, 90) + pen.between(-10, 10), pen.about(14)
    body = curve(
        (44, 52), (28, 58), (50 - waist, 72), (22, 92), (50, 110), (78, 92), (50 + waist, 72),
        (72, 58), (56, 52),
    )  # fmt: skip
    parts = [
        body,
        arc(50, 78, 8, 8, 0, 360),
        line((46, 72), (46, 2), (54, 2), (54, 72)),
    ]
    if pen.chance(0.75):
        parts.append(line((46, 2), (42, -14), (58, -14), (54, 2)))
    for i in range(pen.choose(0, 1, 2)):
        parts.append(line((48.5 + 3 * i, -6), (48.5 + 3 * i, 96)))
    if pen.chance(0.5):
        parts.append(line((40, 97), (60, 97)))
    for part in parts:
        pen.stroke(turned(part, turn, 50, 50))


def hat(pen):
    """A top hat, or a pointed one with a ball."""
    if pen.chance(0.65):
        wide, high = pen.about(27), pen.about(50)
        if pen.chance(0.5):
            pen.ellipse(50, 80, 50, pen.about(9))
        else:
            pen.line((0, 80), (100, 80))
        pen.line(
            (50 - wide, 78), (50 - wide, 78 - high), (50 + wide, 78 - high), (50 + wide, 78)
        )
        if pen.chance(0.7):
            pen.line((50 - wide, 66), (50 + wide, 66))
    else:
        pen.line((18, 82), (50, pen.between(0, 10)), (82, 82))
        pen.arc(50, 82, 32, 8, 0, 360)
        pen.circle(50, 3, 7)
        for x, y in (around(50, 55, 13, 120 * i) for i in range(pen.choose(0, 3))):
            pen.circle(x, y, 4)


CLASSES = {
    "key": key,
    "umbrella": umbrella,
    "eyeglasses": eyeglasses,
    "scissors": scissors,
    "hammer": hammer,
    "pencil": pencil,
    "heart": heart,
    "diamond": diamond,
    "crown": crown,
    "sock": sock,
    "t-shirt": t_shirt,
    "pants": pants,
    "balloon": balloon,
    "guitar": guitar,
    "hat": hat,
}
