"""Names of the model's layers that others look up by `model.get_layer`.

Stored models have these names, so that none can change.

Letters: B images, Q queries of an image, N = B·Q rows, P cells, D width, K kept cells.
"""

GRID = "grid"  # of the image [B, h, w, D], not guided; of several maps "grid_0", ...
GUIDED = "guided_cells"  # [N, P, D], whose norm is the presence
ATTENTION = "attention"
DECODER = "decoder"


def of_map(name, number):
    """What an output is called where it is of one map: `mask_map_0`, ..."""
    return f"{name}_map_{number}"


def of_maps(outputs, name):
    """What a model says of cells, as grids: of its one grid, or of each of its maps.

    Args:
      outputs: {name: value}, of a model from `build_localizer`, or its rows.
      name: "mask", "presence" or "similarity".

    Returns:
      list of values [..., h, w], one a map; cells of other outputs lie in the same order.
    """
    found = []
    while of_map(name, len(found)) in outputs:
        found.append(outputs[of_map(name, len(found))])
    return found or [outputs[name]]
