"""Tiny copies of raw data sets, drawn here, and ways to look at the records made of them."""

import json
import os
import pathlib

import tensorflow as tf
from PIL import Image

from records import schema


def write_image(path, width=9, height=6, color=(200, 30, 30)):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), color).save(path)
    return path


def write_json(path, value):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_lines(path, *values):
    """Writes JSON lines; strings are written as they are."""
    lines = [value if isinstance(value, str) else json.dumps(value) for value in values]
    pathlib.Path(path).write_text("".join(line + "\n" for line in lines))


def jsonl_tree(root, num_train=5, num_val=2):
    """Your own data: one image with two questions each; returns the folder."""
    root.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", num_train), ("val", num_val)):
        lines = []
        for i in range(count):
            name = f"photos/{split}{i}.png"
            write_image(root / name, width=8 + i, height=5)
            lines.append({"image": name, "question": f"What number is {i}?", "answer": str(i)})
            lines.append({"image": name, "question": "Is it raining?", "answer": "no"})
        write_lines(root / f"{split}.jsonl", *lines)
    return root


def read_records(records_dir, split):
    """Returns the parsed records of a split as dicts of NumPy values, in the order on disk."""
    paths = sorted(pathlib.Path(records_dir).glob(f"*-{split}.tfrecord-*"))
    parsed = map(schema.parse_example, tf.data.TFRecordDataset([str(p) for p in paths]))
    return [
        {
            name: value.to_list() if isinstance(value, tf.RaggedTensor) else value.numpy()
            for name, value in record.items()
        }
        for record in parsed
    ]


def questions_of(records):
    """Returns {question id: (text, type, answers)} of `read_records`."""
    found = {}
    for record in records:
        names = ("question/id", "question/text", "question/type", "answer/text")
        for question_id, text, kind, answers in zip(*(record[n] for n in names), strict=True):
            answers = [answer.decode() for answer in answers]
            found[question_id.decode()] = (text.decode(), kind.decode(), answers)
    return found


def files_of(folder, *left_out):
    """Returns {name: bytes} of all files of a folder, but of those whose names are given."""
    return {
        name: pathlib.Path(folder, name).read_bytes()
        for name in sorted(os.listdir(folder))
        if name not in left_out
    }
