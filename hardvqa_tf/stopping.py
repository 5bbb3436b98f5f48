"""How a program ends before its end: a signal asks it to stop."""

import contextlib
import signal
import threading


class Stopped(Exception):
    """The program was asked to stop and has saved; the same command goes on."""


class LostPeer(Stopped):
    """Another machine of the run is gone; the same command on all of them goes on."""


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
