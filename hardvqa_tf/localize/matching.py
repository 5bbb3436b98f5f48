"""Matches targets with predictions: of all assignments the one of the least cost.

The assignment is scipy's, which runs on the processor, beside TensorFlow's graph: one call for
a whole batch and all levels of the decoder. Costs are few (B·Q matrices of some hundred by
some ten), so that it takes a millisecond or two of a step.

Letters: B images, Q queries of an image, K predictions, G targets.
"""

import numpy as np
import tensorflow as tf

# A cost for what is not a number: the loss says so, with the ids; the matching must not stop.
_WORST = 1e6

XLA_REFUSED = (
    "Matching needs scipy, which XLA cannot compile: train.jit_compile must be False for the "
    "task localize."
)


def assign(costs, valid):
    """The assignment of each matrix.

    Args:
      costs: list of float[..., K, G], a level each; K may differ.
      valid: bool[..., G]; False is padding.

    Returns:
      list of int32[..., G]: the prediction of each target. -1 for padding; and for the targets
      that are left over where there are more than K.
    """
    rows = [np.flatnonzero(row) for row in valid.reshape(-1, valid.shape[-1])]
    return [_assign_level(np.asarray(level), valid.shape, rows) for level in costs]


def match(costs, valid):
    """`assign` of tensors, also within a `tf.function`; without a gradient.

    Args:
      costs: list of float32[..., K, G].
      valid: bool[..., G].

    Raises:
      ValueError: in what XLA compiles.
    """
    if not tf.executing_eagerly() and _is_for_xla(tf.compat.v1.get_default_graph()):
        raise ValueError(XLA_REFUSED)

    def assign_all(valid, *costs):
        return np.concatenate([level[None] for level in assign(costs, valid)])

    matched = tf.numpy_function(assign_all, [valid, *costs], tf.int32, stateful=False)
    matched = tf.ensure_shape(matched, [len(costs), *valid.shape])
    return tf.unstack(matched, num=len(costs))


def check_config(config):
    """Refuses, before anything is written, a config whose step could not be compiled.

    Raises:
      ValueError: if it has `train.jit_compile`.
    """
    if config.train.jit_compile:
        raise ValueError(XLA_REFUSED)


def _assign_level(costs, shape, rows):
    from scipy.optimize import linear_sum_assignment  # Only who matches waits for scipy.

    matrices = costs.reshape(-1, *costs.shape[-2:])
    matched = np.full((len(matrices), shape[-1]), -1, np.int32)
    for matrix, columns, found in zip(matrices, rows, matched, strict=True):
        if columns.size:
            cost = np.nan_to_num(matrix[:, columns], nan=_WORST, posinf=_WORST, neginf=-_WORST)
            predictions, targets = linear_sum_assignment(cost)
            found[columns[targets]] = predictions
    return matched.reshape(shape)


def _is_for_xla(graph):
    """Whether a graph, or one around it, is traced for `jit_compile`."""
    while graph is not None:
        context = graph._get_control_flow_context()
        while context is not None:
            if type(context).__name__ == "XLAControlFlowContext":
                return True
            context = context.outer_context
        graph = getattr(graph, "outer_graph", None)
    return False
