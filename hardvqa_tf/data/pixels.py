"""What is done to decoded pixels: scaled for a model, and moved a little in training."""

import tensorflow as tf


def scale_pixels(pixels):
    """uint8 in 0..255 -> float32 in [0, 1]."""
    return tf.cast(pixels, tf.float32) / 255.0


def augment(images, seed, shift, rotation, fill, first_row=0):
    """Moves and turns each image a little, as the published relation networks on CLEVR do.

    Args:
      images: uint8[B, H, W, 3].
      seed: int[2]; decides, together with an image's row, so that a run repeats.
      shift: greatest move along each side, in whole pixels (padding and random cropping).
      rotation: greatest angle, in radians, about the image's middle.
      fill: brightness in 0..1 of what comes in from outside.
      first_row: the row of the global batch that `images` begins with.

    Returns:
      uint8[B, H, W, 3].
    """
    batch, height, width, _ = tf.unstack(tf.shape(images))
    rows, seed = [first_row + batch, 3], tf.cast(seed, tf.int32)
    draws = tf.random.stateless_uniform(rows, seed, -1.0, 1.0)[first_row:]
    draws = tf.transpose(draws)  # [3, B]
    dx, dy = tf.round(draws[0] * shift), tf.round(draws[1] * shift)
    cos, sin = tf.cos(draws[2] * rotation), tf.sin(draws[2] * rotation)
    # Where a pixel (x, y) of the result comes from, turned about the middle (mx, my).
    mx, my = tf.cast(width - 1, tf.float32) / 2, tf.cast(height - 1, tf.float32) / 2
    from_x = [cos, -sin, dx + mx - cos * mx + sin * my]
    from_y = [sin, cos, dy + my - sin * mx - cos * my]
    zero = tf.zeros([batch])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([*from_x, *from_y, zero, zero], axis=1),
        output_shape=tf.stack([height, width]),
        fill_value=255.0 * fill,
        interpolation="BILINEAR" if rotation else "NEAREST",
    )
