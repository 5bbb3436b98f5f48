"""Records to batches: images x questions per image, in an order that a seed decides.

An image's questions are cut into groups of Q (the last group padded), one group with its image
is an item, and B items are a batch. The order of an epoch is a pure function of (seed, epoch),
so a run that is resumed sees what the uninterrupted run would have seen.

    image            float32[B, H, W, 3] in [0, 1]; of records that hold maps instead:
    features         float16[B, H, W, D]
    question_tokens  int32[B, Q, T], 0 is padding
    answers          int32[B, Q], the class, -1 where the vocabulary has none
    weights          float32[B, Q], 1 for a question that counts, 0 for padding

and, where asked for,

    sampled_answers  int32[B, Q], the class of a person drawn anew every epoch, or -1
    answer_scores    float32[B, Q, A], what the VQA metric gives for each class
    is_question      bool[B, Q], False for padding

and the strings [B, Q] `question_id`, `question_text`, `question_type`, `image_id` and
`answer_text` (the first answer).
"""

import functools
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from hardvqa_tf.data.pixels import augment, scale_pixels
from hardvqa_tf.data.shares import Share
from records.build import read_info
from records.decode import decode_image
from records.folder import shard_paths
from records.schema import parse_example

# Decoded images, or maps, of a split are kept in memory up to this size, else streamed.
CACHE_BYTES = 2 * 1024**3
SHUFFLE_ITEMS = 4096  # of a streamed split; a cached one is shuffled whole
TARGETS = ("answers", "sampled_answers", "answer_scores")


def input_size(records_dir, image_encoder, image_size):
    """What `VqaData` and `build_vqa_model` take as `image_size`.

    Args:
      records_dir: a folder that `--mode=build` has finished.
      image_encoder: name of the model's image encoder.
      image_size: (H, W) of images, for an encoder that takes them.

    Returns:
      (H, W, D) of the records' maps for the encoder `features`, else `image_size`.

    Raises:
      ValueError: if the records hold maps and the encoder takes images, or the other way round.
    """
    info = read_info(records_dir)
    if image_encoder == "features":
        image_size = info.get("features", {}).get("shape")
    picture_shape(records_dir, info, image_size)
    return tuple(image_size)


def picture_shape(records_dir, info, image_size):
    """Returns (H, W, 3) of a decoded image, (H, W, D) of a map; checks that it is asked for."""
    asks_for_maps = image_size is None or len(image_size) == 3
    if "features" not in info:
        if asks_for_maps:
            raise ValueError(
                f"The records in {records_dir} hold images, but maps are asked for (the image "
                "encoder 'features'). Use an encoder of images, or make maps of them: python "
                f"main.py --mode=build --features --source_records={records_dir} "
                "--records_dir=..., and train on those."
            )
        return (*image_size, 3)
    shape = tuple(info["features"]["shape"])
    if not asks_for_maps or tuple(image_size or shape) != shape:
        raise ValueError(
            f"The records in {records_dir} hold maps {shape} of {info['features']['encoder']}. "
            f"Received: image_size={tuple(image_size)}. Use the image encoder 'features' with "
            f"image_size={shape}, or records that hold images."
        )
    return shape


class VqaData:
    """The batches of one split.

    Args:
      records_dir: a folder that `--mode=build` has finished.
      split: "train", "val", "test", ...
      vocabularies: `Vocabularies`.
      image_size: (H, W) that images are resized to; of records that hold maps, None or the
        shape (H, W, D) of those. `input_size` knows.
      batch_size: B, images in a batch, over all devices together.
      questions_per_image: Q; None: as many as the image with the most questions has.
      steps_per_epoch: batches of a training epoch; None, and if the split has fewer: all. As
        each epoch has an order of its own, each has other batches.
      seed: decides the order of training epochs.
      augmentation: dict of `shift`, `rotation` and `fill`, see `augment`; of the images of
        training epochs alone. None, or neither a shift nor a rotation: the images as they are.
      target: one of TARGETS; what else than `answers`, which is always there, to give.
      with_strings: also give ids, texts and types, which evaluation needs, not training.

    Raises:
      ValueError: if the records hold images and maps are asked for, or the other way round.
      ValueError: if the records have no such split, and for an unknown target.
    """

    def __init__(
        self,
        records_dir,
        split,
        vocabularies,
        *,
        image_size,
        batch_size,
        questions_per_image=None,
        steps_per_epoch=None,
        seed=0,
        augmentation=None,
        target="answers",
        with_strings=False,
    ):
        if steps_per_epoch is not None and steps_per_epoch < 1:
            raise ValueError(
                "`steps_per_epoch` must be at least 1. Received: "
                f"steps_per_epoch={steps_per_epoch}. Leave it out for all batches."
            )
        if target not in TARGETS:
            raise ValueError(
                f"Unknown target. Received: target={target!r}. "
                f"Use one of: {', '.join(TARGETS)}."
            )
        info = read_info(records_dir)
        paths = shard_paths(records_dir, split)  # Also says if there is no such split.
        facts = info["splits"][split]
        self.split, self.batch_size, self.seed = split, batch_size, seed
        self.num_images, self.num_questions = facts["num_images"], facts["num_questions"]
        per_image = {int(n): images for n, images in facts["questions_per_image"].items()}
        self.questions_per_image = questions_per_image or max(per_image)
        self.num_items = sum(
            images * -(-n // self.questions_per_image) for n, images in per_image.items()
        )
        self._num_batches = -(-self.num_items // batch_size)
        self.steps_per_epoch = min(self._num_batches, steps_per_epoch or self._num_batches)
        self._picture_shape = picture_shape(records_dir, info, image_size)
        self._holds_maps = "features" in info
        picture_bytes = math.prod(self._picture_shape) * (2 if self._holds_maps else 1)
        self.cached = self.num_images * picture_bytes <= CACHE_BYTES
        self._vocabularies = vocabularies
        given = dict(augmentation or {})
        self._augmentation = given if given.get("shift") or given.get("rotation") else None
        if self._augmentation and self._holds_maps:
            raise ValueError(
                f"Maps cannot be shifted or turned. Received: augmentation={given} for the "
                f"maps in {records_dir}. Leave it out, or train on records of images."
            )
        self.target = target
        self._with_strings = with_strings
        self._images = self._read(paths)
        self._reading = None
        # Traced once: every epoch builds its pipeline anew, of the same functions.
        self._decode, self._groups = tf.function(self._decode), tf.function(self._groups)
        self._fill, self._finish = tf.function(self._fill), tf.function(self._finish)
        self._augment = tf.function(self._augment)

    @property
    def contents(self):
        return f"{self.num_questions:,} questions about {self.num_images:,} images"

    @property
    def batch_contents(self):
        return f"{self.batch_size} images x {self.questions_per_image} questions"

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

    def in_order(self):
        """All batches in the order of the records, as evaluation reads them."""
        self._wait_for_reading()
        return self._ordered_batches

    @functools.cached_property
    def _ordered_batches(self):
        # Built once: each building traces the pipeline anew, and every epoch asks for it.
        items = self._items(self._images.enumerate())
        return self._batches(items, Share(None, self.batch_size), self._num_batches)

    def _read(self, paths):
        images = tf.data.TFRecordDataset(paths)
        images = images.map(self._parse, num_parallel_calls=tf.data.AUTOTUNE)
        if self.cached:
            decoded = images.map(self._decode, num_parallel_calls=tf.data.AUTOTUNE)
            images = decoded.cache()
        return images

    def _parse(self, serialized):
        parsed = parse_example(serialized)
        answers = self._vocabularies.answers.targets(parsed["answer/text"])
        counted = parsed["answer/count"] > 0
        image = {
            "image": parsed["image/features" if self._holds_maps else "image/encoded"],
            "question_tokens": self._vocabularies.tokenizer(parsed["question/text"]),
            "answers": answers,
            "weights": tf.cast(counted, tf.float32),
        }
        if self.target != "answers":
            classes = self._vocabularies.answers.classes(parsed["answer/text"])
            image[self.target] = classes  # ragged [n, None]: small, until it is asked for
        if self._with_strings:
            first = parsed["answer/text"][:, :1].to_tensor("", shape=[None, 1])[:, 0]
            image |= {
                "is_question": tf.ones_like(counted),
                "question_id": parsed["question/id"],
                "question_text": parsed["question/text"],
                "question_type": parsed["question/type"],
                "answer_text": first,
                "image_id": tf.fill(tf.shape(counted), parsed["image/id"]),
            }
        return image

    def _decode(self, image):
        if self._holds_maps:
            numbers = tf.io.decode_raw(image["image"], tf.float16)
            decoded = tf.reshape(numbers, self._picture_shape)
        else:
            decoded = decode_image(image["image"], self._picture_shape[:2])
        return image | {"image": decoded}

    def _items(self, images, seed=None):
        """Images, numbered -> their groups of questions, each with the image.

        By unbatching: a dataset within a dataset for each image would cost more than the rest.
        """

        seed = None if seed is None else tf.constant(seed, tf.int64)
        is_one_item = self.num_items == self.num_images

        def make_items(index, image):
            groups = self._groups(image, None if seed is None else tf.stack([seed, index]))
            return {k: v[0] for k, v in groups.items()} if is_one_item else groups

        items = images.map(make_items, num_parallel_calls=tf.data.AUTOTUNE)
        return items if is_one_item else items.unbatch()

    def _groups(self, image, shuffle_seed):
        """An image's groups of questions [G, Q, ...], and as many times the image."""
        questions = {name: value for name, value in image.items() if name != "image"}
        vocabulary = self._vocabularies.answers
        if self.target == "answer_scores":
            questions[self.target] = vocabulary.soft_scores(questions[self.target])
        elif self.target == "sampled_answers":
            seed = tf.constant([0, 0], tf.int64) if shuffle_seed is None else shuffle_seed
            # Not the numbers that decide the order: their order would choose the answers.
            questions[self.target] = vocabulary.sample(questions[self.target], seed + [1, 0])
        if shuffle_seed is not None:
            order = tf.random.experimental.stateless_shuffle(
                tf.range(tf.shape(questions["answers"])[0]), shuffle_seed
            )
            questions = {name: tf.gather(value, order) for name, value in questions.items()}
        groups = {name: self._group(name, value) for name, value in questions.items()}
        number = tf.shape(groups["answers"])[0]
        return groups | {"image": tf.repeat(image["image"][None], number, axis=0)}

    def _group(self, name, values):
        """[n, ...] -> [G, Q, ...], the last group padded."""
        missing = -tf.shape(values)[0] % self.questions_per_image
        padding = [[0, missing]] + [[0, 0]] * (values.shape.rank - 1)
        is_class = name in ("answers", "sampled_answers")
        nothing = tf.constant(-1) if is_class else tf.zeros([], values.dtype)
        values = tf.pad(values, padding, constant_values=nothing)
        return tf.reshape(values, [-1, self.questions_per_image, *values.shape[1:]])

    def _batches(self, items, share, steps, seed=None, start_step=0):
        if share.num_hosts > 1:
            # Before decoding, which then each machine does for its own rows alone.
            items = items.batch(self.batch_size).map(self._fill).map(share.of_host).unbatch()
        if not self.cached:
            items = items.map(self._decode, num_parallel_calls=tf.data.AUTOTUNE)
        batches = items.batch(share.rows_of_host)
        if share.num_hosts == 1:
            batches = batches.map(self._fill)
        if seed is not None and self._augmentation:
            seed = tf.constant(seed, tf.int64)
            batches = batches.enumerate(start_step).map(
                lambda step, batch: self._augment(
                    batch, tf.stack([seed, step]), share.first_row
                ),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
        if share.num_devices > 1:
            batches = batches.map(share.by_device).unbatch()
        number = (steps - start_step) * share.num_devices
        if steps < self._num_batches:
            batches = batches.take(number)
        # Known to all who ask: without it, `fit()` counts one step too many.
        batches = batches.apply(tf.data.experimental.assert_cardinality(number))
        return batches.map(self._finish).prefetch(tf.data.AUTOTUNE)

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
        repeated = (rows >= size)[:, None]
        batch["weights"] = tf.where(repeated, 0.0, batch["weights"])
        if self._with_strings:
            batch["is_question"] &= ~repeated
        return batch

    def _augment(self, batch, seed, first_row):
        moved = augment(batch["image"], seed, **self._augmentation, first_row=first_row)
        return batch | {"image": moved}

    def _finish(self, batch):
        batch = dict(batch)
        picture = batch.pop("image")
        if self._holds_maps:
            return batch | {"features": picture}
        return batch | {"image": scale_pixels(picture)}


def _mix(seed, epoch):
    """One number for (seed, epoch); the odd factor keeps neighbouring runs apart."""
    return (seed * 1_000_003 + epoch) % (2**31)
