"""TensorBoard: numbers, texts, and pictures of what the model looked at.

TensorBoard shows pictures small at first: "Show actual image size" makes their text readable.
"""

import collections

import numpy as np
import tensorflow as tf

from hardvqa_tf.overlay import best_answers, draw_overlay


class Board:
    """Writes what TensorBoard shows.

    Args:
      logdir: folder of the event files, made if needed.
    """

    def __init__(self, logdir):
        self._writer = tf.summary.create_file_writer(str(logdir))

    def scalars(self, values, step):
        """values: dict from name, e.g. "val/accuracy", to a number."""
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writer.flush()

    def text(self, name, markdown, step):
        with self._writer.as_default(step):
            tf.summary.text(name, markdown)
        self._writer.flush()

    def masks(self, name, overlays, step):
        """overlays: list of uint8[H', W', 3] of one width; shorter ones get white below."""
        if not overlays:
            return
        height = max(len(picture) for picture in overlays)
        pictures = [
            np.pad(p, ((0, height - len(p)), (0, 0), (0, 0)), constant_values=255)
            for p in overlays
        ]
        with self._writer.as_default(step):
            tf.summary.image(name, np.stack(pictures), max_outputs=len(pictures))
        self._writer.flush()

    def close(self):
        self._writer.close()


def collect_overlays(model, data, vocabularies, num_questions=8):
    """Pictures of always the same questions of a split, to be compared over the epochs.

    Args:
      model: from `build_vqa_model`.
      data: `VqaData(..., with_strings=True)`.
      vocabularies: `Vocabularies`.
      num_questions: pictures to draw; fewer if the split has fewer questions.

    Returns:
      list of uint8[H', W', 3]; empty for a model on feature maps, which have no pixels.
    """
    names = [tensor.name for tensor in model.inputs]
    chosen = _choose_questions(data, num_questions) if "image" in names else []
    if not chosen:
        return []
    batch = {name: np.stack([question[name] for question in chosen]) for name in names}
    outputs = model(
        batch | {"question_tokens": batch["question_tokens"][:, None]}, training=False
    )
    outputs = {name: np.asarray(value)[:, 0] for name, value in outputs.items()}
    answers = vocabularies.answers.answers
    return [
        draw_overlay(
            np.round(255 * question["image"]).astype(np.uint8),
            outputs["mask"][i],
            outputs["presence"][i],
            question=question["question_text"].decode("utf-8"),
            predictions=best_answers(outputs["logits"][i], answers),
            answer=_right_answer(question, answers),
        )
        for i, question in enumerate(chosen)
    ]


def _choose_questions(data, num_questions):
    """One question an image, each of the type seen least so far; again while there are too few.

    In the order of the records, so that every call chooses the same, and few images are read.
    """
    chosen, taken, types = [], set(), collections.Counter()
    while len(chosen) < num_questions:
        before, images = len(chosen), set()
        for item in _items(data):
            rows = [
                q
                for q in np.flatnonzero(item["is_question"])
                if item["question_id"][q] not in taken
            ]
            if not rows or item["image_id"][rows[0]] in images:
                continue
            # min() takes the first of equals.
            q = min(rows, key=lambda q: types[item["question_type"][q]])
            chosen.append({n: v if n == "image" else v[q] for n, v in item.items()})
            taken.add(item["question_id"][q])
            images.add(item["image_id"][q])
            types[item["question_type"][q]] += 1
            if len(chosen) == num_questions:
                break
        if len(chosen) == before:
            break
    return chosen


def _items(data):
    """Yields one image with its questions after the other, as NumPy arrays."""
    for batch in data.in_order().as_numpy_iterator():
        for i in range(len(batch["image"])):
            yield {name: value[i] for name, value in batch.items()}


def _right_answer(question, answers):
    """The class that the model should give; what people said if no class is that; or None."""
    if question["answers"] >= 0:
        return answers[question["answers"]]
    return question["answer_text"].decode("utf-8") or None
