"""The outermost layer of the application, before and behind every route."""

import asyncio
import hmac
import time

from hardvqa_tf.serving.answers import error_of
from hardvqa_tf.serving.logs import logger
from hardvqa_tf.serving.refusals import shown

_OPEN_PATHS = ("/healthz", "/")  # Without a token; a browser has none when it opens a page.


class Gate:
    """Asks for the token or looks at the host, counts, and lets no error out unanswered."""

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
            await (self._refusal(scope) or self._app)(scope, receive, count)
        except Exception:  # Mostly one that `app._fail` has answered.
            logger.exception("A request failed")
            if not code:
                await error_of(500, "The server failed at this request.")(scope, receive, count)
        finally:
            route = getattr(scope.get("endpoint"), "__name__", "none")
            seconds = time.perf_counter() - started
            # Not before the answer's bytes leave, which is at the end of the loop's turn.
            loop = asyncio.get_running_loop()
            loop.call_soon(self._service.measures.request, route, code, seconds)

    def _refusal(self, scope):
        """What is answered to one who may not pass, or None."""
        token, hosts = self._service.token, self._service.hosts
        if token is not None and scope["path"] not in _OPEN_PATHS:
            given = _header(scope, b"authorization")
            kind, _, given = (given[0] if given else b"").partition(b" ")
            if kind.lower() != b"bearer" or not hmac.compare_digest(given.strip(), token):
                return _unauthorized()
        if hosts is not None:
            for host in _header(scope, b"host"):
                if not hosts.know(host):
                    return _unknown_host(host)
        return None


def _header(scope, wanted):
    return [value for name, value in scope["headers"] if name == wanted]


def _unauthorized():
    return error_of(
        401,
        "This server wants a token. Send the header `Authorization: Bearer TOKEN`.",
        {"WWW-Authenticate": "Bearer", "Connection": "close"},
    )


def _unknown_host(host):
    host = shown(host.decode("latin-1"))
    return error_of(
        403,
        f"This server does not answer for {host}. Ask it by its address; or start it with that "
        "name in --allowed_hosts, or with a token.",
        {"Connection": "close"},
    )
