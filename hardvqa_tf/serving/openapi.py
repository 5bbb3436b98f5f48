"""OpenAPI 3.1 of what is really there: the models that are served, with their signatures."""

from hardvqa_tf.serving.inputs import known_inputs

_ERRORS = {
    "400": "What is wrong with the request, in a sentence.",
    "408": "The body did not come in time.",
    "404": "There is no such model, version or remembered image.",
    "413": "Too large, or too many rows.",
    "415": "The body is compressed.",
    "499": "The client went away.",
    "503": "Too much is waiting; `Retry-After` says when to come again.",
    "504": "It took too long.",
}
_JSON_TYPES = {"b": "boolean", "i": "integer", "u": "integer", "O": "string"}


def describe(registry, has_token=False, has_page=True):
    """A dict for JSON.

    Args:
      registry: `registry.Registry`.
    """
    paths = {
        "/v1/models": {"get": _get("All models, with their cards.", {"type": "object"})},
        "/healthz": {
            "get": _get("200 when every model is served.", {"type": "object"}, ("503",))
            | {"security": []}
        },
        "/metrics": {"get": _text("Prometheus metrics.", "text/plain")},
        "/openapi.json": {"get": _get("This description.", {"type": "object"})},
    }
    if has_page:
        paths["/"] = {"get": _text("The page.", "text/html") | {"security": []}}
    for model in registry.models.values():
        if model.serving:
            paths |= _paths_of(model)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "hardvqa_tf",
            "version": "1",
            "description": "TensorFlow Serving's REST protocol, and a little more.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }
    if has_token:
        document["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"}
        }
        document["security"] = [{"token": []}]
        for path in paths.values():
            for operation in path.values():
                if operation.get("security") != []:
                    operation["responses"]["401"] = _error("The token is missing or wrong.")
    return document


_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}


def _paths_of(model):
    """The paths of one model: of its newest version, of each version and of each label."""
    base, paths = f"/v1/models/{model.name}", {}
    served = {base: model.find()}
    served |= {f"{base}/versions/{number}": model.find(number) for number in model.serving}
    served |= {
        f"{base}/labels/{label}": model.find(number)
        for label, number in model.labels.items()
        if number in model.serving
    }
    for path, servable in served.items():
        paths[path] = {"get": _get("Status.", _STATUS, ("404",))}
        paths[f"{path}/metadata"] = {"get": _get("Signatures.", {"type": "object"}, ("404",))}
        paths[f"{path}:predict"] = {"post": _predict(servable)}
    for number, example in enumerate(served[base].examples):
        path = f"{base}/examples/{number}"
        paths[path] = {"get": _text("An example image.", "image/*")}
        for item in range(len(example.files)):
            paths[f"{path}/{item}"] = {"get": _text("What to ask about it with.", "*/*")}
    return paths


_STATUS = {
    "type": "object",
    "required": ["model_version_status"],
    "properties": {
        "model_version_status": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["version", "state", "status"],
                "properties": {
                    "version": {"type": "string"},
                    "state": {"enum": ["LOADING", "AVAILABLE", "UNLOADING", "END"]},
                    "status": {"type": "object"},
                },
            },
        }
    },
}


def _predict(servable):
    requests, responses = [], []
    for signature in servable.signatures.values():
        requests += _requests_of(signature)
        responses += _responses_of(signature)
    return {
        "summary": f"Asks {servable.name}, version {servable.version}.",
        "tags": [servable.task or "model"],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": requests}}},
        },
        "responses": {
            "200": _response("The answers.", {"anyOf": responses}),
            **{code: _error(text) for code, text in _ERRORS.items()},
        },
    }


def _requests_of(signature):
    """Schemas of both forms."""
    name = {"const": signature.name}
    required = [] if signature.name == "serving_default" else ["signature_name"]
    inputs = signature.inputs.values()
    columns = {tensor.name: _schema(tensor, tensor.shape, signature) for tensor in inputs}
    schemas = [
        {
            "type": "object",
            "required": [*required, "inputs"],
            "additionalProperties": False,
            "properties": {"signature_name": name, "inputs": _object(columns)},
        }
    ]
    if signature.is_joinable:
        rows = {tensor.name: _schema(tensor, tensor.shape[1:], signature) for tensor in inputs}
        instances = {"type": "array", "minItems": 1, "items": _object(rows)}
        schemas.append(
            {
                "type": "object",
                "required": [*required, "instances"],
                "additionalProperties": False,
                "properties": {"signature_name": name, "instances": instances},
            }
        )
    return schemas


def _responses_of(signature):
    outputs = signature.outputs.values()
    if len(outputs) == 1:  # TensorFlow Serving leaves the name of a single output out.
        return [{"type": "object", "required": [form]} for form in ("predictions", "outputs")]
    columns = {tensor.name: _schema(tensor, tensor.shape) for tensor in outputs}
    schemas = [{"type": "object", "properties": {"outputs": _object(columns)}}]
    schemas[0]["required"] = ["outputs"]
    if signature.is_joinable:
        rows = {t.name: _schema(t, t.shape and t.shape[1:]) for t in outputs}
        schemas.append(
            {
                "type": "object",
                "required": ["predictions"],
                "properties": {"predictions": {"type": "array", "items": _object(rows)}},
            }
        )
    return schemas


def _schema(tensor, shape, signature=None):
    """Of a tensor; with a signature, of what may be sent for it."""
    schema = {"type": _JSON_TYPES.get(tensor.dtype.kind, "number")}
    known = known_inputs(signature).get(tensor.name) if signature else None
    if tensor.is_string and (signature or tensor.name.endswith("_bytes")):
        encoded = [_object({"b64": {"type": "string", "contentEncoding": "base64"}})]
        if known and known.is_remembered:
            encoded.append(_object({"sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}))
        schema = {"anyOf": [schema, *encoded] if signature else encoded}
    if known:
        schema["description"] = known.wants
    if shape is None:
        return {}
    for size in reversed(shape):
        schema = {"type": "array", "items": schema}
        if size is not None:
            schema |= {"minItems": size, "maxItems": size}
    return schema


def _object(properties):
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _get(summary, schema, errors=()):
    return {
        "summary": summary,
        "responses": {
            "200": _response(summary, schema),
            **{code: _error(_ERRORS[code]) for code in errors},
        },
    }


def _text(summary, media_type):
    return {
        "summary": summary,
        "responses": {"200": {"description": summary, "content": {media_type: {}}}},
    }


def _response(text, schema):
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _error(text):
    return _response(text, {"$ref": "#/components/schemas/Error"})
