"""A run's state on disk: enough to go on as if it had never stopped.

Weights, optimizer, and the state of every random generator (dropout's, which neither
`.keras` nor `.weights.h5` files hold in Keras 3.15), together with the epoch, the steps done of
the one that runs and their sums, and the best value so far. The order of the data needs no
state: it is a function of seed, epoch and step.

A checkpoint that a full disk or a power failure left half-written is never used: each part of
its files has a checksum, and where one is wrong the checkpoint before is read.
"""

import glob
import os
import re

import tensorflow as tf

from hardvqa_tf.runs import checkpoint_paths
from records.damage import cause_of, what_is_wrong

# A line of TensorFlow's list of checkpoints.
_LINE = re.compile(
    r'(?:all_model_checkpoint_paths|(model_checkpoint_path)): "(?:[^"\\]|\\.)*"'
    r"|(?:all_model_checkpoint_timestamps|last_preserved_timestamp): -?[0-9]+[0-9.e+-]*"
)


class RunState:
    """Saves and restores a run, in `<workdir>/checkpoints`.

    Args:
      workdir: folder of the run.
      model: built Keras model.
      optimizer: built Keras optimizer.
      sum_names: of the numbers that are summed up over the steps of an epoch. They are stored
        as one vector in this order.
      average: `WeightAverage` of the model, if the run keeps one.
      writes: False on all machines but one, which then leave the folder as it is.

    Attributes:
      epoch: epochs that are done.
      step: steps that are done of the next one; `sums` over them, {name: float32}.
      best: the best value of an epoch so far, -1 before the first; greater is better.
      best_epoch: the epoch that reached it.
    """

    def __init__(self, workdir, model, optimizer, sum_names=(), average=None, writes=True):
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._sum_names = sum_names
        self._sums = tf.Variable(tf.zeros([len(sum_names)]), trainable=False)
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._best = tf.Variable(-1.0, dtype=tf.float64, trainable=False)
        self._best_epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        variables = [v.value for v in [*model.variables, *optimizer.variables]]
        self._checkpoint = tf.train.Checkpoint(
            variables=variables + (average.variables if average else []),
            step=self._step,
            sums=self._sums,
            epoch=self._epoch,
            best=self._best,
            best_epoch=self._best_epoch,
        )
        self._workdir, self._folder = workdir, os.path.join(workdir, "checkpoints")
        self._list = os.path.join(self._folder, "checkpoint")
        self._writes = writes
        self._manager = None  # opened by the first to save

    @property
    def epoch(self):
        return int(self._epoch.numpy())

    @property
    def step(self):
        return int(self._step.numpy())

    @property
    def sums(self):
        return dict(zip(self._sum_names, self._sums.numpy(), strict=True))

    @property
    def best(self):
        return float(self._best.numpy())

    @property
    def best_epoch(self):
        return int(self._best_epoch.numpy())

    def restore(self, report=print):
        """Restores the newest checkpoint that is whole, if there is any.

        Args:
          report: called with a line about each that is not, and about a damaged list of them.

        Raises:
          ValueError: if there are checkpoints, or a list of them, and none can be read.
        """
        paths = checkpoint_paths(self._workdir)
        if os.path.isdir(self._list):
            raise ValueError(f"{self._list} is a folder, not a file. Remove it.")
        wrong = self._wrong_with_list(paths)
        if wrong and not paths and os.path.exists(self._list):
            raise ValueError(
                f"{self._list} {wrong}, and no checkpoint is in {self._folder}. Copy the run's "
                f"folder again; or, to train from the start, remove {self._folder}."
            )
        for path in paths:
            try:
                self._checkpoint.restore(path).assert_consumed()
            except Exception as error:  # TensorFlow tells of damage in many ways.
                cause = str(error).partition("\n")[0]
                report(f"{path} is damaged and left out ({cause})")
                continue
            if wrong:
                report(
                    f"{self._list} {wrong}. The run resumes from {os.path.basename(path)}, "
                    "the newest checkpoint that is whole; the list is made again when the next "
                    "is saved."
                )
            return
        if paths:
            raise ValueError(
                f"None of the {len(paths)} checkpoints in {self._folder} can be read. "
                "Copy them again from where they are whole, or train again, into another "
                "--workdir."
            )

    def _wrong_with_list(self, paths):
        """What is wrong with the list of checkpoints, in words after its name, or None."""
        wrong = what_is_wrong(self._list)
        if wrong:
            return wrong
        newest = _newest_in_list(self._folder)
        if newest is None:
            return "is damaged: it is no list of checkpoints as TensorFlow writes it"
        if os.path.basename(newest) not in map(os.path.basename, paths):
            return f"names {os.path.basename(newest)}, of which the files are missing"
        return None

    def finish_epoch(self, value):
        """Counts the epoch as done; True if it is the best one so far."""
        self._epoch.assign_add(1)
        self._set_steps(0, dict.fromkeys(self._sum_names, 0.0))
        is_best = value > self.best
        if is_best:
            self._best.assign(value)
            self._best_epoch.assign(self._epoch)
        return is_best

    def save(self):
        """Writes a checkpoint; the two newest are kept.

        Raises:
          OSError: if it cannot be written, e.g. because the disk is full; what was saved before
            is still there.
        """
        if not self._writes:
            return
        try:
            self._manager = self._manager or self._open_manager()
            self._manager.save()
            self._remove_older()
        except tf.errors.OpError as error:
            raise OSError(
                f"The run's state cannot be written to {self._folder} ({cause_of(error)}). "
                "What was saved before is still there: make room, and the same command goes on "
                "from it."
            ) from error

    def _open_manager(self):
        """TensorFlow's list of checkpoints is for other programs; here their names are enough.

        Damaged, it would stop the manager, which can make it again (`restore` has told it).
        """
        if os.path.isfile(self._list) and _newest_in_list(self._folder) is None:
            os.remove(self._list)
        return tf.train.CheckpointManager(self._checkpoint, self._folder, max_to_keep=2)

    def _remove_older(self):
        """Those that a list which was lost would have had removed."""
        for path in checkpoint_paths(self._workdir)[2:]:
            for file in glob.glob(glob.escape(path) + ".*"):
                os.remove(file)

    def save_within_epoch(self, step, sums):
        """Saves after `step` steps of an epoch, whose sums so far are `sums`."""
        self._set_steps(step, sums)
        self.save()

    def _set_steps(self, step, sums):
        self._step.assign(step)
        self._sums.assign([sums[name] for name in self._sum_names])


def _newest_in_list(folder):
    """The path of the newest checkpoint that TensorFlow's list names; None if it is no list.

    Of one that it cannot read, TensorFlow would write lines of its own to the terminal.
    """
    if not _is_list(os.path.join(folder, "checkpoint")):
        return None
    try:
        state = tf.train.get_checkpoint_state(folder)
    except (ValueError, tf.errors.OpError):
        return None
    return state.model_checkpoint_path if state else None


def _is_list(path):
    """Whether a file is a list of checkpoints, line by line as TensorFlow writes it."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [_LINE.fullmatch(line.strip()) for line in file]
    except (OSError, UnicodeDecodeError):
        return False
    return all(lines) and sum(bool(line[1]) for line in lines) == 1
