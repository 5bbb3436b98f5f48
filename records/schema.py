"""The one record format: one `tf.train.Example` per image, with all of its questions.

Feature names, one line each (Q questions, R answers of all questions together, O objects):

    image/id                bytes            the data set's own id, e.g. "CLEVR_train_000000"
    image/encoded           bytes            the file's bytes as they came, never re-encoded
    image/features          bytes            or a map [H, W, D] for it: float16, row by row
    image/height, /width    int64            of the image, in pixels
    question/text           bytes[Q]         the raw question: a record outlives a tokenizer
    question/id             bytes[Q]         unique within a split
    question/type           bytes[Q]         e.g. "relational", "Count"; "" where there is none
    question/answer_type    bytes[Q]         of VQA: "yes/no", "number", "other"; else ""
    answer/text             bytes[R]         the answers of question 0, then of question 1, ...
    answer/confidence       bytes[R]         of VQA: "yes", "maybe", "no"; else ""
    answer/count            int64[Q]         how many of them are question q's; 0: unanswered
    object/name             bytes[O]         e.g. "red circle"; O = 0 where they are unknown
    object/x, object/y      float32[O]       centre, in [0, 1] of the width and the height

Writers call `serialize_example` or `with_features`, readers call `parse_example`; nobody else
names a feature.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

VERSION = "1.1.0"


@dataclasses.dataclass(frozen=True)
class Question:
    """One question about an image. `answers` is empty where the data set hides them.

    `confidences` are those of the answers, one each, or empty where nobody was asked for them.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    type: str = ""
    answer_type: str = ""
    confidences: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Object:
    """Where a thing's centre is: `x` and `y` in [0, 1], from the left and from the top edge."""

    name: str
    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class ImageExample:
    """One image and its questions, the unit that builders yield.

    `load_image` returns the file's bytes. It is called in the process that writes the shard, so
    that a generator stays light however large the images are; it must be picklable
    (`functools.partial` of a module's function). `source` names the image in error messages.
    `objects_in_pixels`: the objects' `x` and `y` are pixels, as in CLEVR, whose builder would
    have to open every image to know its size; they are divided when the record is made.
    """

    image_id: str
    source: str
    load_image: Callable[[], bytes]
    questions: tuple[Question, ...]
    objects: tuple[Object, ...] = ()
    objects_in_pixels: bool = False


def serialize_example(example: ImageExample, encoded: bytes, height: int, width: int) -> bytes:
    """Returns the serialized `tf.train.Example` of one image, `encoded` being its bytes.

    Raises:
      ValueError: an object lies outside the image.
    """
    questions, objects = example.questions, _scaled_objects(example, height, width)
    features = {
        "image/id": _bytes([example.image_id]),
        "image/encoded": _bytes([encoded]),
        "image/height": _ints([height]),
        "image/width": _ints([width]),
        "question/text": _bytes([q.text for q in questions]),
        "question/id": _bytes([q.id for q in questions]),
        "question/type": _bytes([q.type for q in questions]),
        "question/answer_type": _bytes([q.answer_type for q in questions]),
        "answer/text": _bytes([answer for q in questions for answer in q.answers]),
        "answer/confidence": _bytes([c for q in questions for c in _confidences(q)]),
        "answer/count": _ints([len(q.answers) for q in questions]),
        "object/name": _bytes([o.name for o in objects]),
        "object/x": _floats([o.x for o in objects]),
        "object/y": _floats([o.y for o in objects]),
    }
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString(deterministic=True)


def with_features(serialized: bytes, features: np.ndarray) -> bytes:
    """Returns a record with a map in the place of its image, all else as it was.

    Args:
      serialized: a record that `serialize_example` made.
      features: float16[H, W, D].
    """
    message = tf.train.Example.FromString(serialized)
    feature = message.features.feature
    del feature["image/encoded"]
    little_endian = np.ascontiguousarray(features, "<f2")
    feature["image/features"].CopyFrom(_bytes([little_endian.tobytes()]))
    return message.SerializeToString(deterministic=True)


def _confidences(question):
    if question.confidences and len(question.confidences) != len(question.answers):
        raise ValueError(
            f"question {question.id!r} has {len(question.answers)} answers and "
            f"{len(question.confidences)} confidences. Give one for each answer, or none."
        )
    return question.confidences or ("",) * len(question.answers)


def _scaled_objects(example, height, width):
    """Returns the objects with `x` and `y` in [0, 1]."""
    if example.objects_in_pixels:
        objects = [Object(o.name, o.x / width, o.y / height) for o in example.objects]
    else:
        objects = example.objects
    for o in objects:
        if not (0 <= o.x <= 1 and 0 <= o.y <= 1):
            raise ValueError(
                f"object {o.name!r} lies outside the {width}x{height} image, at "
                f"({o.x:.3f}, {o.y:.3f}) of its width and height. Were the images resized? "
                "Take those that the positions were made for."
            )
    return objects


def parse_example(serialized):
    """Parses one serialized record.

    Args:
      serialized: string scalar tensor.

    Returns:
      A dict of tensors under the names above. `answer/text` and `answer/confidence` are
      `tf.RaggedTensor`s of shape [Q, None], one row per question; every other feature has the
      shape given above. Of `image/encoded` and `image/features` one is the empty string.
    """
    parsed = tf.io.parse_single_example(serialized, _FEATURES)
    for name in ("answer/text", "answer/confidence"):
        parsed[name] = tf.RaggedTensor.from_row_lengths(parsed[name], parsed["answer/count"])
    return parsed


def parse_questions(serialized):
    """Parses the questions of many records at once, and leaves their images alone.

    Args:
      serialized: string[N] tensor.

    Returns:
      A dict of tensors over the Q questions of all N records, in order: `question/text`,
      `question/id`, `question/type` and `question/answer_type` string[Q], `answer/text` ragged
      string[Q, None].
    """
    of_questions = ("text", "id", "type", "answer_type")
    strings = (*(f"question/{name}" for name in of_questions), "answer/text")
    features = {name: tf.io.RaggedFeature(tf.string) for name in strings}
    features["answer/count"] = tf.io.RaggedFeature(tf.int64)
    parsed = tf.io.parse_example(serialized, features)
    parsed = {name: value.values for name, value in parsed.items()}
    counts = parsed.pop("answer/count")
    parsed["answer/text"] = tf.RaggedTensor.from_row_lengths(parsed["answer/text"], counts)
    return parsed


def _strings():
    return tf.io.FixedLenSequenceFeature([], tf.string, allow_missing=True)


def _numbers(dtype):
    return tf.io.FixedLenSequenceFeature([], dtype, allow_missing=True)


_FEATURES = {
    "image/id": tf.io.FixedLenFeature([], tf.string),
    "image/encoded": tf.io.FixedLenFeature([], tf.string, ""),
    "image/features": tf.io.FixedLenFeature([], tf.string, ""),
    "image/height": tf.io.FixedLenFeature([], tf.int64),
    "image/width": tf.io.FixedLenFeature([], tf.int64),
    "question/text": _strings(),
    "question/id": _strings(),
    "question/type": _strings(),
    "question/answer_type": _strings(),
    "answer/text": _strings(),
    "answer/confidence": _strings(),
    "answer/count": _numbers(tf.int64),
    "object/name": _strings(),
    "object/x": _numbers(tf.float32),
    "object/y": _numbers(tf.float32),
}


def _bytes(values):
    values = [v if isinstance(v, bytes) else v.encode("utf-8") for v in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _ints(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
