"""BiFormer: four stages of attention, routed between regions in the first three.

Zhu et al., "BiFormer: Vision Transformer with Bi-Level Routing Attention" (CVPR 2023,
https://arxiv.org/abs/2303.08810), as the authors' code has it (github.com/rayleizhu/BiFormer at
1697bbb). A block is

    x + depthwise(x)                  3x3, in the place of an encoding of positions
    x + attention(norm(x))            BiLevelRoutingAttention; in stage 4 FullAttention
    x + project(gelu(expand(norm(x))))                                        3 D in between

Regions look at 1, 4 and 16 others in stages 1, 2 and 3.

Letters: B images, H W pixels, H' W' cells of the grid, S regions along each side, D width.
"""

import collections
import functools
import re

import keras
from keras import layers

from hardvqa_tf.encoders import pyramid
from hardvqa_tf.layers import BiLevelRoutingAttention, FullAttention

Variant = collections.namedtuple("Variant", "widths depths")  # of the four stages
VARIANTS = {
    "t": Variant((64, 128, 256, 512), (2, 2, 8, 2)),
    "s": Variant((64, 128, 256, 512), (4, 4, 18, 4)),
    "b": Variant((96, 192, 384, 768), (4, 4, 18, 4)),
}
TOP_KS = (1, 4, 16, None)  # of each stage; None: all cells
HEAD_DIM = 32  # of the routed attention
FULL_HEADS = 8  # of the full attention, whatever its width: so the authors' weights have it
MLP_RATIO = 3


# New ones for each kernel: an initializer gives the same numbers again and again.
def _dense_start():
    return keras.initializers.RandomNormal(stddev=0.02)


def _conv_start():
    """What PyTorch starts convolutions with: uniform, below one over the root of the inputs."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def _depthwise_start():
    return keras.initializers.RandomUniform(-1 / 3, 1 / 3)


def biformer(
    image_size,
    variant="t",
    stage=4,
    num_classes=None,
    num_regions=7,
    mask_padding=True,
    drop_path_rate=0.0,
    weights=None,
    trainable=True,
    name=None,
):
    """Builds the encoder. It does its own preprocessing.

    What leaves is normalised (layer `norm`), after stage 4 as before the authors' classifier.
    Their checkpoints have no such norm after the other stages; it then starts as the identity,
    and learns. The routes of a block are an output of its attention, the second one after
    `cells` and before `scores`: `model.get_layer("stage_3_block_2_attention").output[1]`.

    Args:
        image_size: (H, W) in pixels.
        variant: "t", "s" or "b".
        stage: 1 to 4, whose output is the grid: a 4th, 8th, 16th or 32nd of the image's sides,
            each halving rounded up. Later stages are not built.
        num_classes: None for the grid; 1000 for the ImageNet classifier.
        num_regions: S: 7 for the authors' classifiers on 224x224 pixels; theirs for
            segmentation have 8, for detection 16.
        mask_padding: of `BiLevelRoutingAttention`, for grids that S does not divide.
        drop_path_rate: stochastic depth of the last block; of earlier ones less.
        weights: None (random), or a file: the authors' checkpoint (.pth or .safetensors), or
            one that Keras wrote (.keras, .h5).
        trainable: False freezes it.
        name: of the model. None: e.g. "biformer_t".

    Returns:
        A `keras.Model`: `image` float32[B, H, W, 3] in [0, 1] -> grid float[B, H', W', D], or
        logits float32[B, num_classes].

    Example:
        >>> biformer((224, 224), "s", stage=3).output_shape
        (None, 14, 14, 256)
    """
    pyramid.check_arguments("BiFormer", variant, VARIANTS, stage, num_classes)
    widths, depths = VARIANTS[variant]
    image = pyramid.as_input(image_size)
    x = pyramid.normalize(image)
    x = pyramid.halve(x, widths[0] // 2, "stem_1", _conv_start)
    x = layers.Activation("gelu", name="stem_1_gelu")(x)
    x = pyramid.halve(x, widths[0], "stem_2", _conv_start)
    for i in range(stage):
        if i > 0:
            x = pyramid.halve(x, widths[i], f"downsample_{i + 1}", _conv_start)
        for j in range(depths[i]):
            rate = pyramid.drop_rate(drop_path_rate, depths, i, j)
            block = f"stage_{i + 1}_block_{j + 1}"
            attention = _attention(x, TOP_KS[i], num_regions, mask_padding, block)
            x = biformer_block(x, attention, rate, block)
    x = pyramid.batch_norm("norm")(x)
    if num_classes is not None:
        x = pyramid.classify(x, num_classes, ("head",), _dense_start)
    return pyramid.finish(
        keras.Model(image, x, name=name or f"biformer_{variant}"),
        weights,
        trainable,
        modules_of=modules_of,
        leaves_out=functools.partial(_leaves_out, stage) if num_classes is None else None,
        may_lack=("norm",) if stage < pyramid.NUM_STAGES else (),
    )


biformer_t = functools.partial(biformer, variant="t")
biformer_s = functools.partial(biformer, variant="s")
biformer_b = functools.partial(biformer, variant="b")


def _attention(x, top_k, num_regions, mask_padding, name):
    if top_k is None:
        return FullAttention(FULL_HEADS, name=f"{name}_attention")
    return BiLevelRoutingAttention(
        num_heads=x.shape[-1] // HEAD_DIM,
        num_regions=num_regions,
        top_k=min(top_k, num_regions**2),
        mask_padding=mask_padding,
        name=f"{name}_attention",
    )


def biformer_block(x, attention, drop_path_rate, name):
    """Block: [B, H', W', D] -> the same shape."""
    d = x.shape[-1]
    x = x + layers.DepthwiseConv2D(
        3, padding="same", depthwise_initializer=_depthwise_start(), name=f"{name}_position"
    )(x)
    attended = attention(_layer_norm(f"{name}_attention_norm")(x))
    attended = attended["cells"] if isinstance(attended, dict) else attended
    x = x + pyramid.drop_path(attended, drop_path_rate, f"{name}_attention_drop_path")
    hidden = layers.Dense(
        MLP_RATIO * d,
        activation="gelu",
        kernel_initializer=_dense_start(),
        name=f"{name}_mlp_expand",
    )(_layer_norm(f"{name}_mlp_norm")(x))
    branch = layers.Dense(d, kernel_initializer=_dense_start(), name=f"{name}_mlp_project")(
        hidden
    )
    return x + pyramid.drop_path(branch, drop_path_rate, f"{name}_mlp_drop_path")


def _layer_norm(name):
    return layers.LayerNormalization(epsilon=1e-6, name=name)


# The parts of a block in the authors' checkpoints.
_MODULES = {
    "position": "pos_embed",
    "attention_norm": "norm1",
    "attention": "attn",
    "mlp_norm": "norm2",
    "mlp_expand": "mlp.0",
    "mlp_project": "mlp.3",
}


def modules_of(layer_name):
    """The names that a layer may have in the authors' checkpoints."""
    if match := re.fullmatch(r"stem_([12])_(conv|norm)", layer_name):
        return [f"downsample_layers.0.{3 * (int(match[1]) - 1) + (match[2] == 'norm')}"]
    if match := re.fullmatch(r"downsample_(\d)_(conv|norm)", layer_name):
        return [f"downsample_layers.{int(match[1]) - 1}.{int(match[2] == 'norm')}"]
    if match := re.fullmatch(r"stage_(\d)_block_(\d+)_(\w+)", layer_name):
        place = f"stages.{int(match[1]) - 1}.{int(match[2]) - 1}"
        return [f"{place}.{_MODULES[match[3]]}"]
    return [layer_name]


def _leaves_out(stage, name):
    """Whether a tensor belongs to the head, its norm or a stage that is not built."""
    if re.match(r"(head|norm)\.", name):
        return True
    match = re.match(r"(?:stages|downsample_layers)\.(\d)\.", name)
    return match is not None and int(match[1]) >= stage
