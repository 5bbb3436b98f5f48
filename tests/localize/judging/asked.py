"""Queries of two scenes, typed by hand, and what was found to them."""

import numpy as np

from hardvqa_tf.localize.judging.queries import Found, Query

FISH, FISH_2, SUN = [10, 10, 50, 30], [60, 40, 90, 70], [20, 50, 40, 90]  # corners
FAR = [70, 0, 95, 20]
SIZE = (100, 120)  # height, width

QUERIES = [
    Query("scene/1", "fish", SIZE, [FISH, FISH_2], [SUN], group="seen"),
    Query("scene/1", "cup", SIZE, [], [FISH, FISH_2, SUN], group="unseen"),  # of nothing
    Query("scene/1", "sun", SIZE, [SUN], [FISH, FISH_2], group="unseen"),
]


def found(*boxes):
    """(corners, score), ..."""
    return Found(np.array([box for box, _ in boxes]), np.array([s for _, s in boxes]))


FOUND = [
    found((FISH, 0.9), (FAR, 0.6), (FISH_2, 0.5)),
    found((SUN, 0.7), (FAR, 0.2)),
    found((FAR, 0.8), (SUN, 0.5)),
]
