"""Requests that nobody would write: near the schema, far from it, images with bytes changed.

As a program, against a server of its own process, with the memory that it takes on the way:

    python -m tests.serving.fuzz --requests=10000
"""

import argparse
import base64
import json
import random
import resource

from tests.serving.tiny_models import encode, png

ALLOWED = {200, 400, 404, 405, 408, 413, 415, 503}
PATHS = (
    "/v1/models/tiny:predict",
    "/v1/models/tiny/versions/3:predict",
    "/v1/models/tiny/labels/x:predict",
    "/v1/models/tiny/metadata",
    "/v1/models/tiny/examples/0",
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
LIMITS = {"image_memory_mb": 0.5, "max_pixels": 100_000}


class Fuzz:
    """Draws requests from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        pixels = self._pixels()
        self.images = [encode(pixels, kind) for kind in ("PNG", "JPEG", "BMP", "GIF")]
        self.images.append(png((1, 2, 3), (200, 100)))

    def _pixels(self):
        import numpy as np

        return np.random.default_rng(0).integers(0, 255, (24, 31, 3), dtype=np.uint8)

    def request(self):
        """(method, path, body)."""
        kind = self.random.random()
        if kind < 0.45:
            return "POST", PATHS[0], self._json(self._request_of_images())
        if kind < 0.75:
            return "POST", PATHS[0], self._json(self._near_the_schema())
        if kind < 0.9:
            body = self._json(self._near_the_schema())
            return "POST", PATHS[0], self._change(body)
        return self.random.choice(METHODS), self._path(), self._change(b'{"instances": [1]}')

    def _json(self, value):
        return json.dumps(value).encode()

    def _request_of_images(self):
        rows = [
            {
                "image": {"b64": base64.b64encode(self._image()).decode()},
                "question": self.random.choice(("What?", "", "x" * 3000, "äöü", "\u202e")),
            }
            for _ in range(self.random.choice((1, 1, 1, 2, 5)))
        ]
        return {"instances": rows}

    def _image(self):
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

    def _near_the_schema(self):
        image = {"b64": base64.b64encode(self.random.choice(self.images)).decode()}
        request = self.random.choice(
            (
                {"instances": [{"image": image, "question": "a"}]},
                {"inputs": {"image": [image], "question": ["a"]}},
                {
                    "signature_name": "many_questions",
                    "inputs": {"image": [image], "question": [["a", "b"]]},
                },
            )
        )
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
                value[key] = draw.choice(JUNK)
            elif how == 1:
                del value[key]
            elif how == 2:
                value[key] = [inside, inside]
            elif isinstance(value, dict):
                value[draw.choice(("image", "question", "inputs", "b64", "x"))] = inside
            return

    def _path(self):
        path = self.random.choice(PATHS)
        if self.random.random() < 0.5:
            return path
        at = self.random.randrange(len(path))
        parts = ("/", "..", "%2e%2e/", "%00", "%0a", ":", "?", "%ff", "é", "9" * 30, " ", "//")
        return path[:at] + self.random.choice(parts) + path[at:]


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


def main(argv=None):
    import tempfile

    from hardvqa_tf.serving.models import Servable
    from tests.serving.fakes import make_service, open_client
    from tests.serving.tiny_models import save_tiny_vqa

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        save_tiny_vqa(f"{folder}/3")
        service = make_service(Servable("tiny", 3, f"{folder}/3"), **LIMITS)
        with open_client(service) as client:
            run(client, arguments.requests, arguments.seed)


if __name__ == "__main__":
    main()
