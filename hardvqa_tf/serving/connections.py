"""uvicorn's HTTP protocol, with bounds on what it leaves open: the size and time of a head."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MAX_HEAD = 64 * 1024  # Bytes of a request line and headers.
_HEAD_SECONDS = 10


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose requests begin with a head of bounded size, sent in bounded time."""

    _head_bytes = 0  # of the head that is being received
    _in_body = False
    _timer = None

    def connection_made(self, transport):
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc):
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data):
        if not self._in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        # What came with the head may already be body; the parser says when the head ended.
        if self._in_body or not self._head_bytes or self._is_closing():
            return
        if self._head_bytes > _MAX_HEAD:
            self.send_400_response("The request's head is too long.")
        elif self._timer is None:  # Of the connection's next request, not yet whole.
            self._await_head()

    def on_headers_complete(self):
        self._in_body, self._head_bytes = True, 0
        self._head_came()
        super().on_headers_complete()

    def on_message_complete(self):
        self._in_body = False
        super().on_message_complete()

    def _await_head(self):
        self._timer = self.loop.call_later(_HEAD_SECONDS, self._too_slow)

    def _head_came(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self):
        self._timer = None
        if not self._is_closing():
            self.transport.close()

    def _is_closing(self):
        return self.transport is None or self.transport.is_closing()
