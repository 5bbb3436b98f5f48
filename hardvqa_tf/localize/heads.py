"""The dense head, which predicts a box and a logit of every cell, and which cells are kept.

Letters: N rows, P cells, K kept cells, D width.
"""

from typing import NamedTuple

import keras

from hardvqa_tf import layers
from hardvqa_tf.localize import layer_names, rows, slots
from hardvqa_tf.localize.parts import arguments_of, named

START_LOGIT = -3.0  # where the dense head starts: few cells are objects
# Of what its logit reads: a cell's norm, as a share of sqrt(D), and its similarity.
START_NORM, START_SIMILARITY = 4.0, 0.3


class Head(NamedTuple):
    """Of each cell, by the dense head: logits [N, P, 1], boxes [N, P, 4], norms [N, P]."""

    logits: keras.KerasTensor
    boxes: keras.KerasTensor
    presence: keras.KerasTensor


class Kept(NamedTuple):
    """The kept cells, with what travels with them; `valid` is None where all are."""

    cells: keras.KerasTensor  # [N, K, D]
    places: keras.KerasTensor  # [N, K, D]
    logits: keras.KerasTensor  # [N, K, 1]
    boxes: keras.KerasTensor  # [N, K, 4]
    valid: keras.KerasTensor | None  # [N, K]
    mask: keras.KerasTensor  # [N, P]
    more: keras.KerasTensor | None = None  # [N, K, 1], of `select`'s `more`


def dense_head(model, guided, similarity, reference):
    """Box and logit of each cell, from its guided vector.

    logit = a norm + b similarity + c: whatever the head learns of where objects are, it learns
    by the norm, so that cells are kept by what has learned. A logit that reads the vector in
    other ways, too, leaves the norm behind: objects' cells were dropped more often than others.

    Args:
      reference: float32[N, P, 4], the boxes that it starts from.
    """
    d, hidden = guided.shape[-1], model.dense_head.hidden_dim
    presence = rows.Presence(name="head_presence")(guided)
    norm = keras.layers.Rescaling(d**-0.5, dtype="float32", name="head_norm_scale")(presence)
    terms = [
        _weighted(norm, START_NORM, START_LOGIT - START_NORM, "head_norm"),
        _weighted(similarity, START_SIMILARITY, 0.0, "head_similarity"),
    ]
    logits = keras.layers.Add(dtype="float32", name="head_logits")(terms)  # [N, P, 1]
    boxes = layers.BoxRefinement(hidden, name="head_boxes")(guided, reference)
    return Head(logits, boxes, presence)


def _weighted(values, weight, bias, name):
    """float32[N, P] -> [N, P, 1], times a weight that learns, plus a bias that does."""
    column = keras.layers.Reshape((-1, 1), dtype="float32", name=f"{name}_column")(values)
    weigh = keras.layers.Dense(
        1,
        kernel_initializer=keras.initializers.Constant(weight),
        bias_initializer=keras.initializers.Constant(bias),
        use_bias=bool(bias),
        dtype="float32",
        name=name,
    )
    return weigh(column)


def select(model, guided, head, places, static_shapes, more=None):
    """Keeps cells, by their norm or, for comparison, by their logit; float32, as boxes are.

    Args:
      places: float32[N, P, D], encodings of the cells' positions.
      static_shapes: see `build_localizer`.
      more: float32[N, P, 1] that travels with the cells, optional.
    """
    part = named(model, "attention", slots.LOCALIZER_ATTENTIONS)
    arguments = arguments_of(model, model.attention)
    if "num_cells" in arguments:
        arguments.pop("fraction", None)
    if static_shapes:
        arguments |= part.static_args
    attend = getattr(layers, part.maker)(
        **arguments, dtype="float32", name=layer_names.ATTENTION
    )
    travels = {"boxes": head.boxes, "logits": head.logits, "places": places}
    by_score = named(model, "selection", slots.SELECTIONS) and model.selection == "dense_score"
    ranked = guided
    if by_score:
        # A cell of one feature, whose norm rises with the logit.
        ranked = keras.layers.Activation("softplus", dtype="float32", name="dense_rank")(
            head.logits
        )
        travels["cells"] = guided
    if more is not None:
        travels["more"] = more
    travel = keras.layers.Concatenate(dtype="float32", name="travel")([*travels.values()])
    kept = attend(ranked, coordinates=travel)
    columns, start = {}, 0
    for name, width in {n: tensor.shape[-1] for n, tensor in travels.items()}.items():
        columns[name] = rows.Columns(
            start, start + width, dtype="float32", name=f"kept_{name}"
        )(kept["coordinates"])
        start += width
    cells = columns.pop("cells", kept["cells"])
    return Kept(cells, **columns, valid=kept.get("valid"), mask=kept["mask"])
