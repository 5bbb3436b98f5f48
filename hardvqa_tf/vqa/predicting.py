"""One question about one image: the answer, and a picture of what was looked at."""

import os

import numpy as np

from hardvqa_tf.data.inputs import takes_images, trains_on_maps
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.data.words import split_words
from hardvqa_tf.vqa.best_answers import best_answers
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.pictures.looks import look_of, region_at
from hardvqa_tf.vqa.pictures.overlay import draw_overlay
from hardvqa_tf.written import write_file
from records import questions
from records.decode import decode_image
from records.orientation import exif_orientation
from records.read import read_records


def check_options(*, question=None, region=None, fields=False):
    """Refuses what no model could answer, before one is loaded.

    Args:
      question, region, fields: of `predict`.

    Raises:
      ValueError: for a question without words, or one that is not text.
    """
    wrong = questions.wrong_with(question or "")
    if wrong:
        raise ValueError(
            f'{wrong} Received: {question!r}. For example: --question="What color is it?"'
        )


def predict(run, encoded, *, question=None, region=None, fields=False):
    """Answers a question about an image, and draws what was looked at.

    Args:
      run: `runs.Run`.
      encoded: the image file's bytes.
      question: str; words that the model does not know are no error.
      region: (row, column) from 1, of a model with routes: whose routes are drawn; default:
        those of the region that has the kept cell of greatest presence.
      fields: whether all that kept cells see is drawn, half as clear as themselves.

    Returns:
      A dict: `question`, `answer`; `best_answers`, a list of (answer, probability), at most
      five; `num_cells` looked at of `total_cells`; `unknown_words` of the question, which the
      train split does not have, and `ignored_words`, those beyond the longest question that the
      model takes. And the picture, uint8[H', W', 3].

    Raises:
      ValueError: for a run, a question or a region that cannot be used, saying why.
    """
    check_options(question=question)
    words = split_words([question])[0]
    _check_inputs(run.model)
    tokenizer = run.assets.tokenizer
    orientation = exif_orientation(encoded)  # As the file's owner sees it.
    pixels = decode_image(encoded, run.config.image_size, orientation)
    row = ask(run.model, pixels, tokenizer([question]))
    region = region_at(region, row) if region else None
    of_cells = cell_fields(run.model)
    best = best_answers(row["logits"], run.assets.answers.answers)
    picture = draw_overlay(
        decode_image(encoded, orientation=orientation).numpy(),
        row["mask"],
        row["presence"],
        question=question,
        predictions=best,
        look=look_of(row, words, region, of_cells),
        fields=of_cells,
        extents=fields,
    )
    known = set(tokenizer.words)
    result = {
        "question": question,
        "answer": best[0][0],
        "best_answers": best,
        "num_cells": int(row["num_cells"]),
        "total_cells": row["mask"].size,
        "unknown_words": [word for word in dict.fromkeys(words) if word not in known],
        "ignored_words": words[tokenizer.max_words :],
    }
    return result, picture


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


def format_prediction(result):
    """The result of `predict`, and `overlay`, as a few lines for a terminal."""
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


def first_try(config, folder):
    """Writes the first image of the validation split into a folder, for a first try.

    Returns:
      What to give `--mode=predict`, {flag: str}: the image's path, and a question about it. {}
      of a run on maps, whose model takes no image.
    """
    if trains_on_maps(config):
        return {}
    names = ("image/encoded", "question/text")
    example = next(read_records(config.records_dir, config.train.val_split, names))
    path = os.path.join(folder, "example.png")
    write_file(path, example["image/encoded"])
    return {"image": path, "question": example["question/text"][0]}


def _check_inputs(model):
    if not takes_images(model):
        inputs = [tensor.name for tensor in model.inputs]
        raise ValueError(
            "This model cannot answer from an image file: it was trained on feature maps made "
            f"before. Received: inputs {', '.join(inputs)}, no image. Use the workdir of a run "
            "whose `model.image_encoder` is not `features`."
        )
