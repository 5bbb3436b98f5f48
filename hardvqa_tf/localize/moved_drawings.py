"""Drawings that are turned, made narrower or lower, and mirrored in training, each by itself.

A person who draws the same thing again draws it otherwise. A class has few drawings, and a
model that sees each of them a hundred times in one shape learns it by heart.

Letters: B images, Q queries of an image, S drawings of a query.
"""

import tensorflow as tf


def move_drawings(rasters, seed, rotation=0.0, stretch=0.0, mirror=False, first_row=0):
    """Moves each drawing by chance; all of it remains, but for corners that are turned out.

    Args:
      rasters: uint8[B, Q, S, H, W], black outside.
      seed: int[2]; decides, together with an image's row, so that a run repeats.
      rotation: greatest angle, in radians, about the raster's middle.
      stretch: each side becomes shorter by a factor of its own, 1 / (1 + stretch) at least.
      mirror: whether every other drawing, by chance, is mirrored left-right.
      first_row: the row of the global batch that this part of it begins with.

    Returns:
      uint8[B, Q, S, H, W].
    """
    batch, queries, number, height, width = tf.unstack(tf.shape(rasters))
    # Numbers of their own: images are moved alike with or without them.
    seed = tf.random.experimental.stateless_fold_in(tf.cast(seed, tf.int32), 2)
    shape = [first_row + batch, queries, number, 4]
    draws = tf.random.stateless_uniform(shape, seed)[first_row:]
    turn, narrow, low, side = tf.unstack(tf.reshape(draws, [-1, 4]), axis=1)
    cos, sin = tf.cos((2.0 * turn - 1.0) * rotation), tf.sin((2.0 * turn - 1.0) * rotation)
    narrow, low = 1.0 + narrow * stretch, 1.0 + low * stretch
    if mirror:
        narrow = tf.where(side < 0.5, -narrow, narrow)
    # A pixel (x, y) of the result, from the middle, shows (narrow (x cos - y sin),
    # low (x sin + y cos)) of the raster.
    xx, xy, yx, yy = narrow * cos, -narrow * sin, low * sin, low * cos
    mx, my = tf.cast(width - 1, tf.float32) / 2, tf.cast(height - 1, tf.float32) / 2
    from_x = [xx, xy, mx - xx * mx - xy * my]
    from_y = [yx, yy, my - yx * mx - yy * my]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.reshape(rasters, [-1, height, width, 1]),
        transforms=tf.stack([*from_x, *from_y, *[tf.zeros_like(cos)] * 2], axis=1),
        output_shape=tf.stack([height, width]),
        fill_value=0.0,
        interpolation="BILINEAR",
    )
    return tf.reshape(moved, tf.shape(rasters))
