"""One version of a model, loaded and warm."""

import dataclasses
import os

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  Its operations must be known before a graph with them loads.
from google.protobuf.json_format import MessageToDict
from tensorflow.core.protobuf import saved_model_pb2

from hardvqa_tf.serving import folders
from hardvqa_tf.serving.inputs import known_inputs
from hardvqa_tf.serving.refusals import BadRows
from hardvqa_tf.serving.signatures import Signature
from hardvqa_tf.tasks import TASKS, name_of_task, requests_of
from records.regular import read_regular

_MAX_EXAMPLE_BYTES = 4 * 2**20


class Servable:
    """A SavedModel that can be asked.

    Attributes:
      signatures: {name: `Signature`}.
      signature_defs: the same as TensorFlow Serving describes them, a dict for JSON.
      card: content of assets.extra/model.json, or None.
      task: name of the model's task by its card, or None if it has none.
      examples: list of `Example`s, those that the card names.
      users: requests that hold it.
    """

    def __init__(self, name, version, folder):
        self.name, self.version = name, version
        self.signature_defs = _read_signature_defs(folder)
        # Kept: the functions work only as long as the object lives.
        self._loaded = tf.saved_model.load(folder, tags=["serve"])
        self.card = folders.read_card(folder)
        self.task = None if self.card is None else name_of_task(self.card)
        self.signatures = {
            key: Signature(key, function, self.task)
            for key, function in self._loaded.signatures.items()
        }
        if not self.signatures:
            raise ValueError("The SavedModel has no signatures. Export it with one.")
        self.examples = _read_examples(self.card or {}, self.task, folder)
        self.users = 0
        self.warm_up()

    def warm_up(self):
        """Calls every signature once, so that the first request does not wait for it.

        Raises:
          Exception: one of our models fails; what goes wrong with another's may be because we
            do not know what it takes.
        """
        for signature in self.signatures.values():
            columns = _columns_to_try(signature, self.examples)
            try:
                if columns is not None:
                    signature(columns)
            except BadRows:
                if signature.gives_status:
                    raise


def _read_signature_defs(folder):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(read_regular(os.path.join(folder, "saved_model.pb")))
    graphs = [graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not graphs:
        raise ValueError("The SavedModel has no graph tagged `serve`. Export it for serving.")
    return {
        key: MessageToDict(
            definition,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for key, definition in graphs[0].signature_def.items()
    }


@dataclasses.dataclass(frozen=True)
class Example:
    """An image, and what each of its items is asked with where that is a file; all bytes."""

    image: bytes
    files: tuple


def _read_examples(card, task, folder):
    """What model.json names; all is kept in memory."""
    extra, examples = os.path.join(folder, folders.EXTRA), []
    files_of = requests_of(task).files_of_example if task in TASKS else lambda example: []
    for example in card.get("examples", []):
        if "image" in example:
            image, *files = (
                _read_example(os.path.join(extra, path), extra)
                for path in (example["image"], *files_of(example))
            )
            examples.append(Example(image, tuple(files)))
    return examples


def _read_example(path, extra):
    path, extra = os.path.realpath(path), os.path.realpath(extra)
    if not path.startswith(extra + os.sep):
        raise ValueError("model.json names an example outside its folder. Mend or remove it.")
    if os.path.getsize(path) > _MAX_EXAMPLE_BYTES:
        raise ValueError("model.json names an example of more than 4 MiB. Make it smaller.")
    return read_regular(path)


def _columns_to_try(signature, examples):
    """One row of whatever the signature takes, or None if we cannot know what."""
    columns, known = {}, known_inputs(signature)
    for name, tensor in signature.inputs.items():
        if tensor.shape is None or tensor.dtype.kind not in "biufO":
            return None
        shape = [1 if size is None else size for size in tensor.shape]
        if tensor.is_string and not signature.gives_status:
            return None
        if tensor.is_string:
            columns[name] = np.full(shape, _bytes_to_try(known.get(name), examples), object)
        else:
            columns[name] = np.zeros(shape, tensor.dtype)
    return columns


def _bytes_to_try(known, examples):
    if known is None:
        return b""
    return examples[0].image if examples and known.is_remembered else known.example()
