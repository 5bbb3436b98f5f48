"""One shard of images → one shard of their maps: decoded, encoded and written at the same time.

An image is decoded by the C++ threads of tf.data, not by processes of their own: decoding holds
no lock of Python, so that threads use every core, and a process would have to send its pixels
(300 kB an image of 320x320) through a pipe, and hold TensorFlow once more in memory. While one
batch is decoded, the one before it is encoded, and the one before that is written.

The same bytes come out of every run on the same machine: a batch never reaches over the end of
a shard and is filled up to its full size, so that it does not matter where a killed build went
on. Another kind of device may round the last bit of a number differently.
"""

import concurrent.futures
import dataclasses
import functools
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from records import schema, writer
from records.damage import damage
from records.decode import reason_of
from records.source import BuildError, Problems, counted

DTYPE = np.dtype("<f2")  # float16, as `schema.with_features` stores it


@dataclasses.dataclass(frozen=True)
class MapShard:
    """One file to write: maps of the `num_images` images of `source`, of `split`, at `path`."""

    source: str
    path: str
    split: str
    num_images: int


@dataclasses.dataclass(frozen=True)
class Encoding:
    """How images become maps. Picklable, if its functions are, to be sent to other machines.

    make_encode: see `build_features`.
    decode: see `build_features`.
    map_shape: (h, w, D).
    batch_size: images that are encoded at once.
    on_error: see `Problems`.
    """

    make_encode: Callable
    decode: Callable
    map_shape: tuple
    batch_size: int
    on_error: str = "stop"


def write_map_shard(shard, encode, encoding, on_images=lambda count: None):
    """Writes one shard of maps, whole or not at all.

    Args:
      shard: `MapShard`.
      encode: what `encoding.make_encode()` returned.
      encoding: `Encoding`.
      on_images: called with the number of images that have been dealt with.
    """
    problems = Problems(encoding.on_error, shard.split)
    records = _make_records(shard, encode, encoding, problems, on_images)
    writer.write_records(shard.path, records, problems)


def _make_records(shard, encode, encoding, problems, on_images):
    """Yields the shard's records, each with the map of its image in the image's place."""
    images = _read_images(shard, encoding.decode, problems)
    batches = _batches(images, encoding.batch_size)
    counted = 0
    for records, maps in _encode_ahead(batches, encode, encoding):
        for serialized, of_image in zip(records, maps, strict=True):
            if np.isfinite(of_image).all():
                yield schema.with_features(serialized, of_image)
            else:
                _report(
                    problems,
                    shard,
                    serialized,
                    "the map has numbers that float16 cannot hold (above 65504, or not a "
                    "number). Are these the right weights of the encoder?",
                )
        counted += len(records)
        on_images(len(records))
    on_images(shard.num_images - counted)  # Those that were skipped.


def _read_images(shard, decode, problems):
    """Yields (serialized record, uint8[H, W, 3]) of every image that can be decoded."""
    images = tf.data.TFRecordDataset(shard.source)
    images = images.map(_loader(decode), num_parallel_calls=tf.data.AUTOTUNE)
    images = iter(images.prefetch(tf.data.AUTOTUNE))
    for position in range(shard.num_images):
        try:
            serialized, image = next(images)
        except (StopIteration, tf.errors.DataLossError):
            what = f"is damaged after record {position} of {shard.num_images}"
            raise BuildError(damage(shard.source, what)) from None
        except tf.errors.InvalidArgumentError as error:
            # The iterator stays where it is: its next element is the next image.
            serialized = _record_at(shard.source, position)
            _report(problems, shard, serialized, f"it cannot be decoded ({reason_of(error)}).")
        else:
            yield serialized.numpy(), image.numpy()


@functools.lru_cache(maxsize=1)
def _loader(decode):
    """A function of TensorFlow, so that it is traced once, not once a shard."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def load(serialized):
        return serialized, decode(schema.parse_example(serialized))

    return load


def _record_at(path, position):
    return next(iter(tf.data.TFRecordDataset(path).skip(position))).numpy()


def _report(problems, shard, serialized, what):
    record = tf.train.Example.FromString(serialized).features.feature
    image_id = record["image/id"].bytes_list.value[0].decode()
    questions = len(record["question/id"].bytes_list.value)
    where = f"{os.path.basename(shard.source)}: image {image_id!r}"
    problems.report(where, f"{what} It has {counted(questions, 'question')}.")


def _batches(images, batch_size):
    """Yields (list of serialized records, list of images); only the last may be smaller."""
    records, pixels = [], []
    for serialized, image in images:
        records.append(serialized)
        pixels.append(image)
        if len(records) == batch_size:
            yield records, pixels
            records, pixels = [], []
    if records:
        yield records, pixels


def _encode_ahead(batches, encode, encoding):
    """Yields (records, maps); the next batch is encoded while the caller writes this one."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        before = None
        for records, pixels in batches:
            maps = pool.submit(_encode, encode, pixels, encoding)
            if before:
                yield before[0], before[1].result()
            before = records, maps
        if before:
            yield before[0], before[1].result()


def _encode(encode, pixels, encoding):
    """list of uint8[H, W, 3] → float16[N, h, w, D]; encodes a whole batch always."""
    missing = encoding.batch_size - len(pixels)
    batch = np.stack(pixels + [pixels[-1]] * missing)  # Filled: one shape compiles once.
    try:
        maps = np.asarray(encode(batch))
    except tf.errors.OpError as error:
        raise BuildError(
            f"The encoder failed on images {batch.shape}: {error.message[:300]}. If memory ran "
            "out, make some free, or encode fewer images at once (--config.maps.batch_size); "
            "finished shards are kept."
        ) from None
    expected = (encoding.batch_size, *encoding.map_shape)
    if maps.shape != expected:
        raise BuildError(
            f"`encode` must return maps {expected} for images {batch.shape}. Received: "
            f"{maps.shape}. Give the `map_shape` of this encoder."
        )
    with np.errstate(over="ignore"):  # What becomes infinite is told with the image's name.
        return maps[: len(pixels)].astype(DTYPE, copy=False)
