"""Finished records, read by those who need some of their features: one loop for all of them.

Training reads by `tf.data` of its own; everything else that looks at records looks here.
"""

import tensorflow as tf

from records.damage import naming_damage
from records.folder import shard_paths
from records.schema import Question, parse_example, parse_questions

_AT_ONCE = 64  # Records whose questions are parsed together.
_NO_TEXT = ("image/encoded", "image/features")


def read_records(records_dir, split, names):
    """Yields the named features of each record of a split, in order.

    Args:
      records_dir: a folder that `--mode=build` has finished.
      split: "train", "val", "test", ...
      names: of features in `schema`, which alone are parsed.

    Yields:
      {name: value}: str, or bytes of an image or a map; int; lists of str (of answers: of
      lists, one a question); NumPy arrays of numbers.

    Raises:
      BuildError: at a shard that cannot be read, which it names.
    """
    paths = shard_paths(records_dir, split)
    records = tf.data.TFRecordDataset(paths)
    records = records.map(lambda record: parse_example(record, names), tf.data.AUTOTUNE)
    with naming_damage(lambda: paths):
        for record in records.prefetch(1):
            yield {name: _value(name, record[name]) for name in names}


def read_questions(records_dir, split):
    """Yields the questions of a split, in the order of the records; images are not looked at.

    Yields:
      `schema.Question`, all but confidences and group.
    """
    paths = shard_paths(records_dir, split)
    records = tf.data.TFRecordDataset(paths).batch(_AT_ONCE)
    parsed = records.map(parse_questions, num_parallel_calls=tf.data.AUTOTUNE)
    with naming_damage(lambda: paths):
        for batch in parsed.prefetch(tf.data.AUTOTUNE):
            yield from _questions(batch)


def _value(name, value):
    if isinstance(value, tf.RaggedTensor):
        return [[text.decode() for text in row] for row in value.to_list()]
    is_text, value = value.dtype == tf.string, value.numpy()
    if name in _NO_TEXT:
        return value
    if is_text:
        return value.decode() if isinstance(value, bytes) else [t.decode() for t in value]
    return value if value.shape else value.item()


def _questions(batch):
    names = ("text", "id", "type", "answer_type")
    columns = [_decode(batch[f"question/{name}"]) for name in names]
    answers = _decode(batch["answer/text"].values)
    splits = batch["answer/text"].row_splits.numpy().tolist()
    for i, (text, id_, type_, answer_type) in enumerate(zip(*columns, strict=True)):
        given = tuple(answers[splits[i] : splits[i + 1]])
        yield Question(id_, text, given, type_, answer_type)


def _decode(strings):
    return [text.decode() for text in strings.numpy().tolist()]
