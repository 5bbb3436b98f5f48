"""ResNet-101 and ResNet-50, pretrained on ImageNet.

ResNet-101 is the image encoder of Malinowski et al. (https://arxiv.org/abs/1808.00300): they
take the last convolutional layer, a grid of 10x10 cells of 2048 numbers, which it gives for an
image of 320x320.

Letters: B images, H W pixels.
"""

import functools
import pathlib
from typing import NamedTuple

import keras
from keras import ops

IMAGENET_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"


class Variant(NamedTuple):
    """`title`; `maker`, of `keras.applications`; the `file` with its weights, and its `md5`."""

    title: str
    maker: str
    file: str
    md5: str  # as keras.applications checks it


_FILE = "_weights_tf_dim_ordering_tf_kernels_notop.h5"
VARIANTS = {
    "resnet50": Variant(
        "ResNet-50", "ResNet50", f"resnet50{_FILE}", "4d473c1dd8becc155b73f8504c6f6626"
    ),
    "resnet101": Variant(
        "ResNet-101", "ResNet101", f"resnet101{_FILE}", "88cf7a10940856eca736dc7b7e228a21"
    ),
}

LEAST_SIDE = 32  # pixels, which become one cell
# Means of ImageNet's blue, green and red in [0, 255], as the Keras weights were trained with
# (`keras.applications.resnet.preprocess_input`, "caffe" style).
BGR_MEAN = (103.939, 116.779, 123.68)


def resnet(
    image_size=(320, 320),
    variant="resnet101",
    weights="imagenet",
    trainable=False,
    name=None,
):
    """Builds the encoder. It does its own preprocessing.

    Args:
        image_size: (H, W) in pixels; the grid has a 32nd of it, rounded up.
        variant: "resnet50" or "resnet101".
        weights: "imagenet" (Keras downloads about 170 MB once, of ResNet-50 95 MB), "random" or
            None, or the path of a .keras or .h5 file of such a ResNet without its top.
        trainable: False freezes it: no gradients, and batch normalisation keeps to its moving
            statistics, which do not change either.
        name: of the model. None: the variant's.

    Returns:
        A `keras.Model`: `image` float32[B, H, W, 3] in [0, 1] -> grid
        float[B, H/32, W/32, 2048].

    Example:
        >>> resnet((320, 320), "resnet50", weights=None).output_shape
        (None, 10, 10, 2048)
    """
    if min(image_size) < LEAST_SIDE:
        raise ValueError(
            f"A ResNet takes images of at least {LEAST_SIDE}x{LEAST_SIDE} pixels. Received: "
            f"image_size={tuple(image_size)}. Use larger ones (in a config: image_size; of "
            "drawings, model.sketch.pixels)."
        )
    image = keras.Input((*image_size, 3), name="image")
    bgr = keras.layers.Rescaling(
        255.0, offset=[-mean for mean in BGR_MEAN], name="subtract_mean"
    )(ops.flip(image, axis=-1))
    backbone = _backbone(tuple(image_size), VARIANTS[variant], weights)
    backbone.trainable = trainable
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # As `layers.BatchNorm`: the statistics of all devices together.
            layer.synchronized = trainable and keras.backend.backend() == "tensorflow"
    return keras.Model(image, backbone(bgr), name=name or variant)


resnet50 = functools.partial(resnet, variant="resnet50")
resnet101 = functools.partial(resnet, variant="resnet101")


def _backbone(image_size, variant, weights):
    is_path = weights not in (None, "random", "imagenet")
    if is_path and not pathlib.Path(weights).is_file():
        raise ValueError(
            '`weights` must be "imagenet", "random", or the path of a weights file. Received: '
            f"weights={str(weights)!r}, which is no file. Correct the path, or download "
            f"{IMAGENET_URL}{variant.file} and pass where it lies."
        )
    # Built without weights first, so that a wrong image size is not mistaken for a failed
    # download.
    backbone = getattr(keras.applications, variant.maker)(
        include_top=False, weights=None, input_shape=(*image_size, 3)
    )
    if weights == "imagenet":
        backbone.load_weights(_imagenet_weights(variant))
    elif is_path:
        backbone.load_weights(weights)
    return backbone


def _imagenet_weights(variant):
    """The path of the file in Keras's cache, downloaded if it is not there yet."""
    try:
        return keras.utils.get_file(
            variant.file,
            IMAGENET_URL + variant.file,
            cache_subdir="models",
            file_hash=variant.md5,
        )
    except Exception as error:  # `get_file` raises bare Exceptions
        section = variant.maker.lower()
        maps = ", and for maps maps.weights" if section == "resnet101" else ""
        raise OSError(
            f"The ImageNet weights of {variant.title} could not be downloaded. Received: "
            f"{error}. Expected: {variant.file} in ~/.keras/models, or a connection to "
            f"{IMAGENET_URL}{variant.file}. Download that file elsewhere and pass its path as "
            f'`weights` (in a config: model.{section}.weights{maps}), or pass "random" (for '
            "tests: untrained, it is of no use)."
        ) from error
