"""Training: one loop of our own around a Keras model, for one device and for several.

Ended at any moment, the same command goes on, to the same weights to the last bit: from the
last checkpoint after SIGKILL or a power failure, from the step that was running after SIGTERM
and Ctrl-C, which save first.

`fit()` in Keras 3.15 clips gradients before the all-reduce, repeats an interrupted epoch and
fails with several steps per execution under a mirrored strategy; the model stays one that
`fit()` accepts. A run leaves in its workdir:

    checkpoints/    the newest states; the same command goes on from there
    logs/           TensorBoard
    and the files of `runs`: config.json, the task's assets, model.keras, metrics.jsonl

What is trained is the task's business, which is known by the names in `tasks` alone.
"""

import contextlib
import os
import time

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from hardvqa_tf import epochs
from hardvqa_tf.configs.table import values
from hardvqa_tf.data.identity import identity_of
from hardvqa_tf.data.shares import OneBatch
from hardvqa_tf.runs import (
    append_metrics,
    check_best_model,
    check_run,
    forgotten_if_untrained,
    has_checkpoints,
    has_epochs_left,
    save_model,
    start_run,
)
from hardvqa_tf.stopping import LostPeer, on_signal
from hardvqa_tf.tasks import task_of
from hardvqa_tf.training import strategies
from hardvqa_tf.training.averages import WeightAverage
from hardvqa_tf.training.board import Board
from hardvqa_tf.training.checkpoints import RunState
from hardvqa_tf.training.lines import describe_run, format_epoch
from hardvqa_tf.training.not_finite import (
    check_finite_metrics,
    check_finite_weights,
    not_finite_error,
)
from hardvqa_tf.training.optimizers import make_optimizer, precision
from hardvqa_tf.training.saver import AskedToStop, Saver
from hardvqa_tf.training.steps import TrainSteps, asking_ahead, names_of_sums
from records.build import read_info
from records.damage import cause_of, naming_damage
from records.folder import shard_paths


def train_model(config, workdir, num_virtual_devices=None, report=print, progress=False):
    """Trains a model, or goes on with a run that stopped.

    On several machines (`strategies`) each calls it with the same arguments, and one of them,
    the chief, writes the workdir, which all read.

    Args:
      config: `ConfigDict` with the keys of configs/base.py.
      workdir: folder of the run; made if missing.
      num_virtual_devices: see `strategies.make_strategy`.
      report: called with each line that the user should see.
      progress: show a bar while an epoch runs.

    Returns:
      The metrics of the last epoch that ran here, a dict; empty if the run was done before.

    Raises:
      ValueError: for a value that cannot be; if the workdir holds a run with another config
        or of other records, naming what differs; if the split that chooses the best epoch is
        one to test on, or cannot choose; if records are damaged, naming the file; if the loss
        is not a number any more, naming what it came from.
      MemoryError: if model and batch do not fit into the memory of a device.
      OSError: if something cannot be written, naming the file.
      stopping.Stopped: after SIGTERM or Ctrl-C, when everything is saved.
      stopping.LostPeer: when another machine is gone. What is saved is the last checkpoint.
    """
    strategy = strategies.make_strategy(num_virtual_devices)  # Before TensorFlow starts.
    values.check(config)
    config = values.completed(config)
    _refuse_test_split(config)
    if config.train.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(config.seed)
    splits = {config.train.split, config.train.val_split}

    def shards():
        return [path for split in splits for path in shard_paths(config.records_dir, split)]

    try:
        is_chief = strategies.is_chief()
        with naming_damage(shards), forgotten_if_untrained(workdir, config, is_chief):
            return _Training(config, workdir, strategy, report, progress).run()
    except (tf.errors.ResourceExhaustedError, tf.errors.InvalidArgumentError) as error:
        if not _is_too_large(error):
            raise
        raise MemoryError(
            f"The memory is not enough for this model and batch ({cause_of(error)}). Use a "
            "smaller train.batch_size, or a smaller model."
        ) from error
    except _LOST_PEER as error:
        if strategies.num_hosts() == 1:
            raise
        raise LostPeer(
            "Another machine of this run is gone; what was saved last is kept. Start the same "
            f"command on all machines, and it goes on. ({str(error).splitlines()[0]})"
        ) from error


def _is_too_large(error):
    """Whether TensorFlow lacks memory, or numbers to count the elements of a tensor."""
    too_many = "more than 2**63 - 1 elements" in error.message
    return too_many or isinstance(error, tf.errors.ResourceExhaustedError)


# What collective operations raise when a peer is gone, in TensorFlow 2.21.
_LOST_PEER = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class _Training:
    """A run, from the records to the last epoch."""

    def __init__(self, config, workdir, strategy, report, progress):
        self.config, self.workdir, self.strategy = config, workdir, strategy
        self.task = task_of(config)
        self.is_chief = strategies.is_chief()
        self.report = report if self.is_chief else lambda line: None
        self.progress, self.board = progress and self.is_chief, None
        self.score = self.task.make_score(config)
        self.assets = self.task.assets_from_records(config)
        self.task.check_splits(config, self.assets)
        splits = (config.train.split, config.train.val_split)
        records = identity_of(config.records_dir, splits)
        check_run(workdir, config, self.assets, records)
        _refuse_to_compile_for_many(config, strategy)
        self.train_data = self._open_train_data()
        self.train_data.read_ahead()  # While the model is made.
        self.val_data = self.task.open_split(
            config, config.train.val_split, self.assets, with_ids=True
        )
        with strategy.scope(), precision(config.train.precision):
            shape = self.task.input_shape(config)
            self.model = self.task.build_model(
                config,
                self.assets,
                input_shape=shape,
                pretrained=not has_checkpoints(workdir),  # which have all weights
            )
            self.optimizer = make_optimizer(config.train, self.train_data.steps_per_epoch)
            self.optimizer.build(self.model.trainable_variables)
        self.gallery = self.task.open_gallery(self.model, self.val_data, self.assets, config)
        decay = config.train.ema_decay
        self.average = WeightAverage(strategy, self.model, decay) if decay else None
        names = names_of_sums(self.score)
        self.state = RunState(
            workdir, self.model, self.optimizer, names, self.average, self.is_chief
        )
        self.state.restore(self.report)
        check_best_model(workdir, self.state.best_epoch)
        for notice in self._notices():
            self.report(notice)
        _check_that_all_restored_the_same(strategy, self.state, workdir)
        if self.is_chief:
            start_run(workdir, config, self.assets, records, self.report)

    def _notices(self):
        if not self.state.epoch:
            return []
        name = self.task.BEST if self.state.best > 0 else None
        return epochs.notices(self.workdir, self.state.epoch, name)

    def run(self):
        self.report(self._describe())
        judge = self.task.Judge(
            self.model, self.config, self.assets, self.config.train.val_split
        )
        for line in judge.lines():
            self.report(line)
        with contextlib.ExitStack() as opened:
            if self.is_chief and self._has_epochs_left():
                logs = os.path.join(self.workdir, "logs")
                self.board = opened.enter_context(Board(logs, (self.task.BEST, "seconds")))
                self.board.config(self.config, self.state.epoch)
            return self._run_epochs(judge)

    def _run_epochs(self, judge):
        config, state, task = self.config, self.state, self.task
        steps = self._make_steps()
        metrics = {}
        saver = Saver(state, config.train.checkpoint_minutes)
        with on_signal(saver.ask):
            while self._has_epochs_left():
                metrics, sums = self._run_epoch(steps, saver)
                try:
                    with self._averaged(), saver.at_once():
                        check_finite_weights(self.model, state.epoch + 1)
                        # On every machine, so that all agree on which epoch is the best.
                        said = judge.ask(self.val_data)
                        metrics |= judge.values(said, self.val_data)
                        check_finite_metrics(metrics, state.epoch + 1)
                        if self.is_chief:
                            self._show(metrics)
                except AskedToStop:
                    saver.save_and_stop(self.train_data.steps_per_epoch, sums)
                metrics = {"epoch": state.epoch + 1, **metrics}
                state.finish_epoch(metrics.get(task.BEST, 0.0))
                state.save()  # A run that is killed before makes this epoch's files once more.
                in_words = task.format_metrics(metrics)
                self.report(format_epoch(metrics, config.train.epochs, task.ITEMS, in_words))
                saver.after_epoch()
        return metrics

    def _open_train_data(self, with_ids=False):
        data = self.task.open_split(
            self.config, self.config.train.split, self.assets, learns=True, with_ids=with_ids
        )
        return OneBatch(data) if self.config.train.overfit_one_batch else data

    def _describe(self):
        state, words = self.state, self.task.describe_model(self.config)
        devices = self.strategy.num_replicas_in_sync
        return describe_run(
            words, self.model.count_params(), self.train_data, devices, state.epoch, state.step
        )

    def _make_steps(self):
        train, phases = self.config.train, self.task.phases(self.model, self.config)
        steps = TrainSteps(
            self.strategy, self.model, self.optimizer, self.score, phases, train, self.average
        )
        if self._has_epochs_left() and self.strategy.num_replicas_in_sync == 1:
            # While the records are read; waiting for the first batch comes after.
            first = self.state.epoch * self.train_data.steps_per_epoch + self.state.step
            steps.trace(first, self.train_data.batch_spec)
        return steps

    def _run_epoch(self, steps, saver):
        """The epoch that the state is at, from the step that it is at, to the epoch's end.

        Returns:
          The epoch's metrics, and the sums they come from.
        """
        state, data = self.state, self.train_data
        epoch, done, sums = state.epoch, state.step, state.sums
        started = time.perf_counter()
        with self._bar(epoch, done) as bar, self._batches(epoch, done) as batches:
            waited = np.float32(time.perf_counter() - started)
            sums = _add(sums, {"seconds": waited, "waited": waited})
            while done < data.steps_per_epoch:
                first = epoch * data.steps_per_epoch + done
                left = data.steps_per_epoch - done
                of_steps, number = steps(first, batches, left, saver.asked)
                if not np.isfinite(of_steps["gradient_norm"]):
                    raise self._not_finite_error(epoch, done, number)
                sums = _add(sums, of_steps)
                done += number
                bar.update(number)
                saver.after_steps(done, sums, of_steps["asked_to_stop"] > 0)
        return self._metrics(sums), sums

    def _metrics(self, sums):
        """An epoch's metrics, from its sums."""
        sums = {name: float(value) for name, value in sums.items()}
        items, seconds = self.task.ITEMS, sums["seconds"]
        return {
            "seconds": seconds,
            f"{items}_per_second": sums[items] / seconds,
            "input_wait": sums["waited"] / seconds,
            **self.score.means(sums),
            "train/gradient_norm": sums["gradient_norm"] / self.train_data.steps_per_epoch,
            "learning_rate": self._learning_rate(),
        }

    def _bar(self, epoch, done):
        return tqdm(
            total=self.train_data.steps_per_epoch,
            initial=done,
            desc=f"epoch {epoch + 1}",
            leave=False,
            disable=not self.progress,
        )

    @contextlib.contextmanager
    def _batches(self, epoch, step):
        """Gives an iterator over the batches of an epoch, from a step on."""
        data = self.train_data
        batches = iter(
            self.strategy.distribute_datasets_from_function(
                lambda context: data.training_epoch(epoch, step, context)
            )
        )
        several = self.strategy.num_replicas_in_sync > 1
        if several or self.config.train.steps_per_execution > 1:
            yield batches
            return
        with asking_ahead(batches) as batches:
            yield batches

    def _show(self, metrics):
        """What an epoch leaves besides its checkpoint; the model, if it is the best one."""
        epoch = self.state.epoch + 1
        if metrics.get(self.task.BEST, 0.0) > self.state.best:
            save_model(self.workdir, self.model)
        append_metrics(self.workdir, {"epoch": epoch, **metrics})
        pictures, histograms = self.gallery.for_board()
        self.board.scalars(metrics, epoch)
        for name, of_name in pictures.items():
            self.board.pictures(name, of_name, epoch)
        for name, of_name in histograms.items():
            self.board.histogram(name, of_name, epoch)

    def _averaged(self):
        return self.average.in_place() if self.average else contextlib.nullcontext()

    def _has_epochs_left(self):
        state = self.state
        return has_epochs_left(self.config.train, state.epoch, state.best_epoch)

    def _learning_rate(self):
        return float(np.asarray(self.optimizer.learning_rate))

    def _not_finite_error(self, epoch, done, number):
        """Of the `number` steps after `done`: their batches are read again, with ids."""
        data = self._open_train_data(with_ids=True)
        batches = list(data.training_epoch(epoch, done).take(number))
        steps = f"step {done + 1:,}" if number == 1 else f"steps {done + 1:,}-{done + number:,}"
        where = (
            f"{steps} of epoch {epoch + 1}, at a learning rate of {self._learning_rate():.3g}"
        )
        items, item_id = self.task.ITEMS, self.task.ITEM_ID
        return not_finite_error(self.model, self.score, batches, items, item_id, where)


def _add(sums, more):
    """Sums by name; of what `more` does not name they stay."""
    return {name: value + more.get(name, np.float32(0)) for name, value in sums.items()}


def _refuse_test_split(config):
    """The epoch that is kept must not be chosen on what the result is reported on."""
    split = config.train.val_split
    if (
        split in read_info(config.records_dir)["test_splits"]
        and not config.train.select_on_test
    ):
        raise ValueError(
            f"The split {split!r} is for testing, and the best epoch would be chosen on it. "
            f"Received: train.val_split={split!r}. Use a split carved from the training data, "
            "such as 'val'; or, to compare with published numbers that were chosen so, add "
            "--config.train.select_on_test=True."
        )


def _check_that_all_restored_the_same(strategy, state, workdir):
    """The machines of a run must read the same checkpoint."""
    if strategies.num_hosts() == 1:
        return
    here = tf.constant([state.epoch, state.step], tf.float64)

    def add_up():
        return tf.distribute.get_replica_context().all_reduce("SUM", here)

    total = strategy.experimental_local_results(tf.function(strategy.run)(add_up))[0]
    if not np.array_equal(total, here * strategy.num_replicas_in_sync):
        raise ValueError(
            "The machines of this run restored different states. Received: epoch "
            f"{state.epoch} and {state.step} steps here, from {workdir}. Give all machines the "
            "same folder, on a disk that they share, as --workdir."
        )


def _refuse_to_compile_for_many(config, strategy):
    number = strategy.num_replicas_in_sync
    if config.train.jit_compile and number > 1:
        raise ValueError(
            "XLA compiles a step for one device only: within it, TensorFlow 2.21 cannot add up "
            f"over devices. Received: train.jit_compile=True on {number} devices. Leave it out."
        )
