"""Objects whose boxes cannot be are refused by name, wherever they are read."""

import math

import numpy as np
import pytest

from records.boxes import check_features, check_objects
from records.object_counts import ObjectCounts

GOOD = (0.1, 0.2, 0.5, 0.4)


def features(box=GOOD, area=3.0, centre=None):
    x, y = centre or ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return {
        "image/id": [b"scene 7"],
        "object/name": [b"cat", b"dog"],
        "object/x": [0.3, x],
        "object/y": [0.3, y],
        "object/box": [*GOOD, *box],
        "object/area": [2.0, area],
    }


@pytest.mark.parametrize("box", [GOOD, (0, 0, 1, 1), (1.0, 0.3, np.float32(1.000001), 0.3)])
def test_what_can_be_is_taken(box):
    check_features(features(box))
    check_features(features(box, math.nan))


def test_what_is_not_known_is_no_fault():
    check_features({"image/id": [b"a"]})
    check_features(features((math.nan,) * 4, math.nan, (0.5, 0.5)))
    plain = {k: v for k, v in features().items() if k not in ("object/box", "object/area")}
    check_features(plain)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"box": (0.5, 0.2, 0.1, 0.4)}, r"right < left .*: \(0.5, 0.2, 0.1, 0.4\)"),
        ({"box": (0.1, 0.4, 0.5, 0.2)}, "bottom < top"),
        ({"box": (0.1, 0.2, 1.2, 0.4)}, "leaves the image"),
        ({"box": (-0.1, 0.2, 0.5, 0.4)}, "leaves the image"),
        ({"box": (0.1, math.nan, 0.5, 0.4), "centre": (0.3, 0.3)}, "leaves the image"),
        ({"box": (0.1, 0.2, math.inf, 0.4), "centre": (0.3, 0.3)}, "leaves the image"),
        ({"centre": (0.9, 0.3)}, "centre .* outside its box"),
        ({"box": (math.nan,) * 4, "centre": (1.5, 0.3)}, "centre outside the image"),
        ({"area": -1.0}, "the area -1, which must be"),
    ],
)
def test_what_cannot_be_is_named(given, message):
    with pytest.raises(ValueError, match=r"object 1 \('dog'\) of image 'scene 7' .*" + message):
        ObjectCounts().add(features(**given))


def test_numbers_that_do_not_match():
    broken = features() | {"object/area": [1.0]}
    with pytest.raises(ValueError, match="do not match in number"):
        check_features(broken)


def test_rows_of_arrays():
    boxes = np.array([GOOD, (0.5, 0.2, 0.1, 0.4)], np.float32)
    with pytest.raises(ValueError, match="right < left"):
        check_objects("a", ["x", "y"], [0.3, 0.3], [0.3, 0.3], boxes)
