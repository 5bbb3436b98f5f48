"""Image bytes to pixels: the one function by which training, evaluation, maps, exports decode.

It is made of TensorFlow operations, so it runs inside tf.data and inside an exported graph.
Building and verifying records call it, too (`images.check_image`): what it cannot decode is
refused before a training run meets it.

Letters: N images; H W pixels.
"""

import re

import tensorflow as tf

from records.orientation import turn


def decode_image(encoded, image_size=None, orientation=None):
    """Image bytes to pixels.

    Args:
      encoded: string scalar, JPEG, PNG, BMP or GIF (its first frame).
      image_size: (H, W). Other sizes are resized with antialiasing, each side by itself, as the
        published runs on CLEVR do. None: the image's own.
      orientation: int scalar, by which the image is turned first, see `orientation.turn`; None:
        it is not.

    Returns:
      uint8[H, W, 3].
    """
    image = decode_pixels(encoded)
    if orientation is not None:
        image = turn(image, tf.convert_to_tensor(orientation))
    return image if image_size is None else _resized(image, image_size)


def _resized(image, image_size):
    def resize():
        resized = tf.image.resize(image, image_size, antialias=True)
        return tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8)

    # Resizing to the same size changes nothing, and costs twice what decoding costs.
    has_size = tf.reduce_all(tf.shape(image)[:2] == tf.constant(image_size))
    return tf.ensure_shape(tf.cond(has_size, lambda: image, resize), (*image_size, 3))


def decode_record(parsed, image_size=None):
    """The image of a record, as people see it: `decode_image` of what `parse_example` gave."""
    return decode_image(parsed["image/encoded"], image_size, parsed["image/orientation"])


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


def decode_images_and_sizes(encoded, usable, image_size):
    """`decode_images`, and how large the images were.

    Returns:
      uint8[N, H, W, 3], and int32[N, 2], (height, width); zeros where not usable.
    """
    shape = (*image_size, 3)

    def decode(row):
        def decode_one():
            image = decode_pixels(row[0])
            return _resized(image, image_size), tf.shape(image)[:2]

        def nothing():
            return tf.zeros(shape, tf.uint8), tf.zeros([2], tf.int32)

        return tf.cond(row[1], decode_one, nothing)

    specs = tf.TensorSpec(shape, tf.uint8), tf.TensorSpec([2], tf.int32)
    return tf.map_fn(decode, (encoded, usable), fn_output_signature=specs)


def decode_pixels(encoded, channels=3, dtype=tf.uint8):
    """Image bytes to uint8[H, W, channels]; the fourth channel, of a PNG, is its alpha.

    Args:
      dtype: `tf.uint16` for all the bits of a PNG that has 16 of each colour; uint8 has the
        upper eight, of which an alpha of 65,280 and more looks opaque.
    """
    # The operation of `tf.io.decode_image`, without the time that its wrapper takes.
    return tf.raw_ops.DecodeImage(
        contents=encoded, channels=channels, expand_animations=False, dtype=dtype
    )


def reason_of(error):
    """Returns what a `tf.errors.OpError` says of an image, without where in a graph it is."""
    line = re.sub(r"\s*\[Op:.*", "", error.message.splitlines()[0])
    line = re.sub(r"^.*Iterator::Root\S* ", "", line)
    return re.sub(r"^\{\{.*?\}\} ", "", line).strip()
