"""Bodies of requests: each within its limit, and all together within theirs.

Where all together would hold too much, the largest of those that are still coming is given up,
and not the one that comes last: a few clients that stop in the middle of large bodies keep
nobody else out.
"""

import anyio
from starlette.requests import ClientDisconnect

from hardvqa_tf.serving.refusals import Refusal, shown


class Bodies:
    """All bodies that are received, read or waited for.

    Args:
      limits: `limits.Limits`.

    Attributes:
      num_bytes: that they hold.
    """

    def __init__(self, limits):
        self._limits = limits
        self._coming = set()
        self.num_bytes = 0

    async def receive(self, request):
        """Receives the `Body` of a request, which is then to be released.

        Raises:
          Refusal: it is too large, or given up.
        """
        body = Body()
        self._coming.add(body)
        try:
            with body.scope:
                async for part in _parts(request, self._limits):
                    body.content += part
                    self.num_bytes += len(part)
                    self._make_room(body)
            if body.scope.cancelled_caught:
                raise _busy()
        except BaseException:
            self.release(body)
            raise
        finally:
            self._coming.discard(body)
        return body

    def release(self, body):
        self.num_bytes -= len(body.content)
        body.content = bytearray()

    def _make_room(self, newest):
        if self.num_bytes <= self._limits.max_bytes_at_once:
            return
        largest = max(self._coming, key=lambda body: len(body.content))
        if largest is newest:
            raise _busy()
        self._coming.discard(largest)
        self.release(largest)
        largest.scope.cancel()


class Body:
    """What has come of a body."""

    def __init__(self):
        self.scope = anyio.CancelScope()
        self.content = bytearray()


def _busy():
    return Refusal(
        503,
        "The server is busy with large requests. Try again later.",
        {"Retry-After": "5", "Connection": "close"},
    )


async def _parts(request, limits):
    """Yields a body's parts; what a request says of its own length is not relied upon."""
    headers = dict(request.scope["headers"])
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if encoding.lower() != "identity":
        raise Refusal(415, f"The body is encoded as {shown(encoding)}. Send it as it is.")
    said = headers.get(b"content-length", b"0")
    received = int(said) if said.isdigit() and len(said) < 19 else 0
    size = 0
    while True:
        if max(received, size) > limits.max_request_bytes:
            raise Refusal(
                413,
                f"The body is too large: more than {limits.max_request_mb:g} MiB. "
                "Send fewer rows, or smaller images.",
                {"Connection": "close"},
            )
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if part and size <= limits.max_request_bytes:
            yield part
        if not message.get("more_body") and size <= limits.max_request_bytes:
            return
