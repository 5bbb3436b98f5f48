"""What the shards of a folder hold: counted once after a build, counted again by `verify`."""

import collections
import dataclasses
import math
import os
import sys

import numpy as np
import tensorflow as tf
import tqdm

from records import folder
from records.damage import check_file, damage
from records.images import image_size
from records.source import BuildError, sha256_of_file


@dataclasses.dataclass
class Contents:
    """What one split holds. Texts are counted, so that each is tokenized once."""

    num_images: int = 0
    num_answered: int = 0
    questions: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    answers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    types: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    per_image: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    question_ids: set = dataclasses.field(default_factory=set)
    shards: list = dataclasses.field(default_factory=list)


def read_split(shard_paths, map_bytes=None):
    """Reads and checks every record of a split; returns its `Contents`.

    Args:
      shard_paths: the split's files, in order.
      map_bytes: length of the map that each record holds; None: they hold images.
    """
    contents = Contents()
    quiet = not sys.stderr.isatty()
    for path in tqdm.tqdm(shard_paths, "checking", unit=" shards", leave=False, disable=quiet):
        before = contents.num_images
        try:
            # In batches, because one trip through tf.data costs more than a small record.
            for batch in tf.data.TFRecordDataset(path).batch(16).as_numpy_iterator():
                for serialized in batch:
                    message = tf.train.Example.FromString(serialized)
                    _add_record(contents, message, map_bytes)
        except (tf.errors.OpError, ValueError) as error:
            raise BuildError(
                f"{path}: damaged after record {contents.num_images - before} ({error}). "
                "Delete this file if the build is unfinished, else the whole folder, and build "
                "again."
            ) from None
        contents.shards.append(
            {
                "name": os.path.basename(path),
                "num_records": contents.num_images - before,
                "num_bytes": os.path.getsize(path),
                "sha256": sha256_of_file(path),
            }
        )
    return contents


def map_bytes(info):
    """Returns the length of the maps of a dataset_info.json; None if it is one of images."""
    if "features" not in info:
        return None
    return math.prod(info["features"]["shape"]) * np.dtype(info["features"]["dtype"]).itemsize


def _add_record(contents, message, map_bytes):
    features = {name: _values(feature) for name, feature in message.features.feature.items()}
    ids, counts = features["question/id"], features["answer/count"]
    answers = features["answer/text"]
    of_questions = ("question/text", "question/type", "question/answer_type")
    lengths = {len(features[name]) for name in of_questions}
    if lengths | {len(counts)} != {len(ids)} or sum(counts) != len(answers):
        raise ValueError("its questions and answers do not match in number")
    _check_picture(features, map_bytes)
    if len(set(ids)) != len(ids) or not contents.question_ids.isdisjoint(ids):
        raise ValueError("it has a question id that an earlier record has")
    contents.num_images += 1
    contents.per_image[len(ids)] += 1
    contents.num_answered += sum(count > 0 for count in counts)
    contents.question_ids.update(ids)
    contents.questions.update(text.decode() for text in features["question/text"])
    contents.types.update(name.decode() for name in features["question/type"])
    contents.answers.update(answer.decode() for answer in answers)


def _check_picture(features, map_bytes):
    expected = "image/encoded" if map_bytes is None else "image/features"
    if expected not in features:
        raise ValueError(f"it has no {expected}")
    picture = features[expected][0]
    if map_bytes is not None:
        if len(picture) != map_bytes:
            raise ValueError(f"its map has {len(picture)} bytes instead of {map_bytes}")
        return
    size = image_size(picture)
    if size != (features["image/height"][0], features["image/width"][0]):
        raise ValueError(f"its image is {size[0]} high and {size[1]} wide, unlike it says")


def _values(feature):
    return list(getattr(feature, feature.WhichOneof("kind")).value)


def count_words(contents, split_words):
    """Returns (Counter of the words of a split's questions, words of its longest question)."""
    texts = list(contents.questions)
    words, longest = collections.Counter(), 0
    for text, of_text in zip(texts, split_words(texts), strict=True):
        longest = max(longest, len(of_text))
        for word in of_text:
            words[word] += contents.questions[text]
    return words, longest


def by_count(counter):
    """Returns [[text, count], ...]: the most frequent first, equally frequent ones by text."""
    return [
        [text, n] for text, n in sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    ]


def describe_split(contents, words, longest, train_words, train_answers):
    """Returns a split's entry in dataset_info.json, but for what was skipped."""
    return {
        "num_images": contents.num_images,
        "num_questions": len(contents.question_ids),
        "num_answered": contents.num_answered,
        # {questions: images that have so many}: readers know an epoch's length from it.
        "questions_per_image": {str(n): m for n, m in sorted(contents.per_image.items())},
        "question_types": dict(sorted(contents.types.items())),
        "max_words": longest,
        "num_unknown_words": sum(n for word, n in words.items() if word not in train_words),
        "num_unknown_answers": sum(
            n for answer, n in contents.answers.items() if answer not in train_answers
        ),
        "shards": contents.shards,
    }


def verify(records_dir, *, split_words=None):
    """Reads finished records again and checks every checksum and every count.

    Args:
      records_dir: a folder that `build` finished.
      split_words: what `build` was given. Without it, counts of words are not checked (their
        file's checksum is).

    Returns:
      {"num_shards", "num_images", "num_questions", "num_bytes"} of the whole folder.

    Raises:
      BuildError: names the file, what is wrong with it and what to do.
    """
    info = folder.read_info(records_dir)
    for name, sha256 in info["files"].items():
        _check_file(os.path.join(records_dir, name), None, sha256)
    vocabularies = folder.read_vocabularies(records_dir)
    known = {kind: {text for text, _ in pairs} for kind, pairs in vocabularies.items()}
    for split, expected in info["splits"].items():
        paths = [os.path.join(records_dir, shard["name"]) for shard in expected["shards"]]
        for path, shard in zip(paths, expected["shards"], strict=True):
            _check_file(path, shard["num_bytes"], shard["sha256"])
        contents = read_split(paths, map_bytes(info))
        words, longest = count_words(contents, split_words) if split_words else ({}, 0)
        found = describe_split(contents, words, longest, known["words"], known["answers"])
        if not split_words:
            del found["max_words"], found["num_unknown_words"]
        _check_counts(records_dir, split, expected, found)
        # Maps keep the vocabularies of their images, of which some may have been skipped.
        is_source = split == info["train_split"] and "features" not in info
        if is_source and by_count(contents.answers) != vocabularies["answers"]:
            _damaged(os.path.join(records_dir, folder.VOCABULARIES_NAME), "answers differ")
    return _summary(info)


def _check_file(path, num_bytes, sha256):
    if num_bytes is not None:
        check_file(path, num_bytes)
    if not os.path.exists(path):
        _damaged(path, "is missing")
    if sha256_of_file(path) != sha256:
        _damaged(path, f"does not have the checksum that {folder.INFO_NAME} gives")


def _check_counts(records_dir, split, expected, found):
    path = os.path.join(records_dir, folder.INFO_NAME)
    for name, value in found.items():
        if expected.get(name) != value:
            _damaged(
                path, f"says {name} = {expected.get(name)} of {split!r}, but it is {value}"
            )


def _damaged(path, what):
    raise BuildError(damage(path, what))


def _summary(info):
    splits = info["splits"].values()
    shards = [shard for split in splits for shard in split["shards"]]
    return {
        "num_shards": len(shards),
        "num_images": sum(split["num_images"] for split in splits),
        "num_questions": sum(split["num_questions"] for split in splits),
        "num_bytes": sum(shard["num_bytes"] for shard in shards),
    }
