"""The operations that an exported graph may hold: those that TensorFlow Serving links.

The stock binary is not run by the tests. What it links is in its own build file (repository
tensorflow/serving, tensorflow_serving/model_servers/BUILD, `server_lib`, read at 9d981c5c of
2026-07-30):

    @org_tensorflow//tensorflow/core:tensorflow        TensorFlow's core operations and kernels
    @org_tensorflow_text//tensorflow_text:ops_lib      tensorflow-text's, of version 2.20
    and those of TensorFlow Decision Forests

Of the first, the lists below name what exported models use. The TensorFlow wheel is made of the
same target; what it holds beyond (XLA, TPU, TensorRT) has names of its own. So a test asks a
process that imported TensorFlow alone whether it has a kernel for CPUs of every one of `CORE`.
Of the second, `TEXT` says by which library of `ops_lib` (tensorflow_text/BUILD at v2.20.0) each
is registered; without tensorflow-text, none of them may be known.

An operation that is not here fails the tests, until somebody has looked where it comes from.
"""

from tensorflow.core.protobuf import saved_model_pb2

TEXT = {
    "CaseFoldUTF8",  # normalize_ops_cc
    "NormalizeUTF8",  # normalize_ops_cc
    "RegexSplitWithOffsets",  # regex_split_ops_cc
}

# By the folder or file in tensorflow/core/kernels that registers them.
CORE = {
    # Of the graph: function_ops, while_op, list_kernels, control_flow_ops, constant_op, no_op
    *("Assert", "Const", "Identity", "If", "NoOp", "PartitionedCall", "Placeholder"),
    *("StatefulPartitionedCall", "StatelessIf", "StatelessWhile", "StopGradient", "While"),
    *("TensorListFromTensor", "TensorListGetItem", "TensorListReserve", "TensorListSetItem"),
    "TensorListStack",
    # Variables and tables: resource_variable_ops, save_restore_v2_ops, lookup_table_op
    *("AssignVariableOp", "DisableCopyOnRead", "HashTableV2", "LookupTableFindV2"),
    *("LookupTableImportV2", "MergeV2Checkpoints", "ReadVariableOp", "RestoreV2", "SaveV2"),
    *("ShardedFilename", "VarHandleOp"),
    # Strings: as_string_op, decode_padded_raw_op, regex_full_match_op, string_*_op, substr_op,
    # unicode_ops
    *("AsString", "DecodePaddedRaw", "StaticRegexFullMatch", "StringJoin", "StringLength"),
    *("StringLower", "StringSplitV2", "StringStrip", "Substr", "UnicodeTranscode"),
    # Of drawings: regex_replace_op, string_to_number_op
    *("StaticRegexReplace", "StringToNumber"),
    # Images: image/decode_image_op, image/scale_and_translate_op
    *("DecodeImage", "DecodeJpeg", "ScaleAndTranslate"),
    # Shapes and arrays: array_ops, concat, gather, ragged_tensor_to_tensor, topk, unique, where
    *("BroadcastTo", "ConcatV2", "EnsureShape", "ExpandDims", "Fill", "GatherV2", "OnesLike"),
    *(
        "Pack",
        "Pad",
        "RaggedTensorToTensor",
        "Range",
        "Reshape",
        "Shape",
        "Size",
        "Split",
        "SplitV",
    ),
    *("Squeeze", "StridedSlice", "Tile", "TopKV2", "Transpose", "UniqueV2", "Unpack", "Where"),
    "ZerosLike",
    # Numbers: cwise_ops, reduction_ops, matmul_op, conv_ops, depthwise_conv_op, softmax_op,
    # bincount_op, scan_ops
    *("Abs", "AddV2", "All", "Any", "ArgMax", "BatchMatMulV2", "BiasAdd", "Cast", "Conv2D"),
    *("DepthwiseConv2dNative", "SquaredDifference"),  # of mixers
    *("Cumsum", "DenseBincount", "DivNoNan", "Equal", "FloorDiv", "Greater", "GreaterEqual"),
    *("IsFinite", "IsNan", "Less", "LessEqual", "LogicalAnd", "LogicalNot", "LogicalOr"),
    *("MatMul", "Max", "Maximum", "Mean", "Minimum", "Mul", "Neg", "NotEqual", "Prod"),
    *("RealDiv", "Relu", "Round", "Rsqrt", "Select", "SelectV2", "Sigmoid", "Softmax"),
    *("Sqrt", "Square", "Sub", "Sum", "Tanh", "UnsortedSegmentSum"),
    # Of drawings and localizers: the same, list_kernels, avgpooling_op, bitwise_ops, pad_op,
    # roll_op, scatter_nd_op, searchsorted_op, segment_reduction_ops, slice_op
    *("AvgPool", "Ceil", "Floor", "FloorMod", "LeftShift", "Log", "Min", "PadV2", "RightShift"),
    *("Roll", "SegmentMax", "SegmentMin", "Slice", "TensorListConcatV2", "TensorScatterAdd"),
    *("TensorScatterUpdate", "UpperBound"),
}


def operations_of(folder):
    """Names of all operations in a SavedModel, its functions included."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (graph,) = [meta.graph_def for meta in saved.meta_graphs]
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    functions = {function.signature.name for function in graph.library.function}
    return {node.op for node in nodes} - functions
