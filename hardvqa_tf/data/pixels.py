"""Image bytes to pixels, and what training does to them: in one place for all who need it."""

import tensorflow as tf


def decode_image(encoded, image_size=None):
    """Image bytes to pixels: the one way in for training, evaluation and export.

    Args:
      encoded: string scalar, JPEG, PNG, BMP or GIF (its first frame).
      image_size: (H, W). Other sizes are resized with antialiasing, each side by itself, as the
        published runs on CLEVR do. None: the image's own.

    Returns:
      uint8[H, W, 3].
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    if image_size is None:
        return image

    def resize():
        resized = tf.image.resize(image, image_size, antialias=True)
        return tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8)

    # Resizing to the same size changes nothing, and costs twice what decoding costs.
    has_size = tf.reduce_all(tf.shape(image)[:2] == tf.constant(image_size))
    return tf.ensure_shape(tf.cond(has_size, lambda: image, resize), (*image_size, 3))


def decode_images(encoded, usable, image_size):
    """A batch of images of any sizes to pixels, each by `decode_image`.

    Args:
      encoded: string[N].
      usable: bool[N]; the others are not decoded.
      image_size: (H, W).

    Returns:
      uint8[N, H, W, 3], zeros where not usable.
    """
    shape = (*image_size, 3)

    def decode(row):
        image, is_usable = row
        return tf.cond(
            is_usable,
            lambda: decode_image(image, image_size),
            lambda: tf.zeros(shape, tf.uint8),
        )

    return tf.map_fn(
        decode, (encoded, usable), fn_output_signature=tf.TensorSpec(shape, tf.uint8)
    )


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
