"""A server without a model, for benchmarks/serving.py: each request gets the same bytes.

uvicorn as our server configures it, and Starlette with one route. What it takes is the share of
HTTP, of the machine's way from process to process and back, and of the client.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from hardvqa_tf.serving import serve
from hardvqa_tf.serving.limits import Limits


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answer_bytes", type=int, required=True)
    answer = b"x" * parser.parse_args(argv).answer_bytes
    with serve.bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(serve.configure(make_app(answer), Limits()))
        listener.listen()
        port = listener.getsockname()[1]
        print(f"Serving nothing at all at http://127.0.0.1:{port}/", flush=True)
        server.run(sockets=[listener])


def make_app(answer):
    async def predict(request):
        await request.body()
        return Response(answer, media_type="application/json")

    return Starlette(routes=[Route("/v1/models/{model}", predict, methods=["POST"])])


if __name__ == "__main__":
    main()
