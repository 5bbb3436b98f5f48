"""What a training step makes of a localizer's outputs: the loss of a batch, and its counts.

Of several devices each sees its own part of a batch. What is summed over queries is the same as
on one device; but the contrast compares a device's drawings with that device's objects alone.
"""

import tensorflow as tf

from hardvqa_tf.localize.losses import contrast_of_maps, grids_of, localizer_loss
from hardvqa_tf.localize.matching import match

_LOSSES = ("loss", "dense", "contrast", "focal", "l1", "giou")


class Score:
    """Sums over a batch, by name, of which `loss` is what training lowers.

    Args:
      contrast_weight: see `losses.localizer_loss`.

    Call arguments:
      outputs: of a model from `build_localizer`.
      batch: of `QueryData`.

    Returns:
      A dict of float32 scalars, by `names`: over the queries that count, `loss` and the parts
      of it that `localizer_loss` names; `num_cells` that were kept; `objects` to be found, and
      `queries`, their numbers.
    """

    names = (*_LOSSES, "num_cells", "objects", "queries")

    def __init__(self, contrast_weight):
        self._contrast_weight = contrast_weight

    def __call__(self, outputs, batch):
        weights = batch["weights"]
        losses = self._all_losses(outputs, batch)
        sums = {name: _sum(losses[name], weights) for name in _LOSSES if name in losses}
        return {name: tf.zeros([]) for name in _LOSSES} | {
            **sums,
            "num_cells": _sum(outputs["num_cells"], weights),
            "objects": self.divisor(batch),
            "queries": tf.reduce_sum(weights),
        }

    def losses(self, outputs, batch):
        """The loss of each item by itself, as it is where its weight is 1: float32[B, Q].

        The contrast is that of a query's own objects: among those of the whole batch, one query
        that is not a number would make all others so.
        """
        valid = _counted_boxes(batch)
        loss = localizer_loss(outputs, batch["boxes"], valid, match)["loss"]
        if not self._contrast_weight:
            return loss
        number_b, number_q = loss.shape
        own = [
            contrast_of_maps(
                outputs["query_embeddings"][b : b + 1, q : q + 1],
                outputs["cell_embeddings"][b : b + 1],
                batch["boxes"][b : b + 1, q : q + 1],
                valid[b : b + 1, q : q + 1],
                batch["classes"][b : b + 1, q : q + 1],
                grids=grids_of(outputs),
            )
            for b in range(number_b)
            for q in range(number_q)
        ]
        return loss + self._contrast_weight * tf.reshape(tf.concat(own, 0), loss.shape)

    def divisor(self, batch):
        """The number of objects: what `loss` is divided by, over all devices."""
        return tf.reduce_sum(tf.cast(_counted_boxes(batch), tf.float32))

    def means(self, sums):
        """Metrics of an epoch from its sums, a dict of numbers by `names`."""
        number = max(sums["objects"], 1.0)
        return {f"train/{name}": sums[name] / number for name in _LOSSES} | {
            "train/num_cells": sums["num_cells"] / max(sums["queries"], 1.0),
        }

    def _all_losses(self, outputs, batch):
        return localizer_loss(
            outputs,
            batch["boxes"],
            _counted_boxes(batch),
            match,
            batch["classes"],
            self._contrast_weight,
        )


def _counted_boxes(batch):
    """Those of queries that count: a repeated row is no part of the contrast either."""
    return batch["box_valid"] & (batch["weights"] > 0)[..., None]


def _sum(values, weights):
    return tf.reduce_sum(tf.cast(values, tf.float32) * weights)
