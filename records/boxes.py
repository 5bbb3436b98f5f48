"""Objects of a record, as they are read: do their centres, boxes and areas make sense?

A build refuses others when it writes (`schema`); a record by other hands, or of before, may
hold any. Plain Python.
"""

import math

_NEAR = 1e-5  # Centres and corners are float32, divided one by one.


def check_objects(image_id, names, xs, ys, boxes=(), areas=()):
    """Raises `ValueError` at the first object of an image that cannot be.

    Args:
      image_id: str, for the message.
      names: the objects' names, str.
      xs, ys: their centres, in [0, 1].
      boxes: (left, top, right, bottom) in [0, 1] of each, NaN where not known; or none at all.
      areas: in pixels, NaN where not known; or none at all.
    """
    for i, (name, x, y) in enumerate(zip(names, xs, ys, strict=True)):
        box = tuple(map(float, boxes[i])) if len(boxes) else ()
        area = float(areas[i]) if len(areas) else math.nan
        wrong = _wrong_with(float(x), float(y), box, area)
        if wrong:
            raise ValueError(f"object {i} ({name!r}) of image {image_id!r} {wrong}")


def _wrong_with(x, y, box, area):
    if area < 0 or math.isinf(area):
        return f"has the area {area:.4g}, which must be finite and not below 0"
    if not box or all(map(math.isnan, box)):
        is_inside = all(-_NEAR <= value <= 1 + _NEAR for value in (x, y))
        centre = f"({x:.4g}, {y:.4g}) of width and height"
        return None if is_inside else f"has its centre outside the image, at {centre}"
    shown = "({})".format(", ".join(f"{corner:.4g}" for corner in box))
    left, top, right, bottom = box
    if right < left or bottom < top:
        return (
            f"has a box with right < left or bottom < top (left, top, right, bottom): {shown}"
        )
    if not all(-_NEAR <= corner <= 1 + _NEAR for corner in box):
        return f"has a box that leaves the image, in shares of width and height: {shown}"
    is_inside = left - _NEAR <= x <= right + _NEAR and top - _NEAR <= y <= bottom + _NEAR
    return None if is_inside else f"has its centre ({x:.4g}, {y:.4g}) outside its box {shown}"


def check_features(features):
    """`check_objects` of a record, {name: list of its values}.

    Raises:
      ValueError: also if their numbers do not match.
    """
    names = [name.decode() for name in features.get("object/name", ())]
    xs, ys, boxes, areas = (
        features.get(f"object/{name}", ()) for name in ("x", "y", "box", "area")
    )
    optional = {len(boxes) / 4, float(len(areas))} - {0.0}
    if {len(xs), len(ys)} | optional != {len(names)} and (names or xs or ys or optional):
        raise ValueError("its objects, their centres and boxes do not match in number")
    rows = [boxes[i : i + 4] for i in range(0, len(boxes), 4)]
    check_objects(features["image/id"][0].decode(), names, xs, ys, rows, areas)
