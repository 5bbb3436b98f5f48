"""A run's state on disk: enough to go on as if it had never stopped.

Weights, optimizer, and the state of every random generator (dropout's, which neither
`.keras` nor `.weights.h5` files hold in Keras 3.15), together with the epoch, the steps done of
the one that runs and their sums, and the best accuracy so far. The order of the data needs no
state: it is a function of seed, epoch and step.
"""

import os

import tensorflow as tf


class RunState:
    """Saves and restores a run, in `<workdir>/checkpoints`.

    Args:
      workdir: folder of the run.
      model: built Keras model.
      optimizer: built Keras optimizer.
      sum_names: what is summed over the steps of an epoch.

    Attributes:
      epoch: epochs that are done.
      step: steps that are done of the next one; `sums`, {name: float32 scalar} over them.
      best: best validation accuracy so far, -1 before the first.
      best_epoch: the epoch that reached it.
    """

    def __init__(self, workdir, model, optimizer, sum_names=()):
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._sums = {name: tf.Variable(0.0, trainable=False) for name in sum_names}
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._best = tf.Variable(-1.0, dtype=tf.float64, trainable=False)
        self._best_epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        variables = [v.value for v in [*model.variables, *optimizer.variables]]
        checkpoint = tf.train.Checkpoint(
            variables=variables,
            step=self._step,
            sums=self._sums,
            epoch=self._epoch,
            best=self._best,
            best_epoch=self._best_epoch,
        )
        folder = os.path.join(workdir, "checkpoints")
        self._manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=2)
        self._checkpoint = checkpoint

    @property
    def epoch(self):
        return int(self._epoch.numpy())

    @property
    def step(self):
        return int(self._step.numpy())

    @property
    def sums(self):
        return {name: variable.value() for name, variable in self._sums.items()}

    @property
    def best(self):
        return float(self._best.numpy())

    @property
    def best_epoch(self):
        return int(self._best_epoch.numpy())

    def restore(self):
        """Restores the newest checkpoint, if there is one."""
        if self._manager.latest_checkpoint:
            self._checkpoint.restore(self._manager.latest_checkpoint).assert_consumed()

    def finish_epoch(self, accuracy):
        """Counts the epoch as done; True if it is the best one so far."""
        self._epoch.assign_add(1)
        self._set_steps(0, dict.fromkeys(self._sums, 0.0))
        is_best = accuracy > self.best
        if is_best:
            self._best.assign(accuracy)
            self._best_epoch.assign(self._epoch)
        return is_best

    def save(self):
        self._manager.save()

    def save_within_epoch(self, step, sums):
        """Saves after `step` steps of an epoch, whose sums so far are `sums`."""
        self._set_steps(step, sums)
        self.save()

    def _set_steps(self, step, sums):
        self._step.assign(step)
        for name, variable in self._sums.items():
            variable.assign(sums[name])
