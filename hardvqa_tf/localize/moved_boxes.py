"""Boxes that move with their images in training, by the same numbers (`data.pixels`).

A box moves with its image, and is then clipped by it. A turned box becomes the smallest upright
box around it: what is drawn in it lies in the new one, too, which may be larger than needed. By
an angle a, its width w becomes w |cos a| + h |sin a|, and its height likewise.

Letters: B images, Q queries of an image, G objects of a query.
"""

import tensorflow as tf

# Of a moved box's area, so much must lie in the image, else it is left out: of an object that
# is cut off further, nobody could tell what it is.
LEAST_SEEN = 0.25


def move_boxes(boxes, moves, size):
    """Moves boxes with their images.

    Args:
      boxes: float32[B, Q, G, 4], (cx, cy, w, h) as shares of the image.
      moves: `data.pixels.Moves` of the B images.
      size: (H, W) in pixels.

    Returns:
      float32[B, Q, G, 4], boxes clipped by the image; and bool[B, Q, G], False where less than
      LEAST_SEEN of a box lies in the image.
    """
    height, width = size
    sides = tf.constant([width, height], tf.float32)
    cos, sin, dx, dy, mirrored = (value[:, None, None] for value in moves)
    centre, extent = boxes[..., :2] * sides, boxes[..., 2:] * sides  # in pixels
    x, y = tf.unstack(centre - sides / 2, axis=-1)
    x, y = tf.where(mirrored, -x, x) - dx, y - dy
    w, h = tf.unstack(extent, axis=-1)
    # Backwards: moves say what a place of the moved image shows.
    centre = tf.stack([cos * x + sin * y, cos * y - sin * x], axis=-1) + sides / 2
    cos, sin = tf.abs(cos), tf.abs(sin)
    extent = tf.stack([cos * w + sin * h, sin * w + cos * h], axis=-1)
    start, end = centre - extent / 2, centre + extent / 2
    inside = tf.logical_and(end >= 0.0, start <= sides)
    start, end = (tf.clip_by_value(ends, 0.0, sides) for ends in (start, end))
    # A side without a length is seen, or is not.
    shares = tf.where(extent > 0.0, (end - start) / extent, tf.cast(inside, tf.float32))
    is_seen = tf.reduce_prod(shares, axis=-1) >= LEAST_SEEN
    return tf.concat([(start + end) / 2 / sides, (end - start) / sides], axis=-1), is_seen
