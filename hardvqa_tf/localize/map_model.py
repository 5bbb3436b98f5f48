"""The localizer at the size of its paper: a decoder that looks at full maps of several scales.

As the one of `model`, but for these:

    image ──tower──► maps of several scales, one width (`FeaturePyramid`)
    cells of all maps, one after the other ─► guidance, dense head, selection
    K kept cells ─► object queries;  all guided cells ─► memory of the decoder

Selection chooses the object queries alone. Objects look at the maps by multi-scale deformable
attention (Zhu et al., https://arxiv.org/abs/2010.04159), whose work does not grow with the
cells. Maps share dense head, guidance behind the tower and embeddings; their cells are told
apart by `MapPositions`, and the dense head starts on each with boxes of 4x4 of its cells.

Letters: B images, Q queries of an image, N = B·Q rows, h w cells of a map, P cells of all maps,
K kept cells, D width of all maps.
"""

import keras

from hardvqa_tf import layers
from hardvqa_tf.encoders.feature_pyramid import FeaturePyramid
from hardvqa_tf.localize import layer_names, map_rows
from hardvqa_tf.localize.decoder import ObjectDecoder
from hardvqa_tf.localize.guidance import finish_guidance, guided_maps
from hardvqa_tf.localize.heads import dense_head, select
from hardvqa_tf.localize.reading import read_drawings


def find_on_maps(model, encoder, image, sketch, sketch_valid, similarities, **options):
    """The outputs of a localizer with `decoder_memory` "maps", of N rows, and its drawings.

    Args:
      model: section of the config.
      encoder: of `parts.image_encoder`.
      image, sketch, sketch_valid: inputs of the localizer.
      similarities: `rows.Similarity`.
      options: `static_shapes`, `pretrained`: see `build_localizer`.

    Returns:
      {name: tensor of N rows}, and `reading.Drawing`.
    """
    parts = model.pyramid
    pyramid = FeaturePyramid(
        encoder, parts.stages, parts.extra_maps, parts.width, parts.num_groups
    )
    maps = [
        keras.layers.Activation("linear", name=f"{layer_names.GRID}_{i}")(grid)
        for i, grid in enumerate(pyramid(pyramid.stem(image)))
    ]
    shapes = [tuple(grid.shape[1:3]) for grid in maps]
    drawing = read_drawings(
        model,
        encoder,
        maps,
        sketch,
        sketch_valid,
        options["pretrained"],
        project=_projection(parts),
    )
    similarity = similarities(drawing.embedding, drawing.cell_embeddings)

    guided = guided_maps(model, pyramid, image, maps, drawing, sketch_valid)
    cells = map_rows.JoinMaps(name="cells_of_maps")(guided)  # [N, P, D]
    places = layers.MapPositions(shapes, dtype="float32", name="places")(cells)
    column = keras.layers.Reshape((cells.shape[1], 1, parts.width), name="column")(cells)
    guided = finish_guidance(model, column, drawing, similarity, shapes, places)
    reference = map_rows.MapBoxes(shapes, name="cell_boxes")(guided)
    head = dense_head(model, guided, similarity, reference)
    numbers = map_rows.MapNumbers(shapes, name="map_numbers")(guided)
    kept = select(model, guided, head, places, options["static_shapes"], more=numbers)
    levels = ObjectDecoder(**model.decoder, map_shapes=shapes, name=layer_names.DECODER)(
        kept.cells,
        kept.places,
        kept.logits,
        kept.boxes,
        drawing.tokens,
        drawing.valid,
        drawing.places,
        valid=kept.valid,
        memory=guided,
    )
    found = {
        "dense_logits": keras.layers.Reshape((-1,), dtype="float32", name="flat_logits")(
            head.logits
        ),
        "dense_boxes": head.boxes,
        "map_of_object": map_rows.MapOfObject(name="maps_of_objects")(
            kept.more, valid=kept.valid
        ),
        "query_embeddings": drawing.embedding,
        **levels,
    }
    of_cells = {"mask": kept.mask, "presence": head.presence, "similarity": similarity}
    for name, values in of_cells.items():
        found[name] = map_rows.GreatestOfMaps(shapes, name=f"{name}_grid")(values)
        grids = map_rows.GridsOfMaps(shapes, name=f"{name}_maps")(values)
        found |= {layer_names.of_map(name, i): grid for i, grid in enumerate(grids)}
    return found, drawing


def _projection(parts):
    """What brings drawings to the maps' width: a 1x1 convolution and a normalisation."""
    project = keras.layers.Conv2D(parts.width, 1, name="sketch_project")
    norm = keras.layers.GroupNormalization(parts.num_groups, epsilon=1e-5, name="sketch_norm")
    return lambda grid: norm(project(grid))
