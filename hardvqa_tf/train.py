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

import os
import signal
import threading
import time

import keras
import tensorflow as tf
from tqdm import tqdm

from hardvqa_tf import evaluate, schedules, strategies
from hardvqa_tf.checkpoints import RunState
from hardvqa_tf.data import VqaData, input_size
from hardvqa_tf.losses import sigmoid_cross_entropy, softmax_cross_entropy
from hardvqa_tf.metrics import accuracy_by_type
from hardvqa_tf.runs import Vocabularies, append_metrics, save_model, start_run
from hardvqa_tf.summaries import Board, collect_overlays
from hardvqa_tf.vqa_model import build_vqa_model
from records.build import read_info

# A name of `train.loss`: the loss, and the target of `VqaData` that it compares with.
LOSSES = {
    "softmax": (softmax_cross_entropy, "answers"),
    "softmax_sampled": (softmax_cross_entropy, "sampled_answers"),
    "sigmoid": (sigmoid_cross_entropy, "answer_scores"),
}


# What a step returns, and the seconds of the steps and of waiting for their input.
_SUMS = ("loss", "correct", "num_cells", "questions", "gradient_norm", "seconds", "waited")


class Stopped(Exception):
    """Training was asked to stop and has saved; the same command goes on."""


def train(config, workdir, num_virtual_devices=None, report=print, progress=False):
    """Trains a model, or goes on with a run that stopped.

    Args:
      config: `ConfigDict` with the keys of configs/base.py.
      workdir: folder of the run; made if missing.
      num_virtual_devices: see `strategies.make_strategy`.
      report: called with each line that the user should see.
      progress: show a bar while an epoch runs.

    Returns:
      The metrics of the last epoch that ran here, a dict; empty if the run was done before.

    Raises:
      ValueError: if the workdir holds a run with another config, naming the keys that differ;
        if the split that chooses the best epoch is one to test on.
      Stopped: after SIGTERM or Ctrl-C, when everything is saved.
    """
    _refuse_test_split(config)
    keras.utils.set_random_seed(config.seed)
    strategy = strategies.make_strategy(num_virtual_devices)
    vocabularies = Vocabularies.from_records(
        config.records_dir, config.max_words, config.num_answers, config.min_answer_count
    )
    start_run(workdir, config, vocabularies)
    _, target = _pick_loss(config.train.loss)
    train_data = open_split(config, config.train.split, vocabularies, target=target)
    val_data = open_split(config, config.train.val_split, vocabularies, with_strings=True)
    with strategy.scope():
        model = model_from_config(config, vocabularies, _input_size(config))
        optimizer = _make_optimizer(config.train, train_data.steps_per_epoch)
        optimizer.build(model.trainable_variables)
    state = RunState(workdir, model, optimizer, _SUMS)
    state.restore()
    report(_describe(config, strategy, model, train_data, state))
    val_answers = vocabularies.answers.answers
    judge = evaluate.Judge(config, val_answers, config.records_dir, config.train.val_split)
    if judge.metric == "vqa":
        shares = judge.coverage()
        report(
            f"{config.train.val_split}: {evaluate.format_coverage(shares, len(val_answers))}"
        )
    steps = _Steps(strategy, model, optimizer, config.train)
    ask = evaluate.make_ask(model)
    board = Board(os.path.join(workdir, "logs"))
    metrics = {}
    saver = _Saver(state, config.train.checkpoint_minutes)
    while state.epoch < config.train.epochs and not _has_lost_patience(state, config.train):
        with saver:
            metrics = _run_epoch(strategy, steps, train_data, saver, progress)
        metrics["learning_rate"] = float(optimizer.learning_rate)
        answers = judge(evaluate.answer_split(ask, val_data))
        for name, (accuracy, _) in accuracy_by_type(answers).items():
            metrics[f"val/{name}"] = accuracy
        if state.finish_epoch(metrics.get("val/all", 0.0)):
            save_model(workdir, model)
        board.scalars(metrics, state.epoch)
        metrics = {"epoch": state.epoch, **metrics}
        append_metrics(workdir, metrics)
        state.save()  # Last: a run that is killed before makes this epoch's files once more.
        board.masks("val", collect_overlays(model, val_data, vocabularies), state.epoch)
        report(format_epoch(metrics, config.train.epochs))
    board.close()
    return metrics


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


def make_train_step(strategy, model, optimizer, clip_norm=0.0, loss="softmax"):
    """Returns a function that takes a global batch, trains on it, and returns sums.

    The loss is the mean over the counted questions of the global batch, however they are spread
    over the devices: each replica divides its sum by the count of all replicas, gradients are
    summed over the replicas, and only then clipped.

    Args:
      strategy: the `tf.distribute.Strategy` whose scope made model and optimizer.
      model: from `build_vqa_model`.
      optimizer: Keras optimizer, without clipping of its own.
      clip_norm: upper limit of the global gradient norm; 0: none.
      loss: a name in LOSSES.

    Returns:
      step(batch) -> dict of float32 scalars, summed over the questions of the batch: `loss`,
      `correct`, `num_cells`, `questions`; and `gradient_norm`, before clipping.
    """
    inputs = [tensor.name for tensor in model.inputs]
    variables = model.trainable_variables
    loss_of, target = _pick_loss(loss)

    def replica_step(batch):
        context = tf.distribute.get_replica_context()
        questions = tf.reduce_sum(batch["weights"])
        all_questions = context.all_reduce("SUM", questions)
        with tf.GradientTape() as tape:
            outputs = model({name: batch[name] for name in inputs}, training=True)
            losses = loss_of(outputs["logits"], batch[target])
            loss_sum = tf.reduce_sum(losses * batch["weights"])
            mean_loss = loss_sum / tf.maximum(all_questions, 1.0)
        # Dense, the word embedding's too: clipping and the all-reduce then treat all alike.
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(mean_loss, variables)]
        gradients = context.all_reduce("SUM", gradients)
        norm = tf.linalg.global_norm(gradients)
        if clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=norm)
        # Keras sums over the replicas once more: hand each its share.
        shares = [g / strategy.num_replicas_in_sync for g in gradients]
        optimizer.apply(shares, variables)
        return {
            "loss": loss_sum,
            "correct": _count(_right(outputs["logits"], batch["answers"]), batch["weights"]),
            "num_cells": _count(outputs["num_cells"], batch["weights"]),
            "questions": questions,
            "gradient_norm": norm / strategy.num_replicas_in_sync,
        }

    @tf.function(reduce_retracing=True)
    def step(batch):
        sums = strategy.run(replica_step, args=(batch,))
        return {name: strategy.reduce("SUM", value, axis=None) for name, value in sums.items()}

    return step


def open_split(config, split, vocabularies, target="answers", with_strings=False):
    """`VqaData` of a split, as the config says."""
    return VqaData(
        config.records_dir,
        split,
        vocabularies,
        image_size=_input_size(config),
        batch_size=config.train.batch_size,
        questions_per_image=config.train.questions_per_image,
        seed=config.seed,
        augmentation=config.train.augmentation,
        target=target,
        with_strings=with_strings,
    )


def model_from_config(config, vocabularies, image_size=None):
    """`build_vqa_model` with the arguments of the parts that the config names.

    `image_size` takes the place of the config's: the shape of maps is known to the records.
    """
    parts = config.model

    def arguments(name):
        given = {key: value for key, value in parts[name].items() if value is not None}
        if "num_cells" in given:
            given.pop("fraction", None)
        return given

    return build_vqa_model(
        image_size=image_size or config.image_size,
        vocabulary_size=vocabularies.tokenizer.vocabulary_size,
        num_answers=len(vocabularies.answers),
        image_encoder=parts.image_encoder,
        image_encoder_args=arguments(parts.image_encoder),
        question_encoder_args=arguments("question_lstm"),
        question_norm_scale=parts.question_norm_scale,
        fusion_args=arguments("fusion"),
        attention=parts.attention,
        attention_args=arguments(parts.attention),
        aggregator=parts.aggregator,
        aggregator_args=arguments(parts.aggregator),
        classifier_units=parts.classifier.units,
        classifier_dropout=parts.classifier.dropout,
    )


def _input_size(config):
    return input_size(config.records_dir, config.model.image_encoder, config.image_size)


def _pick_loss(name):
    if name not in LOSSES:
        raise ValueError(
            f"Unknown loss. Received: train.loss={name!r}. Use one of: {', '.join(LOSSES)}."
        )
    return LOSSES[name]


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


def _has_lost_patience(state, config):
    return config.patience and state.epoch - state.best_epoch >= config.patience


class _Steps:
    """The train steps of a run: the first ones look at every cell, the others select.

    A cell that is dropped gets no gradient, so a model that selects from the start can only
    learn from what its random norms happen to keep. After some steps with every cell, the
    norms tell what matters (docs/results.md), and few cells are enough. In those first steps
    a relation network sees each cell by itself, because all pairs of all cells are many.
    """

    def __init__(self, strategy, model, optimizer, config):
        self._attention = model.get_layer("attention")
        self._aggregator = model.get_layer("aggregator")
        selects = hasattr(self._attention, "keep_all")
        self._all_cells_steps = config.all_cells_steps if selects else 0
        # Two functions, because what an attention keeps is fixed when a function is traced.
        self._functions = {
            keep_all: make_train_step(strategy, model, optimizer, config.clip_norm, config.loss)
            for keep_all in (True, False)
        }

    def __call__(self, number, batch):
        """Trains on `batch` as step `number` of the run."""
        keep_all = number < self._all_cells_steps
        if not keep_all:
            return self._functions[False](batch)
        self._attention.keep_all = self._aggregator.alone = True
        sums = self._functions[True](batch)
        self._attention.keep_all = self._aggregator.alone = False
        return sums


class _Saver:
    """Saves while an epoch runs: every so often, and when the process is asked to stop.

    As a context it takes SIGTERM and SIGINT (Ctrl-C): the step that runs is finished and saved,
    then `Stopped` is raised. A second signal ends the process at once, as it would have.
    """

    def __init__(self, state, minutes):
        self.state = state
        self._seconds = 60 * minutes if minutes else float("inf")
        self._saved = time.monotonic()
        self._asked = threading.Event()
        self._handlers = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # Others get no signals.
            for number in (signal.SIGTERM, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._ask)

    def __exit__(self, *_):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _ask(self, *_):
        self.__exit__()
        self._asked.set()

    def after_step(self, step, sums):
        """Called with the steps done of the epoch, and what they summed up to."""
        asked = self._asked.is_set()
        if asked or time.monotonic() - self._saved > self._seconds:
            self.state.save_within_epoch(step, sums)
            self._saved = time.monotonic()
        if asked:
            raise Stopped(
                f"Stopped and saved after {step:,} steps of epoch {self.state.epoch + 1}. "
                "The same command goes on."
            )


def _run_epoch(strategy, steps, data, saver, progress):
    """The epoch that `saver.state` is at, from the step that it is at, to the epoch's end."""
    epoch, done, sums = saver.state.epoch, saver.state.step, saver.state.sums
    dataset = data.training_epoch(epoch, done)
    batches = iter(strategy.experimental_distribute_dataset(dataset))
    bar = tqdm(
        total=data.steps_per_epoch,
        initial=done,
        desc=f"epoch {epoch + 1}",
        leave=False,
        disable=not progress,
    )
    with bar:
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                break
            waited = time.perf_counter() - asked
            values = steps(epoch * data.steps_per_epoch + done, batch)
            values |= {"seconds": time.perf_counter() - asked, "waited": waited}
            sums = {name: sums[name] + value for name, value in values.items()}
            done += 1
            bar.update()
            saver.after_step(done, sums)
    sums = {name: float(value) for name, value in sums.items()}
    questions = sums["questions"]
    return {
        "seconds": sums["seconds"],
        "questions_per_second": questions / sums["seconds"],
        "input_wait": sums["waited"] / sums["seconds"],
        "train/loss": sums["loss"] / questions,
        "train/accuracy": sums["correct"] / questions,
        "train/num_cells": sums["num_cells"] / questions,
        "train/gradient_norm": sums["gradient_norm"] / data.steps_per_epoch,
    }


def _make_optimizer(config, steps_per_epoch):
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


def _right(logits, answers):
    return tf.argmax(logits, -1, answers.dtype) == answers


def _count(values, weights):
    return tf.reduce_sum(tf.cast(values, tf.float32) * weights)
