"""What a request to a served model is made of: an image, and drawings of what is to be found.

A drawing is the bytes of a PNG or JPEG, or strokes in JSON. What the graph of an export would
say of one is said here at once, and what it would take long for is bounded, by its text alone.
"""

import itertools

import orjson

from hardvqa_tf.localize.sketch_sentences import (
    HUGE,
    NO_DRAWING,
    NO_POINTS,
    NOT_A_DRAWING,
    NOT_READ,
    TOO_LARGE,
    TOO_MANY_STROKES,
)
from hardvqa_tf.request_parts import image_checks
from hardvqa_tf.request_parts.inputs import IMAGE, Input
from records.drawings.strokes import MAX_POINTS
from records.formats import FORMATS
from records.images import check_image

PAGE, PAGE_ASKS = "localize", False  # It says how to ask.

_PICTURES = tuple(known.start for known in FORMATS if known.name in ("PNG", "JPEG"))
# The graph takes some 50 bytes for a pixel of a drawing, and up to 11 for one of an image.
_PIXELS_OF_AN_IMAGE = 4
_BYTES_A_POINT = 64  # [-12345678.123456789012, -12345678.123456789012], has 48.


def _check_sketch(encoded, limits):
    if not encoded:
        raise ValueError(NO_DRAWING)
    if encoded.startswith(_PICTURES):
        return _of_drawing(_check_picture, encoded, limits)
    return _check_strokes(encoded, limits)


def _check_picture(encoded, limits):
    most = limits.max_pixels // _PIXELS_OF_AN_IMAGE
    pixels = image_checks.count_pixels(encoded, most)
    return max(1.0, limits.max_batch_size * pixels / most)


def _check_strokes(encoded, limits):
    """Checks strokes, and weighs them: those of a batch have no more points than one may."""
    text = encoded.removeprefix(b"\xef\xbb\xbf")
    if not text.lstrip(b" \t\n\r").startswith(b"["):
        raise ValueError(NOT_A_DRAWING)
    num_points = _count_points(text, limits.max_points)
    if num_points > limits.max_points:
        raise ValueError(
            f"The drawing has too many points: {num_points:,}, at most {limits.max_points:,} "
            "are taken. Give it with fewer points."
        )
    return max(1.0, limits.max_batch_size * num_points / limits.max_points)


def _count_points(text, most):
    """Points of strokes in JSON; where they are too many, about.

    Lists are counted before any is made, so that neither their depth nor their number costs
    more than a look at the text.

    Raises:
      ValueError: these are no strokes that the model reads.
    """
    lists = text.count(b"[") - 1
    if lists > most + MAX_POINTS:
        return lists
    if len(text) > most * _BYTES_A_POINT:
        raise ValueError(
            f"The drawing's strokes have too many bytes: {len(text):,}, at most "
            f"{most * _BYTES_A_POINT:,} are taken. Give it with fewer points, or digits."
        )
    try:
        strokes = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError(NOT_READ) from None
    if _are_lists(strokes) and not any(strokes):
        raise ValueError(NO_POINTS)
    if not _are_lists(strokes) or not all(map(_are_lists, strokes)) or not all(strokes):
        raise ValueError(NOT_READ)
    points = list(itertools.chain.from_iterable(strokes))
    if set(map(len, points)) != {2}:
        raise ValueError(NOT_READ)
    numbers = list(itertools.chain.from_iterable(points))
    if not set(map(type, numbers)) <= {int, float}:
        raise ValueError(NOT_READ)
    if len(strokes) > MAX_POINTS:
        raise ValueError(TOO_MANY_STROKES)
    if max(map(abs, numbers)) > HUGE:
        raise ValueError(TOO_LARGE)
    return len(points)


def _are_lists(values):
    return type(values) is list and set(map(type, values)) <= {list}


def _is_picture(encoded):
    return encoded.startswith(_PICTURES)


def _look(encoded):
    """Decodes a picture: one that is damaged would fail all the queries of its image."""
    _of_drawing(check_image, encoded, may_be_transparent=True)


def _of_drawing(check, encoded, *arguments, **options):
    """Calls a check of images, whose sentences are then about a drawing."""
    try:
        return check(encoded, *arguments, **options)
    except ValueError as error:
        said = str(error).replace("an image", "a drawing").replace("image", "drawing")
        whole = said[:1].isupper()
        raise ValueError(said if whole else f"The drawing cannot be taken: {said}") from None


INPUTS = {
    "image": IMAGE,
    "sketch": Input(
        wants='A drawing: the bytes of a PNG or JPEG file, as {"b64": "..."}, or strokes as a '
        'text that is JSON, "[[[x, y], ...], ...]": a list of points for each stroke.',
        check=_check_sketch,
        example=lambda: b"[[[0,0],[90,0],[90,60]],[[10,10]]]",
        must_look=_is_picture,
        look=_look,
        title="Drawing",
        none=NO_DRAWING,
        other_names=("drawing", "drawings", "strokes"),
    ),
}


def files_of_example(example):
    """Of an entry of `examples` in model.json: files beside its image, a drawing a query."""
    return [query["sketch"] for query in example["queries"]]
