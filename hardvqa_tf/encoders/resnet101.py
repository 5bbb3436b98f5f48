"""ResNet-101, pretrained on ImageNet: the image encoder of the paper.

Malinowski et al. (https://arxiv.org/abs/1808.00300) take the last convolutional layer, a grid
of 10x10 cells of 2048 numbers, which ResNet-101 gives for an image of 320x320.

Letters: B images, H W pixels.
"""

import pathlib

import keras
from keras import ops

IMAGENET_FILE = "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
IMAGENET_MD5 = "88cf7a10940856eca736dc7b7e228a21"  # as keras.applications checks it

# Means of ImageNet's blue, green and red in [0, 255], as the Keras weights were trained with
# (`keras.applications.resnet.preprocess_input`, "caffe" style).
BGR_MEAN = (103.939, 116.779, 123.68)


def resnet101(image_size=(320, 320), weights="imagenet", trainable=False, name="resnet101"):
    """Builds the encoder. It does its own preprocessing.

    Args:
        image_size: (H, W) in pixels; the grid has a 32nd of it, rounded up.
        weights: "imagenet" (Keras downloads about 170 MB once), "random" or None, or
            the path of a .keras or .h5 file of a ResNet-101 without its top.
        trainable: False freezes it: no gradients, and batch normalisation keeps to its moving
            statistics, which do not change either.
        name: of the model.

    Returns:
        A `keras.Model`: `image` float32[B, H, W, 3] in [0, 1] -> grid
        float[B, H/32, W/32, 2048].

    Example:
        >>> resnet101((320, 320), weights=None).output_shape
        (None, 10, 10, 2048)
    """
    image = keras.Input((*image_size, 3), name="image")
    bgr = keras.layers.Rescaling(
        255.0, offset=[-mean for mean in BGR_MEAN], name="subtract_mean"
    )(ops.flip(image, axis=-1))
    backbone = _backbone(tuple(image_size), weights)
    backbone.trainable = trainable
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # As `layers.BatchNorm`: the statistics of all devices together.
            layer.synchronized = trainable and keras.backend.backend() == "tensorflow"
    return keras.Model(image, backbone(bgr), name=name)


def _backbone(image_size, weights):
    is_path = weights not in (None, "random", "imagenet")
    if is_path and not pathlib.Path(weights).is_file():
        raise ValueError(
            '`weights` must be "imagenet", "random", or the path of a weights file. Received: '
            f"weights={str(weights)!r}, which is no file. Correct the path, or download "
            f"{IMAGENET_URL}{IMAGENET_FILE} and pass where it lies."
        )
    # Built without weights first, so that a wrong image size is not mistaken for a failed
    # download.
    backbone = keras.applications.ResNet101(
        include_top=False, weights=None, input_shape=(*image_size, 3)
    )
    if weights == "imagenet":
        backbone.load_weights(_imagenet_weights())
    elif is_path:
        backbone.load_weights(weights)
    return backbone


def _imagenet_weights():
    """The path of the file in Keras's cache, downloaded if it is not there yet."""
    try:
        return keras.utils.get_file(
            IMAGENET_FILE,
            IMAGENET_URL + IMAGENET_FILE,
            cache_subdir="models",
            file_hash=IMAGENET_MD5,
        )
    except Exception as error:  # `get_file` raises bare Exceptions
        raise OSError(
            f"The ImageNet weights of ResNet-101 could not be downloaded. Received: {error}. "
            f"Expected: {IMAGENET_FILE} in ~/.keras/models, or a connection to {IMAGENET_URL}"
            f"{IMAGENET_FILE}. Download that file elsewhere and pass its path as `weights` (in "
            "a config: model.resnet101.weights, and for maps maps.weights), or pass "
            '"random" (for tests: untrained, it is of no use).'
        ) from error
