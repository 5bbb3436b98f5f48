"""The outermost layer of the application, before and behind every route."""

import asyncio
import hmac
import time

from hardvqa_tf.serving.answers import error_of
from hardvqa_tf.serving.logs import logger

_OPEN_PATHS = ("/healthz", "/")  # Without a token; a browser has none when it opens a page.


class Gate:
    """The outermost layer: asks for the token, counts, and lets no error out unanswered."""

    def __init__(self, app, service):
        self._app, self._service = app, service

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, code = time.perf_counter(), 0

        async def count(message):
            nonlocal code
            code = message.get("status", code)
            await send(message)

        try:
            if self._may_pass(scope):
                await self._app(scope, receive, count)
            else:
                await _unauthorized()(scope, receive, count)
        except Exception:  # `_fail` has answered.
            logger.exception("A request failed")
        finally:
            route = getattr(scope.get("endpoint"), "__name__", "none")
            seconds = time.perf_counter() - started
            # Not before the answer's bytes leave, which is at the end of the loop's turn.
            loop = asyncio.get_running_loop()
            loop.call_soon(self._service.measures.request, route, code, seconds)

    def _may_pass(self, scope):
        token = self._service.token
        if token is None or scope["path"] in _OPEN_PATHS:
            return True
        given = next((v for name, v in scope["headers"] if name == b"authorization"), b"")
        kind, _, given = given.partition(b" ")
        return kind.lower() == b"bearer" and hmac.compare_digest(given.strip(), token)


def _unauthorized():
    return error_of(
        401,
        "This server wants a token. Send the header `Authorization: Bearer TOKEN`.",
        {"WWW-Authenticate": "Bearer", "Connection": "close"},
    )
