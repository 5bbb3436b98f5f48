"""The localizer: image and drawings in, boxes and scores of all that was drawn out.

Tripathi et al., "Query-guided Attention in Vision Transformers for Localizing Objects Using a
Single Sketch" (WACV 2024, https://arxiv.org/abs/2303.08784): cells of the image look at the
drawing (`QueryGuidedAttention`), a decoder finds objects, and refines them by the drawing.
Malinowski et al. (ECCV 2018, https://arxiv.org/abs/1808.00300): few cells are kept, by norm.

    image ──encoder──► cells [B, P, D] ─┬─► embeddings ─┐
    drawings ──encoder──► tokens, g ────┼─► embedding ──┴─► similarity [N, P]
                                        └─► guidance ─► guided cells [N, P, D]
    guided cells ─► dense head: boxes and logits of every cell
                 └► attention: K of P kept ─► ObjectDecoder ─► boxes and logits of K objects

Ours: the similarity map, which every cell and the dense head read, and whose embeddings learn
by contrast (`losses.contrast`): without it a model finds objects and hardly reads the drawing;
and that the decoder's memory is the kept cells. Presence, by which cells are kept, is the norm
of a guided cell; the dense head's logit reads that norm, which so learns where objects are.
Selection itself has no gradient.

Several drawings of a query lie side by side, as tokens of one drawing with a mask: their order
changes nothing, all of them doubled changes nothing, and one is the same model.

Letters: B images, Q queries of an image, N = B·Q rows, S drawings of a query, T tokens of a
drawing, P = h·w cells, K kept cells, D width, E width of an embedding.
"""

from typing import NamedTuple

import keras

from hardvqa_tf import encoders, layers
from hardvqa_tf.data.inputs import IMAGE
from hardvqa_tf.encoders.fields import fields_of
from hardvqa_tf.encoders.stages import encode, stages_of
from hardvqa_tf.localize import layer_names, rows, slots
from hardvqa_tf.localize.decoder import ObjectDecoder

SKETCH_SIZE = 64  # pixels of a drawing's sides, as the rasterizer draws it
SIMILARITY_SCALE = 8.0
# Where the dense head starts: few cells are objects, of a third of the image's sides.
START_LOGIT, START_SIZE = -3.0, 0.32
# Of what its logit reads: a cell's norm, as a share of sqrt(D), and its similarity.
START_NORM, START_SIMILARITY = 4.0, 0.3


def build_localizer(config, image_size=None, static_shapes=False, pretrained=True):
    """Builds the model.

    Args:
      config: of the task localize, see configs/base.py: its `model` section, and `image_size`.
      image_size: (H, W) of the images in pixels; None: the config's.
      static_shapes: make no tensor whose shape depends on the data.
      pretrained: False for a model whose weights are those of a run: the files that the run
        began from are not read, and need not be there.

    Returns:
      A functional `keras.Model`. Inputs, a dict: `image` float32[B, H, W, 3] in [0, 1];
      `sketch` float32[B, Q, S, 64, 64, 1], white on black; `sketch_valid` bool[B, Q, S], False
      is padding. Outputs, a dict: `boxes` float32[B, Q, K, 4], (cx, cy, w, h) as shares of the
      image; `logits` float32[B, Q, K]; `mask` bool[B, Q, h, w], True = kept; `presence`
      float32[B, Q, h, w], the norm of each guided cell; `num_cells` int32[B, Q]. For training:
      `dense_logits` float32[B, Q, P], `dense_boxes` float32[B, Q, P, 4] and, of each level of
      the decoder, `level_<i>_logits` [B, Q, K], `level_<i>_boxes`, of which the last are
      `logits` and `boxes`; `query_embeddings` float32[B, Q, E], `cell_embeddings`
      float32[B, P, E], of unit length; `similarity` float32[B, Q, h, w].

    Raises:
      ValueError: for a part that does not fit, with what to do.
    """
    size = tuple(image_size or config.image_size)[:2]
    model = config.model
    image = keras.Input((*size, 3), name=IMAGE)
    sketch = keras.Input((None, None, SKETCH_SIZE, SKETCH_SIZE, 1), name="sketch")
    sketch_valid = keras.Input((None, None), dtype="bool", name="sketch_valid")

    encoder = _image_encoder(model, size, pretrained)
    grid = keras.layers.Activation("linear", name=layer_names.GRID)(encode(encoder, image))
    height, width = grid.shape[1:3]
    drawing = _read_drawings(model, encoder, grid, sketch, sketch_valid)
    similarity = rows.Similarity(SIMILARITY_SCALE, name="similarities")(
        drawing.embedding, drawing.cell_embeddings
    )

    guided = _guided_grid(model, encoder, image, grid, drawing, sketch_valid)
    guided = _finish_guidance(model, guided, drawing, similarity)
    head = _dense_head(model, guided, similarity, (height, width))
    kept = _select(model, guided, head, (height, width), static_shapes)
    levels = ObjectDecoder(**model.decoder, name=layer_names.DECODER)(
        kept.cells,
        kept.places,
        kept.logits,
        kept.boxes,
        drawing.tokens,
        drawing.valid,
        drawing.places,
        valid=kept.valid,
    )

    last = f"level_{model.decoder.num_levels - 1}"
    found = {
        "boxes": levels[f"{last}_boxes"],
        "logits": levels[f"{last}_logits"],
        "dense_logits": keras.layers.Reshape((-1,), dtype="float32", name="flat_logits")(
            head.logits
        ),
        "dense_boxes": head.boxes,
        "mask": keras.layers.Reshape((height, width), name="mask_grid")(kept.mask),
        "query_embeddings": drawing.embedding,
        **levels,
    }
    for name, value in {"presence": head.presence, "similarity": similarity}.items():
        as_grid = keras.layers.Reshape((height, width), dtype="float32", name=f"{name}_grid")
        found[name] = as_grid(value)
    outputs = {
        name: rows.SplitQueries(name=name)(value, sketch_valid) for name, value in found.items()
    }
    outputs["cell_embeddings"] = drawing.cell_embeddings
    outputs["num_cells"] = rows.CountKept(name="num_cells")(outputs["mask"])
    return keras.Model([image, sketch, sketch_valid], outputs, name="localizer")


def grid_fields(model):
    """Where in the image the cells of a model's mask look.

    Args:
      model: from `build_localizer`, or one that was loaded.

    Returns:
      `encoders.fields.Fields`, in pixels of the image as the model takes it.
    """
    image = next(tensor for tensor in model.inputs if tensor.name == IMAGE)
    tower = keras.Model(image, model.get_layer(layer_names.GRID).output)
    return fields_of(tower)


class _Drawing(NamedTuple):
    """What is known of a query's drawings.

    tokens float[N, S·T, D], valid bool[N, S·T], places float[N, S·T, D]; vector float[N, D],
    the maximum over the tokens; embedding float32[N, E], to be compared with cell_embeddings
    float32[B, P, E], both of unit length.
    """

    tokens: keras.KerasTensor
    valid: keras.KerasTensor
    places: keras.KerasTensor
    vector: keras.KerasTensor
    embedding: keras.KerasTensor
    cell_embeddings: keras.KerasTensor


class _Head(NamedTuple):
    """Of each cell, by the dense head: logits [N, P, 1], boxes [N, P, 4], norms [N, P]."""

    logits: keras.KerasTensor
    boxes: keras.KerasTensor
    presence: keras.KerasTensor


class _Kept(NamedTuple):
    """The kept cells, with what travels with them; `valid` is None where all are."""

    cells: keras.KerasTensor  # [N, K, D]
    places: keras.KerasTensor  # [N, K, D]
    logits: keras.KerasTensor  # [N, K, 1]
    boxes: keras.KerasTensor  # [N, K, 4]
    valid: keras.KerasTensor | None  # [N, K]
    mask: keras.KerasTensor  # [N, P]


def _image_encoder(model, size, pretrained):
    maker = getattr(encoders, _name(model, "image_encoder", slots.LOCALIZER_ENCODERS)[0])
    arguments = _arguments(model, model.image_encoder)
    if not pretrained and "weights" in model[model.image_encoder]:
        arguments["weights"] = "random"
    return maker(image_size=size, **arguments)


def _read_drawings(model, image_encoder, grid, sketch, sketch_valid):
    """Drawings, at the scale of objects, by the image's own tower or by one of their own."""
    pixels = model.sketch.pixels
    if SKETCH_SIZE % pixels:
        raise ValueError(
            f"config.model.sketch.pixels must divide {SKETCH_SIZE}, the size at which drawings "
            f"are given. Received: {pixels}. Use 16, 32 or 64."
        )
    shared = model.sketch.shared and model.image_encoder == "edge_cnn"
    drawings = rows.MergeDrawings(name="drawings")(sketch)
    drawings = keras.layers.AveragePooling2D(SKETCH_SIZE // pixels, name="shrink")(drawings)
    encoder = image_encoder
    if not shared:
        encoder = encoders.edge_cnn((pixels, pixels), 1, **model.edge_cnn, name="sketch_cnn")
    drawn = encode(encoder, drawings)  # [B·Q·S, h', w', D]
    h, w, d = drawn.shape[1:]
    embed = _embedding(model, d, "embed")
    embed_image = embed if shared else _embedding(model, grid.shape[-1], "embed_image")

    p = grid.shape[1] * grid.shape[2]
    unit = rows.UnitLength(name="cell_embeddings")
    of_cells = unit(
        keras.layers.Reshape((p, model.embedding_dim), name="embedded")(embed_image(grid))
    )
    inner = rows.InnerMean(name="inner_cells")(embed(drawn))
    of_drawings = rows.UnitLength(name="drawing_embeddings")(inner)

    tokens = keras.layers.Reshape((h * w, d), name="sketch_tokens")(drawn)
    places = layers.SinePositions(h, w, name="sketch_places")(tokens)
    join = rows.JoinDrawings(name="tokens"), rows.JoinDrawings(name="token_places")
    tokens, places = join[0](tokens, sketch_valid), join[1](places, sketch_valid)
    valid = rows.ValidTokens(h * w, name="valid_tokens")(sketch_valid)
    return _Drawing(
        tokens,
        valid,
        places,
        rows.GreatestToken(name="sketch_vector")(tokens, valid),
        rows.MeanOfDrawings(name="embedding")(of_drawings, sketch_valid),
        of_cells,
    )


def _embedding(model, d, name):
    """A function from a grid [R, h, w, D] to [R, h, w, E], with weights of its own."""
    look = _look_around(d, f"{name}_look")
    project = keras.layers.Conv2D(model.embedding_dim, 1, name=f"{name}_project")
    return lambda grid: project(look(grid))


def _guided_grid(model, encoder, image, grid, drawing, sketch_valid):
    """The grid of each query [N, h, w, D], by a tower that the drawings guide, or not."""
    where = model.guidance.where
    _name(model.guidance, "where", slots.GUIDANCES)
    if where == "last":
        return rows.RepeatForQueries(name="cells_of_rows")(grid, sketch_valid)
    stem, *stages = stages_of(encoder)
    x = rows.RepeatForQueries(name="cells_of_rows")(stem(image), sketch_valid)
    for i, stage in enumerate(stages):
        if where == "before":
            x = _look_at_drawing(model, x, drawing, f"guide_{i}")
        x = stage(x)
        if where == "after":
            x = _look_at_drawing(model, x, drawing, f"guide_{i}")
    return x


def _look_at_drawing(model, grid, drawing, name):
    """Cells look at the tokens of the drawings: [N, h, w, D] -> the same."""
    h, w, d = grid.shape[1:]
    cells = keras.layers.Reshape((h * w, d), name=f"{name}_cells")(grid)
    guide = layers.QueryGuidedAttention(
        model.guidance.num_heads,
        model.guidance.hidden_dim,
        model.guidance.dropout,
        name=name,
    )
    cells = guide(
        cells,
        drawing.tokens,
        valid=drawing.valid,
        cell_positions=layers.SinePositions(h, w, name=f"{name}_places")(cells),
        query_positions=drawing.places,
    )["cells"]
    return keras.layers.Reshape((h, w, d), name=f"{name}_grid")(cells)


def _finish_guidance(model, grid, drawing, similarity):
    """Modulation, similarity, and rounds of looking around: -> guided cells [N, P, D].

    cells <- LayerNorm(cells + cells * W g) + W' similarity; each round has a convolution with a
    residual, and, for `last`, cells look at the drawing in front of it. Then each cell meets g
    once more: x = LayerNorm(cells), cells <- x + W_2 relu(W_1 [x ; g]). Nothing normalises what
    comes out: its norm, the presence, is what W_2 makes of it.
    """
    h, w, d = grid.shape[1:]
    gate = keras.layers.Dense(d, name="gate")(drawing.vector)
    gate = keras.layers.Reshape((1, 1, d), name="gate_of_cells")(gate)
    gated = keras.layers.Multiply(name="gated")([grid, gate])
    grid = keras.layers.Add(name="modulated")([grid, gated])
    grid = keras.layers.LayerNormalization(epsilon=1e-5, name="modulated_norm")(grid)
    similarity = keras.layers.Reshape((h, w, 1), name="similarity_of_cells")(similarity)
    similar = keras.layers.Dense(d, use_bias=False, name="similar")(similarity)
    grid = keras.layers.Add(name="compared")([grid, similar])
    for i in range(model.guidance.rounds):
        if model.guidance.where == "last":
            grid = _look_at_drawing(model, grid, drawing, f"guide_{i}")
        around = keras.layers.Conv2D(
            d, 3, padding="same", activation="relu", name=f"around_{i}"
        )
        grid = keras.layers.Add(name=f"looked_around_{i}")([grid, around(grid)])
    grid = keras.layers.LayerNormalization(epsilon=1e-5, name="guided_norm")(grid)
    hidden = model.dense_head.hidden_dim
    of_drawing = keras.layers.Dense(hidden, use_bias=False, name="guided_drawing")(
        drawing.vector
    )
    of_drawing = keras.layers.Reshape((1, 1, hidden), name="guided_drawing_of_cells")(
        of_drawing
    )
    of_cells = keras.layers.Dense(hidden, name="guided_cell")(grid)
    both = keras.layers.ReLU(name="guided_relu")(
        keras.layers.Add(name="guided_both")([of_cells, of_drawing])
    )
    # Zero at first: all cells begin with a norm of sqrt(D).
    change = keras.layers.Dense(d, kernel_initializer="zeros", name="guided_out")(both)
    grid = keras.layers.Add(name="guided")([grid, change])
    return keras.layers.Reshape((h * w, d), name=layer_names.GUIDED)(grid)


def _dense_head(model, guided, similarity, grid):
    """Box and logit of each cell, from its guided vector.

    logit = a norm + b similarity + c: whatever the head learns of where objects are, it learns
    by the norm, so that cells are kept by what has learned. A logit that reads the vector in
    other ways, too, leaves the norm behind: objects' cells were dropped more often than others.
    """
    d, hidden = guided.shape[-1], model.dense_head.hidden_dim
    presence = rows.Presence(name="head_presence")(guided)
    norm = keras.layers.Rescaling(d**-0.5, dtype="float32", name="head_norm_scale")(presence)
    terms = [
        _weighted(norm, START_NORM, START_LOGIT - START_NORM, "head_norm"),
        _weighted(similarity, START_SIMILARITY, 0.0, "head_similarity"),
    ]
    logits = keras.layers.Add(dtype="float32", name="head_logits")(terms)  # [N, P, 1]
    reference = rows.CellBoxes(*grid, START_SIZE, name="cell_boxes")(guided)
    boxes = layers.BoxRefinement(hidden, name="head_boxes")(guided, reference)
    return _Head(logits, boxes, presence)


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


def _select(model, guided, head, grid, static_shapes):
    """Keeps cells, by their norm or, for comparison, by their logit; float32, as boxes are."""
    p, d = guided.shape[1:]
    part = _name(model, "attention", slots.LOCALIZER_ATTENTIONS)
    arguments = _arguments(model, model.attention)
    if "num_cells" in arguments:
        arguments.pop("fraction", None)
    if static_shapes:
        arguments |= part.static_args
    attend = getattr(layers, part.maker)(
        **arguments, dtype="float32", name=layer_names.ATTENTION
    )
    places = layers.SinePositions(*grid, dtype="float32", name="places")(guided)
    wide = [head.boxes, head.logits, places]  # What travels with each cell.
    by_score = _name(model, "selection", slots.SELECTIONS) and model.selection == "dense_score"
    ranked = guided
    if by_score:
        # A cell of one feature, whose norm rises with the logit.
        ranked = keras.layers.Activation("softplus", dtype="float32", name="dense_rank")(
            head.logits
        )
        wide.append(guided)
    travel = keras.layers.Concatenate(dtype="float32", name="travel")(wide)
    kept = attend(ranked, coordinates=travel)
    ends = {
        "boxes": (0, 4),
        "logits": (4, 5),
        "places": (5, 5 + d),
        "cells": (5 + d, 5 + 2 * d),
    }
    columns = {
        name: rows.Columns(*ends[name], dtype="float32", name=f"kept_{name}")(
            kept["coordinates"]
        )
        for name in ("boxes", "logits", "places", *["cells"] * by_score)
    }
    cells = columns.pop("cells", kept["cells"])
    return _Kept(cells, **columns, valid=kept.get("valid"), mask=kept["mask"])


def _look_around(width, name):
    return keras.layers.Conv2D(width, 3, padding="same", activation="relu", name=name)


def _arguments(model, name):
    """The arguments of a part, as its section of the config has them; None is left out."""
    return {key: value for key, value in model[name].items() if value is not None}


def _name(section, slot, table):
    """What a slot's name stands for."""
    if section[slot] not in table:
        raise ValueError(
            f"Unknown {slot}. Received: {slot}={section[slot]!r}. Use one of: "
            f"{', '.join(table)}."
        )
    return table[section[slot]]
