"""The exported graph holds only operations that the stock TensorFlow Serving binary links.

That binary is not run here. What it links is in its own build file (tensorflow/serving,
tensorflow_serving/model_servers/BUILD, `server_lib`, read at 9d981c5c of 2026-07-30):

    @org_tensorflow//tensorflow/core:tensorflow        all of TensorFlow's core kernels
    @org_tensorflow_text//tensorflow_text:ops_lib      tensorflow-text's (version 2.20)
    and those of TensorFlow Decision Forests

The first is also what the TensorFlow wheel is made of. So an operation counts as linked if, in
a process that imported TensorFlow alone, it has a kernel for CPUs (or none, being rewritten into
others before anything runs) and does not come from what the wheel has beyond core: XLA, TPU,
TensorRT. Of tensorflow-text, the operations of the libraries that `ops_lib` lists count, by
name. Beyond that, each operation is typed out below: a new one fails the test until somebody
has looked at it.
"""

from tensorflow.core.protobuf import saved_model_pb2

# Of tensorflow-text, with the library within `ops_lib`.
TEXT = {
    "CaseFoldUTF8": "normalize_ops_cc",
    "NormalizeUTF8": "normalize_ops_cc",
    "RegexSplitWithOffsets": "regex_split_ops_cc",
}
CORE = set()


def operations_of(folder):
    """Names of all operations in a SavedModel, its functions included."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (graph,) = [meta.graph_def for meta in saved.meta_graphs]
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    functions = {function.signature.name for function in graph.library.function}
    return {node.op for node in nodes} - functions
