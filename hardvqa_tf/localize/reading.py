"""How drawings are read: tokens to look at, a vector, and an embedding to compare cells with.

Letters: B images, Q queries of an image, N = B·Q rows, S drawings of a query, T tokens of a
drawing, P cells, D width, E width of an embedding.
"""

from typing import NamedTuple

import keras

from hardvqa_tf import layers
from hardvqa_tf.encoders.stages import encode
from hardvqa_tf.localize import rows, slots
from hardvqa_tf.localize.parts import look_around, named, sketch_encoder

SKETCH_SIZE = 64  # pixels of a drawing's sides, as the rasterizer draws it


class Drawing(NamedTuple):
    """What is known of a query's drawings.

    tokens float[N, S·T, D], valid bool[N, S·T], places float[N, S·T, D]; vector float[N, D],
    the maximum over the tokens; embedding float32[N, E], to be compared with cell_embeddings
    float32[B, P, E], both of unit length; group_size: T, where cells look at each drawing by
    itself, else None. With the fusion "maximum" S is 1.
    """

    tokens: keras.KerasTensor
    valid: keras.KerasTensor
    places: keras.KerasTensor
    vector: keras.KerasTensor
    embedding: keras.KerasTensor
    cell_embeddings: keras.KerasTensor
    group_size: int | None = None


def read_drawings(model, image_encoder, grids, sketch, sketch_valid, pretrained, project=None):
    """Drawings, at the scale of objects, by the image's own tower or by one of their own.

    Args:
      model: section of the config.
      image_encoder: of `parts.image_encoder`.
      grids: list of symbolic float[B, h, w, D] of the image, not guided, whose cells are
        compared with the drawings.
      sketch, sketch_valid: inputs of the localizer.
      pretrained: see `build_localizer`.
      project: from what the tower gives to the grid whose cells are the tokens, optional.

    Returns:
      `Drawing`.
    """
    drawings = rows.MergeDrawings(name="drawings")(sketch)
    drawings = _of_size(drawings, model.sketch.pixels)
    shared = model.sketch.shared and model.image_encoder == model.sketch.encoder == "edge_cnn"
    drawn = _drawn(model, image_encoder if shared else None, drawings, pretrained)
    if project is not None:
        drawn = project(drawn)
    fusion = named(model.sketch, "fusion", slots.FUSIONS) and model.sketch.fusion
    if fusion == slots.MAXIMUM:
        drawn = rows.GreatestOfDrawings(name="fused")(drawn, sketch_valid)
        sketch_valid = rows.AnyDrawing(name="any_drawing")(sketch_valid)
    h, w, d = drawn.shape[1:]  # [B·Q·S, h, w, D]
    embed = _embedding(model, d, "embed")
    one_for_both = shared and project is None
    embed_image = (
        embed if one_for_both else _embedding(model, grids[0].shape[-1], "embed_image")
    )

    unit = rows.UnitLength(name="cell_embeddings")
    of_cells = unit(_flat([embed_image(grid) for grid in grids], "embedded"))
    inner = rows.InnerMean(name="inner_cells")(embed(drawn))
    of_drawings = rows.UnitLength(name="drawing_embeddings")(inner)

    tokens = keras.layers.Reshape((h * w, d), name="sketch_tokens")(drawn)
    places = layers.SinePositions(h, w, name="sketch_places")(tokens)
    join = rows.JoinDrawings(name="tokens"), rows.JoinDrawings(name="token_places")
    tokens, places = join[0](tokens, sketch_valid), join[1](places, sketch_valid)
    valid = rows.ValidTokens(h * w, name="valid_tokens")(sketch_valid)
    return Drawing(
        tokens,
        valid,
        places,
        rows.GreatestToken(name="sketch_vector")(tokens, valid),
        rows.MeanOfDrawings(name="embedding")(of_drawings, sketch_valid),
        of_cells,
        h * w if fusion == slots.ATTENTION else None,
    )


def _of_size(drawings, pixels):
    """[B·Q·S, 64, 64, 1] -> [B·Q·S, pixels, pixels, 1]."""
    if pixels < 1 or max(pixels, SKETCH_SIZE) % min(pixels, SKETCH_SIZE):
        raise ValueError(
            f"config.model.sketch.pixels must divide {SKETCH_SIZE}, the size at which drawings "
            f"are given, or be a multiple of it. Received: {pixels}. Use 16, 32, 64, 128 or "
            "256."
        )
    if pixels > SKETCH_SIZE:
        return keras.layers.UpSampling2D(
            pixels // SKETCH_SIZE, interpolation="bilinear", name="enlarge"
        )(drawings)
    return keras.layers.AveragePooling2D(SKETCH_SIZE // pixels, name="shrink")(drawings)


def _drawn(model, shared, drawings, pretrained):
    """The grid of each drawing."""
    if shared is not None:
        if model.sketch.weights:
            raise ValueError(
                "Drawings are read by the image's own tower, which has no weights of theirs. "
                f"Received: config.model.sketch.weights={model.sketch.weights!r}, shared=True. "
                "Set model.sketch.shared=False for a tower of their own."
            )
        return encode(shared, drawings)
    encoder = sketch_encoder(model, pretrained)
    if encoder.input_shape[-1] == 3:
        drawings = keras.layers.Concatenate(name="three_colours")([drawings] * 3)
    if encoder.name == "sketch_cnn" and model.sketch.encoder == "edge_cnn":
        return encode(encoder, drawings)
    return encoder(drawings)  # As one layer: its layers have the names of the image's tower.


def _embedding(model, d, name):
    """A function from a grid [R, h, w, D] to [R, h, w, E], with weights of its own."""
    look = look_around(d, f"{name}_look")
    project = keras.layers.Conv2D(model.embedding_dim, 1, name=f"{name}_project")
    return lambda grid: project(look(grid))


def _flat(grids, name):
    """[B, h, w, E] of each map -> [B, P, E], of all one after the other."""
    several = len(grids) > 1
    flat = [
        keras.layers.Reshape((-1, grid.shape[-1]), name=f"{name}_{i}" if several else name)(
            grid
        )
        for i, grid in enumerate(grids)
    ]
    return keras.layers.Concatenate(axis=1, name=name)(flat) if several else flat[0]
