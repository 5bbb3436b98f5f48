"""The phases of training: the first steps look at every cell, the others select.

A cell that is dropped gets no gradient, so a model that selects from the start can only learn
from what its random norms happen to keep. After some steps with every cell, the norms tell what
matters (docs/results.md), and few cells are enough. In those first steps a relation network
sees each cell by itself, because all pairs of all cells are many.
"""

import contextlib
import functools

from hardvqa_tf.vqa import layer_names


def phases(model, config):
    """The phases of a model's training.

    Args:
      model: from `build_vqa_model`.
      config: with `train.all_cells_steps`.

    Returns:
      list of (end, context): steps before number `end` (None: all that are left) run within
      `context()`.
    """
    selecting = (None, contextlib.nullcontext)
    attention = model.get_layer(layer_names.ATTENTION)
    if not (config.train.all_cells_steps and hasattr(attention, "keep_all")):
        return [selecting]
    every_cell = functools.partial(look_at_every_cell, model)
    return [(config.train.all_cells_steps, every_cell), selecting]


@contextlib.contextmanager
def look_at_every_cell(model):
    """Within this context the model's attention keeps all cells."""
    attention, aggregator = (
        model.get_layer(layer_names.ATTENTION),
        model.get_layer(layer_names.AGGREGATOR),
    )
    attention.keep_all = aggregator.alone = True
    try:
        yield
    finally:
        attention.keep_all = aggregator.alone = False
