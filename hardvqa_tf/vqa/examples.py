"""Images of the validation split that leave with an exported model, for a first try."""

import collections
import os

from hardvqa_tf.written import write_file
from records.folder import has_records, read_info
from records.formats import format_of
from records.map_facts import holds_maps
from records.read import read_records

NUM_IMAGES = 4
MAX_BYTES = 1_000_000  # of an image
_FEATURES = (
    "image/encoded",
    "image/orientation",
    "question/text",
    "question/type",
    "answer/text",
)


def pick_examples(config, records_dir, folder):
    """Writes the first images of the validation split into `examples/` below a folder.

    Args:
      config: of the run.
      records_dir: records of images; None: those of the config.
      folder: path.

    Returns:
      A list of {"image": path in the folder, "questions": [{"type", "question", "answer"},
      ...]}, with a question of each type that the image has; and `orientation` where the
      image is decoded turned. Empty where there are no records, or they hold maps.

    Raises:
      ValueError: if the records are not finished, or have no such split.
    """
    records_dir = records_dir or config.records_dir
    if not has_records(records_dir):
        return []
    if holds_maps(read_info(records_dir)):
        return []
    return _pick(read_records(records_dir, config.train.val_split, _FEATURES), folder)


def _pick(records, folder):
    examples = []
    for record in records:
        encoded, orientation = record["image/encoded"], record["image/orientation"]
        if len(encoded) > MAX_BYTES:
            continue
        path = f"examples/{len(examples)}.{format_of(encoded).ending}"
        os.makedirs(os.path.join(folder, "examples"), exist_ok=True)
        write_file(os.path.join(folder, path), encoded)
        turned = {"orientation": orientation} if orientation != 1 else {}
        examples.append({"image": path, **turned, "questions": _one_of_each_type(record)})
        if len(examples) == NUM_IMAGES:
            break
    return examples


def _one_of_each_type(record):
    chosen = {}
    names = ("question/text", "question/type", "answer/text")
    for text, type_, answers in zip(*(record[name] for name in names), strict=True):
        if answers:
            answer, _ = collections.Counter(answers).most_common(1)[0]
            chosen.setdefault(type_, (text, answer))
    return [
        {"type": type_, "question": text, "answer": answer}
        for type_, (text, answer) in chosen.items()
    ]
