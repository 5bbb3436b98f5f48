"""The Keras model as one ONNX file, for runtimes without TensorFlow: pixels and tokens in.

What comes before the model, decoding an image and cutting a question into words, has no
counterpart in ONNX, and stays with the caller; docs/serving.md says how.

Letters: B images, Q questions per image, T question tokens, H W image or grid, D width of maps,
A answers.
"""

import contextlib
import logging
import os

import tensorflow as tf

from hardvqa_tf.runs import load_run
from hardvqa_tf.tasks import task_of
from hardvqa_tf.training.optimizers import precision

OPSET = 18
_LETTERS = {0: "B", 1: "Q", 2: "T", 4: "T"}  # of the axes whose size is not fixed


def export_onnx(workdir):
    """Writes `<workdir>/model.onnx`, beside and renamed when whole.

    Its inputs: `image` float32[B, H, W, 3] in [0, 1] (or `features` float16[B, H, W, D]) and
    `question_tokens` int32[B, Q, T]. Its outputs: `logits` float32[B, Q, A], `mask`
    [B, Q, H, W], `num_cells` int32[B, Q], `presence` float32[B, Q, H, W], and what a mixer
    looked at, see `build_vqa_model`.

    Returns:
      The file's path.

    Raises:
      ValueError: if there is no trained run, the converter is not installed, or it cannot
        convert the model.
    """
    run = load_run(workdir)
    _check_mixer(run.config.model.mixer)
    onnx, tf2onnx = _import_converter()
    model = static_model(run)
    picture = tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype, model.inputs[0].name)
    tokens = tf.TensorSpec([None, None, None], tf.int32, "question_tokens")

    def ask(picture_, tokens_):
        return model({picture.name: picture_, tokens.name: tokens_}, training=False)

    signature = [picture, tokens]
    with _quiet():
        graph = tf.function(ask, signature, autograph=False)
        converted, _ = tf2onnx.convert.from_function(graph, signature, opset=OPSET)
    _check(onnx, converted)
    for value in [*converted.graph.input, *converted.graph.output]:
        for axis, letter in _LETTERS.items():  # instead of made-up names
            dims = value.type.tensor_type.shape.dim
            if axis < len(dims) and not dims[axis].HasField("dim_value"):
                dims[axis].dim_param = letter
    path = os.path.join(workdir, "model.onnx")
    onnx.save(converted, path + ".partial")
    os.replace(path + ".partial", path)
    return path


def _check_mixer(mixer):
    # tf2onnx 1.17 reads the shape of the words' states before they are states of questions
    # again: the file it writes fails when it runs.
    if mixer == "query_guided":
        raise ValueError(
            "tf2onnx cannot convert a model with the mixer query_guided. Received: "
            f"model.mixer={mixer}. Use the SavedModel, --export_format=savedmodel."
        )


def static_model(run):
    """The same model, in float32, without tensors whose shape depends on what is in others.

    Such shapes are a matter of speed (`static_shapes` of `build_vqa_model`), and some of the
    operations that make them are unknown to ONNX.
    """
    shape = run.model.inputs[0].shape[1:]
    with precision("float32"):
        model = task_of(run.config).build_model(
            run.config,
            run.assets,
            input_shape=shape,
            static_shapes=True,
            pretrained=False,
        )
    trained = {variable.path: variable for variable in run.model.variables}
    for variable in model.variables:
        if "seed_generator" not in variable.path:  # what dropout draws from: numbered anew
            variable.assign(trained[variable.path])
    return model


def _import_converter():
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise ValueError(
            f"ONNX needs a converter that is not installed ({error}). Install it: pip install "
            "-r requirements-onnx.txt"
        ) from None
    return onnx, tf2onnx


def _check(onnx, converted):
    try:
        onnx.checker.check_model(converted, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ValueError(
            f"tf2onnx could not convert the model: {error}. Use the SavedModel, "
            "--export_format=savedmodel."
        ) from None


@contextlib.contextmanager
def _quiet():
    """tf2onnx saves the graph in a way that makes TensorFlow warn of what it does not need."""
    logger = tf.get_logger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
