"""Images of the validation split that leave with an export, and drawings to ask with."""

import json
import os

import numpy as np

from hardvqa_tf.localize.drawings import LEVELS, Drawings
from hardvqa_tf.localize.scenes import query_id, read_scenes
from hardvqa_tf.pictures.panels import to_png
from hardvqa_tf.written import write_file
from records.folder import has_records
from records.formats import format_of
from records.read import read_records

NUM_IMAGES = 4
MAX_BYTES = 1_000_000  # of an image


def pick_examples(config, records_dir, folder):
    """Writes the first images of the validation split into `examples/` below a folder.

    Args:
      config: of the run.
      records_dir: records of scenes; None: those of the config.
      folder: path.

    Returns:
      A list of {"image": path in the folder, "queries": [{"class", "sketch": path, "boxes":
      [[left, top, right, bottom], ...] in pixels}, ...]}, with a drawing of each class that the
      image shows: the one that evaluation asks with. Empty where there are no records.

    Raises:
      ValueError: if the records are not finished, or have no such split.
    """
    records_dir, split = records_dir or config.records_dir, config.train.val_split
    if not has_records(records_dir):
        return []
    drawings, examples = Drawings(records_dir, split), []
    images = read_records(records_dir, split, ("image/encoded",))
    for scene, record in zip(read_scenes(records_dir, split), images, strict=True):
        encoded = record["image/encoded"]
        if len(encoded) > MAX_BYTES:
            continue
        os.makedirs(os.path.join(folder, "examples"), exist_ok=True)
        path = f"examples/{len(examples)}.{format_of(encoded).ending}"
        write_file(os.path.join(folder, path), encoded)
        queries = [
            _query(scene, name, drawings, folder, f"examples/{len(examples)}_{number}")
            for number, name in enumerate(scene.classes())
        ]
        examples.append({"image": path, "queries": queries})
        if len(examples) == NUM_IMAGES:
            break
    return examples


def _query(scene, name, drawings, folder, path):
    height, width = scene.size
    boxes = scene.boxes[scene.is_of(name) & ~scene.crowd]
    x, y, half_w, half_h = *boxes[:, :2].T, *(boxes[:, 2:] / 2).T
    corners = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1)
    (number,) = drawings.fixed(query_id(scene, name), name, 1)
    return {
        "class": name,
        "sketch": _write_drawing(drawings, name, number, folder, path),
        "boxes": (corners * [width, height, width, height]).tolist(),
    }


def _write_drawing(drawings, name, number, folder, path):
    """Writes a drawing's strokes in JSON; one of pixels as a PNG. Returns its path."""
    strokes = drawings.strokes(number)
    if strokes:
        path += ".json"
        text = json.dumps([stroke.tolist() for stroke in strokes], separators=(",", ":"))
        write_file(os.path.join(folder, path), text.encode())
        return path
    path += ".png"
    ink = drawings.rasters(name, [number])[0] / LEVELS
    grey = np.round(255 * (1 - ink)).astype(np.uint8)  # dark on light, as people draw
    write_file(os.path.join(folder, path), to_png(grey))
    return path
