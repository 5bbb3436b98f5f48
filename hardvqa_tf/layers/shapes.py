"""What shape a layer takes, checked when it is built."""

_HINTS = {
    "NPD": "Give flat cells, e.g. keras.layers.Reshape((H * W, D))(grid).",
    "NHWD": "Give the grid, e.g. keras.layers.Reshape((H, W, D))(cells).",
}


def check_rank(shape, letters, name="cells"):
    """Raises a `ValueError` unless `shape` has one axis for each of the letters.

    Args:
      shape: of the argument that the layer was given.
      letters: "NPD" of flat cells, or "NHWD" of a grid.
      name: of the argument.
    """
    if len(shape) != len(letters):
        raise ValueError(
            f"`{name}` must have the shape [{', '.join(letters)}]. Received: {name} of shape "
            f"{tuple(shape)}. {_HINTS[letters]}"
        )
