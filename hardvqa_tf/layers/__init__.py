"""The layers of the model, one public layer a file, on `keras.ops` alone."""

from hardvqa_tf.layers.adaptive_hard_attention import AdaptiveHardAttention
from hardvqa_tf.layers.batch_norm import BatchNorm
from hardvqa_tf.layers.bi_level_routing_attention import BiLevelRoutingAttention
from hardvqa_tf.layers.box_refinement import BoxRefinement, inverse_sigmoid
from hardvqa_tf.layers.coordinates import CellCoordinates
from hardvqa_tf.layers.decoder_layer import DecoderLayer
from hardvqa_tf.layers.deformable_attention import DeformableAttention
from hardvqa_tf.layers.distinct_rows import DistinctRows, TakeRows
from hardvqa_tf.layers.efficient_additive_attention import EfficientAdditiveAttention
from hardvqa_tf.layers.full_attention import FullAttention
from hardvqa_tf.layers.fusion import Fusion
from hardvqa_tf.layers.hard_attention import HardAttention
from hardvqa_tf.layers.last_state import LastState, ReverseTokens
from hardvqa_tf.layers.layer_scale import LayerScale
from hardvqa_tf.layers.map_positions import MapPositions
from hardvqa_tf.layers.mean_state import MeanState
from hardvqa_tf.layers.no_attention import NoAttention
from hardvqa_tf.layers.pairwise import NonLocalPairwise
from hardvqa_tf.layers.presence import cell_presence
from hardvqa_tf.layers.query_guided_attention import QueryGuidedAttention
from hardvqa_tf.layers.question_norm import QuestionNorm
from hardvqa_tf.layers.relation import RelationNetwork
from hardvqa_tf.layers.sine_positions import SinePositions
from hardvqa_tf.layers.sobel_edges import SobelEdges
from hardvqa_tf.layers.soft_attention import SoftAttention
from hardvqa_tf.layers.sum_pooling import SumPooling

__all__ = [
    "AdaptiveHardAttention",
    "BatchNorm",
    "BiLevelRoutingAttention",
    "BoxRefinement",
    "CellCoordinates",
    "DecoderLayer",
    "DeformableAttention",
    "DistinctRows",
    "EfficientAdditiveAttention",
    "FullAttention",
    "Fusion",
    "HardAttention",
    "LastState",
    "LayerScale",
    "MapPositions",
    "MeanState",
    "NoAttention",
    "NonLocalPairwise",
    "QueryGuidedAttention",
    "QuestionNorm",
    "RelationNetwork",
    "ReverseTokens",
    "SinePositions",
    "SobelEdges",
    "SoftAttention",
    "SumPooling",
    "TakeRows",
    "cell_presence",
    "inverse_sigmoid",
]
