"""Saves a run while it trains, so that the same command goes on where it ended."""

import contextlib
import threading
import time

from hardvqa_tf.stopping import Stopped


class AskedToStop(Exception):
    """Raised by a signal where no step is running."""


class Saver:
    """Saves while an epoch runs: every so often, and when the process is asked to stop.

    After `ask` the step that runs is finished and saved, then `Stopped` is raised.
    """

    def __init__(self, state, minutes):
        self.state = state
        self._seconds = 60 * minutes if minutes else float("inf")
        self._saved = time.monotonic()
        self._asked = threading.Event()
        self._raises = False

    def ask(self):
        """Asks to stop; for `on_signal`."""
        self._asked.set()
        if self._raises:
            raise AskedToStop

    @property
    def asked(self):
        """True after `ask`."""
        return self._asked.is_set()

    @contextlib.contextmanager
    def at_once(self):
        """Within this context a signal raises `AskedToStop`: no step waits to be finished."""
        try:
            self._raises = True
            if self.asked:
                raise AskedToStop
            yield
        finally:
            self._raises = False

    def after_steps(self, done, sums, asked):
        """Called with the steps done of the epoch, what they summed up to, and whether this or
        another machine was asked to stop."""
        if asked:
            self.save_and_stop(done, sums)
        if time.monotonic() - self._saved > self._seconds:
            self.state.save_within_epoch(done, sums)
            self._saved = time.monotonic()

    def save_and_stop(self, done, sums):
        self.state.save_within_epoch(done, sums)
        raise Stopped(
            f"Stopped and saved after {done:,} step{'s' * (done != 1)} of epoch "
            f"{self.state.epoch + 1}. "
            "The same command goes on."
        )

    def after_epoch(self):
        self._saved = time.monotonic()
        if self.asked:
            raise Stopped(
                f"Stopped and saved after epoch {self.state.epoch}. The same command goes on."
            )
