"""Groups of objects by their area, of a split whose images are not of COCO's size."""

import numpy as np

_ENDLESS = 1e10


def terciles(areas):
    """Thirds of objects by area, under names of their own: they are not COCO's sizes.

    Bounds lie halfway between two areas, so that no object is in two thirds. Objects of equal
    areas stay together: the nearest place is cut at which the area changes.

    Args:
      areas: float[O], in square pixels.

    Returns:
      {"_smallest": (least, greatest), "_middle": ..., "_largest": ...}, for `coco.evaluate`;
      empty where there are fewer than three areas.
    """
    areas = np.sort(np.asarray(areas, np.float64))
    places = np.flatnonzero(areas[1:] > areas[:-1]) + 1  # where a new area begins
    if len(places) < 2:
        return {}
    first = _nearest(places[:-1], len(areas) / 3)
    second = _nearest(places[places > first], 2 * len(areas) / 3)
    low, high = (float(areas[at - 1] + areas[at]) / 2 for at in (first, second))
    return {"_smallest": (0.0, low), "_middle": (low, high), "_largest": (high, _ENDLESS)}


def _nearest(places, wanted):
    """The lower one of two that are equally near."""
    return places[np.argmin(np.abs(places - wanted))]
