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

import math

import keras

from hardvqa_tf import layers
from hardvqa_tf.data.inputs import IMAGE
from hardvqa_tf.encoders.fields import fields_of
from hardvqa_tf.encoders.stages import encode
from hardvqa_tf.localize import layer_names, rows, slots
from hardvqa_tf.localize.decoder import ObjectDecoder
from hardvqa_tf.localize.guidance import finish_guidance, guided_grid
from hardvqa_tf.localize.heads import dense_head, select
from hardvqa_tf.localize.map_model import find_on_maps
from hardvqa_tf.localize.parts import image_encoder, named
from hardvqa_tf.localize.reading import SKETCH_SIZE, read_drawings

SIMILARITY_SCALE = 8.0
START_SIZE = 0.32  # of the boxes of the dense head, a third of the image's sides


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

      With `decoder_memory` "maps" the P cells are those of all maps, one after the other, from
      fine to coarse. `mask_map_<i>`, `presence_map_<i>` and `similarity_map_<i>` are [B, Q, h,
      w] of each map; the ones without a number have the first map's grid, and of each of its
      cells the greatest of the maps (of `mask`: whether it is kept on any). `map_of_object`
      int32[B, Q, K] is the map that each object query comes from; -1 for a row that is no cell.

    Raises:
      ValueError: for a part that does not fit, with what to do.
    """
    size = tuple(image_size or config.image_size)[:2]
    model = config.model
    image = keras.Input((*size, 3), name=IMAGE)
    sketch = keras.Input((None, None, SKETCH_SIZE, SKETCH_SIZE, 1), name="sketch")
    sketch_valid = keras.Input((None, None), dtype="bool", name="sketch_valid")

    encoder = image_encoder(model, size, pretrained)
    options = {"static_shapes": static_shapes, "pretrained": pretrained}
    similarities = rows.Similarity(SIMILARITY_SCALE, name="similarities")
    find = named(model, "decoder_memory", _FINDERS)
    found, drawing = find(model, encoder, image, sketch, sketch_valid, similarities, **options)

    last = f"level_{model.decoder.num_levels - 1}"
    found = {"boxes": found[f"{last}_boxes"], "logits": found[f"{last}_logits"], **found}
    outputs = {
        name: rows.SplitQueries(name=name)(value, sketch_valid) for name, value in found.items()
    }
    outputs["cell_embeddings"] = drawing.cell_embeddings
    masks = layer_names.of_maps(outputs, "mask")
    count = rows.CountKept(name="num_cells")
    outputs["num_cells"] = count(masks if len(masks) > 1 else masks[0])
    return keras.Model([image, sketch, sketch_valid], outputs, name="localizer")


def _find_in_kept_cells(
    model, encoder, image, sketch, sketch_valid, similarities, static_shapes, pretrained
):
    """{name: tensor of N rows} and the `Drawing`, where the memory is the kept cells."""
    grid = keras.layers.Activation("linear", name=layer_names.GRID)(encode(encoder, image))
    height, width = grid.shape[1:3]
    drawing = read_drawings(model, encoder, [grid], sketch, sketch_valid, pretrained)
    similarity = similarities(drawing.embedding, drawing.cell_embeddings)

    guided = guided_grid(model, encoder, image, grid, drawing, sketch_valid)
    guided = finish_guidance(model, guided, drawing, similarity)
    reference = rows.CellBoxes(height, width, START_SIZE, name="cell_boxes")(guided)
    head = dense_head(model, guided, similarity, reference)
    places = layers.SinePositions(height, width, dtype="float32", name="places")(guided)
    kept = select(model, guided, head, places, static_shapes)
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
    found = {
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
    return found, drawing


# By `model.decoder_memory`.
_FINDERS = {slots.KEPT: _find_in_kept_cells, slots.MAPS: find_on_maps}


def grid_fields(model):
    """Where in the image the cells of a model's mask look; of several maps, of the first.

    Args:
      model: from `build_localizer`, or one that was loaded.

    Returns:
      `encoders.fields.Fields`, in pixels of the image as the model takes it.
    """
    return fields_of_maps(model)[0]


def fields_of_maps(model):
    """list of `encoders.fields.Fields` of each map, see `grid_fields`; of the one grid."""
    image = next(tensor for tensor in model.inputs if tensor.name == IMAGE)
    names, known = [], {layer.name for layer in model.layers}
    while f"{layer_names.GRID}_{len(names)}" in known:
        names.append(f"{layer_names.GRID}_{len(names)}")
    return [
        fields_of(keras.Model(image, model.get_layer(name).output))
        for name in names or [layer_names.GRID]
    ]


def total_cells(model):
    """P, the cells of a model's grid, or of all its maps."""
    masks = layer_names.of_maps(model.output, "mask")
    return sum(math.prod(tensor.shape[2:]) for tensor in masks)
