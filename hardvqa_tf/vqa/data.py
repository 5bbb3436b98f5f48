"""Records to batches: images x questions per image, in an order that a seed decides.

An image's questions are cut into groups of Q (the last group padded), one group with its image
is an item, and B items are a batch. Their order is that of `data.batches`.

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

import math

import tensorflow as tf

from hardvqa_tf.data.batches import Batches, group_rows
from hardvqa_tf.data.inputs import IMAGE, MAPS, check_size, input_size
from hardvqa_tf.data.pixels import augment, scale_pixels
from hardvqa_tf.vqa.score import pick_loss
from records.build import read_info
from records.decode import decode_image
from records.folder import shard_paths, what_is_known
from records.map_facts import holds_maps
from records.schema import parse_example

TARGETS = ("answers", "sampled_answers", "answer_scores")
_OF_IMAGE = ("image", "orientation")  # What is there once for all questions of an image.


def open_split(
    config,
    split,
    assets,
    *,
    records_dir=None,
    learns=False,
    with_ids=False,
    whole_images=False,
):
    """`VqaData` of a split, as the config says.

    Args:
      config: of the run.
      split: "train", ...
      assets: `Vocabularies`.
      records_dir: in the place of the config's.
      learns: also give the target of the config's loss.
      with_ids: also give ids, texts and types.
      whole_images: all questions of an image together, however many the config's training
        puts there.
    """
    records_dir = records_dir or config.records_dir
    _, target = pick_loss(config.train.loss)
    return VqaData(
        records_dir,
        split,
        assets,
        image_size=input_size(config, records_dir),
        batch_size=config.train.batch_size,
        questions_per_image=None if whole_images else config.train.questions_per_image,
        steps_per_epoch=config.train.steps_per_epoch,
        seed=config.seed,
        augmentation=config.train.augmentation,
        target=target if learns else "answers",
        with_strings=with_ids,
    )


class VqaData(Batches):
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
        if target not in TARGETS:
            raise ValueError(
                f"Unknown target. Received: target={target!r}. "
                f"Use one of: {', '.join(TARGETS)}."
            )
        info = read_info(records_dir)
        paths = shard_paths(records_dir, split)  # Also says if there is no such split.
        facts = info["splits"][split]
        self._picture_shape = check_size(records_dir, info, image_size)
        self._holds_maps = holds_maps(info)
        self._turns = what_is_known(info)["turns_by_exif"] and not self._holds_maps
        self._augmentation = self._check_augmentation(augmentation, records_dir)
        self._vocabularies = vocabularies
        self.target, self._with_strings = target, with_strings
        self.num_questions = facts["num_questions"]
        if not facts["num_images"]:
            others = [name for name, of in info["splits"].items() if of["num_images"]]
            raise ValueError(
                f"The split {split!r} of {records_dir} has no images. Splits with images: "
                f"{', '.join(others) or 'none'}."
            )
        per_image = {int(n): images for n, images in facts["questions_per_image"].items()}
        self.questions_per_image = questions_per_image or max(per_image)
        groups = {n: -(-n // self.questions_per_image) for n in per_image}
        super().__init__(
            paths,
            split,
            num_images=facts["num_images"],
            num_items=sum(images * groups[n] for n, images in per_image.items()),
            image_bytes=math.prod(self._picture_shape) * (2 if self._holds_maps else 1),
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            seed=seed,
            augments=bool(self._augmentation),
            is_item="is_question",
        )

    @property
    def contents(self):
        return f"{self.num_questions:,} questions about {self.num_images:,} images"

    @property
    def batch_contents(self):
        return f"{self.batch_size} images x {self.questions_per_image} questions"

    def parse(self, serialized):
        parsed = parse_example(serialized)
        answers = self._vocabularies.answers.targets(parsed["answer/text"])
        counted = parsed["answer/count"] > 0
        image = {
            **({"orientation": parsed["image/orientation"]} if self._turns else {}),
            "image": parsed["image/features" if self._holds_maps else "image/encoded"],
            "question_tokens": self._vocabularies.tokenizer(parsed["question/text"]),
            "answers": answers,
            "weights": tf.cast(counted, tf.float32),
        }
        if self.target != "answers":
            classes = self._vocabularies.answers.classes(parsed["answer/text"])
            image[self.target] = classes  # ragged [n, None]: small, until it is asked for
        return image | self._strings(parsed, counted) if self._with_strings else image

    def _strings(self, parsed, counted):
        first = parsed["answer/text"][:, :1].to_tensor("", shape=[None, 1])[:, 0]
        return {
            "is_question": tf.ones_like(counted),
            "question_id": parsed["question/id"],
            "question_text": parsed["question/text"],
            "question_type": parsed["question/type"],
            "answer_text": first,
            "image_id": tf.fill(tf.shape(counted), parsed["image/id"]),
        }

    def decode(self, image):
        image = dict(image)
        if self._holds_maps:
            numbers = tf.io.decode_raw(image["image"], tf.float16)
            decoded = tf.reshape(numbers, self._picture_shape)
        else:
            orientation = image.pop("orientation", None)
            decoded = decode_image(image["image"], self._picture_shape[:2], orientation)
        return image | {"image": decoded}

    def groups(self, image, seed):
        """An image's groups of questions [G, Q, ...], and as many times the image."""
        of_image = {name: image[name] for name in _OF_IMAGE if name in image}
        questions = {name: value for name, value in image.items() if name not in of_image}
        vocabulary = self._vocabularies.answers
        if self.target == "answer_scores":
            questions[self.target] = vocabulary.soft_scores(questions[self.target])
        elif self.target == "sampled_answers":
            draw = tf.constant([0, 0], tf.int64) if seed is None else seed
            # Not the numbers that decide the order: their order would choose the answers.
            questions[self.target] = vocabulary.sample(questions[self.target], draw + [1, 0])
        if seed is not None:
            order = tf.random.experimental.stateless_shuffle(
                tf.range(tf.shape(questions["answers"])[0]), seed
            )
            questions = {name: tf.gather(value, order) for name, value in questions.items()}
        groups = {name: self._group(name, value) for name, value in questions.items()}
        number = tf.shape(groups["answers"])[0]
        return groups | {
            name: tf.repeat(value[None], number, axis=0) for name, value in of_image.items()
        }

    def _group(self, name, values):
        is_class = name in ("answers", "sampled_answers")
        nothing = tf.constant(-1) if is_class else tf.zeros([], values.dtype)
        return group_rows(values, self.questions_per_image, nothing)

    def augment(self, batch, seed, first_row):
        moved = augment(batch["image"], seed, **self._augmentation, first_row=first_row)
        return batch | {"image": moved}

    def finish(self, batch):
        batch = dict(batch)
        picture = batch.pop("image")
        if self._holds_maps:
            return batch | {MAPS: picture}
        return batch | {IMAGE: scale_pixels(picture)}

    def _check_augmentation(self, augmentation, records_dir):
        """The dict, or None where nothing is moved."""
        given = dict(augmentation or {})
        if not (given.get("shift") or given.get("rotation")):
            return None
        if self._holds_maps:
            raise ValueError(
                f"Maps cannot be shifted or turned. Received: augmentation={given} for the "
                f"maps in {records_dir}. Leave it out, or train on records of images."
            )
        return given
