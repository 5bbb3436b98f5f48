"""Guidance: cells of the image look at the drawing, in the tower and behind it.

Letters: N rows, h w grid, P cells, D width.
"""

import keras

from hardvqa_tf import layers
from hardvqa_tf.encoders.stages import stages_of
from hardvqa_tf.localize import layer_names, rows, slots
from hardvqa_tf.localize.map_rows import JoinMaps, SplitMaps
from hardvqa_tf.localize.parts import look_around, named

_BEHIND = ("last", "none")  # Where no stage of the tower is guided.


def guided_grid(model, encoder, image, grid, drawing, sketch_valid):
    """The grid of each query [N, h, w, D], by a tower that the drawings guide, or not."""
    where = model.guidance.where
    named(model.guidance, "where", slots.GUIDANCES)
    if where in _BEHIND:
        return rows.RepeatForQueries(name="cells_of_rows")(grid, sketch_valid)
    stem, *stages = stages_of(encoder)
    x = rows.RepeatForQueries(name="cells_of_rows")(stem(image), sketch_valid)
    for i, stage in enumerate(stages):
        if where == "before":
            x = look_at_drawing(model, x, drawing, f"guide_{i}")
        x = stage(x)
        if where == "after":
            x = look_at_drawing(model, x, drawing, f"guide_{i}")
    return x


def guided_maps(model, pyramid, image, maps, drawing, sketch_valid):
    """The maps of each query, list of [N, h, w, D], by a tower that the drawings guide, or not.

    Args:
      pyramid: `encoders.feature_pyramid.FeaturePyramid`.
      maps: its maps of the image, not guided, list of [B, h, w, D].
    """
    named(model.guidance, "where", slots.GUIDANCES)
    if model.guidance.where in _BEHIND:
        return [
            rows.RepeatForQueries(name=f"cells_of_rows_{i}")(grid, sketch_valid)
            for i, grid in enumerate(maps)
        ]
    x = rows.RepeatForQueries(name="cells_of_rows")(pyramid.stem(image), sketch_valid)

    def look(grid, i):
        return look_at_drawing(model, grid, drawing, f"guide_{i}")

    return pyramid(x, **{model.guidance.where: look})


def look_at_drawing(model, grid, drawing, name, places=None):
    """Cells look at the tokens of the drawings: [N, h, w, D] -> the same.

    Args:
      places: float[N, h·w, D], encodings of the cells' positions; None: those of this grid.
    """
    h, w, d = grid.shape[1:]
    cells = keras.layers.Reshape((h * w, d), name=f"{name}_cells")(grid)
    guide = layers.QueryGuidedAttention(
        model.guidance.num_heads,
        model.guidance.hidden_dim,
        model.guidance.dropout,
        drawing.group_size,
        name=name,
    )
    if places is None:
        places = layers.SinePositions(h, w, name=f"{name}_places")(cells)
    cells = guide(
        cells,
        drawing.tokens,
        valid=drawing.valid,
        cell_positions=places,
        query_positions=drawing.places,
    )["cells"]
    return keras.layers.Reshape((h, w, d), name=f"{name}_grid")(cells)


def finish_guidance(model, grid, drawing, similarity, map_shapes=None, places=None):
    """Modulation, similarity, and rounds of looking around: -> guided cells [N, P, D].

    cells <- LayerNorm(cells + cells * W g) + W' similarity; each round has a convolution with a
    residual, and, for `last`, cells look at the drawing in front of it. Then each cell meets g
    once more: x = LayerNorm(cells), cells <- x + W_2 relu(W_1 [x ; g]). Nothing normalises what
    comes out: its norm, the presence, is what W_2 makes of it.

    Args:
      grid: float[N, h, w, D]; or, of several maps, float[N, P, 1, D], their cells one after the
        other, which look around on their own map.
      map_shapes, places: (h, w) of each of several maps, and encodings float[N, P, D] of the
        cells' positions.
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
            grid = look_at_drawing(model, grid, drawing, f"guide_{i}", places)
        around = look_around(d, f"around_{i}")
        if map_shapes is None:
            seen = around(grid)
        else:
            maps = SplitMaps(map_shapes, name=f"around_{i}_maps")(grid)
            seen = JoinMaps(name=f"around_{i}_cells")([around(one) for one in maps])
            seen = keras.layers.Reshape((h, w, d), name=f"around_{i}_grid")(seen)
        grid = keras.layers.Add(name=f"looked_around_{i}")([grid, seen])
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
