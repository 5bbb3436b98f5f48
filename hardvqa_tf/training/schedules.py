"""Learning-rate schedules: rate as a function of the step."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A straight rise to `peak` over `warmup_steps`, then a cosine down to zero.

    Args:
      peak: learning rate after the warm-up.
      warmup_steps: 0 starts at the peak.
      total_steps: where zero is reached.
    """

    def __init__(self, peak, warmup_steps, total_steps):
        self.peak, self.warmup_steps, self.total_steps = peak, warmup_steps, total_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rise = (step + 1.0) / max(1, self.warmup_steps)
        done = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        fall = 0.5 * (1.0 + ops.cos(math.pi * ops.clip(done, 0.0, 1.0)))
        return self.peak * ops.minimum(ops.minimum(rise, 1.0), fall)

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class SlowStart(keras.optimizers.schedules.LearningRateSchedule):
    """Doubles every `steps_per_doubling` from `start` up to `peak`.

    What relation networks on CLEVR need: re-implementations stayed near 65 % without it
    (mesnico/RelationNetworks-CLEVR: from 5e-6, doubled every 20 epochs, up to 5e-4).

    Args:
      start: learning rate at step 0.
      peak: never exceeded.
      steps_per_doubling: steps between two doublings.
    """

    def __init__(self, start, peak, steps_per_doubling):
        self.start, self.peak, self.steps_per_doubling = start, peak, steps_per_doubling

    def __call__(self, step):
        doublings = ops.floor(ops.cast(step, "float32") / self.steps_per_doubling)
        return ops.minimum(self.start * ops.power(2.0, doublings), self.peak)

    def get_config(self):
        return {
            "start": self.start,
            "peak": self.peak,
            "steps_per_doubling": self.steps_per_doubling,
        }
