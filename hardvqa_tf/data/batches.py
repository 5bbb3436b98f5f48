"""Records to batches, in an order that a seed decides; what a record says is the task's matter.

A record is an image with what belongs to it. A task makes items of it: each is the image with
as much of the rest as goes into a row of a batch. B items are a batch, over all devices
together. The order of an epoch is a pure function of (seed, epoch), so a run that is resumed
sees what the uninterrupted run would have seen.

    shards ──parse──► images ──decode──► kept in memory ──shuffle, groups──► items
                                         ──batch, fill, augment, finish──► batches
"""

import functools
import threading
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from hardvqa_tf.data.shares import Share

# Decoded images, or maps, of a split are kept in memory up to this size, else streamed.
CACHE_BYTES = 2 * 1024**3
SHUFFLE_ITEMS = 4096  # of a streamed split; a cached one is shuffled whole


class Batches:
    """The batches of one split; a base for those of a task, which has these methods:

      parse(serialized): a record's bytes -> a dict of its values, of which `image` is what
        `decode` takes, and `weights` float32[n] says which of its n parts count.
      decode(image): the same with pixels, or a map, as `image`.
      groups(image, seed): -> the image's items, a dict of values [G, ...], with `weights`
        [G, ...]. `seed`: int64[2], of a stateless generator, decides what training draws; None
        where batches are read in order.
      augment(batch, seed, first_row): the batch with other pixels, and all that moves with
        them, where `augments` says so. `first_row`: the row of the global batch that this
        part of it begins with.
      finish(batch): what becomes of a batch at last.

    and, as training reports them, `contents` and `batch_contents`: what the split and a batch
    hold, in a few words.

    Args:
      paths: of the shards.
      split: "train", ...
      num_images, num_items: of the split.
      image_bytes: of a decoded image, or a map.
      batch_size: B, over all devices together.
      steps_per_epoch: batches of a training epoch; None, and if the split has fewer: all. As
        each epoch has an order of its own, each has other batches.
      seed: decides the order of training epochs.
      augments: whether `augment` is called for training.
      is_item: name of a bool in a batch that says which of its parts are no padding; it may be
        absent from a batch.

    Attributes:
      steps_per_epoch: batches of a training epoch.
    """

    def __init__(
        self,
        paths,
        split,
        *,
        num_images,
        num_items,
        image_bytes,
        batch_size,
        steps_per_epoch=None,
        seed=0,
        augments=False,
        is_item="is_item",
    ):
        if steps_per_epoch is not None and steps_per_epoch < 1:
            raise ValueError(
                "`steps_per_epoch` must be at least 1. Received: "
                f"steps_per_epoch={steps_per_epoch}. Leave it out for all batches."
            )
        self.split, self.batch_size, self.seed = split, batch_size, seed
        self.num_images, self.num_items = num_images, num_items
        self._num_batches = -(-num_items // batch_size)
        self.steps_per_epoch = min(self._num_batches, steps_per_epoch or self._num_batches)
        self.cached = num_images * image_bytes <= CACHE_BYTES
        self._augments, self._is_item = augments, is_item
        self._images = self._read(paths)
        self._reading = None
        # Traced once: every epoch builds its pipeline anew, of the same functions.
        self._decode, self._groups = tf.function(self.decode), tf.function(self.groups)
        self._fill, self._finish = tf.function(self._fill), tf.function(self.finish)
        self._augment = tf.function(self.augment) if augments else None

    def read_ahead(self):
        """Starts to read a split that is kept in memory, while the caller does something else.

        Whoever then asks for batches waits for what is left to read. A split that is streamed
        has nothing to read ahead.
        """
        if self.cached and self._reading is None:
            reader = ThreadPoolExecutor(1, thread_name_prefix="read_ahead")
            self._reading = reader.submit(self._read_all)
            reader.shutdown(wait=False)

    def _read_all(self):
        for _ in self._images.map(lambda image: tf.shape(image["weights"])[0]).batch(64):
            if not threading.main_thread().is_alive():
                return  # The program ends, nobody will ask.

    def _wait_for_reading(self):
        if self._reading is not None:
            self._reading.result()

    def training_epoch(self, epoch, start_step=0, context=None):
        """The batches of training epoch `epoch`, from step `start_step` of it on.

        tf.data mixes TensorFlow's global seed, if one is set, into the seed of `shuffle`;
        training sets it to the same `seed`.

        Args:
          epoch, start_step: where to begin; a function of the two, whoever asks.
          context: `tf.distribute.InputContext`: a machine among several gets its own rows of
            every batch, one device's at a time. (It reads all records, since any may come
            next, but decodes only its own.) None: whole batches.
        """
        self._wait_for_reading()
        return self._training_batches(epoch, start_step, context)

    @property
    def batch_spec(self):
        """The `tf.TypeSpec`s of a training batch on one device; reads nothing."""
        return self._training_batches(0).element_spec

    def in_order(self):
        """All batches in the order of the records, as evaluation reads them."""
        self._wait_for_reading()
        return self._ordered_batches

    @functools.cached_property
    def _ordered_batches(self):
        # Built once: each building traces the pipeline anew, and every epoch asks for it.
        items = self._items(self._images.enumerate())
        return self._batches(items, Share(None, self.batch_size), self._num_batches)

    def _training_batches(self, epoch, start_step=0, context=None):
        share = Share(context, self.batch_size)
        seed = _mix(self.seed, epoch)
        images = self._images.enumerate()
        buffer = self.num_items if self.cached else min(self.num_items, SHUFFLE_ITEMS)

        def shuffle(items):
            return items.shuffle(buffer, seed=seed, reshuffle_each_iteration=False)

        if self.num_items == self.num_images:
            # An image is an item: shuffled first, so that the first batch waits for none but
            # its own.
            items = self._items(shuffle(images).skip(start_step * self.batch_size), seed)
        else:
            items = shuffle(self._items(images, seed)).skip(start_step * self.batch_size)
        return self._batches(items, share, self.steps_per_epoch, seed, start_step)

    def _read(self, paths):
        images = tf.data.TFRecordDataset(paths)
        images = images.map(self.parse, num_parallel_calls=tf.data.AUTOTUNE)
        if self.cached:
            decoded = images.map(self.decode, num_parallel_calls=tf.data.AUTOTUNE)
            images = decoded.cache()
        return images

    def _items(self, images, seed=None):
        """Images, numbered -> their items.

        By unbatching: a dataset within a dataset for each image would cost more than the rest.
        """

        seed = None if seed is None else tf.constant(seed, tf.int64)
        is_one_item = self.num_items == self.num_images

        def make_items(index, image):
            groups = self._groups(image, None if seed is None else tf.stack([seed, index]))
            return {k: v[0] for k, v in groups.items()} if is_one_item else groups

        items = images.map(make_items, num_parallel_calls=tf.data.AUTOTUNE)
        return items if is_one_item else items.unbatch()

    def _batches(self, items, share, steps, seed=None, start_step=0):
        if share.num_hosts > 1:
            # Before decoding, which then each machine does for its own rows alone.
            items = items.batch(self.batch_size).map(self._fill).map(share.of_host).unbatch()
        if not self.cached:
            items = items.map(self._decode, num_parallel_calls=tf.data.AUTOTUNE)
        batches = items.batch(share.rows_of_host)
        if share.num_hosts == 1:
            batches = batches.map(self._fill)
        if seed is not None and self._augments:
            batches = self._augmented(batches, seed, start_step, share.first_row)
        if share.num_devices > 1:
            batches = batches.map(share.by_device).unbatch()
        number = (steps - start_step) * share.num_devices
        if steps < self._num_batches:
            batches = batches.take(number)
        # Known to all who ask: without it, `fit()` counts one step too many.
        batches = batches.apply(tf.data.experimental.assert_cardinality(number))
        return batches.map(self._finish).prefetch(tf.data.AUTOTUNE)

    def _augmented(self, batches, seed, start_step, first_row):
        seed = tf.constant(seed, tf.int64)
        return batches.enumerate(start_step).map(
            lambda step, batch: self._augment(batch, tf.stack([seed, step]), first_row),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    def _fill(self, batch):
        """Fills an incomplete last batch by repeating its images with weight 0.

        Repeated, not black, because batch normalisation sees them.
        """
        size = tf.shape(batch["weights"])[0]
        rows = tf.range(self.batch_size)
        batch = tf.cond(
            size == self.batch_size,
            lambda: batch,
            lambda: {name: tf.gather(value, rows % size) for name, value in batch.items()},
        )
        batch = {
            name: tf.ensure_shape(value, [self.batch_size, *value.shape[1:]])
            for name, value in batch.items()
        }
        inner = [1] * (batch["weights"].shape.rank - 1)
        repeated = tf.reshape(rows >= size, [self.batch_size, *inner])
        batch["weights"] = tf.where(repeated, 0.0, batch["weights"])
        if self._is_item in batch:
            batch[self._is_item] &= ~repeated
        return batch


def group_rows(values, size, padding):
    """[n, ...] -> [G, size, ...], the last group filled up with `padding`."""
    missing = -tf.shape(values)[0] % size
    paddings = [[0, missing]] + [[0, 0]] * (values.shape.rank - 1)
    values = tf.pad(values, paddings, constant_values=padding)
    return tf.reshape(values, [-1, size, *values.shape[1:]])


def _mix(seed, epoch):
    """One number for (seed, epoch); the odd factor keeps neighbouring runs apart."""
    return (seed * 1_000_003 + epoch) % (2**31)
