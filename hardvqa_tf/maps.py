"""Maps of a frozen image encoder: the encoder that `records.features` is given, on all devices.

    records of images ──records.features──► records of maps ──data.VqaData──► features

The paper encodes every image once, with ResNet-101 at 320x320, and trains on the maps.

Letters: N images of a batch; H W pixels; h w grid; D width.
"""

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from hardvqa_tf import encoders
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.data.words import split_words
from hardvqa_tf.encoders import biformer, swiftformer
from hardvqa_tf.encoders.fields import fields_of
from hardvqa_tf.training.strategies import make_strategy
from records import features
from records.decode import decode_record
from records.source import sha256_of_file


class Kind(NamedTuple):
    """An encoder that can make maps.

    build: the function that builds it.
    cells: {stage: (pixels that a cell's side covers, D)}; None is the stage of an encoder that
        has one grid. The first batch is checked against it.
    options: its other arguments that the maps depend on.
    """

    build: Callable
    cells: dict
    options: tuple = ()


def _four_stages(family, variants, option):
    return {
        f"{family}_{variant}": Kind(
            getattr(encoders, f"{family}_{variant}"),
            {stage: (2 ** (stage + 1), width) for stage, width in enumerate(widths, start=1)},
            ("stage", option),
        )
        for variant, (widths, _) in variants.items()
    }


MAP_ENCODERS = {
    "resnet101": Kind(encoders.resnet101, {None: (32, 2048)}),
    **_four_stages("swiftformer", swiftformer.VARIANTS, "token_weights"),
    **_four_stages("biformer", biformer.VARIANTS, "num_regions"),
}


@dataclasses.dataclass(frozen=True)
class MapEncoder:
    """Which encoder makes the maps; called, it builds it on the machine where it is called.

    name: in MAP_ENCODERS.
    image_size: (H, W) that images are resized to.
    weights: as the encoder takes them: "imagenet" (of ResNet-101), "random" (for tests) or a
        file's path.
    options: its other arguments that the maps depend on: see `Kind`.
    num_virtual_devices: see `strategies.make_strategy`.
    """

    name: str = "resnet101"
    image_size: tuple = (320, 320)
    weights: str | None = "imagenet"
    options: dict = dataclasses.field(default_factory=dict)
    num_virtual_devices: int | None = None

    def __post_init__(self):
        if self.name not in MAP_ENCODERS:
            raise ValueError(
                f"Unknown encoder of maps. Received: {self.name!r}. "
                f"Use one of: {', '.join(MAP_ENCODERS)}."
            )
        cells, stage = MAP_ENCODERS[self.name].cells, self.options.get("stage")
        if stage not in cells:
            raise ValueError(
                f"`stage` of {self.name}, whose output is the map, must be one of "
                f"{', '.join(map(str, cells))}. Received: stage={stage!r}. In a config it is "
                f"model.{self.name}.stage."
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
        stride, width = MAP_ENCODERS[self.name].cells[self.options.get("stage")]
        return tuple(-(-side // stride) for side in self.image_size) + (width,)

    @property
    def decode(self):
        """The function from image bytes to uint8[H, W, 3] that all of the program uses."""
        return functools.partial(decode_record, image_size=tuple(self.image_size))

    def arguments(self):
        """What determines the maps, for dataset_info.json; a weights file by its content."""
        weights = self.weights
        if weights is not None and os.path.isfile(weights):
            weights = f"sha256:{sha256_of_file(weights)}"
        return {"image_size": list(self.image_size), "weights": weights} | self.options

    def fields(self):
        """Where the cells of a map look in the image: JSON of `encoders.fields.Fields`.

        Builds the encoder once more, without its weights.
        """
        build = MAP_ENCODERS[self.name].build
        options = {"image_size": tuple(self.image_size), "weights": "random", **self.options}
        with tf.device("CPU:0"):
            fields = fields_of(build(**options))
        return fields.to_json()

    def __call__(self):
        """Returns a function from uint8[N, H, W, 3] to maps float16[N, h, w, D]."""
        return make_encode(
            self.name,
            self.num_virtual_devices,
            image_size=tuple(self.image_size),
            weights=self.weights,
            **self.options,
        )


def encoder_from_config(config):
    """The `MapEncoder` that a config's `maps` names; its options are those in config.model."""
    name, maps = config.maps.encoder, config.maps
    options = MAP_ENCODERS[name].options if name in MAP_ENCODERS else ()
    return MapEncoder(
        name,
        tuple(maps.image_size),
        maps.weights,
        {option: config.model[name][option] for option in options},
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
        model = MAP_ENCODERS[name].build(**arguments)

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
        fields=encoder.fields,
        batch_size=batch_size,
        split_words=split_words,
        **arguments,
    )
