"""Asks a localizer every query of a split.

Letters: N queries, K predictions of a query, h w grid, P = h·w cells.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from hardvqa_tf.localize.decoder import NO_CELL
from hardvqa_tf.localize.judging.queries import Found, Query, is_of_nothing
from hardvqa_tf.localize.layer_names import of_maps
from hardvqa_tf.localize.postprocess import postprocess

_OUTPUTS = ("logits", "boxes", "dense_logits")
_OF_CELLS = ("mask", "presence")


class Answers(NamedTuple):
    """Queries of a split, in the order of the records, and what was found to each.

    `queries`: list of N `Query`; `found`: list of `Found`. Of each cell, [N, h, w], or of those
    of several maps, one after the other, [N, P, 1]: `mask` bool, True = kept; `presence`
    float32, its norm; `dense` float32, its logit by the dense head.
    """

    queries: list
    found: list
    mask: np.ndarray
    presence: np.ndarray
    dense: np.ndarray

    @property
    def num_cells(self):
        """int[N], kept."""
        return self.mask.sum(axis=(1, 2))

    def wrong_drawing(self):
        """What is found to each query by a drawing of a class that its scene does not show.

        It is what was found to the scene's query of nothing; nothing, where there is none.
        """
        nothing = Found(np.zeros((0, 4)), np.zeros(0))
        by_scene = {
            query.scene: found
            for query, found in zip(self.queries, self.found, strict=True)
            if is_of_nothing(query)
        }
        return [by_scene.get(query.scene, nothing) for query in self.queries]


def make_ask(model):
    """A function (batch) -> outputs of the model that are judged, by name."""

    inputs = [tensor.name for tensor in model.inputs]

    @tf.function(reduce_retracing=True)
    def ask(batch):
        outputs = model(batch, training=False)
        of_cells = {name: _in_one(of_maps(outputs, name)) for name in _OF_CELLS}
        return {name: outputs[name] for name in _OUTPUTS} | of_cells

    return lambda batch: ask({name: batch[name] for name in inputs})


def _in_one(grids):
    """Grids [B, Q, h, w] of all maps, as one: the cells of several as [B, Q, P, 1]."""
    if len(grids) == 1:
        return grids[0]
    shape = tf.shape(grids[0])[:2]
    flat = [tf.reshape(grid, [*tf.unstack(shape), -1, 1]) for grid in grids]
    return tf.concat(flat, axis=2)


def ask_split(ask, data, scenes, group_of, *, of_segments=False):
    """Asks every query.

    Args:
      ask: from `make_ask`.
      data: `QueryData(..., with_strings=True)`.
      scenes: {image id: `Scene`} of the split.
      group_of: (class name) -> group of its queries.
      of_segments: as of `query_of`.

    Returns:
      `Answers`.
    """
    queries, found = [], []
    cells = {name: [] for name in ("mask", "presence", "dense_logits")}
    for batch in data.in_order():
        real = batch["is_query"].numpy()
        outputs = {name: value.numpy()[real] for name, value in ask(batch).items()}
        ids, names = (batch[name].numpy()[real] for name in ("image_id", "class_name"))
        asked = [(scenes[i.decode()], n.decode()) for i, n in zip(ids, names, strict=True)]
        queries += [query_of(s, name, group_of(name), of_segments) for s, name in asked]
        sizes = [scene.size for scene, _ in asked]
        found += found_by(outputs["logits"], outputs["boxes"], sizes)
        for name, of_batches in cells.items():
            of_batches.append(outputs[name])
    mask, presence, dense = (np.concatenate(of_batches) for of_batches in cells.values())
    return Answers(queries, found, mask, presence, dense.reshape(mask.shape))


def query_of(scene, name, group="", of_segments=False):
    """A scene asked for a class, with the objects that are right: a `Query`.

    Its areas are those of boxes, as a detection's is: by the area of what an object covers, a
    wrong box would be of another third than the objects that it misses, and not be counted.

    Args:
      scene: `Scene`.
      name: of the class.
      group: of the query.
      of_segments: areas are those that the scene says, as COCO counts its own photographs.
    """
    height, width = scene.size
    boxes = scene.boxes.astype(np.float64) * [width, height, width, height]
    own = scene.is_of(name)
    return Query(
        scene.image_id,
        name,
        scene.size,
        boxes[own],
        others=boxes[~own & ~scene.crowd],
        areas=scene.areas[own] if of_segments else None,
        crowd=scene.crowd[own],
        group=group,
        difficult=scene.difficult[own],
    )


def found_by(logits, boxes, sizes):
    """The detections of some queries, best first: a list of `Found`.

    Args:
      logits: float32[N, K]; that of a slot without a cell says so.
      boxes: float32[N, K, 4], (cx, cy, w, h) as shares of the image.
      sizes: [N, 2], (height, width) of the images in pixels.
    """
    best = postprocess(logits, boxes, np.asarray(sizes, np.float32))
    best = {name: np.asarray(value) for name, value in best.items()}
    is_cell = np.take_along_axis(logits, best["predictions"], axis=1) > NO_CELL
    return [
        Found(corners[real], scores[real])
        for corners, scores, real in zip(best["boxes"], best["scores"], is_cell, strict=True)
    ]
