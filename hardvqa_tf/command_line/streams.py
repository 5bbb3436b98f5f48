"""Standard output and error of a server: nothing waits for who reads them.

A pipe whose reader has stopped is full after 64 KiB. Whoever writes to it then waits for ever:
the event loop at a log line, or a thread of TensorFlow, whose C++ writes to descriptor 2 past
Python, as libjpeg does. So here the descriptors do not wait: what a full pipe does not take is
lost, the server's own lines are counted, and the number is said once there is room again.
"""

import contextlib
import io
import os
import select
import stat
import threading

from hardvqa_tf.command_line.say import point_at_nothing


@contextlib.contextmanager
def never_waiting(say_lost):
    """Within this context nothing waits at standard output and error.

    Args:
      say_lost: called with a number of lost lines, returns the line that tells it.
    """
    with contextlib.ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(_without_waiting(number))
        stream = _Lossy(2, say_lost)
        stack.enter_context(contextlib.redirect_stderr(stream))
        stack.callback(stream.flush)
        yield


@contextlib.contextmanager
def _without_waiting(number):
    """Pipes, sockets and terminals; other files take what they can at once."""
    mode, is_terminal = os.fstat(number).st_mode, os.isatty(number)
    may_fill = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or is_terminal
    if not may_fill or not os.get_blocking(number):
        yield
        return
    own = _open_again(number)
    if own is None and is_terminal:  # The shell reads from the same one.
        yield
        return
    before = os.dup(number)
    if own is None:
        os.set_blocking(number, False)
    else:
        os.dup2(own, number)
        os.close(own)
    try:
        yield
    finally:
        if _takes(number):
            os.dup2(before, number)
        else:  # A program writes what is left when it ends, and would wait then.
            point_at_nothing(number)
        os.set_blocking(before, True)
        os.close(before)


def _takes(number):
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return [event for _, event in poll.poll(0)] == [select.POLLOUT]


def _open_again(number):
    """The same file, opened without waiting; None where that is not possible.

    Whether writing waits is a property of how a file was opened, which is shared with all who
    were given the same descriptor: a shell, for instance. Linux opens a pipe or a terminal a
    second time; others give the first one again. A socket is not opened, nor what belongs to
    another user.
    """
    try:
        return os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None


class _Lossy(io.TextIOBase):
    """A text stream that leaves out what its descriptor does not take at once.

    Args:
      say_lost: see `never_waiting`.
    """

    encoding = "utf-8"

    def __init__(self, number, say_lost):
        self._number, self._say_lost = number, say_lost
        self._lock = threading.Lock()
        self._begun = b""  # a line that has no end yet
        self._rest = b""  # of lines of which a part is written
        self._num_lost = 0

    def writable(self):
        return True

    def isatty(self):
        return os.isatty(self._number)

    def fileno(self):
        return self._number

    def write(self, text):
        with self._lock:
            self._begun += text.encode(self.encoding, "backslashreplace")
            end = self._begun.rfind(b"\n") + 1
            lines, self._begun = self._begun[:end], self._begun[end:]
            self._write(lines)
        return len(text)

    def flush(self):
        with self._lock:
            begun, self._begun = self._begun, b""
            self._write(begun)

    def _write(self, lines):
        self._rest = self._send(self._rest)
        if self._num_lost and not self._rest:
            note = f"{self._say_lost(self._num_lost)}\n".encode()
            rest = self._send(note)
            if rest != note:
                self._num_lost, self._rest = 0, rest
        rest = lines if self._rest or self._num_lost else self._send(lines)
        if rest != lines:
            self._rest = rest
        else:
            self._num_lost += lines.count(b"\n")

    def _send(self, encoded):
        """Returns what is left of it."""
        try:
            return encoded[os.write(self._number, encoded) :] if encoded else encoded
        except OSError:  # Full, or its reader is gone.
            return encoded
