"""A few queries of a split, always the same: what a model makes of them over the epochs."""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from hardvqa_tf.localize.boxes import to_corners
from hardvqa_tf.localize.judging.asking import found_by
from hardvqa_tf.localize.judging.queries import Found
from hardvqa_tf.localize.model import grid_fields, total_cells
from hardvqa_tf.localize.pictures.found import draw_found

NUM_QUERIES, NUM_BOXES = 8, 3


class Asked(NamedTuple):
    """A query, and what a model found to it.

    `scene`, `name`: of image and class; `image` uint8[H, W, 3]; `drawings` float[D, 64, 64];
    `right` float[G, 4], (left, top, right, bottom) as shares of the image; `found`: `Found`,
    its boxes as those; `mask` bool[h, w]; `presence` float[h, w];
    `kept`: (kept cells, of all).
    """

    scene: str
    name: str
    image: np.ndarray
    drawings: np.ndarray
    right: np.ndarray
    found: Found
    mask: np.ndarray
    presence: np.ndarray
    kept: tuple


class Gallery:
    """Asks a model the same queries whenever it is told to, and draws what it found.

    They are the first scenes of the split, each asked once: for its first class, the next for
    its second, and so on, so that queries of nothing are among them.

    Args:
      model: from `build_localizer`.
      data: `QueryData(..., with_strings=True)`.

    Attributes:
      fields: `encoders.fields.Fields` of the model's grid.
    """

    def __init__(self, model, data):
        self._data, self.fields = data, grid_fields(model)
        self._inputs = [tensor.name for tensor in model.inputs]
        self._total_cells = total_cells(model)
        names = ("logits", "boxes", "mask", "presence", "num_cells")

        @tf.function
        def ask(batch):
            outputs = model(batch, training=False)
            return {name: outputs[name][:, 0] for name in names}

        self._ask = ask

    def for_board(self):
        """What TensorBoard shows after an epoch: pictures, and values of a histogram."""
        asked = self.ask()
        pictures = [self._draw(query, 900) for query in asked]
        return {"queries/val": pictures}, {
            "presence/val": np.stack([query.presence for query in asked])
        }

    def for_files(self):
        """The queries as large pictures, list of uint8[H', W', 3]."""
        return [self._draw(query, 1080) for query in self.ask()]

    def ask(self):
        """list of `Asked`."""
        batch = {name: tf.constant(self._rows[name]) for name in self._inputs}
        outputs = {name: value.numpy() for name, value in self._ask(batch).items()}
        return [self._asked(i, outputs) for i in range(len(self._rows["query_id"]))]

    @functools.cached_property
    def _rows(self):
        """{name: [N, ...]} of each value of the data's batches; Q = 1 of the model's inputs."""
        rows = []
        for batch in self._data.in_order():
            rows += _rows_of(batch, len(rows))
            if len(rows) >= NUM_QUERIES:
                break
        return {name: np.stack([r[name] for r in rows[:NUM_QUERIES]]) for name in rows[0]}

    def _asked(self, i, outputs):
        row = {name: values[i] for name, values in self._rows.items()}
        return Asked(
            row["image_id"][0].decode(),
            row["class_name"][0].decode(),
            np.round(255 * row["image"]).astype(np.uint8),
            row["sketch"][0, row["sketch_valid"][0], :, :, 0],
            np.asarray(to_corners(row["boxes"][0][row["box_valid"][0]])),
            found_by(outputs["logits"][i : i + 1], outputs["boxes"][i : i + 1], [(1, 1)])[0],
            outputs["mask"][i],
            outputs["presence"][i],
            (int(outputs["num_cells"][i]), self._total_cells),
        )

    def _draw(self, asked, width):
        there = f"{len(asked.right)} in green" if len(asked.right) else "none is there"
        return draw_found(
            asked.image,
            asked.drawings,
            (asked.found.boxes[:NUM_BOXES], asked.found.scores[:NUM_BOXES]),
            asked.mask,
            asked.presence,
            text=f"{asked.scene}: {asked.name}, {there}; the {NUM_BOXES} best boxes with their "
            "scores",
            right=asked.right if len(asked.right) else None,
            fields=self.fields,
            kept=asked.kept,
            width=width,
        )


def _rows_of(batch, number):
    """A row of each scene of a batch: its query number `number`, `number` + 1, ..."""
    values, rows = {name: value.numpy() for name, value in batch.items()}, []
    for b in np.flatnonzero(values["is_query"].any(axis=1)):
        own = np.flatnonzero(values["is_query"][b])
        q = own[(number + len(rows)) % len(own)]
        rows.append({n: v[b] if n == "image" else v[b, q : q + 1] for n, v in values.items()})
    return rows
