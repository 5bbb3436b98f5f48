"""Boxes: corners, areas, and how well two boxes agree.

A box is (cx, cy, w, h), its centre, width and height as shares of the image's sides; as corners
it is (left, top, right, bottom). Functions take any number of leading axes.

Letters: K predictions, G targets.
"""

from keras import ops

from hardvqa_tf.layers import inverse_sigmoid

__all__ = ["box_giou", "box_iou", "inverse_sigmoid", "pair_giou", "pair_l1", "to_corners"]

# What is divided by is at least that: two boxes without an area agree to 0, with a gradient.
# Nothing is added to it: small boxes would agree less than they do.
EPSILON = 1e-12


def to_corners(boxes):
    """(cx, cy, w, h) -> (left, top, right, bottom): float[..., 4]."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return ops.concatenate([centre - size / 2, centre + size / 2], axis=-1)


def box_iou(one, other):
    """Intersection over union, of boxes (cx, cy, w, h) that are broadcast.

    Returns:
      float[...], in [0, 1].
    """
    intersection, union, _ = _areas(one, other)
    return intersection / ops.maximum(union, EPSILON)


def box_giou(one, other):
    """Generalised IoU: IoU less the empty share of the smallest box that holds both.

    Rezatofighi et al., "Generalized Intersection over Union" (CVPR 2019). Boxes that lie apart
    get a gradient, too, which leads them together.

    Args:
      one, other: float[..., 4], boxes (cx, cy, w, h), which are broadcast.

    Returns:
      float[...], in (-1, 1]; of two boxes without an area -1 or 0, and never NaN.
    """
    intersection, union, hull = _areas(one, other)
    empty = (hull - union) / ops.maximum(hull, EPSILON)
    return intersection / ops.maximum(union, EPSILON) - empty


def pair_giou(boxes, targets):
    """`box_giou` of every pair: [..., K, 4], [..., G, 4] -> [..., K, G]."""
    return box_giou(boxes[..., :, None, :], targets[..., None, :, :])


def pair_l1(boxes, targets):
    """The sum of the four distances, of every pair: [..., K, 4], [..., G, 4] -> [..., K, G]."""
    return ops.sum(ops.abs(boxes[..., :, None, :] - targets[..., None, :, :]), axis=-1)


def _areas(one, other):
    """Areas [...] of the intersection, of the union, and of the smallest box around both."""
    one_low, one_high = _sides(one)
    other_low, other_high = _sides(other)
    inside = ops.minimum(one_high, other_high) - ops.maximum(one_low, other_low)
    around = ops.maximum(one_high, other_high) - ops.minimum(one_low, other_low)
    intersection = _area(ops.maximum(inside, 0.0))
    union = _area(one[..., 2:]) + _area(other[..., 2:]) - intersection
    return intersection, union, _area(around)


def _sides(boxes):
    centre, size = boxes[..., :2], boxes[..., 2:]
    return centre - size / 2, centre + size / 2


def _area(size):
    return size[..., 0] * size[..., 1]
