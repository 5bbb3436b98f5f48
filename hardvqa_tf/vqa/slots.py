"""The parts of a model that plug together: the names of each slot, and what each part is.

The one place that lists them. The model builds its parts by it, the check of a config lists its
names, and signatures, reports and the page take from it what a part gives, order and titles.
Nobody else compares a name: who needs to know what a part does asks for it here, and a new part
cannot leave out the answer. Plain Python: whoever needs a name alone need not wait for Keras.

`model.<slot>` of a config names a part, and `model.<name>` holds that part's arguments.
"""

import dataclasses
import enum


class Keeps(enum.Enum):
    """Which cells an attention keeps."""

    ALL = "all, alike"
    FIXED = "a number that is a setting"
    ADAPTIVE = "a number that the model chooses for each question"
    WEIGHTS = "all, each with a weight"


class Reads(enum.Enum):
    """What a mixer is given."""

    NOTHING = "it leaves the cells as they are"
    CELLS = "the cells in a row, and the question"
    GRID = "the cells as a grid, and the question"
    WORDS = "the cells in a row, and the question's words"


@dataclasses.dataclass(frozen=True)
class Part:
    """What is known about a part by its name alone.

    Attributes:
      maker: the layer in `hardvqa_tf.layers`, or the function in `hardvqa_tf.encoders`, that
        makes it; None: the slot stays empty.
      title: in tables and plots, short.
      description: for a reader who does not know the names, as the page has it; "" where there
        is nothing to say.
      outputs: names of what an export gives if its model has this part, and else does not.
      static_args: arguments by which the part makes no tensor whose shape depends on the data.
    """

    maker: str | None
    title: str
    description: str
    _: dataclasses.KW_ONLY
    outputs: tuple = ()
    static_args: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ImageEncoder(Part):
    """`makes_maps`: whether maps of images can be made with it and stored, see `maps`."""

    makes_maps: bool


@dataclasses.dataclass(frozen=True)
class Mixer(Part):
    reads: Reads


@dataclasses.dataclass(frozen=True)
class Attention(Part):
    """`alone`: its title where no other word stands beside it, as in a legend."""

    keeps: Keeps
    alone: str


# In the order that tables have them.
IMAGE_ENCODERS = {
    "small_cnn": ImageEncoder("small_cnn", "small CNN", "small CNN", False),
    "resnet101": ImageEncoder("resnet101", "ResNet-101", "ResNet-101", True),
    "swiftformer_xs": ImageEncoder("swiftformer_xs", "SwiftFormer-XS", "SwiftFormer-XS", True),
    "swiftformer_s": ImageEncoder("swiftformer_s", "SwiftFormer-S", "SwiftFormer-S", True),
    "swiftformer_l1": ImageEncoder("swiftformer_l1", "SwiftFormer-L1", "SwiftFormer-L1", True),
    "swiftformer_l3": ImageEncoder("swiftformer_l3", "SwiftFormer-L3", "SwiftFormer-L3", True),
    "biformer_t": ImageEncoder("biformer_t", "BiFormer-T", "BiFormer-T", True),
    "biformer_s": ImageEncoder("biformer_s", "BiFormer-S", "BiFormer-S", True),
    "biformer_b": ImageEncoder("biformer_b", "BiFormer-B", "BiFormer-B", True),
    "features": ImageEncoder(
        *("features", "maps", "maps that were made of images before"),
        makes_maps=False,
    ),
    "none": ImageEncoder("no_image", "no image", "the question alone", False),
}
MIXERS = {
    "none": Mixer(None, "no mixer", "", Reads.NOTHING),
    "additive": Mixer(
        *("EfficientAdditiveAttention", "additive", "additive mixer"),
        reads=Reads.CELLS,
        outputs=("cell_weights",),
    ),
    "bilevel_routing": Mixer(
        *("BiLevelRoutingAttention", "bi-level", "bi-level routing"),
        reads=Reads.GRID,
        outputs=("routes",),
    ),
    "query_guided": Mixer(
        *("QueryGuidedAttention", "query-guided", "query-guided mixer"),
        reads=Reads.WORDS,
        outputs=("words", "word_weights"),
    ),
}
ATTENTIONS = {
    "none": Attention(
        *("NoAttention", "all cells", "no attention: all cells"),
        keeps=Keeps.ALL,
        alone="all cells",
    ),
    "soft": Attention(
        *("SoftAttention", "soft", "soft attention"),
        keeps=Keeps.WEIGHTS,
        alone="soft attention",
        outputs=("weights",),
    ),
    "han": Attention(
        *("HardAttention", "HAN", "hard attention (HAN)"),
        keeps=Keeps.FIXED,
        alone="HAN",
    ),
    "adahan": Attention(
        *("AdaptiveHardAttention", "AdaHAN", "adaptive hard attention (AdaHAN)"),
        keeps=Keeps.ADAPTIVE,
        alone="AdaHAN",
        static_args={"mode": "mask"},
    ),
}
AGGREGATORS = {
    "sum": Part("SumPooling", "sum", "sum pooling"),
    "pairwise": Part("NonLocalPairwise", "pairwise", "pairwise interaction"),
    "relation": Part(
        *("RelationNetwork", "relation", "relation network"),
        static_args={"flat": False},
    ),
}
SLOTS = {
    "image_encoder": IMAGE_ENCODERS,
    "mixer": MIXERS,
    "attention": ATTENTIONS,
    "aggregator": AGGREGATORS,
}

# Arguments of a part that, where they are set, take the place of another.
OVERRIDES = {"num_cells": "fraction"}


def part(slot, name):
    """The `Part` of that name.

    Raises:
      ValueError: for a name that the slot does not know, with those that it knows.
    """
    if name not in SLOTS[slot]:
        raise ValueError(
            f"Unknown {slot}. Received: {slot}={name!r}. Use one of: {', '.join(SLOTS[slot])}."
        )
    return SLOTS[slot][name]


def who_gives(output):
    """(slot, name) of the part that a model needs to have that output; None: all have it."""
    for slot, parts in SLOTS.items():
        for name, one in parts.items():
            if output in one.outputs:
                return slot, name
    return None


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
