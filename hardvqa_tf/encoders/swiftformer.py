"""SwiftFormer: convolutions, and in every stage one block of efficient additive attention.

Shaker et al., "SwiftFormer: Efficient Additive Attention for Transformer-based Real-time Mobile
Vision Applications" (ICCV 2023, https://arxiv.org/abs/2303.15446), as the authors' code has it
(github.com/Amshaker/SwiftFormer at 4aa6cd6). A stage is convolutional encoders and, last, one
SwiftFormer encoder:

    convolutional:  x + s * expand-and-project(norm(depthwise(x)))               4 D in between
    SwiftFormer:    x + s * expand-and-project(norm(depthwise(x)))               D in between
                    x + s1 * attention(x)          EfficientAdditiveAttention
                    x + s2 * expand-and-project(norm(x))                         4 D in between

with 1x1 convolutions, GELU between them, 3x3 depthwise convolutions, and learned factors s per
feature (1 at first, s1 and s2 1e-5). Nothing encodes positions but the convolutions.

Letters: B images, H W pixels, H' W' cells of the grid, D width.
"""

import collections
import functools
import re

import keras
from keras import layers

from hardvqa_tf.encoders import pyramid
from hardvqa_tf.layers import EfficientAdditiveAttention, LayerScale

Variant = collections.namedtuple("Variant", "widths depths")  # of the four stages
VARIANTS = {
    "xs": Variant((48, 56, 112, 220), (3, 3, 6, 4)),
    "s": Variant((48, 64, 168, 224), (3, 3, 9, 6)),
    "l1": Variant((48, 96, 192, 384), (4, 3, 10, 5)),
    "l3": Variant((64, 128, 320, 512), (4, 4, 12, 6)),
}


def _start():
    """A new one for each kernel: an initializer gives the same numbers again and again."""
    return keras.initializers.RandomNormal(stddev=0.02)


def swiftformer(
    image_size,
    variant="xs",
    stage=4,
    num_classes=None,
    distillation=True,
    token_weights="l2",
    drop_path_rate=0.0,
    weights=None,
    trainable=True,
    name=None,
):
    """Builds the encoder. It does its own preprocessing.

    What leaves is normalised (layer `norm`), after stage 4 as before the authors' classifier,
    after the others as in their models for detection. Checkpoints for classification have no
    such norm after stages 1 to 3; it then starts as the identity, and learns.

    Args:
        image_size: (H, W) in pixels.
        variant: "xs", "s", "l1" or "l3".
        stage: 1 to 4, whose output is the grid: a 4th, 8th, 16th or 32nd of the image's sides,
            each halving rounded up. Later stages are not built.
        num_classes: None for the grid; 1000 for the ImageNet classifier.
        distillation: whether the classifier has a second head (`dist_head`), which learns
            from a teacher. The logits are the mean of both; while training, take each by
            the name of its layer.
        token_weights: of `EfficientAdditiveAttention`; "ones" for the authors' checkpoints
            from before July 2023. Nothing in a file says which it needs.
        drop_path_rate: stochastic depth of the last block; of earlier ones less.
        weights: None (random), or a file: the authors' checkpoint (.pth or .safetensors), or
            one that Keras wrote (.keras, .h5).
        trainable: False freezes it.
        name: of the model. None: e.g. "swiftformer_xs".

    Returns:
        A `keras.Model`: `image` float32[B, H, W, 3] in [0, 1] -> grid float[B, H', W', D], or
        logits float32[B, num_classes].

    Example:
        >>> swiftformer((224, 224), "l1", stage=3).output_shape
        (None, 14, 14, 192)
    """
    pyramid.check_arguments("SwiftFormer", variant, VARIANTS, stage, num_classes)
    widths, depths = VARIANTS[variant]
    image = pyramid.as_input(image_size)
    x = pyramid.normalize(image)
    for half, filters in enumerate((widths[0] // 2, widths[0]), start=1):
        x = pyramid.halve(x, filters, f"stem_{half}", _start)
        x = layers.ReLU(name=f"stem_{half}_relu")(x)
    for i in range(stage):
        if i > 0:
            x = pyramid.halve(x, widths[i], f"downsample_{i + 1}", _start)
        for j in range(depths[i]):
            block = f"stage_{i + 1}_block_{j + 1}"
            if j < depths[i] - 1:
                x = convolutional_encoder(x, 4 * widths[i], block)
            else:
                rate = pyramid.drop_rate(drop_path_rate, depths, i, j)
                x = swiftformer_encoder(x, token_weights, rate, block)
    x = pyramid.batch_norm("norm")(x)
    if num_classes is not None:
        heads = ("head", "dist_head") if distillation else ("head",)
        x = pyramid.classify(x, num_classes, heads, _start)
    return pyramid.finish(
        keras.Model(image, x, name=name or f"swiftformer_{variant}"),
        weights,
        trainable,
        modules_of=functools.partial(modules_of, stage=stage),
        leaves_out=functools.partial(_leaves_out, stage) if num_classes is None else None,
        may_lack=("norm",) if stage < pyramid.NUM_STAGES else (),
    )


swiftformer_xs = functools.partial(swiftformer, variant="xs")
swiftformer_s = functools.partial(swiftformer, variant="s")
swiftformer_l1 = functools.partial(swiftformer, variant="l1")
swiftformer_l3 = functools.partial(swiftformer, variant="l3")


def convolutional_encoder(x, hidden_dim, name):
    """ConvEncoder: [B, H', W', D] -> the same shape."""
    return x + _convolve(x, hidden_dim, name, part="")


def swiftformer_encoder(x, token_weights, drop_path_rate, name):
    """SwiftFormerEncoder: [B, H', W', D] -> the same shape."""
    d = x.shape[-1]
    x = x + _convolve(x, d, name, part="local_")
    attention = EfficientAdditiveAttention(
        token_weights=token_weights, name=f"{name}_attention"
    )
    branch = LayerScale(1e-5, name=f"{name}_attention_scale")(attention(x)["cells"])
    x = x + pyramid.drop_path(branch, drop_path_rate, f"{name}_attention_drop_path")
    branch = pyramid.batch_norm(f"{name}_mlp_norm")(x)
    branch = _expand_and_project(branch, 4 * d, f"{name}_mlp")
    branch = LayerScale(1e-5, name=f"{name}_mlp_scale")(branch)
    return x + pyramid.drop_path(branch, drop_path_rate, f"{name}_mlp_drop_path")


def _convolve(x, hidden_dim, name, part):
    """s * expand-and-project(norm(depthwise(x)))."""
    branch = layers.DepthwiseConv2D(
        3, padding="same", depthwise_initializer=_start(), name=f"{name}_{part}depthwise"
    )(x)
    branch = pyramid.batch_norm(f"{name}_{part}norm")(branch)
    branch = _expand_and_project(branch, hidden_dim, f"{name}_{part}".removesuffix("_"))
    return LayerScale(1.0, name=f"{name}_{part}scale")(branch)


def _expand_and_project(x, hidden_dim, name):
    hidden = layers.Conv2D(
        hidden_dim, 1, activation="gelu", kernel_initializer=_start(), name=f"{name}_expand"
    )(x)
    return layers.Conv2D(x.shape[-1], 1, kernel_initializer=_start(), name=f"{name}_project")(
        hidden
    )


# The parts of a block in the authors' checkpoints.
_MODULES = {
    "depthwise": "dwconv",
    "norm": "norm",
    "expand": "pwconv1",
    "project": "pwconv2",
    "scale": "layer_scale",
    "local_depthwise": "local_representation.dwconv",
    "local_norm": "local_representation.norm",
    "local_expand": "local_representation.pwconv1",
    "local_project": "local_representation.pwconv2",
    "local_scale": "local_representation.layer_scale",
    "attention": "attn",
    "attention_scale": "layer_scale_1",
    "mlp_norm": "linear.norm1",
    "mlp_expand": "linear.fc1",
    "mlp_project": "linear.fc2",
    "mlp_scale": "layer_scale_2",
}


def modules_of(layer_name, stage=4):
    """The names that a layer may have in the authors' checkpoints."""
    if layer_name == "norm":
        for_detection = f"norm{2 * (stage - 1)}"
        return ["norm", for_detection] if stage == pyramid.NUM_STAGES else [for_detection]
    if match := re.fullmatch(r"stem_([12])_(conv|norm)", layer_name):
        return [f"patch_embed.{3 * (int(match[1]) - 1) + (match[2] == 'norm')}"]
    if match := re.fullmatch(r"downsample_(\d)_(conv|norm)", layer_name):
        leaf = {"conv": "proj", "norm": "norm"}[match[2]]
        return [f"network.{2 * int(match[1]) - 3}.{leaf}"]
    if match := re.fullmatch(r"stage_(\d)_block_(\d+)_(\w+)", layer_name):
        place = f"network.{2 * int(match[1]) - 2}.{int(match[2]) - 1}"
        return [f"{place}.{_MODULES[match[3]]}"]
    return [layer_name]


def _leaves_out(stage, name):
    """Whether a tensor belongs to a head, another stage's norm or a stage that is not built."""
    if re.match(r"(head|dist_head|norm\d?)\.", name):
        return True
    match = re.match(r"network\.(\d)\.", name)
    return match is not None and int(match[1]) > 2 * (stage - 1)
