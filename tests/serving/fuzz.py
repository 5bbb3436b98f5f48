"""Requests that nobody would write: near the schema, far from it, images and drawings with
bytes changed, strokes of any lists, GIFs of any frames, bodies of brackets; and connections
that are not what HTTP means: trailers without an end, bodies that stop, clients that do not
read.

As a program, against a server in this process, with the memory that it takes on the way:

    python -m tests.serving.fuzz --requests=10000 --connections=2000
"""

import argparse
import asyncio
import base64
import contextlib
import json
import random
import re
import resource

from tests.gifs import EXTENSION, make_gif
from tests.serving.tiny_models import encode, png

ALLOWED = {200, 400, 404, 405, 408, 413, 415, 503}
# 504: their deadline is short, and may pass where the machine is slow.
ALLOWED_OF_CONNECTIONS = ALLOWED | {100, 431, 504, 505}
PATHS = (
    "/v1/models/tiny:predict",
    "/v1/models/finder:predict",
    "/v1/models/tiny/versions/3:predict",
    "/v1/models/tiny/labels/x:predict",
    "/v1/models/tiny/metadata",
    "/v1/models/tiny/examples/0",
    "/v1/models/finder/examples/0/1",
    "/v1/models/tiny",
    "/v1/models",
    "/metrics",
    "/healthz",
    "/openapi.json",
    "/",
)
METHODS = ("POST",) * 12 + ("GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE")
JUNK = (None, True, 0, -1, 1e308, 2**70, "", "\x00", "😀", "ß" * 2000, [], {}, [[]], [None])
JUNK += ({"b64": "?"}, {"b64": 3}, {"b64": "", "x": 1}, {"sha256": "0" * 64}, {"sha256": None})
# Small, so that what may be kept is kept soon: images, and the memory of a decoded one.
LIMITS = {"image_memory_mb": 0.5, "max_pixels": 100_000, "max_points": 2_000}
# Models of both tasks: {its path: signatures, each with how deep its second input is}.
ASKED = {
    PATHS[0]: ("question", {"serving_default": 0, "many_questions": 1}),
    PATHS[1]: ("sketch", {"serving_default": 0, "several_drawings": 1, "many_queries": 2}),
}
STROKES = "[[[0,0],[90,10],[40,70]],[[20,20]]]"


class Fuzz:
    """Draws requests from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        pixels = self._pixels()
        self.images = [encode(pixels, kind) for kind in ("PNG", "JPEG", "BMP", "GIF")]
        self.images.append(png((1, 2, 3), (200, 100)))
        drawn = pixels.copy()
        drawn[:], drawn[5:8, 5:20] = 255, 0
        self.pictures = [encode(drawn, kind) for kind in ("PNG", "JPEG", "GIF")]

    def _pixels(self):
        import numpy as np

        return np.random.default_rng(0).integers(0, 255, (24, 31, 3), dtype=np.uint8)

    def request(self):
        """(method, path, body)."""
        kind = self.random.random()
        if kind < 0.05:
            return "POST", PATHS[0], self.brackets()
        path = self.random.choice((*ASKED,))
        if kind < 0.45:
            return "POST", path, self._json(self._request_of_images(path))
        if kind < 0.75:
            return "POST", path, self._json(self._near_the_schema(path))
        if kind < 0.9:
            body = self._json(self._near_the_schema(path))
            return "POST", path, self._change(body)
        return self.random.choice(METHODS), self._path(), self._change(b'{"instances": [1]}')

    def _json(self, value):
        return json.dumps(value).encode()

    def _request_of_images(self, path):
        asked, signatures = ASKED[path]
        signature = self.random.choice((*signatures,))
        draw = self._question if asked == "question" else self._sketch
        sizes = [self.random.choice((1, 2, 3)) for _ in range(signatures[signature])]

        def several(sizes):
            return [several(sizes[1:]) for _ in range(sizes[0])] if sizes else draw()

        rows = [
            {"image": b64(self._image()), asked: several(sizes)}
            for _ in range(self.random.choice((1, 1, 1, 2, 5)))
        ]
        return {"signature_name": signature, "instances": rows}

    def _question(self):
        return self.random.choice(("What?", "", "x" * 3000, "äöü", "\u202e"))

    def _sketch(self):
        kind = self.random.random()
        if kind < 0.3:
            picture = self.random.choice(self.pictures)
            return b64(picture if kind < 0.1 else self._change(picture))
        if kind < 0.5:
            return self.random.choice((STROKES, "", "[]", "[[]]", "{}", "\ufeff" + STROKES))
        if kind < 0.7:
            return b64(self._change(STROKES.encode()))
        return self.strokes()

    def strokes(self):
        """Lists of any numbers, of any depth, more than may be, or cut off."""
        draw = self.random
        number = draw.choice(
            (
                lambda: draw.randrange(256),
                lambda: draw.choice((0, 255)),
                lambda: draw.uniform(-1e3, 1e3),
                lambda: draw.choice((1e9, -1e9, 1e-300, 2e9, 1e308, 2**70, 0)),
            )
        )
        points = draw.choice((1, 2, 30, 500, 1_990, 2_010))
        many = draw.choice((1, 1, 3, 200, 600))
        drawing = [
            [[number(), number()] for _ in range(max(1, points // many))] for _ in range(many)
        ]
        if draw.random() < 0.2:
            inside = draw.choice((drawing, drawing[0], drawing[0][0]))
            inside[draw.randrange(len(inside))] = draw.choice(JUNK)
        text = json.dumps(drawing)
        if draw.random() < 0.1:
            text = "[" * draw.choice((1, 500, 2_500)) + text
        return text[: draw.randrange(len(text))] if draw.random() < 0.1 else text

    def brackets(self):
        """Many small values, deep or beside each other, whole or not."""
        draw = self.random
        unit = draw.choice(
            (b"[", b"[]", b"{}", b'{"a":1}', b"[1,2]", b"0", b'""', b"NaN", b"[[")
        )
        times = draw.choice((10, 1000, 30_000, 100_000))
        body = draw.choice((b"", b",", b" ")).join([unit] * times)
        if draw.random() < 0.5:
            body = b'{"instances": [' + body + b"]}"
        return body

    def gif(self):
        """Frames of any size at any place, sometimes as they should be."""
        draw = self.random
        side = draw.choice((1, 8, 30))
        screen = side, draw.choice((side, 1, 300, 65_535))
        frames = [(0, 0, *screen)] if draw.random() < 0.5 and screen[1] < 400 else []
        for _ in range(draw.choice((0, 1, 3, 10))):
            place = [draw.choice((0, 0, 1, side, 65_535)) for _ in range(2)]
            size = [draw.choice((0, 1, side, 2 * side, 65_535)) for _ in range(2)]
            frames.append((*place, *size))
        before = draw.choice((b"", EXTENSION))
        return make_gif(screen, frames, draw.choice((1, 7, 255)), before, most=1000)

    def _image(self):
        if self.random.random() < 0.15:
            return self.gif()
        image = self.random.choice(self.images)
        return image if self.random.random() < 0.2 else self._change(image)

    def _change(self, content):
        """Some bytes changed, removed, repeated, or the end cut off."""
        content, draw = bytearray(content), self.random
        for _ in range(draw.choice((1, 1, 2, 5, 30))):
            at = draw.randrange(len(content) + 1)
            how = draw.randrange(4)
            if how == 0 and at < len(content):
                content[at] = draw.choice((0, 0xFF, 0x7F, 0x80, draw.randrange(256)))
            elif how == 1:
                del content[at : at + draw.choice((1, 2, 8, 100))]
            elif how == 2:
                content[at:at] = bytes(content[at : at + draw.choice((1, 4, 50))])
            elif how == 3 and draw.random() < 0.3:
                del content[at:]
        return bytes(content)

    def _near_the_schema(self, path):
        asked, signatures = ASKED[path]
        image, signature = b64(self.random.choice(self.images)), "serving_default"
        value = "a" if asked == "question" else STROKES
        if self.random.random() < 0.4:
            signature = self.random.choice((*signatures,))
        for _ in range(signatures[signature]):
            value = [value, value]
        request = {"instances": [{"image": image, asked: value}]}
        if self.random.random() < 0.5:
            request = {"inputs": {"image": [image], asked: [value]}}
        if signature != "serving_default":
            request["signature_name"] = signature
        request = json.loads(json.dumps(request))
        for _ in range(self.random.choice((1, 1, 2, 4))):
            self._spoil(request)
        return request

    def _spoil(self, value):
        """Replaces, removes, doubles or nests something inside."""
        draw = self.random
        while True:
            keys = list(value) if isinstance(value, dict) else list(range(len(value)))
            if not keys:
                return
            key = draw.choice(keys)
            inside = value[key]
            if isinstance(inside, (dict, list)) and draw.random() < 0.6:
                value = inside
                continue
            how = draw.randrange(4)
            if how == 0:
                value[key] = json.loads(json.dumps(draw.choice(JUNK)))  # A copy: it may grow.
            elif how == 1:
                del value[key]
            elif how == 2:
                value[key] = [inside, inside]
            elif isinstance(value, dict):
                value[draw.choice(("image", "question", "sketch", "inputs", "b64", "x"))] = (
                    inside
                )
            return

    def _path(self):
        path = self.random.choice(PATHS)
        if self.random.random() < 0.5:
            return path
        at = self.random.randrange(len(path))
        parts = ("/", "..", "%2e%2e/", "%00", "%0a", ":", "?", "%ff", "é", "9" * 30, " ", "//")
        return path[:at] + self.random.choice(parts) + path[at:]

    def connection(self):
        """([bytes sent one after the other], whether the client reads what comes)."""
        draw = self.random
        head = self._head(b"Transfer-Encoding: chunked")
        known = self._head(b"Content-Length: 60")
        post = b"POST %s HTTP/1.1\r\nHost: localhost\r\n" % PATHS[0].encode()
        get = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % draw.choice(PATHS).encode()
        junk = draw.randbytes(draw.choice((1, 40, 4000)))
        kind = draw.choice(
            (
                lambda: [head + b"2\r\n{}\r\n0\r\n", *[b"X: " + b"y" * 9000 + b"\r\n"] * 20],
                lambda: [head + b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"],
                lambda: [head + b"5;x=", *[b"y" * 9000] * 20],
                lambda: [head, *[b"1\r\n \r\n"] * 50, b"0\r\n\r\n"],
                lambda: [head + b"-1\r\n"],
                lambda: [known + b"{"],
                lambda: [known, b" " * 59],
                lambda: [known.replace(b"60", b"600000"), *[b" " * 9000] * 10],
                lambda: [known.replace(b"60", draw.choice((b"-1", b"9" * 30, b"1e3", b"")))],
                lambda: [post + b"X: ", *[b"y" * 9000] * 20],
                lambda: [post[: draw.randrange(len(post))]],
                lambda: [b"\r\n" * 500],
                lambda: [get * draw.choice((1, 20, 500))],
                lambda: [get * 20 + junk],
                lambda: [
                    get.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
                ],
                lambda: [self._change(known + b'{"instances": [1]}' + b" " * 42)],
                lambda: [self._change(get)],
                lambda: [junk],
                lambda: [
                    known.replace(b"Content", b"Expect: 100-continue\r\nContent"),
                    b" " * 60,
                ],
            )
        )
        return kind(), draw.random() < 0.6

    def _head(self, header):
        path = self.random.choice((PATHS[0], "/nowhere", "/healthz")).encode()
        return b"POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n" % (path, header)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


def memory_mb():
    """Resident set of this process now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def run(client, num_requests, seed, every=1000, report=print):
    """Sends requests; returns {code: how often} and the memory after every `every`."""
    fuzz, codes, memory = Fuzz(seed), {}, []
    for number in range(num_requests):
        method, path, body = fuzz.request()
        response = client.request(method, path, content=body)
        code = response.status_code
        codes[code] = codes.get(code, 0) + 1
        if code not in ALLOWED:
            raise AssertionError(f"{code} {response.text[:300]} for {method} {path} {body!r}")
        if code >= 400 and method != "HEAD" and "error" not in response.json():
            raise AssertionError(f"{code} without a sentence for {method} {path}")
        if (number + 1) % every == 0:
            memory.append(memory_mb())
            report(f"{number + 1:,} requests, {memory[-1]:.0f} MiB, {codes}")
    return codes, memory


async def connect_all(port, num_connections, seed, at_once=100):
    """Opens connections that do as `Fuzz.connection` says; returns {code: how often}.

    Raises:
      AssertionError: an answer is none that may be, or the server lets a connection be held.
    """
    fuzz, codes, places = Fuzz(seed), {}, asyncio.Semaphore(at_once)

    async def connect(parts, reads):
        async with places:
            received = await asyncio.wait_for(_converse(port, parts, reads), 600)
        for code in map(int, re.findall(rb"HTTP/1\.1 (\d{3}) ", received)):
            codes[code] = codes.get(code, 0) + 1
            if code not in ALLOWED_OF_CONNECTIONS:
                raise AssertionError(f"{code} for {parts!r}: {received[:300]!r}")
        if b"text/plain; charset" in received:  # As uvicorn answers; not the metrics.
            raise AssertionError(f"An error without a sentence for {parts!r}: {received!r}")

    await asyncio.gather(*(connect(*fuzz.connection()) for _ in range(num_connections)))
    return codes


async def _converse(port, parts, reads):
    """Sends the parts and holds the connection until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if not reads:
        writer.transport.pause_reading()
    received = b""
    with contextlib.suppress(OSError):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        while reads and (part := await reader.read(2**16)):
            received += part
        while not reads and not writer.transport.is_closing():
            await asyncio.sleep(0.2)
            writer.write(b"\r\n")  # So that it is noticed when the server is gone.
    writer.transport.abort()
    return received


@contextlib.contextmanager
def short_bounds():
    """Of connections, so that one which is held ends soon."""
    from hardvqa_tf.serving import connections, outlet

    places = [
        (connections, name) for name in ("_HEAD_SECONDS", "_IDLE_SECONDS", "_REST_SECONDS")
    ]
    places += [(outlet, name) for name in ("_OUT_SECONDS", "_LINGER_SECONDS")]
    before = [getattr(module, name) for module, name in places]
    for module, name in places:
        setattr(module, name, 1.0)
    try:
        yield
    finally:
        for (module, name), value in zip(places, before, strict=True):
            setattr(module, name, value)


def main(argv=None, localizer=None):
    """The program; `localizer`: `Servable` of a small one. Default: of a new export."""
    import tempfile

    from hardvqa_tf.serving.models import Servable
    from tests.localize.tiny_records import export_localizer
    from tests.serving.fakes import make_service, open_client
    from tests.serving.test_serve import running
    from tests.serving.tiny_models import save_tiny_vqa

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        save_tiny_vqa(f"{folder}/3")
        localizer = localizer or Servable("finder", 1, export_localizer(folder))
        models = Servable("tiny", 3, f"{folder}/3"), localizer
        with open_client(make_service(*models, **LIMITS)) as client:
            run(client, arguments.requests, arguments.seed)
        service = make_service(*models, **LIMITS, deadline_seconds=3)
        with short_bounds(), running(service) as port:
            codes = asyncio.run(connect_all(port, arguments.connections, arguments.seed))
            print(f"{arguments.connections:,} connections, {memory_mb():.0f} MiB, {codes}")


if __name__ == "__main__":
    main()
