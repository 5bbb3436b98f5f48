"""Training: one loop of our own around a Keras model, for one device and for several.

Ended at any moment, the same command goes on, to the same weights to the last bit: from the
last checkpoint after SIGKILL or a power failure, from the step that was running after SIGTERM
and Ctrl-C, which save first.

`fit()` in Keras 3.15 clips gradients before the all-reduce, repeats an interrupted epoch and
fails with several steps per execution under a mirrored strategy; the model stays one that
`fit()` accepts. A run leaves in its workdir:

    checkpoints/    the newest states; the same command goes on from there
    logs/           TensorBoard
    and the files of `runs`: config.json, vocabularies.json, model.keras, metrics.jsonl
"""

import contextlib
import os
import time

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from hardvqa_tf import evaluate
from hardvqa_tf.configs.table import values
from hardvqa_tf.data.shares import OneBatch
from hardvqa_tf.runs import (
    append_metrics,
    has_epochs_left,
    save_model,
    start_run,
)
from hardvqa_tf.stopping import LostPeer, on_signal
from hardvqa_tf.training import strategies
from hardvqa_tf.training.averages import WeightAverage
from hardvqa_tf.training.board import Board
from hardvqa_tf.training.checkpoints import RunState
from hardvqa_tf.training.not_finite import find_not_finite, list_ids
from hardvqa_tf.training.saver import AskedToStop, Saver
from hardvqa_tf.training.steps import SUMS, TrainSteps, asking_ahead, pick_loss
from hardvqa_tf.vqa.experiment import (
    make_optimizer,
    model_from_config,
    open_split,
    precision,
    size_of_inputs,
    vocabularies_from_config,
)
from hardvqa_tf.vqa.judging.metrics import accuracy_by_type, attention_statistics
from hardvqa_tf.vqa.judging.scoring import counted_coverage
from hardvqa_tf.vqa.pictures.gallery import Gallery
from records.build import read_info, read_vocabularies


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
      ValueError: for a value that cannot be; if the workdir holds a run with another config,
        naming the keys that differ; if the split that chooses the best epoch is one to test on;
        if the loss is not a number any more, naming the questions.
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
    try:
        return _Training(config, workdir, strategy, report, progress).run()
    except _LOST_PEER as error:
        if strategies.num_hosts() == 1:
            raise
        raise LostPeer(
            "Another machine of this run is gone; what was saved last is kept. Start the same "
            f"command on all machines, and it goes on. ({str(error).splitlines()[0]})"
        ) from error


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
        self.is_chief = strategies.is_chief()
        self.report = report if self.is_chief else lambda line: None
        self.progress, self.board = progress and self.is_chief, None
        self.vocabularies = vocabularies_from_config(config)
        start_run(workdir, config, self.vocabularies, write=self.is_chief)
        _, target = pick_loss(config.train.loss)
        _refuse_to_compile_for_many(config, strategy)
        self.train_data = open_split(
            config, config.train.split, self.vocabularies, target=target
        )
        if config.train.overfit_one_batch:
            self.train_data = OneBatch(self.train_data)
        else:
            self.train_data.read_ahead()  # While the model is made.
        self.val_data = open_split(
            config, config.train.val_split, self.vocabularies, with_strings=True
        )
        with strategy.scope(), precision(config.train.precision):
            self.model = model_from_config(config, self.vocabularies, size_of_inputs(config))
            self.optimizer = make_optimizer(config.train, self.train_data.steps_per_epoch)
            self.optimizer.build(self.model.trainable_variables)
        images = config.maps.image_records_dir
        self.gallery = Gallery(
            self.model, self.val_data, self.vocabularies, image_records_dir=images
        )
        decay = config.train.ema_decay
        self.average = WeightAverage(strategy, self.model, decay) if decay else None
        self.state = RunState(
            workdir, self.model, self.optimizer, len(SUMS), self.average, self.is_chief
        )
        self.state.restore(self.report)
        _check_that_all_restored_the_same(strategy, self.state, workdir)

    def run(self):
        config, state = self.config, self.state
        self.report(_describe(config, self.strategy, self.model, self.train_data, state))
        answers = self.vocabularies.answers.answers
        judge = evaluate.Judge(config, answers, config.records_dir, config.train.val_split)
        if judge.metric == "vqa":
            in_train = counted_coverage(
                answers, read_vocabularies(config.records_dir)["answers"]
            )
            in_val = judge.coverage()
            for split, shares in (("train", in_train), (config.train.val_split, in_val)):
                self.report(f"{split}: {evaluate.format_coverage(shares, len(answers))}")
        if self.is_chief and self._has_epochs_left():
            self.board = Board(os.path.join(self.workdir, "logs"))
            self.board.config(config, state.epoch)
        steps = TrainSteps(
            self.strategy, self.model, self.optimizer, config.train, self.average
        )
        if self._has_epochs_left() and self.strategy.num_replicas_in_sync == 1:
            # While the records are read; waiting for the first batch comes after.
            first = state.epoch * self.train_data.steps_per_epoch + state.step
            steps.trace(first, self.train_data.batch_spec)
        ask = evaluate.make_ask(self.model)
        metrics = {}
        saver = Saver(state, config.train.checkpoint_minutes)
        with on_signal(saver.ask):
            while self._has_epochs_left():
                metrics, sums = self._run_epoch(steps, saver)
                try:
                    with self._averaged(), saver.at_once():
                        metrics |= self._validate(judge, ask)
                        if self.is_chief:
                            self._show(metrics)
                except AskedToStop:
                    saver.save_and_stop(self.train_data.steps_per_epoch, sums)
                metrics = {"epoch": state.epoch + 1, **metrics}
                state.finish_epoch(metrics.get("val/all", 0.0))
                state.save()  # A run that is killed before makes this epoch's files once more.
                self.report(format_epoch(metrics, config.train.epochs))
                saver.after_epoch()
        if self.board:
            self.board.close()
        return metrics

    def _run_epoch(self, steps, saver):
        """The epoch that the state is at, from the step that it is at, to the epoch's end.

        Returns:
          The epoch's metrics, and the sums they come from.
        """
        state, data = self.state, self.train_data
        epoch, done, sums = state.epoch, state.step, state.sums
        started = time.perf_counter()
        bar = tqdm(
            total=data.steps_per_epoch,
            initial=done,
            desc=f"epoch {epoch + 1}",
            leave=False,
            disable=not self.progress,
        )
        with bar, self._batches(epoch, done) as batches:
            sums = sums + _waiting(time.perf_counter() - started)
            while done < data.steps_per_epoch:
                first = epoch * data.steps_per_epoch + done
                left = data.steps_per_epoch - done
                of_steps, number = steps(first, batches, left, saver.asked)
                if not np.isfinite(of_steps[SUMS.index("gradient_norm")]):
                    self._stop_at_nan(epoch, done, number)
                sums = sums + of_steps
                done += number
                bar.update(number)
                saver.after_steps(done, sums, of_steps[SUMS.index("asked_to_stop")] > 0)
        of_epoch = dict(zip(SUMS, map(float, sums), strict=True))
        questions, seconds = of_epoch["questions"], of_epoch["seconds"]
        metrics = {
            "seconds": seconds,
            "questions_per_second": questions / seconds,
            "input_wait": of_epoch["waited"] / seconds,
            "train/loss": of_epoch["loss"] / questions,
            "train/accuracy": of_epoch["correct"] / questions,
            "train/num_cells": of_epoch["num_cells"] / questions,
            "train/gradient_norm": of_epoch["gradient_norm"] / data.steps_per_epoch,
            "learning_rate": float(np.asarray(self.optimizer.learning_rate)),
        }
        return metrics, sums

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

    def _validate(self, judge, ask):
        # On every machine, so that all agree on which epoch is the best.
        answers = judge(evaluate.answer_split(ask, self.val_data))
        rows = accuracy_by_type(answers).items()
        statistics = attention_statistics(answers)
        return {f"val/{name}": accuracy for name, (accuracy, _) in rows} | {
            f"attention/{name}": value for name, value in statistics.items()
        }

    def _show(self, metrics):
        """What an epoch leaves besides its checkpoint; the model, if it is the best one."""
        epoch = self.state.epoch + 1
        if metrics.get("val/all", 0.0) > self.state.best:
            save_model(self.workdir, self.model)
        append_metrics(self.workdir, {"epoch": epoch, **metrics})
        outputs = self.gallery.ask()
        self.board.scalars(metrics, epoch)
        self.board.masks("questions/val", self.gallery.pictures(outputs), epoch)
        if outputs:
            self.board.histogram("presence/val", outputs["presence"], epoch)

    def _averaged(self):
        return self.average.in_place() if self.average else contextlib.nullcontext()

    def _has_epochs_left(self):
        state = self.state
        return has_epochs_left(self.config.train, state.epoch, state.best_epoch)

    def _stop_at_nan(self, epoch, done, number):
        """Names the questions of the steps in which a gradient was not finite.

        Their update left the weights finite, so they can be asked again, with their ids.
        """
        config = self.config
        data = open_split(
            config,
            config.train.split,
            self.vocabularies,
            target=self.train_data.target,
            with_strings=True,
        )
        if config.train.overfit_one_batch:
            data = OneBatch(data)
        batches = list(data.training_epoch(epoch, done).take(number))
        bad, every = find_not_finite(self.model, config.train.loss, batches)
        steps = f"step {done + 1:,}" if number == 1 else f"steps {done + 1:,}-{done + number:,}"
        if bad:
            which = f"it comes from {len(bad):,} of its {len(every):,} questions: "
        else:
            which = f"by itself, none of its {len(every):,} questions is to blame: "
        raise ValueError(
            f"The gradient is not a number any more in {steps} of epoch {epoch + 1}, at a "
            f"learning rate of {float(np.asarray(self.optimizer.learning_rate)):.3g}; {which}"
            f"{list_ids(bad or every)}. If a few questions are to blame, look at their images "
            "or maps (the ids are those of the records); else lower train.learning_rate, or "
            "set train.clip_norm. Nothing of this epoch was saved since the last checkpoint."
        )


def _waiting(seconds):
    """`SUMS` of so long a wait for input, without a step."""
    return np.array([seconds if name in ("seconds", "waited") else 0 for name in SUMS], "f4")


def format_epoch(metrics, epochs):
    """One line for an epoch's metrics."""
    groups = [
        f"{name.removeprefix('val/')} {100 * value:.1f}"
        for name, value in metrics.items()
        if name.startswith("val/") and name != "val/all" and ": " not in name
    ]
    parts = [
        f"epoch {metrics['epoch']}/{epochs}",
        f"loss {metrics['train/loss']:.3f}",
        f"train {100 * metrics['train/accuracy']:.1f} %",
        f"val {100 * metrics.get('val/all', float('nan')):.1f} %"
        + (f" ({', '.join(groups)})" if groups else ""),
        f"{metrics['train/num_cells']:.1f} cells",
        f"{metrics['questions_per_second']:,.0f} questions/s",
        f"waited for input {100 * metrics['input_wait']:.1f} %",
        f"{metrics['seconds']:.0f} s",
    ]
    return " | ".join(parts)


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


def _describe(config, strategy, model, data, state):
    """What is about to be trained, on what."""
    parts = config.model
    replicas = strategy.num_replicas_in_sync
    return (
        f"{parts.image_encoder} + {parts.attention} + {parts.aggregator}, "
        f"{model.count_params():,} parameters; {data.num_questions:,} questions about "
        f"{data.num_images:,} images; {data.steps_per_epoch:,} steps an epoch of "
        f"{data.batch_size} images x {data.questions_per_image} questions on "
        f"{replicas} device{'s' if replicas > 1 else ''}"
        + (f"; going on after epoch {state.epoch}" if state.epoch or state.step else "")
        + (f" and {state.step:,} steps" if state.step else "")
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
