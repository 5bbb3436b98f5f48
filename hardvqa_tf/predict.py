"""One question about one image file: the answer, and a picture of what was looked at."""

import os

import numpy as np
import tensorflow as tf

from hardvqa_tf.data.inputs import takes_images
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.pictures.panels import to_png
from hardvqa_tf.runs import load_run
from hardvqa_tf.vqa.best_answers import best_answers
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.pictures.looks import look_of, region_at
from hardvqa_tf.vqa.pictures.overlay import draw_overlay
from hardvqa_tf.vqa.text import split_words
from records.damage import naming_damage
from records.decode import decode_image
from records.folder import shard_paths
from records.schema import parse_example
from records.writer import check_image


def predict_answer(workdir, image_path, question, output_path=None, region=None, extents=False):
    """Answers a question about an image, and draws what was looked at.

    Args:
      workdir: folder of a trained run.
      image_path: JPEG, PNG, BMP or GIF file.
      question: str; words that the model does not know are no error.
      output_path: the picture's; default: `predict_<name of the image>.png` in the workdir.
      region: (row, column) from 1, of a model with routes: whose routes are drawn; default:
        those of the region that has the kept cell of greatest presence.
      extents: whether all that kept cells see is drawn, half as clear as themselves.

    Returns:
      A dict: `question`, `answer`; `best_answers`, a list of (answer, probability), at most
      five; `num_cells` looked at of `total_cells`; `overlay`, the picture's path;
      `unknown_words` of the question, which the train split does not have, and
      `ignored_words`, those beyond the longest question that the model takes.

    Raises:
      ValueError: for a run, an image or a question that cannot be used, saying why.
    """
    words = split_words([question])[0]
    if not words:
        raise ValueError(
            f"The question has no words. Received: {question!r}. "
            'Ask something, e.g. --question="What color is it?"'
        )
    encoded, size = _read_image(image_path)
    output_path = output_path or _default_output(workdir, image_path)
    if os.path.realpath(output_path) == os.path.realpath(image_path):
        raise ValueError(
            f"The picture would overwrite the image. Received: {output_path} for both. "
            "Give the picture another path."
        )
    run = load_run(workdir)
    _check_inputs(run.model)
    tokenizer = run.vocabularies.tokenizer
    pixels = decode_image(encoded, run.config.image_size)
    row = ask(run.model, pixels, tokenizer([question]))
    region = region_at(region, row) if region else None
    fields = cell_fields(run.model)
    best = best_answers(row["logits"], run.vocabularies.answers.answers)
    picture = draw_overlay(
        decode_image(encoded, size).numpy(),
        row["mask"],
        row["presence"],
        question=question,
        predictions=best,
        look=look_of(row, words, region, fields),
        fields=fields,
        extents=extents,
    )
    os.makedirs(os.path.dirname(os.path.abspath(output_path)), exist_ok=True)
    with open(output_path, "wb") as file:
        file.write(to_png(picture))
    known = set(tokenizer.words)
    return {
        "question": question,
        "answer": best[0][0],
        "best_answers": best,
        "num_cells": int(row["num_cells"]),
        "total_cells": row["mask"].size,
        "overlay": output_path,
        "unknown_words": [word for word in dict.fromkeys(words) if word not in known],
        "ignored_words": words[tokenizer.max_words :],
    }


def save_example(records_dir, split, path):
    """Writes the first image of a split to a file, for a first try.

    Returns:
      A question about it, str.
    """
    paths = shard_paths(records_dir, split)
    with naming_damage(lambda: paths):
        example = parse_example(next(iter(tf.data.TFRecordDataset(paths))))
    with open(path, "wb") as file:
        file.write(example["image/encoded"].numpy())
    return example["question/text"][0].numpy().decode("utf-8")


def format_prediction(result):
    """The result of `predict_answer` as a few lines for a terminal."""
    width = max(len(answer) for answer, _ in result["best_answers"])
    rows = [
        f"  {answer:{width}}  {100 * p:5.1f} %  {'#' * round(30 * p)}".rstrip()
        for answer, p in result["best_answers"]
    ]
    lines = [result["question"], *rows]
    if result["unknown_words"]:
        lines.append(
            "Words that the model has never seen: " + ", ".join(result["unknown_words"])
        )
    if result["ignored_words"]:
        lines.append("Words beyond its longest question: " + ", ".join(result["ignored_words"]))
    cells = f"{result['num_cells']} of {result['total_cells']} cells"
    return "\n".join([*lines, f"Looked at {cells}: {result['overlay']}"])


def _check_inputs(model):
    if not takes_images(model):
        inputs = [tensor.name for tensor in model.inputs]
        raise ValueError(
            "This model cannot answer from an image file: it was trained on feature maps made "
            f"before. Received: inputs {', '.join(inputs)}, no image. Use the workdir of a run "
            "whose `model.image_encoder` is not `features`."
        )


def ask(model, pixels, tokens):
    """Asks a model one question about one image.

    Args:
      model: of images, from `build_vqa_model`.
      pixels: uint8[H, W, 3], of the model's size.
      tokens: int32[1, T].

    Returns:
      A dict of the question's outputs, NumPy arrays: `mask` [h, w], `logits` [A], ...
    """
    batch = {"image": scale_pixels(pixels)[None], "question_tokens": tokens[None]}
    outputs = model(batch, training=False)
    return {name: np.asarray(value)[0, 0] for name, value in outputs.items()}


def _read_image(path):
    """Returns the file's bytes and (H, W)."""
    try:
        with open(path, "rb") as file:
            encoded = file.read()
    except OSError as error:
        raise ValueError(
            f"The image cannot be read. Received: {path} ({error.strerror}). "
            "Give the path of a JPEG, PNG, BMP or GIF file."
        ) from None
    try:
        return encoded, check_image(encoded)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _default_output(workdir, image_path):
    stem = os.path.splitext(os.path.basename(image_path))[0]
    return os.path.join(workdir, f"predict_{stem}.png")
