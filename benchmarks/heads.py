"""The model between the encoders and the loss, on batches of random numbers.

    grid [N, P, Dg], question [N, Dq] -> fusion -> attention -> aggregator -> classifier

One image a question, so that nothing is shared and rows are all that counts.

Letters: N question rows, P cells of the grid, Dg Dq widths of grid and question, A answers.
"""

import keras
from keras import ops

from benchmarks import operations
from hardvqa_tf import layers
from hardvqa_tf.vqa.model import AGGREGATORS, ATTENTIONS

DYNAMIC = ("tensorflow", "torch")  # backends whose shapes may depend on the data
SOFT = {"num_hops": 2, "hidden_dim": 128, "rescale": True}  # as in configs/base.py


def build_head(
    shape,
    *,
    attention="none",
    attention_args=None,
    aggregator="relation",
    flat=True,
    recompute_chunks=0,
):
    """Builds the model.

    Args:
        shape: `Shape`.
        attention, aggregator: names in the model's tables.
        flat, recompute_chunks: of a relation network, see there.

    Returns:
        A `keras.Model` of the inputs `grid` float32[N, P, Dg] and `question` float32[N, Dq],
        with a dict of outputs: `logits` float32[N, A], `mask` [N, P], and `kept_cells`, the
        cells [N, K, D] that the aggregator is given.
    """
    keras.utils.set_random_seed(0)  # What AdaHAN keeps depends on the weights.
    grid = keras.Input((shape.num_cells, shape.grid_dim), name="grid")
    question = keras.Input((shape.question_dim,), name="question")
    cells = grid
    if shape.fusion_units:
        fuse = layers.Fusion(shape.fusion_units, name="fusion")
        cells = fuse(grid, ops.expand_dims(question, 1))
    coordinates = layers.CellCoordinates(*shape.grid, name="coordinates")(cells)
    attend = ATTENTIONS[attention](**(attention_args or {}), name="attention")
    kept = attend(cells, question=question, coordinates=coordinates)
    arguments = {
        "sum": {},
        "pairwise": {"units": shape.pairwise_units},
        "relation": {
            "units": shape.units,
            "flat": flat,
            "recompute_chunks": recompute_chunks,
        },
    }
    aggregate = AGGREGATORS[aggregator](**arguments[aggregator], name="aggregator")
    hidden = aggregate(
        kept["cells"],
        valid=kept.get("valid"),
        question=question,
        coordinates=kept["coordinates"],
    )
    for i, units in enumerate(shape.classifier_units):
        hidden = keras.layers.Dense(units, activation="relu", name=f"classifier_{i}")(hidden)
    logits = keras.layers.Dense(shape.num_answers, name="logits")(hidden)
    outputs = {"logits": logits, "mask": kept["mask"], "kept_cells": kept["cells"]}
    return keras.Model([grid, question], outputs)


def count_operations(shape, inputs, model, *, attention, aggregator, flat=True):
    """Looks at what the model keeps of this batch.

    Args:
        inputs: the batch, dict of NumPy arrays.
        attention, aggregator: names of the model's parts.
        flat: whether a relation network lists the pairs that exist where rows differ.

    Returns:
        (operations of a training step, mean cells kept by a question).
    """
    outputs = model(inputs)
    mask = ops.convert_to_numpy(outputs["mask"]) != 0
    counts = mask.sum(axis=1)  # [N]
    n, p = mask.shape
    k = outputs["kept_cells"].shape[1]
    may_vary = keras.backend.backend() in DYNAMIC
    lists = flat and attention == "adahan" and may_vary
    pairs = int((counts**2).sum()) if lists else n * k * k
    d, question_dim = shape.cell_dim, shape.question_dim
    total = 0
    if shape.fusion_units:
        total += operations.fusion(
            n, p, shape.grid_dim, question_dim, shape.fusion_units, inputs_are_data=True
        )
    if attention == "soft":
        hidden_dim, num_hops = SOFT["hidden_dim"], SOFT["num_hops"]
        total += operations.soft_attention(
            n, p, d, question_dim, hidden_dim, num_hops, question_is_data=True
        )
    width = d
    if aggregator == "pairwise":
        width = shape.pairwise_units
        total += operations.pairwise(n, k, d + 2, width)
    elif aggregator == "relation":
        width = shape.units[-1]
        total += operations.relation(
            n,
            n * k,
            pairs,
            d + 2,
            question_dim,
            shape.units,
            cells_are_data=not shape.fusion_units,
            question_is_data=True,
        )
    total += operations.chain(n, (width, *shape.classifier_units, shape.num_answers))
    return total, counts.mean()
