"""What happens in a training step, on one device or on many.

One step, several in one call, and which of them look at every cell.
"""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from hardvqa_tf.vqa.losses import sigmoid_cross_entropy, softmax_cross_entropy

# A name of `train.loss`: the loss, and the target of `VqaData` that it compares with.
LOSSES = {
    "softmax": (softmax_cross_entropy, "answers"),
    "softmax_sampled": (softmax_cross_entropy, "sampled_answers"),
    "sigmoid": (sigmoid_cross_entropy, "answer_scores"),
}


# What a step sums up over its questions; then the seconds of the steps and those of waiting for
# their input.
_OF_STEP = ("loss", "correct", "num_cells", "questions", "gradient_norm", "asked_to_stop")
SUMS = (*_OF_STEP, "seconds", "waited")


def make_train_step(
    strategy, model, optimizer, clip_norm=0.0, loss="softmax", average=None, jit_compile=False
):
    """Returns a function that takes a global batch, trains on it, and returns sums.

    The loss is the mean over the counted questions of the global batch, however they are spread
    over the devices: each replica divides its sum by the count of all replicas, gradients are
    summed over the replicas, and only then clipped. A gradient that is not finite counts as
    zero, so that the weights stay finite and can tell which question it came from.

    Args:
      strategy: the `tf.distribute.Strategy` whose scope made model and optimizer.
      model: from `build_vqa_model`.
      optimizer: Keras optimizer, without clipping of its own.
      clip_norm: upper limit of the global gradient norm; 0: none.
      loss: a name in LOSSES.
      average: `WeightAverage` to move after the step.
      jit_compile: compile the forward and backward pass with XLA; the model must have been
        built with `static_shapes`.

    Returns:
      step(batch, asked=0.0) -> float32[6], summed over the questions of the batch: loss,
      correct answers, cells looked at, questions; then the gradient's norm before clipping; and
      the sum of all machines' `asked`, a scalar tensor.
    """
    inputs = [tensor.name for tensor in model.inputs]
    variables = model.trainable_variables
    loss_of, target = pick_loss(loss)

    def forward_and_back(batch, all_questions):
        with tf.GradientTape() as tape:
            outputs = model({name: batch[name] for name in inputs}, training=True)
            losses = loss_of(outputs["logits"], batch[target])
            loss_sum = tf.reduce_sum(losses * batch["weights"])
            mean_loss = loss_sum / tf.maximum(all_questions, 1.0)
        # Dense, the word embedding's too: clipping and the all-reduce then treat all alike.
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(mean_loss, variables)]
        correct = _count(_right(outputs["logits"], batch["answers"]), batch["weights"])
        return gradients, loss_sum, correct, _count(outputs["num_cells"], batch["weights"])

    if jit_compile:
        forward_and_back = tf.function(forward_and_back, jit_compile=True)

    def replica_step(batch, asked):
        context = tf.distribute.get_replica_context()
        questions = tf.reduce_sum(batch["weights"])
        all_questions = context.all_reduce("SUM", questions)
        numeric = {name: v for name, v in batch.items() if v.dtype != tf.string}
        gradients, *sums = forward_and_back(numeric, all_questions)
        gradients = context.all_reduce("SUM", gradients)
        norm = tf.linalg.global_norm(gradients)
        if clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=norm)
        is_finite = tf.math.is_finite(norm)
        # Keras sums over the replicas once more: hand each its share.
        share = 1.0 / strategy.num_replicas_in_sync
        gradients = [tf.where(is_finite, g * share, tf.zeros_like(g)) for g in gradients]
        optimizer.apply(gradients, variables)
        return tf.stack([*sums, questions, norm * share, asked])

    @tf.function(reduce_retracing=True)
    def step(batch, asked=0.0):
        sums = strategy.run(replica_step, args=(batch, asked))
        if average:
            average.update(optimizer.iterations - 1)
        return strategy.reduce("SUM", sums, axis=None)

    return step


class TrainSteps:
    """The train steps of a run: the first ones look at every cell, the others select.

    A cell that is dropped gets no gradient, so a model that selects from the start can only
    learn from what its random norms happen to keep. After some steps with every cell, the
    norms tell what matters (docs/results.md), and few cells are enough. In those first steps
    a relation network sees each cell by itself, because all pairs of all cells are many.
    """

    def __init__(self, strategy, model, optimizer, config, average=None):
        self._attention = model.get_layer("attention")
        self._aggregator = model.get_layer("aggregator")
        selects = hasattr(self._attention, "keep_all")
        self._all_cells_steps = config.all_cells_steps if selects else 0
        self._per_call = max(1, config.steps_per_execution)
        # Two functions, because what an attention keeps is fixed when a function is traced.
        arguments = (config.clip_norm, config.loss, average, config.jit_compile)
        self._one, self._several = {}, {}
        for keep_all in (True, False):
            step = make_train_step(strategy, model, optimizer, *arguments)
            self._one[keep_all] = step
            self._several[keep_all] = _make_several(step)

    def trace(self, number, batch_spec):
        """Traces what step `number` will call, without a batch; one device, one step a call.

        Python and one core are busy with it for seconds, in which the other can read records.
        """
        if self._per_call == 1 and not tf.config.functions_run_eagerly():
            with self._cells_of_step(number) as keep_all:
                asked = tf.TensorSpec([], tf.float32)
                self._one[keep_all].get_concrete_function(batch_spec, asked)

    def __call__(self, number, batches, left, asked):
        """Trains on the next batches, the first as step `number` of the run.

        Args:
          number: counted from 0.
          batches: iterator.
          left: steps that the epoch has left, at least 1.
          asked: bool, whether this machine is asked to stop.

        Returns:
          float32[8], the sums named in SUMS; and the number of steps done.
        """
        count = min(left, self._per_call)
        if number < self._all_cells_steps:
            count = min(count, self._all_cells_steps - number)
        asked = tf.constant(float(asked))
        started = time.perf_counter()
        with self._cells_of_step(number) as keep_all:
            if count == 1:
                batch = next(batches)
                waited = time.perf_counter() - started
                sums = self._one[keep_all](batch, asked)
            else:
                sums, waited = self._several[keep_all](batches, tf.constant(count), asked)
        sums = np.asarray(sums)  # On a GPU this waits until it is done.
        times = [time.perf_counter() - started, float(waited)]
        return np.append(sums, times).astype(np.float32), count

    @contextlib.contextmanager
    def _cells_of_step(self, number):
        """Sets which cells step `number` looks at; gives True where it is all of them."""
        if number >= self._all_cells_steps:
            yield False
            return
        self._attention.keep_all = self._aggregator.alone = True
        try:
            yield True
        finally:
            self._attention.keep_all = self._aggregator.alone = False


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


def _make_several(step):
    """`step`, `count` times in one call: less to do for Python in between."""

    @tf.function(reduce_retracing=True)
    def several(batches, count, asked):
        sums, waited = tf.zeros([len(_OF_STEP)]), tf.zeros([], tf.float64)
        for _ in tf.range(count):
            with tf.control_dependencies([sums]):
                before = tf.timestamp()
            with tf.control_dependencies([before]):
                batch = next(batches)
            with tf.control_dependencies(tf.nest.flatten(batch, expand_composites=True)):
                waited += tf.timestamp() - before
            sums += step(batch, asked)
        return sums, waited

    return several


def pick_loss(name):
    if name not in LOSSES:
        raise ValueError(
            f"Unknown loss. Received: train.loss={name!r}. Use one of: {', '.join(LOSSES)}."
        )
    return LOSSES[name]


def _right(logits, answers):
    return tf.argmax(logits, -1, answers.dtype) == answers


def _count(values, weights):
    return tf.reduce_sum(tf.cast(values, tf.float32) * weights)
