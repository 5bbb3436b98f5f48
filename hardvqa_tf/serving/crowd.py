"""All connections of a server: how many there may be, and who makes room for one more.

A connection waits for its client, to send or to read, or works for it. In a crowd the one goes
whose client has been waited for the longest: one that holds a connection without using it, and
not one whose answer is being computed.
"""

_SWEEP_SECONDS = 0.5


class Crowd:
    """Connections, in the order in which the wait for their clients began.

    Args:
      max_connections: that may be open at the same time.
    """

    def __init__(self, max_connections):
        self._max_connections = max_connections
        self._all = set()
        self._waiting = {}  # Ordered, as a set would not be.
        self._is_swept = False

    def add(self, connection):
        """Takes a connection that was just made.

        Returns:
          False if there is no room even so: all the others are being worked for.
        """
        has_room = len(self._all) < self._max_connections
        if not has_room and self._waiting:
            oldest = next(iter(self._waiting))
            self.remove(oldest)
            oldest.evict()
            has_room = len(self._all) < self._max_connections
        self._all.add(connection)
        self.wait_for(connection)
        if not self._is_swept:
            self._is_swept = True
            self._sweep_later(connection.loop)
        return has_room

    def remove(self, connection):
        self._all.discard(connection)
        self._waiting.pop(connection, None)

    def wait_for(self, connection):
        """The client's turn begins."""
        if connection in self._all:
            self._waiting.pop(connection, None)
            self._waiting[connection] = None

    def work_for(self, connection):
        """The client's turn ends."""
        self._waiting.pop(connection, None)

    def _sweep_later(self, loop):
        loop.call_later(_SWEEP_SECONDS, self._sweep, loop)

    def _sweep(self, loop):
        """Looks whether a client keeps us waiting for too long."""
        now = loop.time()
        self._is_swept = bool(self._all)
        if self._is_swept:
            self._sweep_later(loop)
        for connection in list(self._all):
            connection.check(now)
