"""What SwiftFormer and BiFormer share: the image's scale, halving, the way out, the arguments.

Both take an image through four stages, each on half the height and width of the one before,
from a quarter of the image's; any of the stages can be the grid.

Letters: B images, H W pixels or cells, D width.
"""

import pathlib

import keras
from keras import layers

from hardvqa_tf.encoders.pytorch_checkpoint import load_checkpoint
from hardvqa_tf.layers import BatchNorm

# Of ImageNet's red, green and blue in [0, 1], as torchvision and timm have them.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

NUM_STAGES = 4


def check_arguments(family, variant, variants, stage, num_classes):
    """Raises a `ValueError` that says what to do."""
    if variant not in variants:
        raise ValueError(
            f"Unknown {family}. Received: variant={variant!r}. Use one of: "
            f"{', '.join(variants)}."
        )
    if stage not in range(1, NUM_STAGES + 1):
        raise ValueError(
            f"`stage` must be 1 to {NUM_STAGES}: whose output is the grid. Received: "
            f"stage={stage!r}. Stage 1 has a 4th of the image's height and width, stage "
            f"{NUM_STAGES} a 32nd."
        )
    if num_classes is not None and stage != NUM_STAGES:
        raise ValueError(
            f"A classifier stands on the last stage. Received: num_classes={num_classes} with "
            f"stage={stage}. Leave out `num_classes` for a grid, or use stage={NUM_STAGES}."
        )


def normalize(image):
    """float[B, H, W, 3] in [0, 1] -> what networks trained on ImageNet expect."""
    scale = [1.0 / std for std in STD]
    offset = [-mean / std for mean, std in zip(MEAN, STD)]
    return layers.Rescaling(scale, offset, name="normalize")(image)


def batch_norm(name):
    """Batch normalisation with PyTorch's epsilon and momentum."""
    return BatchNorm(epsilon=1e-5, momentum=0.9, name=name)


def halve(x, filters, name, start):
    """A 3x3 convolution of stride 2 and its norm: [B, H, W, D] -> [B, H/2, W/2, filters].

    Odd sizes are rounded up. One line of zeros on every side, as PyTorch pads; "same" would
    pad even sizes on the right and at the bottom only. `start` makes the kernel's initializer.
    """
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    x = layers.Conv2D(filters, 3, strides=2, kernel_initializer=start(), name=f"{name}_conv")(x)
    return batch_norm(f"{name}_norm")(x)


def drop_path(x, rate, name):
    """Stochastic depth: in training, leaves the branch out for whole images at this rate."""
    if not rate:
        return x
    return layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=name)(x)


def drop_rate(most, depths, stage, block):
    """Stochastic depth of a block: from 0 at the first of all to `most` at the last."""
    return most * (sum(depths[:stage]) + block) / (sum(depths) - 1)


def finish(model, weights, trainable, **checkpoint):
    """Loads the weights and freezes or not.

    Args:
        weights: None or "random"; or the path of a .keras or .h5 file that Keras wrote, or of
            the authors' checkpoint (.pth, .pt, .bin or .safetensors).
        checkpoint: arguments of `load_checkpoint`.
    """
    if weights not in (None, "random"):
        suffix = pathlib.Path(weights).suffix
        if not pathlib.Path(weights).is_file():
            raise ValueError(
                '`weights` must be None, "random", or the path of a weights file. Received: '
                f"weights={str(weights)!r}, which is no file. Correct the path; the authors' "
                "repositories say where their checkpoints are."
            )
        if suffix in (".keras", ".h5"):
            model.load_weights(weights)
        else:
            load_checkpoint(model, weights, **checkpoint)
    model.trainable = trainable
    return model


def classify(grid, num_classes, names, start):
    """The mean of all cells and linear heads, averaged if there are two: [B, num_classes]."""
    pooled = layers.GlobalAveragePooling2D(name="mean_of_cells")(grid)
    heads = [
        layers.Dense(num_classes, kernel_initializer=start(), dtype="float32", name=name)(
            pooled
        )
        for name in names
    ]
    return heads[0] if len(heads) == 1 else layers.Average(name="logits")(heads)


def as_input(image_size):
    return keras.Input((*image_size, 3), name="image")
