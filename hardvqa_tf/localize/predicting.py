"""One image and what a person drew: all instances of it, and a picture of them."""

import os

import keras
import numpy as np

from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.localize.classes import Classes
from hardvqa_tf.localize.data import open_split
from hardvqa_tf.localize.judging.asking import found_by
from hardvqa_tf.localize.judging.judge import threshold_of
from hardvqa_tf.localize.model import grid_fields, total_cells
from hardvqa_tf.localize.pictures.found import draw_found
from hardvqa_tf.pictures.panels import to_png
from hardvqa_tf.written import write_file
from records.decode import decode_image
from records.drawings.readers import read_drawing
from records.orientation import exif_orientation

MAX_SHOWN = 100


def check_options(*, sketch=None, threshold=None):
    """Refuses what no model could be asked, before one is loaded.

    Args:
      sketch, threshold: of `predict`.

    Raises:
      ValueError: for no drawing, a file that is none, or a threshold that is no score.
    """
    if not sketch:
        raise ValueError(
            "There is no drawing of what is to be found. Give its file, or several of the same "
            "thing: --sketch=FILE --sketch=FILE"
        )
    for path in sketch:
        if not path:
            raise ValueError(
                f"One of the drawings has no name. Received: sketch={[*sketch]!r}. Give each "
                "file by a flag of its own: --sketch=FILE --sketch=FILE"
            )
        read_drawing(path)
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(
            f"A threshold is a score, from 0 to 1. Received: threshold={threshold}."
        )


def predict(run, encoded, *, sketch=None, threshold=None):
    """Finds what was drawn in an image.

    Args:
      run: `runs.Run`.
      encoded: the image file's bytes.
      sketch: paths of drawings of one thing: their order changes nothing.
      threshold: from which score on a box is shown; None: the one that the validation split
        chose, and where that is not known, 0.5.

    Returns:
      A dict: `found`, a list of {"box": [x, y, width, height] in pixels, clipped by the image,
      "score"}, best first;
      `threshold`; `best_score`, whatever the threshold; `num_cells` kept of `total_cells`. And
      the picture, uint8[H', W', 3].

    Raises:
      ValueError: for an option that cannot be used, saying why.
    """
    check_options(sketch=sketch, threshold=threshold)
    if threshold is None:
        threshold = threshold_of(run.best_epoch)
    drawings = np.stack([read_drawing(path).draw() for path in sketch])
    orientation = exif_orientation(encoded)  # As the file's owner sees it.
    pixels = decode_image(encoded, tuple(run.config.image_size), orientation)
    batch = {
        "image": scale_pixels(pixels)[None],
        "sketch": drawings[None, None, ..., None],
        "sketch_valid": np.ones((1, 1, len(drawings)), bool),
    }
    batch = {name: keras.ops.convert_to_tensor(value) for name, value in batch.items()}
    outputs = run.model(batch, training=False)
    names = ("logits", "boxes", "mask", "presence", "num_cells")
    row = {name: np.asarray(outputs[name])[0, 0] for name in names}
    image = decode_image(encoded, orientation=orientation).numpy()
    shares = found_by(row["logits"][None], row["boxes"][None], [(1, 1)])[0]
    shown = shares.scores >= threshold
    # A box may reach beyond the image, where there is nothing to see.
    boxes, scores = np.clip(shares.boxes[shown], 0.0, 1.0), shares.scores[shown]
    height, width = image.shape[:2]
    result = {
        "found": [
            {"box": _in_pixels(box, width, height), "score": float(score)}
            for box, score in zip(boxes, scores, strict=True)
        ],
        "threshold": float(threshold),
        "best_score": float(shares.scores.max(initial=0.0)),
        "num_cells": int(row["num_cells"]),
        "total_cells": total_cells(run.model),
    }
    text = f"{len(boxes)} found, with a score of {threshold:.3g} at least"
    fields = grid_fields(run.model)
    mask, presence = row["mask"], row["presence"]
    picture = draw_found(
        image,
        drawings,
        (boxes, scores),
        mask,
        presence,
        text=text,
        fields=fields,
        kept=(result["num_cells"], result["total_cells"]),
    )
    return result, picture


def format_prediction(result):
    """The result of `predict`, and `overlay`, as a few lines for a terminal."""
    lines = [f"Found {len(result['found'])}, at the threshold {result['threshold']:.3g}:"]
    for found in result["found"][:MAX_SHOWN]:
        left, top, width, height = (round(value) for value in found["box"])
        score = f"{100 * found['score']:5.1f} %"
        lines.append(f"  {score}  {width}x{height} pixels at ({left}, {top})")
    if not result["found"]:
        lines = [
            f"Found none at the threshold {result['threshold']:.3g}: the best score is "
            f"{result['best_score']:.3g}. --threshold=... shows more."
        ]
    cells = f"{result['num_cells']} of {result['total_cells']} cells"
    return "\n".join([*lines, f"Looked at {cells}: {result['overlay']}"])


def first_try(config, folder):
    """Writes the first scene of the validation split and a drawing into a folder.

    Returns:
      What to give `--mode=predict`, {flag: path}.
    """
    data = open_split(
        config, config.train.val_split, Classes.from_records(config), with_ids=True
    )
    batch = next(iter(data.in_order()))
    paths = {name: os.path.join(folder, f"example_{name}.png") for name in ("image", "sketch")}
    image, sketch = batch["image"][0].numpy(), batch["sketch"][0, 0, 0, :, :, 0].numpy()
    for name, shares in {"image": image, "sketch": 1.0 - sketch}.items():
        write_file(paths[name], to_png(np.round(255 * shares).astype(np.uint8)))
    return paths


def _in_pixels(box, width, height):
    left, top, right, bottom = (box * [width, height, width, height]).tolist()
    return [left, top, right - left, bottom - top]
