"""What happens in a training step, on one device or on many; and several steps in one call.

What is trained, and what a step counts, is the task's business (`tasks`): here its score gives
sums by name, and its phases say how the first steps differ from the later ones.
"""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

# What a step adds to the sums of the task's score.
_OF_STEP = ("gradient_norm", "asked_to_stop")
# What a call of some steps adds: seconds of the steps, and those of waiting for their input.
_OF_CALL = ("seconds", "waited")


def names_of_sums(score):
    """What the steps of an epoch add up, in the order of the checkpoints that hold it."""
    return (*_names_of_step(score), *_OF_CALL)


def _names_of_step(score):
    return (*score.names, *_OF_STEP)


def make_train_step(
    strategy, model, optimizer, score, clip_norm=0.0, average=None, jit_compile=False
):
    """Returns a function that takes a global batch, trains on it, and returns sums.

    The loss is divided by the divisor of the global batch, e.g. the number of its items that
    count, however they are spread over the devices: each replica divides its sum by the divisor
    of all replicas, gradients are summed over the replicas, and only then clipped. A gradient
    that is not finite counts as zero, so that the weights stay finite and can tell which item
    it came from.

    Args:
      strategy: the `tf.distribute.Strategy` whose scope made model and optimizer.
      model: of the task.
      optimizer: Keras optimizer, without clipping of its own.
      score: of the task.
      clip_norm: upper limit of the global gradient norm; 0: none.
      average: `WeightAverage` to move after the step.
      jit_compile: compile the forward and backward pass with XLA; the model must have been
        built with `static_shapes`.

    Returns:
      step(batch, asked=0.0) -> dict of float32 scalars: the sums of the score over the batch;
      `gradient_norm`, before clipping; and `asked_to_stop`, the sum of all machines' `asked`, a
      scalar tensor.
    """
    names = _names_of_step(score)
    inputs = [tensor.name for tensor in model.inputs]
    variables = model.trainable_variables

    def forward_and_back(batch, divisor):
        with tf.GradientTape() as tape:
            outputs = model({name: batch[name] for name in inputs}, training=True)
            sums = score(outputs, batch)
            mean_loss = sums["loss"] / tf.maximum(divisor, 1.0)
        gradients = dense(tape.gradient(mean_loss, variables), variables)
        return gradients, sums

    if jit_compile:
        forward_and_back = tf.function(forward_and_back, jit_compile=True)

    def replica_step(batch, asked):
        context = tf.distribute.get_replica_context()
        divisor = context.all_reduce("SUM", score.divisor(batch))
        numeric = {name: v for name, v in batch.items() if v.dtype != tf.string}
        gradients, sums = forward_and_back(numeric, divisor)
        gradients = context.all_reduce("SUM", gradients)
        norm = tf.linalg.global_norm(gradients)
        if clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=norm)
        is_finite = tf.math.is_finite(norm)
        # Keras sums over the replicas once more: hand each its share.
        share = 1.0 / strategy.num_replicas_in_sync
        gradients = [tf.where(is_finite, g * share, tf.zeros_like(g)) for g in gradients]
        optimizer.apply(gradients, variables)
        sums = sums | {"gradient_norm": norm * share, "asked_to_stop": asked}
        # One tensor between devices, because each that is added up over them costs a round.
        return tf.stack([sums[name] for name in names])

    @tf.function(reduce_retracing=True)
    def step(batch, asked=0.0):
        sums = strategy.run(replica_step, args=(batch, asked))
        if average:
            average.update(optimizer.iterations - 1)
        total = strategy.reduce("SUM", sums, axis=None)
        return dict(zip(names, tf.unstack(total, len(names)), strict=True))

    return step


def dense(gradients, variables):
    """Gradients as tensors, an embedding's too: clipping and the all-reduce treat all alike.

    Zeros for a variable that the loss does not know, because it does not learn in this phase.
    """
    return [
        tf.zeros(v.shape, v.dtype) if g is None else tf.convert_to_tensor(g)
        for g, v in zip(gradients, variables, strict=True)
    ]


class _Phase(NamedTuple):
    """Steps before number `end` (None: all that are left), which run within `context()`.

    one, several: what trains on a batch, and on some; their own, because what a context sets is
    fixed when a function is traced.
    """

    end: int | None
    context: contextlib.AbstractContextManager
    one: tf.types.experimental.PolymorphicFunction
    several: tf.types.experimental.PolymorphicFunction


class TrainSteps:
    """The train steps of a run.

    Args:
      strategy, model, optimizer, score: see `make_train_step`.
      phases: of the task: (end, context) pairs, in order, the last without an end.
      config: the train section of a config.
      average: `WeightAverage` to move after each step.
    """

    def __init__(self, strategy, model, optimizer, score, phases, config, average=None):
        self._per_call = max(1, config.steps_per_execution)
        self._phases = []
        for end, context in phases:
            step = make_train_step(
                strategy, model, optimizer, score, config.clip_norm, average, config.jit_compile
            )
            several = _make_several(step, _names_of_step(score))
            self._phases.append(_Phase(end, context, step, several))

    def trace(self, number, batch_spec):
        """Traces what step `number` will call, without a batch; one device, one step a call.

        Python and one core are busy with it for seconds, in which the other can read records.
        """
        if self._per_call == 1 and not tf.config.functions_run_eagerly():
            phase = self._phase_of(number)
            with phase.context():
                asked = tf.TensorSpec([], tf.float32)
                phase.one.get_concrete_function(batch_spec, asked)

    def __call__(self, number, batches, left, asked):
        """Trains on the next batches, the first as step `number` of the run.

        Args:
          number: counted from 0.
          batches: iterator.
          left: steps that the epoch has left, at least 1.
          asked: bool, whether this machine is asked to stop.

        Returns:
          {name: float32} of `names_of_sums`; and the number of steps done.
        """
        phase, count = self._phase_of(number), min(left, self._per_call)
        if phase.end is not None:
            count = min(count, phase.end - number)
        asked = tf.constant(float(asked))
        started = time.perf_counter()
        with phase.context():
            if count == 1:
                batch = next(batches)
                waited = time.perf_counter() - started
                sums = phase.one(batch, asked)
            else:
                sums, waited = phase.several(batches, tf.constant(count), asked)
        # On a GPU this waits until it is done.
        sums = {name: np.float32(value) for name, value in sums.items()}
        seconds = np.float32(time.perf_counter() - started)
        return sums | {"seconds": seconds, "waited": np.float32(waited)}, count

    def _phase_of(self, number):
        return next(p for p in self._phases if p.end is None or number < p.end)


@contextlib.contextmanager
def asking_ahead(values):
    """Gives an iterator whose next value a thread asks for while the last one is used.

    For batches of one device only: asking for those of several, or of several machines, may
    begin collective operations, whose order a thread must not change.

    Args:
      values: iterator; none of its values is None.
    """

    def ask(thread):
        asked = thread.submit(next, values, None)
        while (value := asked.result()) is not None:
            asked = thread.submit(next, values, None)
            yield value

    with ThreadPoolExecutor(1, thread_name_prefix="asking_ahead") as thread:
        yield ask(thread)


def _make_several(step, names):
    """`step`, `count` times in one call: less to do for Python in between."""

    @tf.function(reduce_retracing=True)
    def several(batches, count, asked):
        sums = {name: tf.zeros([]) for name in names}
        waited = tf.zeros([], tf.float64)
        for _ in tf.range(count):
            with tf.control_dependencies(list(sums.values())):
                before = tf.timestamp()
            with tf.control_dependencies([before]):
                batch = next(batches)
            with tf.control_dependencies(tf.nest.flatten(batch, expand_composites=True)):
                waited += tf.timestamp() - before
            of_step = step(batch, asked)
            sums = {name: sums[name] + of_step[name] for name in names}
        return sums, waited

    return several
