"""A small convolutional network, trained from scratch: the image encoder of relation networks.

Santoro et al. (https://arxiv.org/abs/1706.01427): four convolutional layers of 24 kernels
each, with ReLU and batch normalisation. They list the ReLU first; re-implementations do both.
`norm_first` normalises before the ReLU, in every layer but the last. The last one's output is
always normalised: cells are centred per feature, so that the fusion starts from inputs of one
scale, and so that what most cells show, the background, starts with a short vector.

Where cells look depends on the padding. Along a side of N pixels, with kernels k, strides s_i
and a_i zeros before the first of the inputs of convolution i, the first of n cells has its
centre (`encoders.fields`) at

    c = 1/2 + sum_i q_i·((k-1)/2 - a_i)      q_i = s_1 · ... · s_{i-1}      Q = s_1 · ... · s_L

and the others follow at a distance of Q. They lie evenly in the image if c = (N - (n-1)·Q) / 2.
"same" has a_i = floor(T_i / 2) of the T_i zeros that convolution i needs in all: with a stride
of 2 and an even side of inputs T_i is 1, and c moves down and right by one input at each such
convolution. `centred` chooses the a_i from 0 to T_i such that c is as near as can be to where
it should be, within half a pixel for kernels of 3 and strides of 2, and of equal choices the
most even one. Cells, weights and work are the same.

Letters: B images, H W pixels, H' W' cells of the grid, D width.
"""

import itertools

import keras

from hardvqa_tf.layers import BatchNorm


def small_cnn(
    image_size,
    filters=(24, 24, 24, 24),
    kernel_size=3,
    strides=(2, 2, 2, 2),
    batch_norm_momentum=0.9,
    norm_first=False,
    centred=False,
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
        centred: pad such that cells look at their own part of the image, see the top of this
            file. False: as "same" pads, as models stored without this argument did.
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
    sides = [pads_that_centre(pixels, kernel_size, strides) for pixels in image_size]
    pads = list(zip(*sides))  # ((above, below), (left, right)) of each convolution
    image = keras.Input((*image_size, 3), name="image")
    x = keras.layers.Rescaling(1.0, offset=-0.5, name="centre")(image)
    for i, (width, stride) in enumerate(zip(filters, strides)):
        padding = "same"
        if centred and any(before != (before + after) // 2 for before, after in pads[i]):
            padding = "valid"  # Else "same" pads so, too, without a copy.
            x = keras.layers.ZeroPadding2D(pads[i], name=f"pad_{i}")(x)
        x = keras.layers.Conv2D(width, kernel_size, stride, padding, name=f"conv_{i}")(x)
        steps = [
            keras.layers.ReLU(name=f"relu_{i}"),
            BatchNorm(momentum=batch_norm_momentum, name=f"batch_norm_{i}"),
        ]
        is_last = i == len(filters) - 1
        for step in reversed(steps) if norm_first and not is_last else steps:
            x = step(x)
    return keras.Model(image, x, name=name)


def pads_that_centre(pixels, kernel_size, strides):
    """Zeros [(before, after)] of each convolution along one side; the top of this file."""
    totals, cells = [], pixels
    for stride in strides:
        outputs = -(-cells // stride)
        totals.append(max(0, stride * (outputs - 1) + kernel_size - cells))
        cells = outputs
    *pitches, pitch = itertools.accumulate(strides, int.__mul__, initial=1)
    wanted = (pixels - (cells - 1) * pitch) / 2
    # The most even way to each centre that convolutions so far can have: c -> (how uneven, a).
    ways = {0.5: (0.0, ())}
    for total, q in zip(totals, pitches, strict=True):
        longer = {}
        for centre, (uneven, before) in ways.items():
            for a in range(total + 1):
                way = (uneven + abs(a - total / 2), (*before, a))
                at = centre + q * ((kernel_size - 1) / 2 - a)
                longer[at] = min(way, longer.get(at, way))
        ways = longer
    nearest = min(ways, key=lambda centre: (abs(centre - wanted), ways[centre]))
    return [(a, total - a) for a, total in zip(ways[nearest][1], totals, strict=True)]
