"""The routes that say what there is."""

from starlette.responses import Response

from hardvqa_tf.request_parts.image_checks import media_type
from hardvqa_tf.serving import openapi
from hardvqa_tf.serving.answers import json_of
from hardvqa_tf.serving.inputs import known_inputs
from hardvqa_tf.serving.refusals import Refusal, shown
from records.source import counted

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


async def list_models(request):
    models = request.app.state.service.registry.models.values()
    return json_of({"models": [_described(model) for model in models]})


def _described(model):
    """A model, and what its newest version is."""
    described = {"name": model.name, "versions": model.serving, "labels": model.labels}
    described |= {"task": None, "inputs": {}, "card": None}
    if model.serving:
        newest = model.find()
        inputs = {n: i for s in newest.signatures.values() for n, i in known_inputs(s).items()}
        described |= {
            "task": newest.task,
            "inputs": {name: known.wants for name, known in inputs.items()},
            "card": newest.card,
        }
    return described


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
    found = servable.examples
    found = found[_numbered(request, "number", len(found), f"Model {servable.name}", "example")]
    content = found.image
    if "item" in request.path_params:
        # A picture, or a text that is JSON, which no image begins as.
        whose = f"Example {request.path_params['number']} of model {servable.name}"
        content = found.files[_numbered(request, "item", len(found.files), whose, "file")]
        if content.startswith(b"["):
            return Response(content, media_type="application/json")
    return Response(content, media_type=media_type(content))


def _numbered(request, name, size, whose, what):
    """The number in a path, of something that there is."""
    number = request.path_params[name]
    if not (number.isascii() and number.isdecimal() and len(number) < 9):
        raise Refusal(
            400, f"{what.capitalize()}s are numbered from 0. Received: {shown(number)}."
        )
    if int(number) >= size:
        raise Refusal(404, f"{whose} has {counted(size, what)}, from 0 on.")
    return int(number)


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
