"""The stages of an encoder: its layers once more, on other inputs, and in parts.

An encoder is a functional model, whose layers can be called again: on drawings after images, or
from the middle on, with something in between.

Letters: B images, H W pixels or cells, D width.
"""

import keras
import numpy as np


def encode(encoder, inputs):
    """Calls an encoder's layers on another input, with the weights that they have.

    As `encoder(inputs)`, but layer by layer, so that the layers become those of the model that
    is built; and of any height and width that its layers take.

    Args:
        encoder: a functional `keras.Model` of one input and one output.
        inputs: symbolic float[B, H, W, D].
    """
    return _call_between(encoder.inputs[0], encoder.outputs[0], inputs)


def stages_of(encoder):
    """An encoder in parts, one for each size of its maps after the first.

    Args:
        encoder: a functional `keras.Model` of one input and one output.

    Returns:
        list of functions, each from a symbolic float[B, H, W, D] to the next: first the stem,
        up to the last map of the first size that is not the image's, then the stages. Called
        one after the other they are `encode`.

    Raises:
        ValueError: for an encoder of one size only.
    """
    encoder = unnested(encoder)
    image, output = encoder.inputs[0], encoder.outputs[0]
    size, ends = image.shape[1:3], []  # the last of each size that all paths go through
    for tensor in _bottlenecks(image, output):
        now = tensor.shape[1:3]
        if len(tensor.shape) != 4 or max(np.subtract(now, size)) > 0:
            continue  # padded: no size of its own
        if now == size and ends:
            ends[-1] = tensor
        elif now != size:
            size = now
            ends.append(tensor)
    if len(ends) < 2 or ends[-1] is not output:
        raise ValueError(
            f"The encoder {encoder.name} has no stages to guide: its maps are of "
            f"{len(ends)} sizes. Use guidance 'last' and no pyramid, or an encoder that halves "
            "its maps twice."
        )

    def stage(start, end):
        return lambda inputs: _call_between(start, end, inputs)

    return [stage(start, end) for start, end in zip([image, *ends], ends)]


def unnested(encoder):
    """An encoder without models within it: the same layers, called one by one.

    Args:
        encoder: a functional `keras.Model` of one input and one output.
    """
    nodes = _nodes_between(encoder.inputs[0], encoder.outputs[0])
    if not any(isinstance(node.operation, keras.Model) for node in nodes):
        return encoder
    image = keras.Input(encoder.inputs[0].shape[1:], name=encoder.inputs[0].name)
    output = _call_between(encoder.inputs[0], encoder.outputs[0], image, within_models=True)
    return keras.Model(image, output, name=encoder.name)


def _call_between(start, end, inputs, within_models=False):
    """What `end` is where `start` is `inputs`; `within_models`: models by their layers."""
    known = {id(start): inputs}
    for node in _nodes_between(start, end):
        arguments, keywords = node.arguments.fill_in(known)
        operation = node.operation
        if within_models and isinstance(operation, keras.Model):
            (given,), (own,), (made,) = arguments, operation.inputs, operation.outputs
            outputs = [_call_between(own, made, given, within_models)]
        else:
            outputs = keras.tree.flatten(operation(*arguments, **keywords))
        known |= {id(old): new for old, new in zip(node.outputs, outputs, strict=True)}
    return known[id(end)]


def _nodes_between(start, end):
    """The calls that lead from one tensor to another, in an order in which they can be made."""
    done, seen, stack = [], {id(start)}, [end]
    while stack:
        tensor = stack[-1]
        node = _node_of(tensor)
        missing = [t for t in node.input_tensors if id(t) not in seen]
        if id(tensor) in seen or not missing:
            stack.pop()
            if id(tensor) not in seen:
                done.append(node)
                seen |= {id(t) for t in node.outputs}
        else:
            stack += missing
    return done


def _bottlenecks(start, end):
    """The tensors that every path goes through, in order."""
    nodes = _nodes_between(start, end)
    last_use = {id(end): len(nodes)}
    for number, node in enumerate(nodes):
        last_use |= {id(tensor): number for tensor in node.input_tensors}
    open_until = last_use[id(start)]  # by when all that was made before is used
    for number, node in enumerate(nodes):
        tensor = node.outputs[0]
        if len(node.outputs) == 1 and open_until <= number:
            yield tensor
        open_until = max(open_until, *(last_use.get(id(t), 0) for t in node.outputs), 0)


def _node_of(tensor):
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]
