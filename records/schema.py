"""The one record format: one `tf.train.Example` per image, with all of its questions.

Feature names, one line each (Q questions, R answers of all questions together, O objects):

    image/id                bytes            the data set's own id, e.g. "CLEVR_train_000000"
    image/encoded           bytes            the file's bytes as they came, never re-encoded
    image/features          bytes            or a map [H, W, D] for it: float16, row by row
    image/height, /width    int64            of the image as the file has it, in pixels
    image/orientation       int64            EXIF's, 1 to 8, where decoding turns by it; else 1
    question/text           bytes[Q]         the raw question: a record outlives a tokenizer
    question/id             bytes[Q]         unique within a split
    question/type           bytes[Q]         e.g. "relational", "Count"; "" where there is none
    question/answer_type    bytes[Q]         of VQA: "yes/no", "number", "other"; else ""
    question/group          bytes[Q]         questions that are right together, or ""
    answer/text             bytes[R]         the answers of question 0, then of question 1, ...
    answer/confidence       bytes[R]         of VQA: "yes", "maybe", "no"; else ""
    answer/count            int64[Q]         how many of them are question q's; 0: unanswered
    object/name             bytes[O]         e.g. "red circle"; O = 0 where they are unknown
    object/x, object/y      float32[O]       centre, in [0, 1] of the width and the height
    object/box              float32[O, 4]    left, top, right, bottom, in [0, 1]; NaN: not known
    object/area             float32[O]       of its segment, in pixels; NaN: not known
    object/crowd            int64[O]         1 where it stands for many that nobody told apart
    object/difficult        int64[O]         1 where VOC lets it neither count nor hurt

`image/orientation`, `question/group`, `object/box`, `/area` and `/crowd` are since 1.2.0,
`object/difficult` since 1.3.0, and are left out of a record that has nothing to say there: so
records without them have the bytes of 1.1. Every 1.x is read.

Writers call `serialize_example` or `with_features`, readers call `parse_example`; nobody else
names a feature.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from records.counts import IMAGE_WITH_QUESTIONS
from records.orientation import exif_orientation
from records.source import counted

VERSION = "1.3.0"


def is_readable(version):
    """Whether records of a version, e.g. "1.1.0", are read: those of every 1.x."""
    return version.split(".")[0] == VERSION.split(".")[0]


def describe(kind=IMAGE_WITH_QUESTIONS):
    """What dataset_info.json says of the schema: its kind of record, and the features."""
    return {"kind": kind, "features": sorted(_FEATURES)}


@dataclasses.dataclass(frozen=True)
class Question:
    """One question about an image. `answers` is empty where the data set hides them.

    `confidences` are those of the answers, one each, or empty where nobody was asked for them.
    `group` names questions that count as right only together, e.g. the two of a pair.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    type: str = ""
    answer_type: str = ""
    confidences: tuple[str, ...] = ()
    group: str = ""


@dataclasses.dataclass(frozen=True)
class Object:
    """Where a thing's centre is: `x` and `y` in [0, 1], from the left and from the top edge.

    `box`: (left, top, right, bottom) in [0, 1]; `area`: of its segment, in pixels of the image;
    None where they are not known. `crowd`: it stands for many that nobody told apart (COCO).
    `difficult`: neither finding it nor missing it counts (PASCAL VOC).
    """

    name: str
    x: float
    y: float
    box: tuple[float, float, float, float] | None = None
    area: float | None = None
    crowd: bool = False
    difficult: bool = False


@dataclasses.dataclass(frozen=True)
class ImageExample:
    """One image and its questions, the unit that builders yield.

    `load_image` returns the file's bytes. It is called in the process that writes the shard, so
    that a generator stays light however large the images are; it must be picklable
    (`functools.partial` of a module's function). `source` names the image in error messages.
    `objects_in_pixels`: the objects' `x`, `y` and `box` are pixels, as in CLEVR, whose builder
    would have to open every image to know its size; they are divided when the record is made.
    `turns_by_exif`: the image is decoded as people see it, turned by its EXIF orientation. Of
    official data sets it is read unturned, as their annotations are.
    """

    image_id: str
    source: str
    load_image: Callable[[], bytes]
    questions: tuple[Question, ...]
    objects: tuple[Object, ...] = ()
    objects_in_pixels: bool = False
    turns_by_exif: bool = False

    def ids(self):
        """{what: ids} that no other example of the split may have."""
        return {
            "image id": (self.image_id,),
            "question id": tuple(question.id for question in self.questions),
        }

    def holds(self):
        """What is lost without it, for messages."""
        return counted(len(self.questions), "question")

    def describe(self):
        """What it is, for messages."""
        ids = [question.id for question in self.questions]
        shown = ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")
        return f"{self.source} (image {self.image_id!r}, questions {shown})"

    def serialize(self, encoded, height, width):
        """Returns the record, see `serialize_example`, turned by EXIF if it is to be so."""
        orientation = exif_orientation(encoded) if self.turns_by_exif else 1
        return serialize_example(self, encoded, height, width, orientation)


def serialize_example(
    example: ImageExample, encoded: bytes, height: int, width: int, orientation: int = 1
) -> bytes:
    """Returns the serialized `tf.train.Example` of one image.

    Args:
      example: what is said of the image.
      encoded: its bytes.
      height, width: as the file has them, in pixels.
      orientation: by which decoding turns it, 1 to 8; see `records.orientation`.

    Raises:
      ValueError: an object, or a corner of its box, lies outside the image.
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
        **_optional(questions, objects, orientation),
    }
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString(deterministic=True)


def _optional(questions, objects, orientation):
    """The features of 1.2 and 1.3 that have something to say."""
    features = {}
    if orientation != 1:
        features["image/orientation"] = _ints([orientation])
    if any(q.group for q in questions):
        features["question/group"] = _bytes([q.group for q in questions])
    if any(o.box for o in objects):
        corners = [corner for o in objects for corner in o.box or (math.nan,) * 4]
        features["object/box"] = _floats(corners)
    if any(o.area is not None for o in objects):
        features["object/area"] = _floats(
            [math.nan if o.area is None else o.area for o in objects]
        )
    if any(o.crowd for o in objects):
        features["object/crowd"] = _ints([int(o.crowd) for o in objects])
    if any(o.difficult for o in objects):
        features["object/difficult"] = _ints([int(o.difficult) for o in objects])
    return features


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
        objects = [_divided(o, width, height) for o in example.objects]
    else:
        objects = example.objects
    for o in objects:
        if not all(0 <= value <= 1 for value in (o.x, o.y, *(o.box or ()))):
            raise ValueError(
                f"object {o.name!r} lies outside the {width}x{height} image, at "
                f"{_place(o)} of its width and height. Were the images resized? "
                "Take those that the positions were made for."
            )
        if o.box and not (o.box[0] <= o.x <= o.box[2] and o.box[1] <= o.y <= o.box[3]):
            raise ValueError(
                f"object {o.name!r} has its centre outside its box (left, top, right, bottom), "
                f"at {_place(o)} of width and height. Give the box as its two corners."
            )
    return objects


def _divided(o, width, height):
    """An object in pixels -> in [0, 1]."""
    box = o.box and tuple(c / s for c, s in zip(o.box, (width, height) * 2, strict=True))
    return dataclasses.replace(o, x=o.x / width, y=o.y / height, box=box)


def _place(o):
    box = f", box ({', '.join(f'{corner:.3f}' for corner in o.box)})" if o.box else ""
    return f"({o.x:.3f}, {o.y:.3f}){box}"


def parse_example(serialized, names=None):
    """Parses one serialized record.

    Args:
      serialized: string scalar tensor.
      names: of the features to parse; None: all.

    Returns:
      A dict of tensors under the names above. `answer/text` and `answer/confidence` are
      `tf.RaggedTensor`s of shape [Q, None], one row per question; every other feature has the
      shape given above. Of `image/encoded` and `image/features` one is the empty string. What
      a record leaves out is filled in: orientation 1, groups "", boxes and areas NaN, crowd and
      difficult 0.
    """
    names = tuple(names or _FEATURES)
    needed = {*names, *(_ROWS_OF[name] for name in names if name in _ROWS_OF)}
    parsed = tf.io.parse_single_example(serialized, {n: _FEATURES[n] for n in needed})
    return {name: _shaped(name, parsed) for name in names}


def _shaped(name, parsed):
    """A parsed feature in the shape that readers are given."""
    if name not in _ROWS_OF:
        return parsed[name]
    values, rows = parsed[name], parsed[_ROWS_OF[name]]
    if name not in _FILLED:
        return tf.RaggedTensor.from_row_lengths(values, rows)
    nothing, width = _FILLED[name]
    shape = [tf.size(rows), *width]
    return tf.cond(
        tf.size(values) > 0,
        lambda: tf.reshape(values, shape),
        lambda: tf.fill(shape, tf.constant(nothing, values.dtype)),
    )


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
    "image/orientation": tf.io.FixedLenFeature([], tf.int64, 1),
    "question/text": _strings(),
    "question/id": _strings(),
    "question/type": _strings(),
    "question/answer_type": _strings(),
    "question/group": _strings(),
    "answer/text": _strings(),
    "answer/confidence": _strings(),
    "answer/count": _numbers(tf.int64),
    "object/name": _strings(),
    "object/x": _numbers(tf.float32),
    "object/y": _numbers(tf.float32),
    "object/box": _numbers(tf.float32),
    "object/area": _numbers(tf.float32),
    "object/crowd": _numbers(tf.int64),
    "object/difficult": _numbers(tf.int64),
}


# Features that have a row for each value of another, or as many as it says.
_ROWS_OF = {
    "answer/text": "answer/count",
    "answer/confidence": "answer/count",
    "question/group": "question/id",
    "object/box": "object/name",
    "object/area": "object/name",
    "object/crowd": "object/name",
    "object/difficult": "object/name",
}
# What stands where a record, of before 1.2, say, leaves a feature out; the width of a row.
_FILLED = {
    "question/group": ("", ()),
    "object/box": (math.nan, (4,)),
    "object/area": (math.nan, ()),
    "object/crowd": (0, ()),
    "object/difficult": (0, ()),
}


def _bytes(values):
    values = [v if isinstance(v, bytes) else v.encode("utf-8") for v in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _ints(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
