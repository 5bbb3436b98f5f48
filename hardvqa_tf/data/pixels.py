"""What is done to decoded pixels: scaled for a model, and moved a little in training."""

from typing import NamedTuple

import tensorflow as tf


def scale_pixels(pixels):
    """uint8 in 0..255 -> float32 in [0, 1]."""
    return tf.cast(pixels, tf.float32) / 255.0


class Moves(NamedTuple):
    """How each image of a batch is moved.

    The place (x, y) of a moved image, from its middle, shows the image's (cos x - sin y + dx,
    sin x + cos y + dy), from its middle, too. An image that is `mirrored` is so before.

    `cos`, `sin`, `dx`, `dy`: float32[B], lengths in pixels; `mirrored`: bool[B], left-right.
    """

    cos: tf.Tensor
    sin: tf.Tensor
    dx: tf.Tensor
    dy: tf.Tensor
    mirrored: tf.Tensor


def draw_moves(batch_size, seed, shift, rotation, mirror=False, first_row=0):
    """Draws how to move the images of a batch.

    Args:
      batch_size: B.
      seed: int[2]; decides, together with an image's row, so that a run repeats.
      shift: greatest move along each side, in whole pixels.
      rotation: greatest angle, in radians, about the image's middle.
      mirror: whether every other image, by chance, is mirrored.
      first_row: the row of the global batch that this part of it begins with.

    Returns:
      `Moves`.
    """
    rows, seed = first_row + batch_size, tf.cast(seed, tf.int32)
    draws = tf.random.stateless_uniform([rows, 3], seed, -1.0, 1.0)[first_row:]
    draws = tf.transpose(draws)  # [3, B]
    mirrored = tf.zeros([batch_size], tf.bool)
    if mirror:
        # Numbers of their own: with or without them, an image is moved alike.
        own_seed = tf.random.experimental.stateless_fold_in(seed, 1)
        mirrored = tf.random.stateless_uniform([rows], own_seed)[first_row:] < 0.5
    return Moves(
        tf.cos(draws[2] * rotation),
        tf.sin(draws[2] * rotation),
        tf.round(draws[0] * shift),
        tf.round(draws[1] * shift),
        mirrored,
    )


def move_images(images, moves, fill, smooth):
    """Moves images.

    Args:
      images: uint8[B, H, W, 3].
      moves: `Moves` of B images.
      fill: brightness in 0..1 of what comes in from outside.
      smooth: between pixels, which only turned images need.

    Returns:
      uint8[B, H, W, 3].
    """
    batch, height, width, _ = tf.unstack(tf.shape(images))
    cos, sin, dx, dy, mirrored = moves
    # Where a pixel (x, y) of the result comes from, turned about the middle (mx, my).
    mx, my = tf.cast(width - 1, tf.float32) / 2, tf.cast(height - 1, tf.float32) / 2
    from_x = tf.stack([cos, -sin, dx + mx - cos * mx + sin * my], axis=1)
    from_y = tf.stack([sin, cos, dy + my - sin * mx - cos * my], axis=1)
    last = [0.0, 0.0, 1.0] * tf.cast(width - 1, tf.float32)
    from_x = tf.where(mirrored[:, None], last - from_x, from_x)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.concat([from_x, from_y, tf.zeros([batch, 2])], axis=1),
        output_shape=tf.stack([height, width]),
        fill_value=255.0 * fill,
        interpolation="BILINEAR" if smooth else "NEAREST",
    )


def augment(images, seed, shift, rotation, fill, first_row=0):
    """Moves and turns each image a little, as the published relation networks on CLEVR do.

    Args:
      images: uint8[B, H, W, 3].
      seed, shift, rotation, first_row: see `draw_moves`; a shift pads and crops at random.
      fill: see `move_images`.

    Returns:
      uint8[B, H, W, 3].
    """
    moves = draw_moves(tf.shape(images)[0], seed, shift, rotation, first_row=first_row)
    return move_images(images, moves, fill, smooth=bool(rotation))
