"""The routes that say what there is."""

from starlette.responses import Response

from hardvqa_tf.serving import checks, openapi
from hardvqa_tf.serving.answers import json_of
from hardvqa_tf.serving.refusals import Refusal, shown

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


async def list_models(request):
    models = request.app.state.service.registry.models.values()
    return json_of(
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
    return json_of({"model_version_status": [_status_of(*entry) for entry in states]})


def _status_of(number, state, reason):
    return {
        "version": str(number),
        "state": state,
        "status": {"error_code": "UNKNOWN" if reason else "OK", "error_message": reason},
    }


async def metadata(request):
    servable = find_servable(request)
    spec = {"name": servable.name, "signature_name": "", "version": str(servable.version)}
    definitions = {"signature_def": {"signature_def": servable.signature_defs}}
    return json_of({"model_spec": spec, "metadata": definitions})


async def example(request):
    servable = find_servable(request)
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
        return json_of({"status": "ok"})
    waiting = [m.name for m in service.registry.models.values() if not m.serving]
    raise Refusal(503, f"Not served: {', '.join(waiting)}.", {"Retry-After": "5"})


async def metrics(request):
    service = request.app.state.service
    content = service.measures.page(
        service.registry.models.values(),
        service.batches.waiting,
        service.bodies.num_bytes,
        service.images.num_bytes,
    )
    return Response(content, media_type=service.measures.media_type)


async def openapi_json(request):
    service = request.app.state.service
    has_token = service.token is not None
    return json_of(openapi.describe(service.registry, has_token, service.page is not None))


def find_servable(request):
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
