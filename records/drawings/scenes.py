"""Scenes: pictures composed of drawings, each instance another drawing, for a localizer.

A scene has objects of three classes: one to three of the first, one or two of the second and
one of the third, on blurred colours with loose strokes and noise. An object is a drawing,
turned, mirrored, stretched, filled and outlined by chance: colour says nothing. Its box holds
its ink.
All numbers are whole (an angle is a ratio of them), and NumPy has frozen the sequence of the
generator: a recipe gives the same pixels on every machine.

Letters: S side of the scene in pixels, s side of an object's patch.
"""

import dataclasses
import functools
import hashlib
import io

import numpy as np
from PIL import Image

from records.drawings.strokes import unpack

SIZE = 96  # S, in pixels
SAMPLES = 4  # of a pixel, along each side
MIN_SIDE, MAX_SIDE = 20, 42  # the longer side of an object, in pixels
MAX_INSTANCES = (3, 2, 1)  # of a class: the first has one to three
MAX_COVERED = 12  # per cent of the smaller of two boxes
OUTLINES_ONLY = 20  # per cent of the objects
_BENDS = 3  # parts of a side that are bent by themselves
_TRIES = 40


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a scene is composed of; the same recipe gives the same scene.

    Attributes:
      seed: str, of all that is chance: places, colours, turns.
      objects: tuple of (class name, drawing), in the order of their classes.
      clutter: tuple of drawings of which one stroke each lies about.
      bend: how far the drawings of objects are bent, in per cent of their longer side.

    A drawing is packed, as in `strokes.pack`: (bytes, tuple of lengths).
    """

    seed: str
    objects: tuple
    clutter: tuple
    bend: int = 0


@dataclasses.dataclass(frozen=True)
class Placed:
    """An object of a scene: its class, its box in pixels (edges), and the pixels it covers."""

    name: str
    box: tuple[int, int, int, int]
    area: float


def seeded(*names):
    """`np.random.RandomState` of some names; its sequence is the same with every NumPy."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return np.random.RandomState(np.frombuffer(digest, "<u4"))


def choose(seed, class_names, drawings_of, drawing, bend=0):
    """Chooses what a scene is composed of.

    Args:
      seed: str.
      class_names: list of at least three.
      drawings_of: (class name) -> numbers of the drawings that there are of it.
      drawing: (number) -> the drawing, packed.
      bend: of the recipe.

    Returns:
      `Recipe`. No drawing is in it twice, unless a class has fewer than it needs.
    """
    rng = seeded("choose", seed)
    objects = []
    for most, i in zip(MAX_INSTANCES, rng.permutation(len(class_names)), strict=False):
        numbers, count = list(drawings_of(class_names[i])), rng.randint(1, most + 1)
        order = [numbers[k] for k in rng.permutation(len(numbers))]
        objects += [(class_names[i], drawing(order[k % len(order)])) for k in range(count)]
    clutter = []
    for _ in range(rng.randint(3, 8)):
        numbers = drawings_of(class_names[rng.randint(len(class_names))])
        clutter.append(drawing(numbers[rng.randint(len(numbers))]))
    return Recipe(seed, tuple(objects), tuple(clutter), bend)


@functools.lru_cache(maxsize=1)
def compose(recipe):
    """Draws one scene.

    Returns:
      uint8[S, S, 3], and a tuple of `Placed`, in the order in which they were drawn: a later
      one may cover a little of an earlier one. An object that finds no room is left out, but
      the first of each class.
    """
    names = [name for name, _ in recipe.objects]
    for attempt in range(_TRIES):
        rng = seeded("compose", recipe.seed, attempt)
        patches = _place_all(rng, recipe)
        if {name for name, _, _ in patches} == set(names):
            break
    order = rng.permutation(len(patches))
    image, placed = _ground(rng), []
    for drawing in recipe.clutter:
        _draw_clutter(rng, image, unpack(*drawing))
    for name, patch, (y, x) in (patches[i] for i in order):
        _paint(image, patch, y, x)
        covered = int((patch.ink + patch.fill).sum())
        placed.append(Placed(name, _box(patch, (y, x)), covered / SAMPLES**2))
    noise = rng.randint(-7, 8, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), tuple(placed)


def _place_all(rng, recipe):
    """[(class name, patch, (row, column))], the only one of its class first: there is room."""
    objects = recipe.objects
    names = [name for name, _ in objects]
    order = sorted(range(len(objects)), key=lambda i: (names.count(names[i]), i))
    patches, boxes = [], []
    for i in order:
        patch = _object_patch(rng, unpack(*objects[i][1]), recipe.bend)
        place = _find_place(rng, patch, boxes)
        if place is not None:
            patches.append((names[i], patch, place))
            boxes.append(_box(patch, place))
    return patches


def png_of(recipe):
    """Bytes of the PNG file of a scene."""
    return to_png(compose(recipe)[0])


def to_png(pixels):
    """uint8[H, W, 3] -> bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


# Objects.


@dataclasses.dataclass(frozen=True)
class _Patch:
    """A drawing made ready: covered samples of each pixel, 0 to 16, and two colours."""

    ink: np.ndarray  # int32[s, s']
    fill: np.ndarray  # int32[s, s'], without what the ink covers
    outline: np.ndarray  # int32[3]
    colour: np.ndarray  # int32[3]
    opacity: int  # of the fill, in per cent


def _object_patch(rng, strokes, bend):
    side = rng.randint(MIN_SIDE, MAX_SIDE + 1)
    width = rng.randint(5, 10)  # of a line, in samples: 1.25 to 2.25 pixels
    if bend:
        strokes = _bent(rng, strokes, bend)
    strokes = _fit(_turn(rng, strokes), side * SAMPLES - width, width)
    ink = line_samples(strokes, width)
    fills = rng.randint(100) >= OUTLINES_ONLY
    inside = _fill_samples(strokes, ink.shape) & ~ink if fills else np.zeros_like(ink)
    dark = rng.randint(2)
    outline = rng.randint(0, 70, 3) if dark else rng.randint(190, 256, 3)
    return _Patch(
        ink=_count(ink),
        fill=_count(inside),
        outline=outline,
        colour=rng.randint(0, 256, 3),
        opacity=rng.randint(40, 101),
    )


def _bent(rng, strokes, bend):
    """Drawn by an unsteady hand: each point moved as its neighbours, so lines stay whole.

    The moves are chosen at four places along each side, and interpolated linearly.
    """
    strokes = [stroke.astype(np.int64) for stroke in strokes]
    low, extent = _low_and_extent(strokes)
    moves = rng.randint(-bend, bend + 1, (_BENDS + 1, _BENDS + 1, 2))
    bent = []
    for stroke in strokes:
        place = (stroke - low) * _BENDS
        cell = np.minimum(place // extent, _BENDS - 1)
        (x, y), (i, j) = (place - cell * extent).T, cell.T
        moved = sum(
            moves[i + di, j + dj] * (of_x * of_y)[:, None]
            for di, of_x in enumerate((extent - x, x))
            for dj, of_y in enumerate((extent - y, y))
        )
        bent.append(100 * extent * (stroke - low) + moved)
    return bent


def _turn(rng, strokes):
    """Turned by up to 15 degrees, mirrored by chance, stretched by up to a fifth."""
    # tan(angle / 2) = t / 64 gives cosine and sine as ratios, the same on every machine.
    t, mirror = rng.randint(-8, 9), rng.randint(2) * 2 - 1
    stretch = rng.randint(80, 121)
    cosine, sine = 64 * 64 - t * t, 2 * t * 64
    turned = []
    for stroke in strokes:
        x, y = stroke[:, 0].astype(np.int64) * mirror * stretch, stroke[:, 1] * np.int64(100)
        turned.append(np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1))
    return turned


def _fit(strokes, length, width):
    """Scaled to a longer side of `length` samples, with room for half a line around."""
    low, extent = _low_and_extent(strokes)
    margin = width // 2 + 1
    return [
        ((2 * (stroke - low) * length + extent) // (2 * extent) + margin).astype(np.int64)
        for stroke in strokes
    ]


def _low_and_extent(strokes):
    """The upper left corner of the box around all points, and its longer side, 1 at least."""
    points = np.concatenate(strokes)
    low = points.min(axis=0)
    return low, max(1, int((points.max(axis=0) - low).max()))


def line_samples(strokes, width):
    """Which samples lie within half a width of a stroke: bool, whole pixels of samples.

    Args:
      strokes: list of int64[n, 2], x and y in samples, all at least `width // 2 + 1`.
      width: in samples.
    """
    points = np.concatenate(strokes)
    columns, rows = (_whole_pixels(int(n) + width // 2 + 2) for n in points.max(axis=0))
    covered = np.zeros((rows, columns), bool)
    for stroke in strokes:
        for a, b in zip(stroke, stroke[1:] if len(stroke) > 1 else stroke, strict=False):
            _cover(covered, a, b, width)
    return covered


def _whole_pixels(n):
    return -(-n // SAMPLES) * SAMPLES


def _cover(covered, a, b, width):
    """Marks the samples whose middle is within half a width of the line from a to b."""
    reach = width // 2 + 1
    low, high = np.minimum(a, b) - reach, np.maximum(a, b) + reach
    low = np.maximum(low, 0)
    # Twice the distances: the middle of a sample is at half a number.
    x = 2 * np.arange(low[0], min(high[0], covered.shape[1])) + 1 - 2 * a[0]
    y = 2 * np.arange(low[1], min(high[1], covered.shape[0]))[:, None] + 1 - 2 * a[1]
    dx, dy = 2 * (b - a)
    length = dx * dx + dy * dy
    along = x * dx + y * dy
    across = x * dy - y * dx
    beside = (along >= 0) & (along <= length) & (across * across <= width * width * length)
    ends = x * x + y * y <= width * width
    ends |= (x - dx) ** 2 + (y - dy) ** 2 <= width * width
    covered[low[1] : low[1] + len(y), low[0] : low[0] + len(x)] |= (
        beside & length.astype(bool) | ends
    )


def _fill_samples(strokes, shape):
    """Which samples lie inside a stroke that is closed by a line between its ends.

    The even-odd rule for each stroke, and the union of all: what people fill in.
    """
    inside = np.zeros(shape, bool)
    for stroke in strokes:
        if len(stroke) > 2:
            inside |= _inside(stroke, shape)
    return inside


def _inside(stroke, shape):
    """Even-odd: how many edges cross the row of a sample on its left."""
    crossings = np.zeros((shape[0], shape[1] + 1), np.int32)
    rows = 2 * np.arange(shape[0]) + 1
    for (x0, y0), (x1, y1) in zip(stroke, np.roll(stroke, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        crossed = np.arange(y0, y1)  # The rows whose middle the edge passes.
        height = 2 * (y1 - y0)
        x = x0 * height + (x1 - x0) * (rows[crossed] - 2 * y0)  # times `height`
        # The first sample whose middle is right of x / height.
        first = np.clip((2 * x + height) // (2 * height), 0, shape[1])
        np.add.at(crossings, (crossed, first), 1)
    return np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1


def _count(samples):
    rows, columns = (n // SAMPLES for n in samples.shape)
    return samples.reshape(rows, SAMPLES, columns, SAMPLES).sum(axis=(1, 3), dtype=np.int32)


# Places.


def _box(patch, place):
    """(left, top, right, bottom) of what a patch covers, in pixels, edges."""
    covered = patch.ink + patch.fill > 0
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    y, x = place
    return (
        int(x + columns[0]),
        int(y + rows[0]),
        int(x + columns[-1] + 1),
        int(y + rows[-1] + 1),
    )


def _find_place(rng, patch, boxes):
    """(row, column) where the patch covers little of the others; None: there is none."""
    height, width = patch.ink.shape
    for _ in range(_TRIES):
        place = rng.randint(SIZE - height + 1), rng.randint(SIZE - width + 1)
        box = _box(patch, place)
        if all(_covered(box, other) for other in boxes):
            return place
    return None


def _covered(a, b):
    """Whether two boxes share little enough of the smaller."""
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(
        0, min(a[3], b[3]) - max(a[1], b[1])
    )
    smaller = min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return 100 * shared <= MAX_COVERED * smaller


# Ground, clutter, paint.


def _ground(rng):
    """int32[S, S, 3]: colours blurred at two scales."""
    coarse = _blurred(rng.randint(60, 200, (5, 5, 3)), SIZE)
    fine = _blurred(rng.randint(-30, 31, (17, 17, 3)), SIZE)
    return np.clip(coarse + fine, 0, 255)


def _blurred(grid, size):
    """Interpolated linearly, in whole numbers: int[n, n, 3] -> int32[size, size, 3]."""
    n = len(grid) - 1
    at = np.arange(size) * n
    low, part = at // size, (at % size).astype(np.int64)
    grid = grid.astype(np.int64)
    rows = grid[low] * (size - part)[:, None, None] + grid[low + 1] * part[:, None, None]
    part = part[None, :, None]
    blurred = rows[:, low] * (size - part) + rows[:, low + 1] * part
    return (blurred // (size * size)).astype(np.int32)


def _draw_clutter(rng, image, strokes):
    """One stroke of a drawing, somewhere, partly outside perhaps."""
    stroke = strokes[rng.randint(len(strokes))]
    side, width = rng.randint(8, 29), rng.randint(4, 9)
    (stroke,) = _fit(_turn(rng, [stroke]), side * SAMPLES, width)
    ink = _count(line_samples([stroke], width))
    height, width = ink.shape
    y, x = (
        rng.randint(-height // 2, SIZE - height // 2),
        rng.randint(-width // 2, SIZE - width // 2),
    )
    none = np.zeros_like(ink)
    colour = rng.randint(0, 256, 3)
    _paint(image, _Patch(ink, none, colour, colour, 0), y, x)


def _paint(image, patch, y, x):
    """Paints a patch over the image, in place; what lies outside is left out."""
    height, width = patch.ink.shape
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(height, SIZE - y), min(width, SIZE - x)
    if top >= bottom or left >= right:
        return
    ink, fill = (part[top:bottom, left:right, None] for part in (patch.ink, patch.fill))
    under = image[y + top : y + bottom, x + left : x + right]
    most = SAMPLES * SAMPLES * 100
    ink, fill = ink * 100, fill * patch.opacity
    mixed = ink * patch.outline + fill * patch.colour + (most - ink - fill) * under
    under[:] = mixed // most
