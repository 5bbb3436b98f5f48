"""A signature of a SavedModel: what it takes, what it gives, and how it is called."""

import dataclasses

import numpy as np
import tensorflow as tf

from hardvqa_tf.serving.refusals import BadRows, Refusal

# Errors that lie in what the graph was given, not in the graph or the machine.
_CALLERS_ERRORS = (
    tf.errors.InvalidArgumentError,
    tf.errors.OutOfRangeError,
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.UnimplementedError,
)


@dataclasses.dataclass(frozen=True)
class Tensor:
    """Name, type and shape of an input or an output.

    Args:
      dtype: of NumPy; object for strings.
      shape: tuple of int or None, or None if the rank is unknown.
    """

    name: str
    dtype: np.dtype
    shape: tuple | None

    @classmethod
    def from_spec(cls, name, spec):
        shape = None if spec.shape.rank is None else tuple(spec.shape)
        return cls(name, np.dtype(spec.dtype.as_numpy_dtype), shape)

    @property
    def is_string(self):
        return self.dtype == object

    def has_batch_axis(self):
        return bool(self.shape) and self.shape[0] is None

    def __str__(self):
        dtype = "string" if self.is_string else self.dtype.name
        if self.shape is None:
            return f"{dtype}[...]"
        sizes = ["?" if size is None else str(size) for size in self.shape]
        if self.has_batch_axis():
            sizes[0] = "N"
        return f"{dtype}[{', '.join(sizes)}]"


class Signature:
    """Called with {input: array}, it returns {output: array}.

    Args:
      function: of the SavedModel.
      task: name of the model's task, or None where nothing says it.

    Attributes:
      inputs, outputs: {name: `Tensor`}.
      is_joinable: rows of several requests can run together, because every input and every
        output of known rank has a first axis of any size. A model whose outputs turn out not
        to follow its inputs loses this.
      gives_status: it says of each row what was wrong with it, as our models do.
      status_rank: 1 if it says so of a row, 2 if of each of a row's items.
    """

    def __init__(self, name, function, task=None):
        self.name, self.task = name, task
        self._function = function
        _, inputs = function.structured_input_signature
        self._specs = inputs
        self.inputs = {n: Tensor.from_spec(n, spec) for n, spec in sorted(inputs.items())}
        outputs = function.structured_outputs
        self.outputs = {n: Tensor.from_spec(n, spec) for n, spec in sorted(outputs.items())}
        tensors = [t for t in self.outputs.values() if t.shape is not None]
        tensors += self.inputs.values()
        self.is_joinable = bool(self.inputs) and all(t.has_batch_axis() for t in tensors)
        status = self.outputs.get("status")
        self.gives_status = self.is_joinable and status is not None and status.is_string
        self.status_rank = len(status.shape) if self.gives_status and status.shape else 1

    def __call__(self, columns):
        """Runs the graph.

        Raises:
          BadRows: the graph refuses what it was given.
          Refusal: 503, the machine's memory does not suffice.
        """
        inputs = {
            name: tf.constant(columns[name], spec.dtype) for name, spec in self._specs.items()
        }
        try:
            outputs = self._function(**inputs)
        except _CALLERS_ERRORS as error:
            raise BadRows(_first_line(error)) from None
        except tf.errors.ResourceExhaustedError:
            raise Refusal(
                503,
                "There is not enough memory for this request now. Send fewer rows, or again.",
                {"Retry-After": "5"},
            ) from None
        return {name: _to_array(value) for name, value in outputs.items()}


def _to_array(tensor):
    value = tensor.numpy()
    return np.asarray(value, object) if isinstance(value, bytes) else np.asarray(value)


def _first_line(error, length=300):
    # The message goes on with the graph's nodes, which tell a caller nothing.
    line = next((line for line in error.message.splitlines() if line.strip()), "no reason")
    return f"the model cannot take it: {line.strip()[:length]}"
