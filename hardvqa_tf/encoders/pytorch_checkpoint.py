"""Reads the checkpoints that PyTorch's users publish, and puts them into a Keras model.

A checkpoint is a dictionary of names and tensors. Every weight of the model must be in it, with
its shape, and every tensor must find its weight; else nothing is loaded and the error names
what does not fit. Files are read without running code that they may contain: PyTorch's pickles
by `torch.load(weights_only=True)` alone (needs `torch`), .safetensors by `safetensors`.
"""

import argparse
import pathlib
import pickle

import keras
import numpy as np

from hardvqa_tf import layers

# Where training scripts put the weights among the other things that they save.
SECTIONS = ("model", "state_dict")
# Counts batches in training; Keras has no use for it.
COUNTER = "num_batches_tracked"
MOST_NAMES = 6  # that an error lists


def load_checkpoint(model, path, modules_of, leaves_out=None, may_lack=()):
    """Loads a PyTorch checkpoint into a Keras model.

    Args:
        model: a functional `keras.Model`.
        path: of a .safetensors file, or of one that `torch.save` wrote.
        modules_of, leaves_out, may_lack: see `assign`.

    Raises:
        ValueError: if the file cannot be read safely, or names or shapes do not fit.
        ImportError: without the package that reads such files.
    """
    try:
        assign(model, read_checkpoint(path), modules_of, leaves_out, may_lack)
    except CheckpointMismatch as error:
        raise ValueError(f"{path} does not fit the model {model.name}. {error}") from None


class CheckpointMismatch(ValueError):
    """Names or shapes of a checkpoint are not the model's."""


def read_checkpoint(path):
    """Reads names and tensors: {str: np.ndarray}."""
    if pathlib.Path(path).exists() and not pathlib.Path(path).is_file():
        raise ValueError(f"{path} is not a regular file. Give the path of a checkpoint.")
    if pathlib.Path(path).suffix == ".safetensors":
        return _read_safetensors(path)
    tensors = _read_torch(path)
    for section in SECTIONS:
        if isinstance(tensors, dict) and isinstance(tensors.get(section), dict):
            tensors = tensors[section]
    tensors = {} if not isinstance(tensors, dict) else tensors
    odd = [str(name) for name, value in tensors.items() if not hasattr(value, "numpy")]
    if odd or not tensors:
        raise ValueError(
            "A checkpoint must hold a dictionary of names and tensors, by itself or under "
            f"{' or '.join(map(repr, SECTIONS))}. Received: {path}, with "
            f"{_some(odd) if odd else 'no tensor'}. Save the model's state_dict()."
        )
    return {name: value.detach().float().cpu().numpy() for name, value in tensors.items()}


def _read_torch(path):
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"To read a PyTorch checkpoint, PyTorch is needed. Received: {path}. Install it "
            "(pip install torch), or convert the file to .safetensors elsewhere."
        ) from error
    try:
        # Training scripts store their parsed flags beside the weights: plain values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"{path} cannot be read without running code from it, or is damaged. Received: "
            f"{reason}. Expected: tensors, numbers and strings alone. If you trust it, load it "
            'where you may, and save its weights alone: torch.save(checkpoint["model"], path).'
        ) from error


def _read_safetensors(path):
    try:
        from safetensors import SafetensorError, numpy
    except ImportError as error:
        raise ImportError(
            f"To read .safetensors the package safetensors is needed. Received: {path}. "
            "Install it: pip install safetensors."
        ) from error
    try:
        return numpy.load_file(path)
    except (SafetensorError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read. Received: {error}. Expected: a .safetensors file of "
            "float32 or float16. If a copy was cut off, copy it again."
        ) from error


def assign(model, tensors, modules_of, leaves_out=None, may_lack=()):
    """Copies every tensor to its weight; all or nothing.

    Args:
        model: a functional `keras.Model`.
        tensors: {name: np.ndarray} in PyTorch's layout.
        modules_of: function from the name of a layer to the names that its module may have in
            the checkpoint (list of str); the first that is there counts. "": the checkpoint
            is of that layer alone.
        leaves_out: function from the name of a tensor to whether the model has no such part,
            e.g. a head. None: it has all.
        may_lack: names of layers that keep their values where the checkpoint lacks them.

    Raises:
        CheckpointMismatch: naming what does not fit.
    """
    found, missing, wrong, used = [], [], [], set()
    for layer in model.layers:
        leaves = list(_leaves(layer))
        if not leaves:
            continue
        candidates = modules_of(layer.name)
        module = next((m for m in candidates if _is_there(m, tensors)), candidates[0])
        if layer.name in may_lack and not _is_there(module, tensors):
            continue
        for leaf, variable, turn in leaves:
            name = ".".join(part for part in (module, leaf) if part)
            if name not in tensors:
                missing.append(name)
                continue
            used.add(name)
            value = turn(tensors[name], variable.shape)
            if value is None:
                wrong.append(f"{name} {_shape(tensors[name])} for {_shape(variable)}")
            else:
                found.append((variable, value))
    over = [
        name
        for name in tensors
        if name not in used
        and not name.endswith(COUNTER)
        and not (leaves_out is not None and leaves_out(name))
    ]
    if missing or wrong or over:
        raise CheckpointMismatch(_explain(missing, wrong, over))
    for variable, value in found:
        variable.assign(value)


def _is_there(module, tensors):
    return any(name == module or name.startswith(f"{module}.") for name in tensors)


def _explain(missing, wrong, over):
    said = [
        f"{what}: {_some(names)}."
        for what, names in (
            ("It lacks", missing),
            ("Of another shape (its shape, then the model's)", wrong),
            ("It has what the model does not", over),
        )
        if names
    ]
    return (
        f"Received: {' '.join(said)} Expected: the authors' names and shapes, all of them. "
        "Build the variant, the heads and the number of classes that the checkpoint has."
    )


def _some(names):
    shown = ", ".join(names[:MOST_NAMES])
    rest = len(names) - MOST_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown


def _shape(tensor):
    return "x".join(map(str, tensor.shape)) or "a scalar"


def _leaves(layer):
    """(the tensor's name within its module, variable, how one becomes the other) of a layer."""
    if isinstance(layer, layers.EfficientAdditiveAttention):
        yield "w_g", layer.token_weight, _flat
        children = {"to_query": "query", "to_key": "key", "Proj": "projection", "final": "out"}
    elif isinstance(layer, layers.BiLevelRoutingAttention):
        children = {"qkv.qkv": "qkv", "wo": "out", "lepe": "local"}
    elif isinstance(layer, layers.FullAttention):
        children = {"qkv": "qkv", "proj": "out", "lepe": "local"}
    else:
        yield from _plain_leaves(layer)
        return
    for module, attribute in children.items():
        child = getattr(layer, attribute)
        if child is not None:
            for leaf, variable, turn in _plain_leaves(child):
                yield f"{module}.{leaf}", variable, turn


def _plain_leaves(layer):
    if isinstance(layer, layers.LayerScale):
        yield "", layer.factor, _flat
    elif isinstance(layer, (keras.layers.BatchNormalization, keras.layers.LayerNormalization)):
        yield "weight", layer.gamma, _same
        yield "bias", layer.beta, _same
        if isinstance(layer, keras.layers.BatchNormalization):
            yield "running_mean", layer.moving_mean, _same
            yield "running_var", layer.moving_variance, _same
    elif isinstance(layer, (keras.layers.Dense, keras.layers.Conv2D)):
        yield "weight", layer.kernel, _turned_kernel
        if layer.use_bias:
            yield "bias", layer.bias, _same
    elif isinstance(layer, keras.layers.DepthwiseConv2D):
        yield "weight", layer.kernel, _depthwise_kernel
        if layer.use_bias:
            yield "bias", layer.bias, _same
    elif layer.weights:
        raise TypeError(f"No PyTorch counterpart is known of the layer {layer.name} ({layer}).")


def _same(value, shape):
    return value if value.shape == tuple(shape) else None


def _flat(value, shape):
    """(D, 1) or (D, 1, 1) -> (D,)."""
    return value.reshape(-1) if value.shape[0] == value.size == shape[0] else None


def _turned_kernel(value, shape):
    """Linear (out, in) -> (in, out); convolution (out, in, H, W) -> (H, W, in, out)."""
    if value.ndim not in (2, 4):
        return None
    return _same(value.T if value.ndim == 2 else np.transpose(value, (2, 3, 1, 0)), shape)


def _depthwise_kernel(value, shape):
    """(D, 1, H, W) -> (H, W, D, 1)."""
    return _same(np.transpose(value, (2, 3, 0, 1)), shape) if value.ndim == 4 else None
