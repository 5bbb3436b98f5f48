"""Asks a localizer again: with cells that one chooses, or with parts of the image alone.

What its decoder gets is taken of all cells. Then the decoder is given some of them, chosen by
whoever asks, so that one pass over the images serves for any number of choices.

Letters: N queries, h w grid, P = h·w cells, K of them that are chosen, H W image.
"""

import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.data.inputs import IMAGE
from hardvqa_tf.layers import cell_presence
from hardvqa_tf.layers.selection import rank_cells
from hardvqa_tf.localize import layer_names
from hardvqa_tf.localize.decoder import NO_CELL
from hardvqa_tf.localize.judging.asking import found_by
from hardvqa_tf.localize.phases import keep_every_cell

MAX_PAIRS = 5_000_000  # of cells, in all queries that are asked together: K² of each
ROWS_AT_ONCE = 64  # with an image of their own each
_OF_CELLS, _OF_DRAWING = 4, 3  # the decoder's first arguments, and those that follow


def random_masks(masks, queries_random):
    """bool[N, h, w] -> the same with as many cells of each, drawn blindly.

    Args:
      masks: whose cells are counted.
      queries_random: a Generator a query.
    """
    shape = masks[0].shape
    ranks = [random.permutation(masks[0].size).reshape(shape) for random in queries_random]
    return np.stack(ranks) < masks.sum(axis=(1, 2), keepdims=True)


def greatest(values, num_cells):
    """float[N, h, w] -> bool[N, h, w], the greatest of each; of equal ones the first.

    Args:
      num_cells: K; an int, or int[N].
    """
    flat = values.reshape(len(values), -1)
    rank = np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1, kind="stable")
    num_cells = np.broadcast_to(num_cells, len(values))[:, None]
    return (rank < num_cells).reshape(values.shape)


def find_with_cells(model, data, rows, sizes, masks):
    """What a model finds if its decoder is given some cells.

    Args:
      model: from `build_localizer`.
      data: `QueryData(..., with_strings=True)`.
      rows: int[N], ascending: which queries of `data.in_order()`, padding not counted.
      sizes: of the images of these, [N, 2], (height, width) in pixels.
      masks: {name: bool[N, h, w]}, the cells that are given, one at least.

    Returns:
      {name: list of N `Found`}.
    """
    take_in, find = split_at_selection(model)
    found = {name: [] for name in masks}
    for batch, (b, q), of_rows in _batches(data, rows):
        parts = take_in({tensor.name: batch[tensor.name] for tensor in model.inputs})
        num_queries = batch["is_query"].shape[1]
        parts = [tf.gather(part, b * num_queries + q) for part in parts]
        for name, mask in masks.items():
            of_batch = mask[of_rows].reshape(len(b), -1)
            logits, boxes = _in_pieces(find, parts, of_batch)
            found[name] += found_by(logits, boxes, sizes[of_rows])
    return found


def find_in_parts(model, data, rows, sizes, seen):
    """What a model finds in parts of the images; the rest has the image's mean colour.

    Args:
      model, data, rows, sizes: as of `find_with_cells`.
      seen: {name: function from the number of a row to bool[H, W], True = shown}.

    Returns:
      {name: list of N `Found`}, {name: the mean share of the pixels that are shown}.
    """

    @tf.function(reduce_retracing=True)
    def ask(batch):
        outputs = model(batch, training=False)
        return outputs["logits"][:, 0], outputs["boxes"][:, 0]

    found, shares = {name: [] for name in seen}, {name: [] for name in seen}
    for batch, (b, q), of_rows in _batches(data, rows):
        images = batch[IMAGE].numpy()[b]
        means = images.mean(axis=(1, 2), keepdims=True)
        own = {name: batch[name].numpy()[b, q][:, None] for name in ("sketch", "sketch_valid")}
        for name, see in seen.items():
            shown = np.stack([see(row) for row in range(of_rows.start, of_rows.stop)])
            shares[name] += shown.mean(axis=(1, 2)).tolist()
            inputs = {IMAGE: np.where(shown[..., None], images, means), **own}
            pieces = [
                ask({n: tf.constant(v[i : i + ROWS_AT_ONCE]) for n, v in inputs.items()})
                for i in range(0, len(b), ROWS_AT_ONCE)
            ]
            logits, boxes = (np.concatenate(part) for part in zip(*pieces, strict=True))
            found[name] += found_by(logits, boxes, sizes[of_rows])
    return found, {name: float(np.mean(of_rows)) for name, of_rows in shares.items()}


def split_at_selection(model):
    """A model in two halves, between which one can choose the cells oneself.

    Args:
      model: from `build_localizer`.

    Returns:
      Two functions with the model's weights. take_in(batch) gives a list of tensors of N rows,
      padding included: what the decoder gets, of all P cells, and their order in it, int32
      [N, P]. find(parts, given) takes the like and bool[N, P], True = the decoder gets the
      cell, and gives logits float32[N, K] and boxes float32[N, K, 4], with K the most that any
      row has.
    """
    attention = model.get_layer(layer_names.ATTENTION)
    decoder = model.get_layer(layer_names.DECODER)
    is_ranked = hasattr(attention, "keep_all")  # all but "none", whose cells keep their places
    # `valid`, of attentions that have it, says all of all cells.
    parts = [*decoder.input[: _OF_CELLS + _OF_DRAWING]]
    if decoder.map_shapes:
        parts.append(model.get_layer(layer_names.GUIDED).output)  # its memory
    before = keras.Model(model.inputs, [*parts, attention.input[0]])
    last = f"level_{decoder.num_levels - 1}"

    @tf.function(reduce_retracing=True)
    def take_in(batch):
        with keep_every_cell(model):
            *parts, ranked = before(batch, training=False)
        presence = cell_presence(ranked)
        places = tf.broadcast_to(tf.range(tf.shape(presence)[1]), tf.shape(presence))
        return [*parts, rank_cells(presence)[0] if is_ranked else places]

    @tf.function(reduce_retracing=True)
    def find(parts, given):
        *parts, order = parts
        given = tf.gather(given, order, batch_dims=1)
        most = tf.reduce_max(tf.reduce_sum(tf.cast(given, tf.int32), axis=1))
        chosen = tf.argsort(tf.cast(~given, tf.int32), axis=1, stable=True)[:, :most]
        cells = [tf.gather(part, chosen, batch_dims=1) for part in parts[:_OF_CELLS]]
        valid = tf.gather(given, chosen, batch_dims=1)
        of_drawing = parts[_OF_CELLS : _OF_CELLS + _OF_DRAWING]
        memory = parts[-1] if decoder.map_shapes else None
        levels = decoder(*cells, *of_drawing, valid=valid, memory=memory, training=False)
        return levels[f"{last}_logits"], levels[f"{last}_boxes"]

    return take_in, find


def _batches(data, rows):
    """Batches with chosen queries: (batch, places [n], [n] in it, slice of `rows`)."""
    first = done = 0  # queries of the data, and of `rows`, before this batch
    for batch in data.in_order():
        b, q = np.nonzero(batch["is_query"].numpy())
        of_batch = rows[(first <= rows) & (rows < first + len(b))] - first
        first += len(b)
        if len(of_batch):
            yield batch, (b[of_batch], q[of_batch]), slice(done, done + len(of_batch))
            done += len(of_batch)


def _in_pieces(find, parts, given):
    """find(parts, given) for a few rows at a time; all rows have the same width."""
    most = int(given.sum(axis=1).max())
    step = max(1, MAX_PAIRS // most**2)
    pieces = []
    for i in range(0, len(given), step):
        logits, boxes = find([part[i : i + step] for part in parts], given[i : i + step])
        lacking = most - logits.shape[1]
        pieces.append(
            (
                np.pad(logits, ((0, 0), (0, lacking)), constant_values=NO_CELL),
                np.pad(boxes, ((0, 0), (0, lacking), (0, 0))),
            )
        )
    return (np.concatenate(part) for part in zip(*pieces, strict=True))
