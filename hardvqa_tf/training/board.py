"""TensorBoard: numbers, texts, histograms and pictures.

    <logdir>/                  all of it
    <logdir>/hyperparameters/  what the HParams page compares runs by: the config, and of the
                               numbers a few

The HParams page has a column for every number that lies beside the config, and shows the first
five of the alphabet; in a folder of their own it shows those that runs are compared by.
"""

import contextlib
import glob
import json
import os
import time
from zlib import crc32

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from hardvqa_tf.configs.table.values import flatten
from records.damage import cause_of


class Board:
    """Writes what TensorBoard shows; a context, which closes it.

    Args:
      logdir: folder of the event files, made if needed.
      session_metrics: names of the numbers that the HParams page compares runs by.
    """

    def __init__(self, logdir, session_metrics=()):
        self._logdir = str(logdir)
        self._writer = self._open(self._logdir)
        self._name = os.path.basename(os.path.dirname(os.path.abspath(logdir)))  # the workdir's
        self._session_writer = None
        self._session_metrics = session_metrics

    def config(self, config, step=0):
        """The config as a table on the "Text" page, and as a session on the "HParams" page.

        A run that goes on says the same again, which changes nothing.

        Args:
          config: `ConfigDict` or a dict of dicts.
          step: the epoch that the run is at.
        """
        values = flatten_config(config)
        self.text("config", to_markdown(values), step)
        # Runs of one name and one config are shown as one trial, by their mean.
        trial = f"{self._name} {crc32(json.dumps(values).encode()):08x}"
        self._session_writer = self._open(os.path.join(self._logdir, "hyperparameters"))
        with self._writing(self._session_writer, step):
            hparams.hparams(values, trial_id=trial)

    def scalars(self, values, step):
        """values: dict from name, e.g. "val/accuracy", to a number."""
        self._write_scalars(self._writer, values, step)
        if self._session_writer:
            of_session = {
                name: values[name] for name in self._session_metrics if name in values
            }
            self._write_scalars(self._session_writer, of_session, step)

    def text(self, name, markdown, step):
        with self._writing(self._writer, step):
            tf.summary.text(name, markdown)

    def histogram(self, name, values, step):
        """values: numbers in any shape. What is not finite is left out."""
        values = np.asarray(values)
        with self._writing(self._writer, step):
            tf.summary.histogram(name, values[np.isfinite(values)])

    def pictures(self, name, pictures, step):
        """pictures: list of uint8[H', W', 3] of one width; shorter ones get white below."""
        if not pictures:
            return
        height = max(len(picture) for picture in pictures)
        pictures = [
            np.pad(p, ((0, height - len(p)), (0, 0), (0, 0)), constant_values=255)
            for p in pictures
        ]
        with self._writing(self._writer, step):
            tf.summary.image(name, np.stack(pictures), max_outputs=len(pictures))

    def __enter__(self):
        return self

    def __exit__(self, error_type, *_):
        # After an error, what cannot be written as well must not hide it.
        hidden = OSError if error_type else ()
        with contextlib.suppress(hidden):
            self.close()

    def close(self):
        with self._naming():
            self._writer.close()
            if self._session_writer:
                self._session_writer.close()

    def _write_scalars(self, writer, values, step):
        with self._writing(writer, step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def _open(self, folder):
        with self._naming():
            _wait_for_a_later_name(folder)
            return tf.summary.create_file_writer(folder)

    @contextlib.contextmanager
    def _writing(self, writer, step):
        """Within it, TensorBoard's functions write there, and have written at its end."""
        with self._naming():
            with writer.as_default(step):
                yield
            writer.flush()

    @contextlib.contextmanager
    def _naming(self):
        """Within it, an error names the folder that cannot be written."""
        try:
            yield
        except tf.errors.OpError as error:
            raise OSError(
                f"TensorBoard's files in {self._logdir} cannot be written ({cause_of(error)}). "
                "What was saved before is still there. Make room, or let it be written; the "
                "same command then resumes."
            ) from error


def _wait_for_a_later_name(folder):
    """Waits, a second at most, until a new event file's name follows those that are there.

    TensorBoard reads files in the order of their names, which have the second in which they
    were made, and then the number of a process, "10" before "9". So a run that resumes within a
    second could be shown backwards, with an earlier epoch as its last.
    """
    while glob.glob(f"{glob.escape(folder)}/events.out.tfevents.{int(time.time()):010}.*"):
        time.sleep(0.05)


def flatten_config(config):
    """A config's values under their full names, in the types that the HParams page knows.

    Args:
      config: `ConfigDict` or a dict of dicts.

    Returns:
      dict from name, e.g. "train.epochs", to bool, int, float or str; None and tuples as text.
    """
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in flatten(config).items()
    }


def to_markdown(values):
    """A table of a dict's names and values."""
    rows = [f"| {_escape(name)} | {_escape(value)} |" for name, value in values.items()]
    return "\n".join(["| name | value |", "|---|---|", *rows])


def _escape(text):
    """For a cell of a Markdown table: one line, and nothing in it is a mark."""
    text = " ".join(str(text).split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|" else c for c in text)
