"""Stands for a server, of which the page asks answers that are typed here.

And what a person does on the page, for tests in a browser; their fixtures are in conftest.py.
"""

import base64
import hashlib
import io
import urllib.parse

import numpy as np
from PIL import Image

from hardvqa_tf.serving.pages import read_page

PAGE = read_page("vqa").decode()
ADDRESS = "http://localhost:8501/"  # Nothing listens there: requests are answered here.
POLICY = (
    "default-src 'none'; img-src 'self' data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
FRAME = 3  # pixels that the page draws around the image

# H=3, W=4: five cells kept, one of them in a corner of the image.
MASK = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [1, 0, 0, 1]], bool)
PRESENCE = np.array([[0.5, 3, 4, 1], [0.25, 1.5, 5, 2], [6, 0.75, 1.25, 2.5]])
ROW = {
    "answer": "circle",
    "answer_probability": 0.625,
    "top_answers": ["circle", "square", "no", "yes", ""],
    "top_probabilities": [0.625, 0.25, 0.0625, 0.03125, 0.0],
    "mask": MASK.tolist(),
    "presence": PRESENCE.tolist(),
    "num_cells": 5,
    "status": "ok",
}
CARD = {
    "name": "shapes",
    "image_size": [75, 75],
    "grid": [3, 4],
    "num_answers": 11,
    "input": "image",
    "attention": "han",
    "aggregator": "sum",
    "data": "sort_of_clevr",
    "examples": [
        {
            "image": "examples/0.png",
            "questions": [
                {"type": "shape", "question": "What is left?", "answer": "circle"},
                {"type": "count", "question": "How many are red?", "answer": "3"},
            ],
        },
        {
            "image": "examples/1.png",
            "questions": [
                {"type": "shape", "question": "What is right?", "answer": "square"},
                {"type": "yes/no", "question": "Is it blue?", "answer": "yes"},
            ],
        },
    ],
}


def model(name, card=None):
    return {"name": name, "versions": [2], "labels": {}, "card": card}


def picture(width, height, seed=0):
    """uint8[height, width, 3]: noise without black and white, so that dimming is seen."""
    return np.random.default_rng(seed).integers(60, 200, (height, width, 3), np.uint8)


def encode(pixels, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


IMAGE = picture(48, 36)
PNG = encode(IMAGE)


class Replies:
    """Stands for a server: what it was asked, and what it says.

    Attributes:
      models: what it serves.
      row: the prediction that it gives.
      bodies: of the predict requests, as sent.
      paths: of all requests.
      outside: addresses of other hosts that were asked for.
      token: str, without which it answers 401.
      examples: the bytes of example images; of others it has noise.
      fail: None, or a function of a route that answers a predict request.
    """

    def __init__(self):
        self.models = [model("shapes", CARD)]
        self.row, self.token, self.fail = dict(ROW), "", None
        self.bodies, self.paths, self.outside, self.tokens = [], [], [], []
        self.seen, self.examples = set(), {}

    def __call__(self, route):
        request = route.request
        if not request.url.startswith(ADDRESS):
            self.outside.append(request.url)
            return route.abort()
        path = urllib.parse.urlsplit(request.url).path
        self.paths.append(path)
        if path == "/":
            headers = {"Content-Security-Policy": POLICY}
            return route.fulfill(body=PAGE, content_type="text/html", headers=headers)
        self.tokens.append(request.headers.get("authorization"))
        if self.token and self.tokens[-1] != f"Bearer {self.token}":
            return route.fulfill(status=401, json={"error": "A token is needed."})
        if path == "/v1/models":
            return route.fulfill(json={"models": self.models})
        if "/examples/" in path:
            number = int(path.rpartition("/")[2])
            body = self.examples.get(number) or encode(picture(20, 20, number))
            return route.fulfill(body=body, content_type="image/png")
        return self._predict(route, request.post_data_json)

    def _predict(self, route, body):
        self.bodies.append(body)
        if self.fail:
            return self.fail(route)
        ((image, _),) = [row.values() for row in body["instances"]]
        if "b64" in image:
            self.seen.add(hashlib.sha256(base64.b64decode(image["b64"])).hexdigest())
        elif image["sha256"] not in self.seen:
            return route.fulfill(status=404, json={"error": "These bytes are not known."})
        return route.fulfill(json={"predictions": [self.row]})


# What mixers looked at. The grid of 3 x 4 in 2 x 2 regions: two rows of cells above, one below.
ROUTES = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0], [1, 0, 0, 1]], bool)
CELL_WEIGHTS = np.array([[0.5, -0.25, 0, 0.125], [0, 0.25, 0.5, 0], [-0.125, 0, 0, 0.375]])
WORDS = ["what", "is", "left", "?", ""]
WORD_WEIGHTS = np.zeros((3, 4, 5))
WORD_WEIGHTS[..., 1] = 1
WORD_WEIGHTS[2, 0] = [0.25, 0.125, 0.5, 0.125, 0]
WORD_WEIGHTS[1, 0] = [0, 0.25, 0, 0.75, 0]


# What a person does and sees.


def choose(page, content=PNG, name="mine.png"):
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": content})
    page.wait_for_selector(f'.thumb[aria-pressed="true"][title="{name}"]')


def ask(page, question="What is left?"):
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_function(
        "q => document.querySelector('#send').textContent === 'Ask'"
        " && (document.querySelector('#problem').textContent"
        " || document.querySelector('#asked').textContent === q)",
        arg=question,
    )


def move_slider(page, at):
    page.eval_on_selector(
        "#slider", "(s, at) => { s.value = at; s.dispatchEvent(new Event('input')); }", at
    )


def read_canvas(page):
    """float64[H, W, 3], what is drawn inside the frame."""
    url = page.eval_on_selector("#view", "canvas => canvas.toDataURL()")
    content = base64.b64decode(url.partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.float64)
    return pixels[FRAME:-FRAME, FRAME:-FRAME]


def text(page, selector):
    return page.text_content(selector).strip()
