"""The encoder of images that were encoded before: maps of a frozen network, from the records.

Letters: B images, H W grid, D width.
"""

import keras


def features(grid_shape, name="features"):
    """Builds the encoder.

    The maps may come in any floating dtype. Records hold float16, which halves what is read
    and sent to the device; the cast to the model's own dtype happens in here.

    Args:
        grid_shape: (H, W, D), e.g. (10, 10, 2048).
        name: of the model.

    Returns:
        A `keras.Model`: `features` float[B, H, W, D] -> grid float[B, H, W, D].

    Example:
        >>> features((10, 10, 2048)).output_shape
        (None, 10, 10, 2048)
    """
    if len(grid_shape) != 3:
        raise ValueError(
            "`grid_shape` must be (H, W, D), the shape of one map. Received: "
            f"grid_shape={tuple(grid_shape)}. Leave out the batch axis."
        )
    maps = keras.Input(tuple(grid_shape), name="features")
    # A layer that only casts: every Keras layer casts its inputs to its compute dtype.
    return keras.Model(maps, keras.layers.Activation("linear", name="grid")(maps), name=name)
