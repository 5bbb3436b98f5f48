"""The phases of training: the first steps look at every cell, the others select.

A cell that is dropped gets no gradient from the decoder, and objects are found among the kept
cells only. So in the first steps every cell is kept and the dense head alone learns, which
reads every cell: then norms tell where there may be an object, and the decoder can begin.
"""

import contextlib
import functools

from hardvqa_tf.localize import layer_names


def phases(model, config):
    """The phases of a model's training.

    Args:
      model: from `build_localizer`.
      config: with `train.all_cells_steps`.

    Returns:
      list of (end, context): steps before number `end` (None: all that are left) run within
      `context()`.
    """
    selecting = (None, contextlib.nullcontext)
    if not config.train.all_cells_steps:
        return [selecting]
    every_cell = functools.partial(look_at_every_cell, model)
    return [(config.train.all_cells_steps, every_cell), selecting]


@contextlib.contextmanager
def look_at_every_cell(model):
    """Within this context all cells are kept, and the decoder passes on what the head gave."""
    decoder = model.get_layer(layer_names.DECODER)
    decoder.asleep = True
    try:
        with keep_every_cell(model):
            yield
    finally:
        decoder.asleep = False


@contextlib.contextmanager
def keep_every_cell(model):
    """Within this context all cells are kept; those of hard attention by falling presence."""
    attention = model.get_layer(layer_names.ATTENTION)
    selects = hasattr(attention, "keep_all")  # all but "none", which keeps all anyway
    if selects:
        attention.keep_all = True
    try:
        yield
    finally:
        if selects:
            attention.keep_all = False
