"""Floating-point operations of a TensorFlow function, counted in its traced graph.

As `operations`, but for any model: the matrix products and convolutions that the graph holds,
of the way forward and, where the function trains, of the way back. A product of [m, k] and
[k, n] is 2mkn operations. What works on each number once is left out, and so are gathers.
Nothing is computed: the function is traced, from which all shapes are known.
"""

import math


def count(function, *arguments):
    """The operations of one call.

    Args:
        function: a `tf.function`.
        arguments: of the call, tensors with the sizes to count for.

    Returns:
        {kind of the graph's operation: floating-point operations}.

    Raises:
        ValueError: if a shape is not known, or the graph holds loops, calls of other graphs
            or products that are not counted here: the sum would be too small.
    """
    found = {}
    for operation in _needed(function.get_concrete_function(*arguments).graph):
        kind = operation.type
        if kind in _NOT_COUNTED:
            raise ValueError(
                f"{operation.name}: what {kind} computes is not counted, so that the sum would "
                "be too small. Count a function without it, or add it to _COUNTS."
            )
        if kind in _COUNTS:
            found[kind] = found.get(kind, 0) + 2 * _COUNTS[kind](operation)
    return found


def _needed(graph):
    """The operations that outputs and changes of variables come from.

    A gradient's function also makes those towards data, which nothing reads and no step runs.
    """
    waiting = [tensor.op for tensor in graph.outputs] + [*graph.control_outputs]
    found = {}
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [tensor.op for tensor in operation.inputs] + operation.control_inputs
    return found.values()


def _product(operation, transposed):
    """Multiplications of `MatMul` and its like: each number of the output has k of them."""
    first = _shape(operation, operation.inputs[0])
    return (
        math.prod(_shape(operation, operation.outputs[0]))
        * first[-2 if operation.get_attr(transposed) else -1]
    )


def _convolution(operation):
    h, w, inputs, _ = _shape(operation, operation.inputs[1])
    return math.prod(_shape(operation, operation.outputs[0])) * h * w * inputs


def _to_its_input(operation):
    """As many as of the way forward, whose output has the shape of the gradient."""
    h, w, inputs, _ = _shape(operation, operation.inputs[1])
    return math.prod(_shape(operation, operation.inputs[2])) * h * w * inputs


def _to_its_kernel(operation):
    h, w, inputs, _ = _shape(operation, operation.outputs[0])
    return math.prod(_shape(operation, operation.inputs[2])) * h * w * inputs


def _depthwise(operation):
    h, w, _, _ = _shape(operation, operation.inputs[1])
    return math.prod(_shape(operation, operation.outputs[0])) * h * w


def _depthwise_to_its_input(operation):
    h, w, _, _ = _shape(operation, operation.inputs[1])
    return math.prod(_shape(operation, operation.inputs[2])) * h * w


def _depthwise_to_its_kernel(operation):
    h, w, _, _ = _shape(operation, operation.outputs[0])
    return math.prod(_shape(operation, operation.inputs[2])) * h * w


_COUNTS = {
    "MatMul": lambda operation: _product(operation, "transpose_a"),
    "BatchMatMul": lambda operation: _product(operation, "adj_x"),
    "BatchMatMulV2": lambda operation: _product(operation, "adj_x"),
    "BatchMatMulV3": lambda operation: _product(operation, "adj_x"),
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _to_its_input,
    "Conv2DBackpropFilter": _to_its_kernel,
    "DepthwiseConv2dNative": _depthwise,
    "DepthwiseConv2dNativeBackpropInput": _depthwise_to_its_input,
    "DepthwiseConv2dNativeBackpropFilter": _depthwise_to_its_kernel,
}
_NOT_COUNTED = {"PartitionedCall", "StatefulPartitionedCall", "If", "StatelessIf", "While"}
_NOT_COUNTED |= {"StatelessWhile", "Case", "StatelessCase", "Einsum", "Conv3D"}


def _shape(operation, tensor):
    if not tensor.shape.is_fully_defined():
        raise ValueError(
            f"{operation.name}: the shape {tensor.shape} is not known from the arguments' "
            "sizes. Give the function tensors whose shapes are known."
        )
    return tensor.shape.as_list()
