"""Maps of a frozen image encoder: the encoder that `records.features` is given, on all devices.

    records of images ──records.features──► records of maps ──data.VqaData──► features

The paper encodes every image once, with ResNet-101 at 320x320, and trains on the maps.

Letters: N images of a batch; H W pixels; h w grid; D width.
"""

import dataclasses
import functools
import os

import numpy as np
import tensorflow as tf

from hardvqa_tf import encoders
from hardvqa_tf.pixels import decode_image, scale_pixels
from hardvqa_tf.strategies import make_strategy
from hardvqa_tf.text import split_words
from records import features
from records.source import sha256_of_file

# name: (encoder, pixels that a cell's side covers, D). `make_encode` checks that it is so.
MAP_ENCODERS = {"resnet101": (encoders.resnet101, 32, 2048)}


@dataclasses.dataclass(frozen=True)
class MapEncoder:
    """Which encoder makes the maps; called, it builds it on the machine where it is called.

    name: in MAP_ENCODERS.
    image_size: (H, W) that images are resized to.
    weights: as the encoder takes them: "imagenet", "random" (for tests) or a file's path.
    num_virtual_devices: see `strategies.make_strategy`.
    """

    name: str = "resnet101"
    image_size: tuple = (320, 320)
    weights: str | None = "imagenet"
    num_virtual_devices: int | None = None

    def __post_init__(self):
        if self.name not in MAP_ENCODERS:
            raise ValueError(
                f"Unknown encoder of maps. Received: {self.name!r}. "
                f"Use one of: {', '.join(MAP_ENCODERS)}."
            )
        size = self.image_size
        if len(size) != 2 or min(size) < 32 or any(int(n) != n for n in size):
            raise ValueError(
                "`image_size` must be (H, W), whole numbers of at least 32 pixels. "
                f"Received: {size}."
            )

    @property
    def map_shape(self):
        """(h, w, D)"""
        _, stride, width = MAP_ENCODERS[self.name]
        return tuple(-(-side // stride) for side in self.image_size) + (width,)

    @property
    def decode(self):
        """The function from image bytes to uint8[H, W, 3] that all of the program uses."""
        return functools.partial(decode_image, image_size=tuple(self.image_size))

    def arguments(self):
        """What determines the maps, for dataset_info.json; a weights file by its content."""
        weights = self.weights
        if weights is not None and os.path.isfile(weights):
            weights = f"sha256:{sha256_of_file(weights)}"
        return {"image_size": list(self.image_size), "weights": weights}

    def __call__(self):
        """Returns a function from uint8[N, H, W, 3] to maps float16[N, h, w, D]."""
        return make_encode(
            self.name,
            self.num_virtual_devices,
            image_size=tuple(self.image_size),
            weights=self.weights,
        )


def make_encode(name, num_virtual_devices=None, **arguments):
    """Builds an encoder on every device there is.

    Args:
      name: in MAP_ENCODERS.
      num_virtual_devices: see `strategies.make_strategy`.
      **arguments: of the encoder.

    Returns:
      A function from uint8[N, H, W, 3] to maps float16[N, h, w, D], NumPy arrays. The devices
      share the images; where they do not go up evenly, the last image is encoded again.
    """
    strategy = make_strategy(num_virtual_devices)
    with strategy.scope():
        model = MAP_ENCODERS[name][0](**arguments)

    def encode_part(pixels):
        # Cast on the device: half as much comes back.
        return tf.cast(model(scale_pixels(pixels), training=False), tf.float16)

    @tf.function(reduce_retracing=True)
    def encode_parts(pixels):
        return strategy.run(encode_part, args=(pixels,))

    num_devices = strategy.num_replicas_in_sync

    def encode(images):
        padding = [images[-1:]] * (-len(images) % num_devices)
        parts = np.split(np.concatenate([images, *padding]), num_devices)
        pixels = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )
        maps = strategy.experimental_local_results(encode_parts(pixels))
        return np.concatenate([of_device.numpy() for of_device in maps])[: len(images)]

    return encode


def build_maps(source_dir, records_dir, encoder, *, batch_size=32, **arguments):
    """Writes records of the maps of an image encoder; see `records.features.build_features`.

    Args:
      source_dir: finished records of images.
      records_dir: the folder to write.
      encoder: `MapEncoder`.
      batch_size: N, images that are encoded at once, over all devices together.
      **arguments: of `build_features`: on_error, write_shards, report.

    Returns:
      The content of dataset_info.json.
    """
    return features.build_features(
        source_dir,
        records_dir,
        make_encode=encoder,
        decode=encoder.decode,
        name=encoder.name,
        arguments=encoder.arguments(),
        map_shape=encoder.map_shape,
        batch_size=batch_size,
        split_words=split_words,
        **arguments,
    )
