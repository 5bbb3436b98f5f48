"""A small convolutional network of edges, which reads images and drawings alike.

A drawing has strokes and no colours; an object in an image has borders. Both become maps of
edges first (`layers.SobelEdges`), so that one network, with the same weights, can encode both.
Group normalisation keeps each image by itself: statistics of a batch would mix those of images
with those of drawings.

Each stage halves height and width; its further convolutions add to what the first one gave.
Cells look at their own part of the image, as in `small_cnn` with `centred`.

Letters: B images, H W pixels, H' W' cells of the grid, D width.
"""

import keras

from hardvqa_tf.encoders.small_cnn import pads_that_centre
from hardvqa_tf.layers import SobelEdges

KERNEL = 3


def edge_cnn(
    image_size,
    channels=3,
    filters=(32, 64, 64),
    depths=(1, 2, 2),
    num_groups=8,
    name="edge_cnn",
):
    """Builds the encoder.

    Args:
        image_size: (H, W) in pixels.
        channels: of the image; 1 of a drawing.
        filters: width of each stage; the last is D. H' is H halved for each, rounded up.
        depths: convolutions of each stage.
        num_groups: of group normalisation; divides each width.
        name: of the model, and the beginning of its layers' names.

    Returns:
        A `keras.Model`: `image` float32[B, H, W, C] in [0, 1] -> grid float[B, H', W', D].

    Example:
        >>> edge_cnn((96, 96)).output_shape
        (None, 12, 12, 64)
    """
    if not filters or len(filters) != len(depths):
        raise ValueError(
            "`filters` and `depths` must have one number per stage, at least one. Received: "
            f"filters={tuple(filters)}, depths={tuple(depths)}. Give both the same length."
        )
    for width in filters:
        if width % num_groups:
            raise ValueError(
                "`num_groups` must divide each of `filters`. Received: "
                f"num_groups={num_groups}, filters={tuple(filters)}. Use a divisor of all."
            )
    sides = [pads_that_centre(pixels, KERNEL, [2] * len(filters)) for pixels in image_size]
    pads = list(zip(*sides))  # ((above, below), (left, right)) of each stage
    image = keras.Input((*image_size, channels), name="image")
    x = SobelEdges(name=f"{name}_edges")(image)
    for i, (width, depth) in enumerate(zip(filters, depths)):
        x = keras.layers.ZeroPadding2D(pads[i], name=f"{name}_{i}_pad")(x)
        x = _convolve(x, width, 2, "valid", num_groups, f"{name}_{i}_0")
        for j in range(1, depth):
            more = _convolve(x, width, 1, "same", num_groups, f"{name}_{i}_{j}")
            x = keras.layers.Add(name=f"{name}_{i}_{j}_add")([x, more])
    return keras.Model(image, x, name=name)


def _convolve(x, width, stride, padding, num_groups, name):
    x = keras.layers.Conv2D(
        width, KERNEL, stride, padding, use_bias=False, name=f"{name}_conv"
    )(x)
    x = keras.layers.GroupNormalization(num_groups, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
