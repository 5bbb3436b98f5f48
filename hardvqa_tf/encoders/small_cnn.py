"""A small convolutional network, trained from scratch: the image encoder of relation networks.

Santoro et al. (https://arxiv.org/abs/1706.01427): four convolutional layers of 24 kernels
each, with ReLU and batch normalisation. They list the ReLU first; re-implementations do both.
`norm_first` normalises before the ReLU, in every layer but the last. The last one's output is
always normalised: cells are centred per feature, so that the fusion starts from inputs of one
scale, and so that what most cells show, the background, starts with a short vector.

Letters: B images, H W pixels, H' W' cells of the grid, D width.
"""

import keras

from hardvqa_tf.layers import BatchNorm


def small_cnn(
    image_size,
    filters=(24, 24, 24, 24),
    kernel_size=3,
    strides=(2, 2, 2, 2),
    batch_norm_momentum=0.9,
    norm_first=False,
    name="small_cnn",
):
    """Builds the encoder.

    Args:
        image_size: (H, W) in pixels.
        filters: width of each convolution; the last is D.
        kernel_size: of every convolution, in pixels.
        strides: of each convolution; H' is H divided by each, rounded up each time.
        batch_norm_momentum: of the moving statistics. Keras's 0.99 averages over some
            100 steps and lags behind in a run of minutes; 0.9 averages over some 10.
        norm_first: normalise before the ReLU, in every layer but the last; on Sort-of-CLEVR it
            learned faster in trial runs (docs/results.md).
        name: of the model.

    Returns:
        A `keras.Model`: `image` float32[B, H, W, 3] in [0, 1] -> grid float[B, H', W', D].

    Example:
        >>> small_cnn((128, 128)).output_shape
        (None, 8, 8, 24)
    """
    if not filters or len(filters) != len(strides):
        raise ValueError(
            "`filters` and `strides` must have one number per convolution, at least one. "
            f"Received: filters={tuple(filters)}, strides={tuple(strides)}. Give both the "
            "same length."
        )
    image = keras.Input((*image_size, 3), name="image")
    x = keras.layers.Rescaling(1.0, offset=-0.5, name="centre")(image)
    for i, (width, stride) in enumerate(zip(filters, strides)):
        x = keras.layers.Conv2D(width, kernel_size, stride, "same", name=f"conv_{i}")(x)
        steps = [
            keras.layers.ReLU(name=f"relu_{i}"),
            BatchNorm(momentum=batch_norm_momentum, name=f"batch_norm_{i}"),
        ]
        is_last = i == len(filters) - 1
        for step in reversed(steps) if norm_first and not is_last else steps:
            x = step(x)
    return keras.Model(image, x, name=name)
