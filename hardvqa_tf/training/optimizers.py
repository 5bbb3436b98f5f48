"""The optimizer of a run, and the precision that its layers compute in."""

import contextlib

import keras

from hardvqa_tf.training import schedules


def make_optimizer(config, steps_per_epoch):
    """Adam with the schedule of `config`, the train section of a config."""
    total = config.epochs * steps_per_epoch
    if config.schedule == "constant":
        rate = config.learning_rate
    elif config.schedule == "cosine":
        rate = schedules.WarmupCosine(config.learning_rate, config.warmup_steps, total)
    elif config.schedule == "slow_start":
        steps = max(1, round(config.epochs_per_doubling * steps_per_epoch))
        rate = schedules.SlowStart(config.start_rate, config.learning_rate, steps)
    else:
        raise ValueError(
            f"Unknown schedule. Received: train.schedule={config.schedule!r}. "
            "Use one of: constant, cosine, slow_start."
        )
    return keras.optimizers.Adam(rate, weight_decay=config.weight_decay or None)


@contextlib.contextmanager
def precision(name):
    """Layers that are made within this context compute in that precision.

    Args:
      name: "float32" or "mixed_bfloat16".
    """
    if name not in ("float32", "mixed_bfloat16"):
        raise ValueError(
            f"Unknown precision. Received: train.precision={name!r}. Use one of: float32, "
            "mixed_bfloat16 (float16 would need its loss scaled)."
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
