"""The Keras model as one ONNX file, for runtimes without TensorFlow: numbers in, numbers out.

What comes before the model, decoding an image and, say, cutting a question into words, has no
counterpart in ONNX, and stays with the caller; docs/serving.md says how.
"""

import contextlib
import logging
import os

import tensorflow as tf

from hardvqa_tf.runs import load_run
from hardvqa_tf.tasks import check_exports, task_of
from hardvqa_tf.training.optimizers import precision
from hardvqa_tf.written import written

OPSET = 18


def export_onnx(workdir):
    """Writes `<workdir>/model.onnx`, beside and renamed when whole.

    Its inputs and outputs are those of the Keras model, by name: see the task's `build_model`.

    Returns:
      The file's path.

    Raises:
      ValueError: if there is no trained run, the converter is not installed, or it cannot
        convert the model.
    """
    run = load_run(workdir)
    check_exports(run.config, workdir)
    task = task_of(run.config)
    task.check_onnx(run.config)
    onnx, tf2onnx = _import_converter()
    model = static_model(run)
    signature = [tf.TensorSpec(x.shape, x.dtype, x.name) for x in model.inputs]

    def ask(*inputs):
        names = [spec.name for spec in signature]
        return model(dict(zip(names, inputs, strict=True)), training=False)

    with _quiet():
        graph = tf.function(ask, signature, autograph=False)
        converted, _ = tf2onnx.convert.from_function(graph, signature, opset=OPSET)
    _check(onnx, converted)
    for value in [*converted.graph.input, *converted.graph.output]:
        for axis, letter in task.ONNX_AXES.items():  # instead of made-up names
            dims = value.type.tensor_type.shape.dim
            if axis < len(dims) and not dims[axis].HasField("dim_value"):
                dims[axis].dim_param = letter
    path = os.path.join(workdir, "model.onnx")
    with written(path) as partial:
        onnx.save(converted, partial)
    return path


def static_model(run):
    """The same model, in float32, without tensors whose shape depends on what is in others.

    Such shapes are a matter of speed (`static_shapes` of the task's `build_model`), and some of
    the operations that make them are unknown to ONNX.
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
