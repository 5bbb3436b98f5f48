"""A run's state on disk: enough to go on as if it had never stopped.

Weights, optimizer, and the state of every random generator (dropout's, which neither
`.keras` nor `.weights.h5` files hold in Keras 3.15), together with the epoch and the best
accuracy so far. The order of the data needs no state: it is a function of seed and epoch.
"""

import os

import tensorflow as tf


class RunState:
    """Saves and restores a run, in `<workdir>/checkpoints`.

    Args:
      workdir: folder of the run.
      model: built Keras model.
      optimizer: built Keras optimizer.

    Attributes:
      epoch: epochs that are done.
      best: best validation accuracy so far, -1 before the first.
      best_epoch: the epoch that reached it.
    """

    def __init__(self, workdir, model, optimizer):
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._best = tf.Variable(-1.0, dtype=tf.float64, trainable=False)
        self._best_epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        variables = [v.value for v in [*model.variables, *optimizer.variables]]
        checkpoint = tf.train.Checkpoint(
            variables=variables, epoch=self._epoch, best=self._best, best_epoch=self._best_epoch
        )
        folder = os.path.join(workdir, "checkpoints")
        self._manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=2)
        self._checkpoint = checkpoint

    @property
    def epoch(self):
        return int(self._epoch.numpy())

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
        is_best = accuracy > self.best
        if is_best:
            self._best.assign(accuracy)
            self._best_epoch.assign(self._epoch)
        return is_best

    def save(self):
        self._manager.save(checkpoint_number=self.epoch)
