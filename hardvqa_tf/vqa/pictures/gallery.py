"""A few questions of a split, always the same: what a model makes of them over the epochs.

Letters: N questions of the gallery · A answers · h w grid.
"""

import collections
import functools
import itertools

import numpy as np
import tensorflow as tf

from hardvqa_tf.data.inputs import IMAGE, MAPS
from hardvqa_tf.data.words import split_words
from hardvqa_tf.vqa.best_answers import best_answers
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.pictures.board_picture import draw_board_picture
from hardvqa_tf.vqa.pictures.looks import LOOKS, look_of
from hardvqa_tf.vqa.pictures.overlay import draw_overlay
from records.decode import decode_record
from records.folder import has_records
from records.read import read_records

# Chosen among the questions of this many images, so that a large split is not read to its end.
IMAGES_TO_CHOOSE_FROM = 1000


class Gallery:
    """Asks a model the same questions whenever it is told to, and draws what it looked at.

    The questions are chosen when they are first needed, of every question type as many (the
    most frequent types where there are more types than questions), each about another image
    while there are enough.

    Args:
      model: from `build_vqa_model`.
      data: `VqaData(..., with_strings=True)`.
      vocabularies: `Vocabularies`.
      num_questions: N; fewer if the split has fewer questions.
      image_records_dir: for a model on feature maps: the records of images that the maps were
        made of. Where it is None, or not there, the pictures have a grey image.
      fields: `encoders.fields.Fields`, where the model's cells look; None: see `cell_fields`.
    """

    def __init__(
        self, model, data, vocabularies, num_questions=8, image_records_dir=None, fields=None
    ):
        self._data = data
        self._answers = vocabularies.answers.answers
        self._num_questions = num_questions
        self._image_records_dir = image_records_dir
        self._fields = fields or cell_fields(model)
        self._inputs = [tensor.name for tensor in model.inputs]

        @tf.function
        def ask(batch):
            outputs = model(batch, training=False)
            names = ("logits", "mask", "presence", *LOOKS)
            return {name: outputs[name][:, 0] for name in names if name in outputs}

        self._ask = ask

    def ask(self):
        """What the model, as it is now, makes of the questions.

        Returns:
          A dict of NumPy arrays: `logits` float32[N, A]; `mask` bool[N, h, w], or float for
          soft attention; `presence` float32[N, h, w]; and what a mixer looked at, see
          `looks.look_of`. Empty for a split without questions.
        """
        if not self.questions:
            return {}
        return {name: value.numpy() for name, value in self._ask(self._batch).items()}

    def for_board(self):
        """What TensorBoard shows after an epoch.

        Returns:
          {name: list of pictures}, and {name: values of a histogram}.
        """
        outputs = self.ask()
        presence = {"presence/val": outputs["presence"]} if outputs else {}
        return {"questions/val": self.pictures(outputs)}, presence

    def for_files(self):
        """The questions as large pictures, list of uint8[H', W', 3]."""
        return self.pictures(draw=draw_overlay)

    def pictures(self, outputs=None, draw=draw_board_picture):
        """Draws the questions.

        Args:
          outputs: from `ask`; None: asks.
          draw: `draw_board_picture` or `overlay.draw_overlay`.

        Returns:
          list of uint8[H', W', 3], one a question.
        """
        outputs = self.ask() if outputs is None else outputs
        return [
            self._draw(draw, question, pixels, {n: value[i] for n, value in outputs.items()})
            for i, (question, pixels) in enumerate(
                zip(self.questions, self._pixels, strict=True)
            )
        ]

    def _draw(self, draw, question, pixels, outputs):
        text = question["question_text"].decode("utf-8")
        return draw(
            pixels if pixels is not None else _grey(outputs["mask"].shape),
            outputs["mask"],
            outputs["presence"],
            question=text,
            predictions=best_answers(outputs["logits"], self._answers),
            answer=_right_answer(question, self._answers),
            look=look_of(outputs, split_words([text])[0], fields=self._fields),
            fields=self._fields,
        )

    @functools.cached_property
    def questions(self):
        """list of N dicts: a question's row of each value of the data's batches."""
        ids = _choose_questions(self._data, self._num_questions)
        rows = _read_questions(self._data, set(ids))
        return [rows[question_id] for question_id in ids]

    @functools.cached_property
    def _batch(self):
        batch = {name: np.stack([q[name] for q in self.questions]) for name in self._inputs}
        # Q = 1: each question comes with an image of its own.
        batch["question_tokens"] = batch["question_tokens"][:, None]
        return {name: tf.constant(value) for name, value in batch.items()}

    @functools.cached_property
    def _pixels(self):
        """list of N uint8[H, W, 3], or None where the pixels are not known."""
        if MAPS in self._inputs:
            ids = [question["image_id"] for question in self.questions]
            found = _read_images(self._image_records_dir, self._data.split, set(ids))
            return [found.get(image_id) for image_id in ids]
        return [np.round(255 * q["image"]).astype(np.uint8) for q in self.questions]


def _choose_questions(data, num_questions):
    """Returns ids: in turn one of each type, of the image that was taken least often so far.

    In the order of the records, which is random but fixed, so that every call chooses the same.
    """
    by_type, ids = collections.defaultdict(list), ("question_type", "question_id", "image_id")
    images = set()
    for batch in data.in_order():
        real = batch["is_question"].numpy()  # The strings alone: pixels are not copied.
        for kind, *row in zip(*(batch[name].numpy()[real] for name in ids), strict=True):
            by_type[kind].append(row)
            images.add(row[1])
        if len(images) >= IMAGES_TO_CHOOSE_FROM:
            break
    # Most frequent first; by name among equals.
    types = [rows for _, rows in sorted(by_type.items(), key=lambda t: (-len(t[1]), t[0]))]
    chosen, taken = [], collections.Counter()
    for rows in itertools.cycle(types):
        if len(chosen) == num_questions or not any(types):
            break
        if rows:
            question_id, image_id = min(rows, key=lambda row: taken[row[1]])  # First of equals.
            rows.remove([question_id, image_id])
            taken[image_id] += 1
            chosen.append(question_id)
    return chosen


def _read_questions(data, ids):
    """Returns {question id: its row of each value}; stops reading when it has all."""
    found = {}
    for batch in data.in_order():
        batch_ids = batch["question_id"].numpy()
        wanted = batch["is_question"].numpy() & np.isin(batch_ids, list(ids))
        for i, q in np.argwhere(wanted):
            found[batch_ids[i, q]] = {
                name: (value[i] if name in (IMAGE, MAPS) else value[i, q]).numpy()
                for name, value in batch.items()
            }
        if len(found) == len(ids):
            break
    return found


def _read_images(records_dir, split, ids):
    """Returns {image id: uint8[H, W, 3]} of the images that the records have."""
    if not has_records(records_dir):
        return {}
    found, names = {}, ("image/id", "image/encoded", "image/orientation")
    for record in read_records(records_dir, split, names):
        image_id = record["image/id"].encode()
        if image_id in ids:
            found[image_id] = decode_record(record).numpy()
        if len(found) == len(ids):
            break
    return found


def _grey(grid_shape):
    """A plain picture in the grid's proportions, for a mask that has nothing to lie on."""
    return np.full((16 * grid_shape[0], 16 * grid_shape[1], 3), 180, np.uint8)


def _right_answer(question, answers):
    """The class that the model should give; what people said if no class is that; or None."""
    if question["answers"] >= 0:
        return answers[question["answers"]]
    return question["answer_text"].decode("utf-8") or None
