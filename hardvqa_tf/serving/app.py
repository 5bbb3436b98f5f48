"""The routes, as an ASGI application.

GET  /v1/models                                        all models, with their cards
GET  /v1/models/{m}[/versions/{v}|/labels/{l}]         status
GET  /v1/models/{m}[/versions/{v}|/labels/{l}]/metadata
POST /v1/models/{m}[/versions/{v}|/labels/{l}]:predict
GET  /v1/models/{m}/examples/{i}                       an example image
GET  /v1/models/{m}/examples/{i}/{j}                   what its item j is asked with, a file
GET  /                                                 the page
GET  /healthz  /metrics  /openapi.json
"""

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hardvqa_tf.serving import routes
from hardvqa_tf.serving.answers import error_of
from hardvqa_tf.serving.gate import Gate
from hardvqa_tf.serving.predict import predict
from hardvqa_tf.serving.refusals import Refusal, shown


class _Segment(StringConvertor):
    """Part of a path up to a slash or a colon, as TensorFlow Serving cuts it."""

    regex = "[^/:]+"


register_url_convertor("segment", _Segment())


def make_app(service):
    """The ASGI application of a `Service`."""
    base, label = "/v1/models/{model:segment}", "/labels/{label:segment}"
    version = "/versions/{version:segment}"
    found = []
    for which in ("", version, label):
        found += [
            Route(f"{base}{which}:predict", predict, methods=["POST"]),
            Route(f"{base}{which}/metadata", routes.metadata),
        ]
    found += [
        Route(f"{base}/examples/{{number}}", routes.example),
        Route(f"{base}/examples/{{number}}/{{item}}", routes.example),
        *(Route(base + which, routes.status) for which in ("", version, label)),
        Route("/v1/models", routes.list_models),
        *(Route(f"/{f.__name__}", f) for f in (routes.healthz, routes.metrics)),
        Route("/openapi.json", routes.openapi_json),
        Route("/", routes.page),
    ]
    app = Starlette(
        routes=found,
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


async def _refuse(_: Request, refusal: Refusal):
    return error_of(refusal.code, refusal.sentence, refusal.headers)


async def _fail(_: Request, error: Exception):
    return error_of(500, "The server failed at this request. Its log says why.")


async def _nobody_listens(_: Request, error: ClientDisconnect):
    return Response(status_code=499)  # As nginx counts them.


async def _refuse_route(request: Request, error: HTTPException):
    method, path = shown(request.method), shown(request.scope["path"])
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        sentence = f"{path} does not take {method}. It takes {allowed}."
    else:
        sentence = f"There is nothing at {path}. What there is: GET /openapi.json"
    return error_of(error.status_code, sentence, error.headers)
