"""A drawing: its strokes, in the one form that is stored, and how they lie in a record.

A drawing is a list of strokes; a stroke is int32[n, 2], its points (x, y) in the order in which
they were drawn, y downwards. One of a single point is a dot. In the *canonical form* the
drawing touches the left and the upper edge, its greatest coordinate is 255, coordinates are
whole, no point repeats the one before it in its stroke, and there are at most 512 points.

    record   points uint8[N, 2] as bytes, and the number of points of each stroke
    graphs   padded: points int32[D, N, 2], and stroke int32[D, N], the number of the stroke
             that a point is of; -1 is padding

Letters: D drawings, N points of one.
"""

import numpy as np

from records.drawings.simplify import fewer_points

MAX_COORDINATE = 255
MAX_POINTS = 512
MOST_RAW_POINTS = 100_000  # Of a drawing as it comes; people's raw ones have some thousands.
_HUGE = 1e9  # Beyond it, differences of coordinates lose their pixels in a float64.


def normalize(strokes, name="a drawing"):
    """Returns a drawing in the canonical form; one that has it already is left as it is.

    Args:
      strokes: list of strokes, each [n, 2] whole or real numbers, at any place and scale.
      name: what error messages call the drawing, e.g. its file and line.

    Returns:
      List of int32[n, 2].

    Raises:
      ValueError: names the drawing, and says what is wrong with it.
    """
    strokes = [stroke.astype(np.float64) for stroke in checked(strokes, name)]
    points = np.concatenate(strokes)
    low = points.min(axis=0)
    extent = (points.max(axis=0) - low).max()
    if extent == 0:  # All points are one: there is nothing to scale.
        return fewer_points([np.zeros((1, 2), np.int32) for _ in strokes], MAX_POINTS, name)
    # Half up, not half to even: JavaScript's Math.round does the same.
    scaled = [np.floor((s - low) * MAX_COORDINATE / extent + 0.5) for s in strokes]
    whole = [_without_repeats(stroke.astype(np.int32)) for stroke in scaled]
    if sum(map(len, whole)) > MAX_POINTS:
        # A point at the edge may be left out; then the rest is moved and scaled again.
        return normalize(fewer_points(whole, MAX_POINTS, name), name)
    return whole


def checked(strokes, name="a drawing"):
    """Returns the strokes as arrays [n, 2], unchanged in value.

    Raises:
      ValueError: names the drawing and what is wrong: no strokes or points, something other
        than numbers, NaN, infinity, numbers above a thousand million, or far too many points
        or strokes.
    """
    if not len(strokes):
        raise ValueError(f"{name}: it has no strokes. Draw something, or leave it out.")
    if len(strokes) > MAX_POINTS:  # Each keeps a point at least.
        raise ValueError(
            f"{name}: it has {len(strokes):,} strokes, at most {MAX_POINTS} are read. Draw it "
            "with fewer strokes, or leave it out."
        )
    arrays = [
        _checked_stroke(stroke, f"{name}, stroke {i}") for i, stroke in enumerate(strokes)
    ]
    num_points = sum(map(len, arrays))
    if num_points > MOST_RAW_POINTS:
        raise ValueError(
            f"{name}: it has {num_points:,} points, at most {MOST_RAW_POINTS:,} are read. Give "
            "it with fewer points, or leave it out."
        )
    return arrays


def _checked_stroke(stroke, name):
    try:
        array = np.asarray(stroke)
    except ValueError:  # Rows of different lengths.
        array = np.empty((), object)
    if not array.size and array.dtype.kind in "iuf":
        raise ValueError(f"{name}: it has no points. Leave the stroke out.")
    if array.dtype.kind not in "iuf" or array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(
            f"{name}: expected points [x, y] of numbers. Received: {_shown(stroke)}. "
            "Correct or leave out the drawing."
        )
    if not np.isfinite(array).all() or np.abs(array.astype(np.float64)).max() > _HUGE:
        raise ValueError(
            f"{name}: coordinates must be finite, and at most {_HUGE:.0e} in size. "
            f"Received: {_shown(array)}. Correct or leave out the drawing."
        )
    return array


def _shown(value):
    try:
        text = " ".join(str(value).split())
    except RecursionError:
        return "lists that are nested too deeply"
    return text[:60] + ("..." if len(text) > 60 else "")


def _without_repeats(stroke):
    is_new = np.any(stroke[1:] != stroke[:-1], axis=1)
    return stroke[np.concatenate([[True], is_new])]


def pack(strokes, name="a drawing"):
    """Returns what a record keeps of a drawing in the canonical form.

    Returns:
      points: bytes, uint8[N, 2] row by row, of all strokes one after another;
      lengths: list of int, the number of points of each stroke.

    Raises:
      ValueError: if the drawing is not in the canonical form.
    """
    points = np.concatenate(checked(strokes, name))
    whole = points.dtype.kind in "iu" and points.min() >= 0 and points.max() <= MAX_COORDINATE
    if not whole or len(points) > MAX_POINTS:
        raise ValueError(
            f"{name}: only drawings in the canonical form are packed: whole coordinates of 0 "
            f"to {MAX_COORDINATE}, at most {MAX_POINTS} points. Call `normalize` first."
        )
    return points.astype(np.uint8).tobytes(), [len(stroke) for stroke in strokes]


def unpack(points, lengths, name="a drawing"):
    """Undoes `pack`.

    Args:
      points: bytes.
      lengths: of the strokes, list of int or int array.

    Returns:
      List of int32[n, 2].

    Raises:
      ValueError: if both do not fit together.
    """
    lengths = [int(length) for length in lengths]
    if min(lengths, default=0) < 1 or 2 * sum(lengths) != len(points):
        raise ValueError(
            f"{name}: its {len(points)} bytes of points do not fit its strokes of "
            f"{lengths[:20]} points: two bytes a point, at least one point a stroke."
        )
    array = np.frombuffer(points, np.uint8).reshape(-1, 2).astype(np.int32)
    return np.split(array, np.cumsum(lengths)[:-1])


def pad(drawings, num_points=None):
    """Returns drawings as two arrays, as graphs take them.

    Args:
      drawings: list of drawings, each a list of strokes; one may have no strokes.
      num_points: N; None: as many as the drawing with the most points has, at least 1.

    Returns:
      points: int32[D, N, 2], zeros where padded;
      stroke: int32[D, N], the number of the stroke that a point is of, -1 where padded.

    Raises:
      ValueError: if a drawing has more points than `num_points`.
    """
    sizes = [sum(map(len, drawing)) for drawing in drawings]
    most = max(sizes, default=0)
    num_points = max(1, most) if num_points is None else num_points
    if most > num_points:
        raise ValueError(
            f"`num_points` must be at least the points of every drawing. Received: "
            f"num_points={num_points}, and drawing {sizes.index(most)} has {most} points."
        )
    points = np.zeros((len(drawings), num_points, 2), np.int32)
    stroke = np.full((len(drawings), num_points), -1, np.int32)
    for i, drawing in enumerate(drawings):
        if sizes[i]:
            lengths = [len(s) for s in drawing]
            points[i, : sizes[i]] = np.concatenate(drawing)
            stroke[i, : sizes[i]] = np.repeat(np.arange(len(drawing)), lengths)
    return points, stroke
