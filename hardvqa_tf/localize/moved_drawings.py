"""Drawings that are turned, made narrower, mirrored and bent in training, each by itself.

A person who draws the same thing again draws it otherwise. A class has few drawings, and a
model that sees each of them a hundred times in one shape learns it by heart.

Letters: B images, Q queries of an image, S drawings of a query.
"""

import tensorflow as tf

_BENDS = 4  # places along each side that are moved by themselves


def move_drawings(
    rasters, seed, rotation=0.0, stretch=0.0, mirror=False, bend=0.0, first_row=0
):
    """Moves each drawing by chance; all of it remains, but for corners that are turned out.

    Args:
      rasters: uint8[B, Q, S, H, W], black outside.
      seed: int[2]; decides, together with an image's row, so that a run repeats.
      rotation: greatest angle, in radians, about the raster's middle.
      stretch: each side becomes shorter by a factor of its own, 1 / (1 + stretch) at least.
      mirror: whether every other drawing, by chance, is mirrored left-right.
      bend: how far pixels are moved as their neighbours are, in shares of a side.
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
    moved = tf.reshape(moved, tf.shape(rasters))
    return _bend(moved, seed, bend, first_row) if bend else moved


def _bend(rasters, seed, bend, first_row):
    """Each pixel shows a place nearby; the ways there change slowly from pixel to pixel."""
    batch, queries, number, height, width = tf.unstack(tf.shape(rasters))
    seed = tf.random.experimental.stateless_fold_in(seed, 1)
    shape = [first_row + batch, queries, number, _BENDS, _BENDS, 2]
    ways = tf.random.stateless_uniform(shape, seed, -bend, bend)[first_row:]
    ways = tf.image.resize(tf.reshape(ways, [-1, _BENDS, _BENDS, 2]), [height, width])
    sides = tf.cast(tf.stack([height, width]), tf.float32)
    here = tf.stack(tf.meshgrid(tf.range(height), tf.range(width), indexing="ij"), axis=-1)
    wanted = tf.cast(here, tf.float32) + ways * sides
    place = tf.clip_by_value(wanted, 0.0, sides - 1.0)
    is_inside = tf.reduce_all(tf.abs(wanted - place) < 1.0, axis=-1)
    low = tf.minimum(tf.cast(place, tf.int32), tf.stack([height, width]) - 2)
    part = place - tf.cast(low, tf.float32)
    flat = tf.reshape(tf.cast(rasters, tf.float32), [-1, height * width])
    at = tf.reshape(low[..., 0] * width + low[..., 1], [-1, height * width])
    y, x = (tf.reshape(part[..., i], [-1, height * width]) for i in range(2))
    upper, lower = (
        tf.gather(flat, at + row, axis=1, batch_dims=1) * (1 - x)
        + tf.gather(flat, at + row + 1, axis=1, batch_dims=1) * x
        for row in (0, width)
    )
    bent = tf.where(tf.reshape(is_inside, tf.shape(x)), upper * (1 - y) + lower * y, 0.0)
    return tf.reshape(tf.cast(tf.round(bent), rasters.dtype), tf.shape(rasters))
