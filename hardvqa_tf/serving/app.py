"""The routes, as an ASGI application.

GET  /v1/models                                        all models, with their cards
GET  /v1/models/{m}[/versions/{v}|/labels/{l}]         status
GET  /v1/models/{m}[/versions/{v}|/labels/{l}]/metadata
POST /v1/models/{m}[/versions/{v}|/labels/{l}]:predict
GET  /v1/models/{m}/examples/{i}                       an example image
GET  /                                                 the page
GET  /healthz  /metrics  /openapi.json
"""

import asyncio
import concurrent.futures
import contextlib
import hmac
import pathlib
import time

import anyio
import orjson
from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hardvqa_tf.serving import asking, checks, openapi, protocol
from hardvqa_tf.serving.batching import Batches
from hardvqa_tf.serving.images import ImageMemory
from hardvqa_tf.serving.limits import Limits
from hardvqa_tf.serving.logs import logger
from hardvqa_tf.serving.measures import Measures
from hardvqa_tf.serving.refusals import Refusal, shown

PAGE = pathlib.Path(__file__).with_name("page.html")
_OPEN_PATHS = ("/healthz", "/")  # Without a token; a browser has none when it opens a page.
_LARGE_BODY = 256 * 1024  # Longer ones are read in a thread: others need not wait for them.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


class _Segment(StringConvertor):
    """Part of a path up to a slash or a colon, as TensorFlow Serving cuts it."""

    regex = "[^/:]+"


register_url_convertor("segment", _Segment())


class Service:
    """What the routes share.

    Args:
      registry: `registry.Registry` of loaded models.
      token: bytes that a request must bear, or None.
      poll_seconds: how often folders are looked at; None: never.
    """

    def __init__(self, registry, limits=None, token=None, poll_seconds=None):
        self.registry, self.limits = registry, limits or Limits()
        self.token, self.poll_seconds = token, poll_seconds
        self.measures = Measures()
        self.images = ImageMemory(self.limits.image_memory_bytes)
        self.batches = Batches(
            self.limits.batch_threads,
            self.limits.max_batch_size,
            self.limits.batch_wait_ms / 1000,
            self.limits.max_queue,
            self.measures.batch,
        )
        self.held_bytes = 0  # of bodies that are received, read or waited for
        self.readers = concurrent.futures.ThreadPoolExecutor(1, "read")
        self.page = PAGE.read_bytes() if PAGE.exists() else None

    @contextlib.asynccontextmanager
    async def run(self, _):
        """While the application lives."""
        self.batches.start()
        polling = asyncio.create_task(self._poll()) if self.poll_seconds else None
        try:
            yield
        finally:
            if polling:
                polling.cancel()
            self.batches.stop()
            self.readers.shutdown(wait=False)

    async def _poll(self):
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(1, "poll") as thread:
            while True:
                await asyncio.sleep(self.poll_seconds)
                try:
                    await loop.run_in_executor(thread, self.registry.poll)
                except Exception:  # The next look may go better, and what serves goes on.
                    logger.exception("Models could not be looked for")


# --- Predict.


async def predict(request):
    service = request.app.state.service
    servable = _find_servable(request)
    servable.users += 1
    try:
        with anyio.fail_after(service.limits.deadline_seconds):
            return await _predict(request, service, servable)
    except TimeoutError:
        raise _too_late(request, service.limits.deadline_seconds) from None
    finally:
        servable.users -= 1


def _too_late(request, seconds):
    if not getattr(request.state, "has_body", False):
        sentence = f"The body did not come within {seconds:g} seconds. Send it faster."
        return Refusal(408, sentence, {"Connection": "close"})
    return Refusal(
        504,
        f"The answer took longer than {seconds:g} seconds. Send fewer rows, or again when the "
        "server is less busy.",
    )


async def _predict(request, service, servable):
    limits, parts = service.limits, []
    try:
        async for part in _body_parts(request, limits):
            service.held_bytes += len(part)
            parts.append(part)
            if service.held_bytes > limits.max_bytes_at_once:
                raise Refusal(
                    503,
                    "The server is busy with large requests. Try again later.",
                    {"Retry-After": "5", "Connection": "close"},
                )
        request.state.has_body = True
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        arguments = (body, servable, limits, service.images)
        if len(body) < _LARGE_BODY:
            questioning = asking.read(*arguments)
        else:
            loop = asyncio.get_running_loop()
            questioning = await loop.run_in_executor(service.readers, asking.read, *arguments)
        outputs = await asking.run(
            questioning, service.batches, service.images, lambda jobs: _wait(jobs, request)
        )
    finally:
        service.held_bytes -= sum(map(len, parts))
    service.measures.bad_answers(asking.count_bad(questioning.signature, outputs))
    return _json_bytes(protocol.write_response(questioning.form, outputs))


async def _body_parts(request, limits):
    """Yields the body's parts; what a request says of its own length is not relied upon."""
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


async def _wait(jobs, request):
    """Returns when all are done; ends when the client goes before they began."""
    futures = [job.done for job in jobs]
    if not any(job.is_waiting for job in jobs):
        await (asyncio.wait(futures) if len(futures) > 1 else _settled(futures[0]))
        return
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        waiting = set(futures)
        while waiting and not gone.done():
            await asyncio.wait({*waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            waiting = {future for future in waiting if not future.done()}
        if waiting:
            raise ClientDisconnect
    finally:
        gone.cancel()


async def _settled(future):
    with contextlib.suppress(Exception):  # It is looked at later.
        await future


async def _disconnected(request):
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _find_servable(request):
    params = request.path_params
    model = request.app.state.service.registry.find(params["model"])
    return model.find(_version(params), params.get("label"))


def _version(params):
    version = params.get("version")
    if version is None:
        return None
    if not (version.isascii() and version.isdecimal() and len(version) <= 18):
        raise Refusal(400, f"A version is a whole number. Received: {shown(version)}.")
    return int(version)


# --- The others.


async def list_models(request):
    models = request.app.state.service.registry.models.values()
    return _json(
        {
            "models": [
                {
                    "name": model.name,
                    "versions": model.serving,
                    "labels": model.labels,
                    "card": model.find().card if model.serving else None,
                }
                for model in models
            ]
        }
    )


async def status(request):
    params = request.path_params
    model = request.app.state.service.registry.find(params["model"])
    states = model.states()
    version = _version(params)
    if "label" in params:
        version = model.find(label=params["label"]).version
    if version is not None:
        states = [entry for entry in states if entry[0] == version]
    if not states:
        model.find(version if version is not None else -1)  # Refuses, with what there is.
    return _json({"model_version_status": [_status_of(*entry) for entry in states]})


def _status_of(number, state, reason):
    return {
        "version": str(number),
        "state": state,
        "status": {"error_code": "UNKNOWN" if reason else "OK", "error_message": reason},
    }


async def metadata(request):
    servable = _find_servable(request)
    spec = {"name": servable.name, "signature_name": "", "version": str(servable.version)}
    definitions = {"signature_def": {"signature_def": servable.signature_defs}}
    return _json({"model_spec": spec, "metadata": definitions})


async def example(request):
    servable = _find_servable(request)
    number = request.path_params["number"]
    if not (number.isascii() and number.isdecimal() and len(number) < 9):
        raise Refusal(400, f"Examples are numbered from 0. Received: {shown(number)}.")
    if int(number) >= len(servable.examples):
        raise Refusal(
            404, f"Model {servable.name} has {len(servable.examples)} examples, from 0 on."
        )
    image = servable.examples[int(number)]
    return Response(image, media_type=checks.media_type(image))


async def page(request):
    content = request.app.state.service.page
    if content is None:
        raise Refusal(404, "This server has no page. Its routes: GET /openapi.json")
    return Response(content, media_type="text/html", headers=_PAGE_HEADERS)


async def healthz(request):
    service = request.app.state.service
    if service.registry.is_ready:
        return _json({"status": "ok"})
    waiting = [m.name for m in service.registry.models.values() if not m.serving]
    raise Refusal(503, f"Not served: {', '.join(waiting)}.", {"Retry-After": "5"})


async def metrics(request):
    service = request.app.state.service
    content = service.measures.page(
        service.registry.models.values(),
        service.batches.waiting,
        service.held_bytes,
        service.images.num_bytes,
    )
    return Response(content, media_type=service.measures.media_type)


async def openapi_json(request):
    service = request.app.state.service
    has_token = service.token is not None
    return _json(openapi.describe(service.registry, has_token, service.page is not None))


def _json(content):
    return _json_bytes(orjson.dumps(content))


def _json_bytes(content, code=200, headers=None):
    return Response(content, code, headers, media_type="application/json")


# --- Put together.


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
    return _error(
        401,
        "This server wants a token. Send the header `Authorization: Bearer TOKEN`.",
        {"WWW-Authenticate": "Bearer", "Connection": "close"},
    )


def _error(code, sentence, headers=None):
    return _json_bytes(orjson.dumps({"error": sentence}), code, headers)


async def _refuse(_: Request, refusal: Refusal):
    return _error(refusal.code, refusal.sentence, refusal.headers)


async def _fail(_: Request, error: Exception):
    return _error(500, "The server failed at this request. Its log says why.")


async def _nobody_listens(_: Request, error: ClientDisconnect):
    return Response(status_code=499)  # As nginx counts them.


async def _refuse_route(request: Request, error: HTTPException):
    method, path = shown(request.method), shown(request.scope["path"])
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        sentence = f"{path} does not take {method}. It takes {allowed}."
    else:
        sentence = f"There is nothing at {path}. What there is: GET /openapi.json"
    return _error(error.status_code, sentence, error.headers)


def make_app(service):
    """The ASGI application of a `Service`."""
    base, label = "/v1/models/{model:segment}", "/labels/{label:segment}"
    version = "/versions/{version:segment}"
    routes = []
    for which in ("", version, label):
        routes += [
            Route(f"{base}{which}:predict", predict, methods=["POST"]),
            Route(f"{base}{which}/metadata", metadata),
        ]
    routes += [
        Route(f"{base}/examples/{{number}}", example),
        *(Route(base + which, status) for which in ("", version, label)),
        Route("/v1/models", list_models),
        *(Route(f"/{f.__name__}", f) for f in (healthz, metrics)),
        Route("/openapi.json", openapi_json),
        Route("/", page),
    ]
    app = Starlette(
        routes=routes,
        lifespan=service.run,
        exception_handlers={
            Refusal: _refuse,
            HTTPException: _refuse_route,
            ClientDisconnect: _nobody_listens,
            Exception: _fail,
        },
    )
    app.router.redirect_slashes = False
    app.state.service = service
    return Gate(app, service)
