"""What every route answers with: JSON, also where something is wrong."""

import orjson
from starlette.responses import Response


def json_of(content):
    return json_bytes(orjson.dumps(content))


def json_bytes(content, code=200, headers=None):
    return Response(content, code, headers, media_type="application/json")


def error_of(code, sentence, headers=None):
    return json_bytes(orjson.dumps({"error": sentence}), code, headers)
