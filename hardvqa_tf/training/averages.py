"""A moving average of the weights: what a run evaluates and saves, if its config says so.

The average of the last steps' weights is less noisy than the weights of any one of them. It
starts short, so that it does not remember the initial weights: after t steps the decay is
min(decay, (1 + t) / (10 + t)), as `tf.train.ExponentialMovingAverage` has it.
"""

import contextlib

import tensorflow as tf


class WeightAverage:
    """Keeps the average beside the weights, on every device.

    Args:
      strategy: the `tf.distribute.Strategy` in whose scope the model was made.
      model: built Keras model; the moving statistics of its batch normalisation are averaged
        like the weights, so that they belong to them.
      decay: of the average a step, in [0, 1), e.g. 0.999 for the last thousand steps or so.

    Attributes:
      variables: the averages, for a checkpoint.

    Raises:
      ValueError: if the decay is not in [0, 1).
    """

    def __init__(self, strategy, model, decay):
        if not 0 <= decay < 1:
            raise ValueError(
                "A moving average's decay must be in [0, 1). Received: train.ema_decay="
                f"{decay}. Use e.g. 0.999, or 0 for none."
            )
        self._strategy, self._decay = strategy, decay
        # Not the integer states of random generators.
        self._weights = [
            v.value for v in model.variables if v.dtype in ("float32", "bfloat16", "float16")
        ]
        with strategy.scope():
            self.variables = [tf.Variable(w, trainable=False) for w in self._weights]

    def update(self, step):
        """To be called after training step `step`, counted from 0, outside of the replicas."""
        step = tf.cast(step, tf.float32)
        keep = tf.minimum(self._decay, (1.0 + step) / (10.0 + step))

        def move(average, weight):
            return average.assign_sub((1.0 - keep) * (average - weight))

        for average, weight in zip(self.variables, self._weights, strict=True):
            self._strategy.extended.update(average, move, args=(weight,))

    @contextlib.contextmanager
    def in_place(self):
        """Within this context the model has the averaged weights."""
        kept = [weight.numpy() for weight in self._weights]
        try:
            _assign(self._weights, [average.numpy() for average in self.variables])
            yield
        finally:
            _assign(self._weights, kept)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
