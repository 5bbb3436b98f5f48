"""How a program ends before its end: a signal asks it to stop."""

import contextlib
import os
import signal
import sys
import threading

_SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stopped(Exception):
    """The program was asked to stop and has saved; the same command goes on."""


class LostPeer(Stopped):
    """Another machine of the run is gone; the same command on all of them goes on."""


@contextlib.contextmanager
def on_signal(ask):
    """Within this context SIGTERM and SIGINT (Ctrl-C) call `ask`, instead of what they did.

    Only the first one: a second signal ends the process at once.
    """
    if threading.current_thread() is not threading.main_thread():  # Others get no signals.
        yield
        return

    def take(*_):
        _end_at_once(before)
        ask()

    def put_back():
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, take) for number in _SIGNALS}
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


@contextlib.contextmanager
def ended_in_a_sentence():
    """Within this context SIGTERM and SIGINT (Ctrl-C) end the process with a sentence.

    For a whole program, from its first line on: `on_signal` takes them where there is something
    to save. The exit code is 130 (143 of SIGTERM), as shells have it. What is under way is
    unwound, so that its temporary files go; a second signal ends the process at once. One that
    is ignored, as in a background job, stays so.
    """
    stderr = os.dup(2)  # Which leads nowhere while TensorFlow is imported.
    asked = []

    def take(number, frame):
        _end_at_once(before)
        if _is_importing(frame):  # An error there may be caught, or become another one.
            _end(number, stderr)
        asked.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, take)
    try:
        yield
    except BaseException:  # Also what became of an error that the signal raised.
        if asked:
            _end(asked[0], stderr)
        raise
    finally:
        os.close(stderr)


def _end_at_once(handlers):
    """From now on, signals that are not ignored."""
    for number, handler in handlers.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _is_importing(frame):
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _end(number, stderr):
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    sentence = f"Stopped by {_SIGNALS[number]}. The same command goes on from what is saved."
    with contextlib.suppress(OSError):
        os.write(stderr, f"{sentence}\n".encode())
    os._exit(128 + number)  # Without waiting for threads, which are in the middle of something.
