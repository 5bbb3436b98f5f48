"""Maps or images? What dataset_info.json, or the plan of a build, says of what records hold.

Asked here alone, by all who read records. Plain Python: it needs no TensorFlow.
"""

import math

import numpy as np


def holds_maps(info):
    """Whether records hold maps that were made of images; False: the images."""
    return "features" in info


def map_shape(info):
    """(H, W, D) of the maps; None of records of images."""
    return tuple(info["features"]["shape"]) if holds_maps(info) else None


def map_bytes(info):
    """The length of a map; None of records of images."""
    if not holds_maps(info):
        return None
    return math.prod(map_shape(info)) * np.dtype(info["features"]["dtype"]).itemsize
