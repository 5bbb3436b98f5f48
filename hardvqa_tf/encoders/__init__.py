"""The encoders: functional Keras models that turn images and questions into vectors."""

from hardvqa_tf.encoders.biformer import biformer_b, biformer_s, biformer_t
from hardvqa_tf.encoders.edge_cnn import edge_cnn
from hardvqa_tf.encoders.features import features
from hardvqa_tf.encoders.no_image import no_image
from hardvqa_tf.encoders.question_lstm import question_lstm
from hardvqa_tf.encoders.resnet import resnet50, resnet101
from hardvqa_tf.encoders.small_cnn import small_cnn
from hardvqa_tf.encoders.swiftformer import (
    swiftformer_l1,
    swiftformer_l3,
    swiftformer_s,
    swiftformer_xs,
)

__all__ = [
    "biformer_b",
    "biformer_s",
    "biformer_t",
    "edge_cnn",
    "features",
    "no_image",
    "question_lstm",
    "resnet50",
    "resnet101",
    "small_cnn",
    "swiftformer_l1",
    "swiftformer_l3",
    "swiftformer_s",
    "swiftformer_xs",
]
