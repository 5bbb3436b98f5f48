"""A few queries of a split, always the same: what a model makes of them over the epochs."""

import functools

import numpy as np
import tensorflow as tf

from hardvqa_tf.localize.boxes import to_corners
from hardvqa_tf.localize.judging.asking import found_by
from hardvqa_tf.localize.model import grid_fields
from hardvqa_tf.localize.pictures.found import draw_found

NUM_QUERIES, NUM_BOXES = 8, 3


class Gallery:
    """Asks a model the same queries whenever it is told to, and draws what it found.

    They are the first scenes of the split, each asked once: for its first class, the next for
    its second, and so on, so that queries of nothing are among them.

    Args:
      model: from `build_localizer`.
      data: `QueryData(..., with_strings=True)`.
    """

    def __init__(self, model, data):
        self._data, self._fields = data, grid_fields(model)
        self._inputs = [tensor.name for tensor in model.inputs]
        names = ("logits", "boxes", "mask", "presence")

        @tf.function
        def ask(batch):
            outputs = model(batch, training=False)
            return {name: outputs[name][:, 0] for name in names}

        self._ask = ask

    def for_board(self):
        """What TensorBoard shows after an epoch: pictures, and values of a histogram."""
        outputs = self._outputs()
        return {"queries/val": self._pictures(outputs, 720)}, {
            "presence/val": outputs["presence"]
        }

    def for_files(self):
        """The queries as large pictures, list of uint8[H', W', 3]."""
        return self._pictures(self._outputs(), 1080)

    def _outputs(self):
        batch = {name: tf.constant(self._rows[name]) for name in self._inputs}
        return {name: value.numpy() for name, value in self._ask(batch).items()}

    @functools.cached_property
    def _rows(self):
        """{name: [N, ...]} of each value of the data's batches; Q = 1 of the model's inputs."""
        rows = []
        for batch in self._data.in_order():
            rows += _rows_of(batch, len(rows))
            if len(rows) >= NUM_QUERIES:
                break
        return {name: np.stack([r[name] for r in rows[:NUM_QUERIES]]) for name in rows[0]}

    def _pictures(self, outputs, width):
        def row(values, i):
            return {name: value[i] for name, value in values.items()}

        number = len(self._rows["query_id"])
        return [self._draw(row(self._rows, i), row(outputs, i), width) for i in range(number)]

    def _draw(self, row, outputs, width):
        found = found_by(outputs["logits"][None], outputs["boxes"][None], [(1, 1)])[0]
        right = row["boxes"][0][row["box_valid"][0]]
        name, scene = row["class_name"][0].decode(), row["image_id"][0].decode()
        there = f"{len(right)} in green" if len(right) else "none is there"
        return draw_found(
            np.round(255 * row["image"]).astype(np.uint8),
            row["sketch"][0, row["sketch_valid"][0], :, :, 0],
            (found.boxes[:NUM_BOXES], found.scores[:NUM_BOXES]),
            outputs["mask"],
            outputs["presence"],
            text=f"{scene}: {name}, {there}; the {NUM_BOXES} best boxes with their scores",
            right=np.asarray(to_corners(right)) if len(right) else None,
            fields=self._fields,
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
