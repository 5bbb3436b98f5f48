"""How a run ends before its end: it is asked to, or another machine is gone.

In both cases the same command goes on.
"""

import contextlib
import signal
import threading
import time


class Stopped(Exception):
    """Training was asked to stop and has saved; the same command goes on."""


class LostPeer(Stopped):
    """Another machine of the run is gone; the same command on all of them goes on."""


class AskedToStop(Exception):
    """Raised by a signal where no step is running."""


@contextlib.contextmanager
def on_signal(ask):
    """Within this context SIGTERM and SIGINT (Ctrl-C) call `ask`, instead of what they did.

    Only the first one: a second signal ends the process at once, as it would have.
    """
    if threading.current_thread() is not threading.main_thread():  # Others get no signals.
        yield
        return

    def take(*_):
        put_back()
        ask()

    def put_back():
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, take) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        put_back()


def stopping():
    """A context in which SIGTERM and Ctrl-C raise `Stopped`.

    For work whose files are written beside their place and renamed when whole, such as a
    report and its evaluations: any moment will do.
    """
    return on_signal(_stop)


def _stop():
    raise Stopped("Stopped. The same command goes on.")


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
            f"Stopped and saved after {done:,} steps of epoch {self.state.epoch + 1}. "
            "The same command goes on."
        )

    def after_epoch(self):
        self._saved = time.monotonic()
        if self.asked:
            raise Stopped(
                f"Stopped and saved after epoch {self.state.epoch}. The same command goes on."
            )
