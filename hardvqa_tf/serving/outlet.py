"""A connection's way out: bytes must leave in time, and what was answered must arrive.

A transport that is closed while its client still sends resets the connection, and the client
loses the answer that says why. So the answer is ended, and what still comes is read and left
out for a while (RFC 9112, 9.6).
"""

import contextlib
import socket
import struct

_OUT_SECONDS = 20
# What the kernel takes of answers that are not read: by itself it would take some megabytes.
_SEND_BYTES = 256 * 1024
_LINGER_SECONDS = 10
_LINGER_BYTES = 256 * 2**20


class Outlet:
    """Stands for a connection's transport.

    Args:
      transport: of asyncio or uvloop.
      connection: has `loop`, and `expects_more`, whether its client may still be sending.
    """

    def __init__(self, transport, connection):
        self._transport, self._connection = transport, connection
        self._set(socket.SO_SNDBUF, _SEND_BYTES)
        self._written = 0
        self._mark = None  # bytes that must have left ...
        self._mark_due = 0.0  # ... by then
        self._linger_due = None
        self._dropped = 0

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def write(self, data):
        if self._transport.is_closing():  # Nobody is there; some loops raise.
            return
        self._written += len(data)
        self._transport.write(data)

    def is_closing(self):
        return self._linger_due is not None or self._transport.is_closing()

    def close(self):
        """Ends the answer; closes as soon as the client has no reason to send more."""
        if self.is_closing():
            return
        if not self._connection.expects_more:
            self._transport.close()
            return
        self._linger_due = self._connection.loop.time() + _LINGER_SECONDS
        with contextlib.suppress(OSError, RuntimeError):  # The client may be gone.
            self._transport.write_eof()
            self._transport.resume_reading()

    def forget(self):
        """When the connection is lost."""
        self._connection = None

    def drop(self, number):
        """Counts bytes that came after the end."""
        self._dropped += number
        if self._dropped > _LINGER_BYTES:
            self.end()

    def end(self):
        """Closes now, whatever still comes."""
        self._transport.close()

    def abort(self):
        """Closes now, and forgets what has not left, in the kernel as well."""
        self._set(socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _set(self, option, value):
        with contextlib.suppress(OSError):  # It may be closed.
            own = self._transport.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, option, value)

    def is_lost(self):
        """Whether the other side has said that nobody is there."""
        try:
            own = self._transport.get_extra_info("socket")
            return own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
        except OSError:
            return True

    def is_stuck(self, now):
        """Whether bytes have not left in time, or a client sends long after the end."""
        if self._linger_due is not None and now > self._linger_due:
            return True
        unsent = self._transport.get_write_buffer_size()
        if not unsent:
            self._mark = None
        elif self._mark is None or self._written - unsent >= self._mark:
            self._mark, self._mark_due = self._written, now + _OUT_SECONDS
        elif now > self._mark_due:
            return True
        return False
