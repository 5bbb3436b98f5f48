"""The parts of a localizer that plug together: the names that each slot knows, with titles.

The one place that lists them. Plain Python: whoever needs a name alone need not wait for Keras.
`model.<slot>` of a config names a part, and `model.<name>` holds that part's arguments.
"""

from typing import NamedTuple

# {name: (what makes it, of `encoders`; title)}
LOCALIZER_ENCODERS = {
    "edge_cnn": ("edge_cnn", "edge CNN"),
    "small_cnn": ("small_cnn", "small CNN"),
    "resnet50": ("resnet50", "ResNet-50"),
    "resnet101": ("resnet101", "ResNet-101"),
    "swiftformer_xs": ("swiftformer_xs", "SwiftFormer-XS"),
    "swiftformer_s": ("swiftformer_s", "SwiftFormer-S"),
    "swiftformer_l1": ("swiftformer_l1", "SwiftFormer-L1"),
    "swiftformer_l3": ("swiftformer_l3", "SwiftFormer-L3"),
    "biformer_t": ("biformer_t", "BiFormer-T"),
    "biformer_s": ("biformer_s", "BiFormer-S"),
    "biformer_b": ("biformer_b", "BiFormer-B"),
}
# How many cells an attention keeps.
KEEPS_ALL, KEEPS_NUMBER, KEEPS_ITS_CHOICE = "all", "a number of its config", "its own choice"


class Attention(NamedTuple):
    """`maker`, of `layers`; `static_args`: where no shape may depend on the data; `keeps`."""

    maker: str
    title: str
    static_args: dict
    keeps: str


LOCALIZER_ATTENTIONS = {
    "none": Attention("NoAttention", "all cells", {}, KEEPS_ALL),
    "han": Attention("HardAttention", "HAN", {}, KEEPS_NUMBER),
    "adahan": Attention("AdaptiveHardAttention", "AdaHAN", {"mode": "mask"}, KEEPS_ITS_CHOICE),
}
# {name: title}: where cells look at the drawing.
GUIDANCES = {
    "last": "after the last stage",
    "after": "after each stage",
    "before": "before each stage",
    "none": "nowhere: the drawing is there in the similarity and the dense head alone",
}
# {name: title}: how several drawings of a query become one.
TOKENS, MAXIMUM, ATTENTION = "tokens", "maximum", "attention"
FUSIONS = {
    TOKENS: "their tokens side by side",
    MAXIMUM: "the maximum of their features",
    ATTENTION: "the mean of what cells see in each",
}
# {name: title}: what cells are kept by.
SELECTIONS = {"presence": "by presence", "dense_score": "by dense score"}
# {name: title}: what the decoder's objects look at.
KEPT, MAPS = "kept", "maps"
DECODER_MEMORIES = {KEPT: "the kept cells alone", MAPS: "full maps of several scales"}
