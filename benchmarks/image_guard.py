"""What does it cost to look at images before they are decoded, and to keep a batch alive?

    python benchmarks/image_guard.py
    python benchmarks/image_guard.py --width=1024 --height=768 --batch_size=16

The same images, drawn at random, decoded and resized in one graph: without any guard, which is
the reference; with that of an exported model (`image_status`); and with TensorFlow's way to
survive any broken image, a data set that ignores errors, for each image and for the batch.
"""

import argparse
import io
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.timing import alternate, timed
from hardvqa_tf.data.image_status import OK, image_status
from records.decode import decode_image, decode_images

REFERENCE = "decoded without a guard"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", default="JPEG", choices=("JPEG", "PNG", "GIF", "BMP"))
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=240)
    parser.add_argument("--image_size", type=int, nargs=2, default=(128, 128))
    parser.add_argument("--batch_size", type=int, nargs="+", default=(1, 16))
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args(argv)
    print(arguments)
    return {n: compare(arguments, n) for n in arguments.batch_size}


def compare(arguments, batch_size):
    """Prints a table and returns {name: milliseconds of an image}."""
    images = tf.constant([draw_image(arguments, seed) for seed in range(batch_size)])
    measures = {
        name: timed(lambda decode=decode: decode(images).numpy())
        for name, decode in make_variants(tuple(arguments.image_size)).items()
    }
    seconds = alternate(measures, arguments.rounds)
    print(f"\nbatch of {batch_size}: medians of {arguments.rounds} rounds")
    print(f"{'':36}{'ms an image':>14}{'times':>8}")
    found = {}
    for name, of_rounds in seconds.items():
        found[name] = 1e3 * statistics.median(of_rounds) / batch_size
        pairs = zip(of_rounds, seconds[REFERENCE], strict=True)
        times = statistics.median(own / reference for own, reference in pairs)
        print(f"{name:36}{found[name]:14.3f}{times:7.2f}x")
    return found


def make_variants(image_size):
    def unguarded(images):
        return decode_images(images, tf.ones_like(images, tf.bool), image_size)

    def guarded(images):
        return decode_images(images, image_status(images) == OK, image_size)

    def ignoring_each(images):
        return tf.map_fn(
            lambda image: ignore_errors(image[None], image_size)[0],
            images,
            fn_output_signature=tf.uint8,
        )

    def ignoring(images):
        return ignore_errors(images, image_size)

    spec = [tf.TensorSpec([None], tf.string)]
    return {
        REFERENCE: tf.function(unguarded, spec),
        "headers and ends looked at": tf.function(guarded, spec),
        "a data set for each image": tf.function(ignoring_each, spec),
        "a data set for the batch": tf.function(ignoring, spec),
    }


def ignore_errors(images, image_size):
    """string[N] -> uint8[n, H, W, 3]: what can be decoded, in order."""
    rows = tf.data.Dataset.from_tensor_slices(images)
    rows = rows.map(lambda image: decode_image(image, image_size), tf.data.AUTOTUNE)
    rows = rows.ignore_errors()
    nothing = tf.zeros((0, *image_size, 3), tf.uint8)
    return rows.reduce(nothing, lambda all_, row: tf.concat([all_, row[None]], axis=0))


def draw_image(arguments, seed):
    """A smooth picture with some noise, which compresses about as a photo does."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 12, 3)).astype(np.uint8)
    size = arguments.width, arguments.height
    smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    noisy = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, arguments.format)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
