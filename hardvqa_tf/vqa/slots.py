"""The parts of a model that plug together: the names that each slot knows, with their titles.

The one place that lists them. The model builds its parts by it, the check of a config lists its
names, and reports and the page take order and titles from it. Plain Python: whoever needs a
name alone need not wait for Keras.

`model.<slot>` of a config names a part, and `model.<name>` holds that part's arguments.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Part:
    """What is known about a part by its name alone.

    Attributes:
      maker: the layer in `hardvqa_tf.layers`, or the function in `hardvqa_tf.encoders`, that
        makes it; None: the slot stays empty.
      title: in tables and plots, short.
      description: for a reader who does not know the names, as the page has it; "" where there
        is nothing to say.
    """

    maker: str | None
    title: str
    description: str


# In the order that tables have them.
IMAGE_ENCODERS = {
    "small_cnn": Part("small_cnn", "small CNN", "small CNN"),
    "resnet101": Part("resnet101", "ResNet-101", "ResNet-101"),
    "swiftformer_xs": Part("swiftformer_xs", "SwiftFormer-XS", "SwiftFormer-XS"),
    "swiftformer_s": Part("swiftformer_s", "SwiftFormer-S", "SwiftFormer-S"),
    "swiftformer_l1": Part("swiftformer_l1", "SwiftFormer-L1", "SwiftFormer-L1"),
    "swiftformer_l3": Part("swiftformer_l3", "SwiftFormer-L3", "SwiftFormer-L3"),
    "biformer_t": Part("biformer_t", "BiFormer-T", "BiFormer-T"),
    "biformer_s": Part("biformer_s", "BiFormer-S", "BiFormer-S"),
    "biformer_b": Part("biformer_b", "BiFormer-B", "BiFormer-B"),
    "features": Part("features", "maps", "maps that were made of images before"),
    "none": Part("no_image", "no image", "the question alone"),
}
MIXERS = {
    "none": Part(None, "no mixer", ""),
    "additive": Part("EfficientAdditiveAttention", "additive", "additive mixer"),
    "bilevel_routing": Part("BiLevelRoutingAttention", "bi-level", "bi-level routing"),
    "query_guided": Part("QueryGuidedAttention", "query-guided", "query-guided mixer"),
}
ATTENTIONS = {
    "none": Part("NoAttention", "all cells", "no attention: all cells"),
    "soft": Part("SoftAttention", "soft", "soft attention"),
    "han": Part("HardAttention", "HAN", "hard attention (HAN)"),
    "adahan": Part("AdaptiveHardAttention", "AdaHAN", "adaptive hard attention (AdaHAN)"),
}
AGGREGATORS = {
    "sum": Part("SumPooling", "sum", "sum pooling"),
    "pairwise": Part("NonLocalPairwise", "pairwise", "pairwise interaction"),
    "relation": Part("RelationNetwork", "relation", "relation network"),
}
SLOTS = {
    "image_encoder": IMAGE_ENCODERS,
    "mixer": MIXERS,
    "attention": ATTENTIONS,
    "aggregator": AGGREGATORS,
}

# Arguments of a part that, where they are set, take the place of another.
OVERRIDES = {"num_cells": "fraction"}


def makers(slot, package):
    """{name: what makes that part of a slot, from `package`; None for an empty slot}."""
    return {
        name: part.maker and getattr(package, part.maker) for name, part in SLOTS[slot].items()
    }


def names_in_use(model):
    """The parts that a config's `model` section names; those of other names are not built.

    `model`: that section, a dict or `ConfigDict`; a run of before there were mixers has none.
    """
    return {model.get(slot, "none") for slot in SLOTS}


def all_names():
    """Every name that some slot knows."""
    return {name for parts in SLOTS.values() for name in parts}


def arguments_that_count(section):
    """A part's arguments without those whose place another one takes (OVERRIDES).

    `section`: of a config, a dict or `ConfigDict`.
    """
    overridden = {other for name, other in OVERRIDES.items() if section.get(name) is not None}
    return {name: value for name, value in section.items() if name not in overridden}
