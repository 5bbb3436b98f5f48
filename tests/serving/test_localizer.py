"""A server with models of both tasks: what was drawn is found, and what is wrong is said."""

import hashlib
import io
import json
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from tests.serving.fakes import b64
from tests.serving.test_serve import Process
from tests.serving.tiny_models import png

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "serving.md"
STROKES = "[[[0,0],[90,10],[40,70]],[[20,20]]]"
SINGLE = "[[[0,0],[90,90]]]"


def encode(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


IMAGE = encode(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
PICTURE = np.full((50, 60), 255, np.uint8)
PICTURE[20:24, 10:50] = 0
PICTURE = encode(PICTURE)
DAMAGED = PICTURE[:50] + b"\0" * 9 + PICTURE[59:]


class Server(Process):
    def fetch(self, path, body=None):
        """(status, content type, bytes)."""
        url = f"http://127.0.0.1:{self.port}{path}"
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data), timeout=600) as r:
                return r.status, r.headers["Content-Type"], r.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read()

    def find(self, body, model="finder"):
        """(status, what JSON says)."""
        status, _, content = self.fetch(f"/v1/models/{model}:predict", body)
        return status, json.loads(content)


@pytest.fixture(scope="module")
def server(exported_localizer, tiny_export):
    """The localizer comes first."""
    server = Server(f"--model_dir=finder={exported_localizer},{tiny_export}")
    yield server
    server.popen.kill()
    server.popen.communicate()


def ask(server, sketch, signature="serving_default"):
    """The outputs, as arrays; all is well."""
    columns = {"image": [b64(IMAGE)] * len(sketch), "sketch": sketch}
    status, answer = server.find({"signature_name": signature, "inputs": columns})
    assert status == 200, answer
    outputs = {name: np.array(value) for name, value in answer["outputs"].items()}
    assert set(outputs["status"].flat) == {"ok"}
    return outputs


def same(found, expected):
    assert found.keys() == expected.keys()
    for name in found.keys() - {"status"}:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-4)


def test_boxes_are_found_in_pixels(server):
    found = ask(server, [STROKES, b64(PICTURE), b64(STROKES.encode()), SINGLE])
    assert found["boxes"].shape == (4, 5, 4) and found["mask"].shape == (4, 3, 4)
    assert (found["num_found"] > 0).all() and (found["num_cells"] == 5).all()
    assert (found["boxes"] <= [64, 48, 64, 48]).all() and (found["boxes"] >= 0).all()
    np.testing.assert_array_equal(found["mask"].sum(axis=(1, 2)), found["num_cells"])
    first, picture, third, other = found["scores"]
    np.testing.assert_allclose(first, third, rtol=1e-4)
    for scores in (picture, other):
        assert np.abs(first - scores).max() > 1e-5
    rows = [{"image": b64(IMAGE), "sketch": STROKES}]
    _, answer = server.find({"instances": rows})
    np.testing.assert_allclose(answer["predictions"][0]["scores"], first, rtol=1e-4)


def test_several_drawings_and_many_queries(server):
    several = [[STROKES, SINGLE], [SINGLE, ""], ["", STROKES]]
    found = ask(server, several, "several_drawings")
    alone = ask(server, [SINGLE, STROKES])
    same({name: value[1:] for name, value in found.items()}, alone)
    assert np.abs(found["scores"][0] - found["scores"][1:]).max(axis=1).min() > 1e-5
    many = ask(server, [several, several], "many_queries")
    for row in range(2):
        same({name: value[row] for name, value in many.items()}, found)


BAD = {
    "": "There is no drawing. Give one",
    "a cat": "This is not a drawing. Give the bytes of a PNG or JPEG file, or strokes in JSON",
    "[]": "The drawing has no points",
    "[[[0,0],[1,1]": "The drawing's strokes cannot be read",
    "[" * 3000: "The drawing's strokes cannot be read",
    json.dumps(
        [[[i % 7, i] for i in range(20_001)]]
    ): "too many points: 20,001, at most 20,000",
    "[[[2e9,0]]]": "coordinates must be finite, and at most 1e+09",
}
BAD_BYTES = [
    (DAMAGED, "The drawing cannot be taken: broken or truncated"),
    (encode(np.full((3000, 3000), 255, np.uint8)), "at most 6,250,000 are taken"),
    (encode(np.full((50, 50), 255, np.uint8)), "Nothing is drawn on the drawing"),
    (b"\xff\xfe", "This is not a drawing"),
]


def test_bad_rows_say_why_and_leave_the_others_alone(server):
    bad = [*BAD.items(), *((b64(content), said) for content, said in BAD_BYTES)]
    rows = [{"image": b64(IMAGE), "sketch": sketch} for sketch, _ in bad]
    rows.append({"image": b64(b"text"), "sketch": STROKES})
    said = [*(sentence for _, sentence in bad), "This is not an image"]
    good = {"image": b64(IMAGE), "sketch": STROKES}
    status, answer = server.find({"instances": [good, *rows, good]})
    first, *spoilt, last = answer["predictions"]
    assert status == 200 and first["status"] == last["status"] == "ok"
    assert first["num_found"] == last["num_found"] > 0
    for row, sentence in zip(spoilt, said, strict=True):
        assert sentence in row["status"]
        assert not np.any(row["boxes"]) and not np.any(row["mask"]) and row["num_cells"] == 0
    status, answer = server.find({"instances": rows[:1]})
    assert status == 400 and answer["error"].startswith("There is no drawing.")


def test_a_bad_drawing_spoils_its_query_alone(server):
    damaged = b64(DAMAGED)
    queries = [[STROKES, SINGLE], [STROKES, "?"], [damaged, STROKES], ["", ""], [SINGLE, ""]]
    body, good = {"signature_name": "many_queries"}, {"image": [b64(IMAGE)]}
    status, answer = server.find(
        body | {"inputs": {"image": [b64(IMAGE)], "sketch": [queries]}}
    )
    found = {name: value[0] for name, value in answer["outputs"].items()}
    assert status == 200
    for said, start in zip(
        found["status"],
        ("ok", "Drawing 2: This is not", "Drawing 1: The drawing can", "There is no dr", "ok"),
        strict=True,
    ):
        assert said.startswith(start)
    assert np.count_nonzero(found["num_cells"]) == 2 and not np.any(found["boxes"][1:4])
    status, answer = server.find(body | {"inputs": good | {"sketch": [queries[1:4]]}})
    assert status == 400 and answer["error"].startswith("Drawing 2: This is not a drawing.")


@pytest.mark.parametrize(
    "body, sentence",
    [
        ({"instances": [{"image": "", "drawing": STROKES}]}, "Did you mean `sketch`?"),
        ({"instances": [{"image": "", "Sketches": STROKES}]}, "Did you mean `sketch`?"),
        ({"inputs": {"imgae": [""], "sketch": [STROKES]}}, "Did you mean `image`?"),
        ({"instances": [{"image": "", "question": "?"}]}, "`sketch` (string[N]). Received"),
        ({"signature_name": "many_query", "inputs": {}}, "Did you mean `many_queries`? It has"),
        ({"instances": [{"image": "", "sketch": json.loads(SINGLE)}]}, "text that is JSON"),
        ({"instances": [{"image": "", "sketch": None}]}, "Received: null"),
    ],
)
def test_what_is_no_request_gets_a_sentence(server, body, sentence):
    status, answer = server.find(body)
    assert status == 400 and sentence in answer["error"]


def test_an_image_is_asked_about_again_by_its_checksum(server):
    again = {"sha256": hashlib.sha256(IMAGE).hexdigest()}
    assert server.find({"instances": [{"image": b64(IMAGE), "sketch": STROKES}]})[0] == 200
    assert server.find({"instances": [{"image": again, "sketch": SINGLE}]})[0] == 200
    status, answer = server.find({"instances": [{"image": again, "sketch": again}]})
    assert (
        status == 400 and "`sketch` takes string[N]" in answer["error"]
    )  # Those are not kept.


def test_both_tasks_are_served(server):
    assert [row["answer"] for row in server.ask("What?", "And now?")] == ["red", "red"]
    finder, tiny = server.get("/v1/models")["models"]
    assert (finder["name"], finder["task"]) == ("finder", "localize")
    assert (tiny["name"], tiny["task"]) == ("tiny", "vqa")
    assert [*finder["inputs"]] == ["image", "sketch"] and [*tiny["inputs"]] == [
        "image",
        "question",
    ]
    assert finder["card"]["threshold"] == 0.0625
    definitions = server.get("/v1/models/finder/metadata")["metadata"]["signature_def"]
    assert {"many_queries", "several_drawings"} < set(definitions["signature_def"])
    assert "Ask about an image" in server.read("/")  # The page that asks.


def test_examples_bring_drawings_that_can_be_sent(server, exported_localizer):
    card = server.get("/v1/models")["models"][0]["card"]
    extra = pathlib.Path(exported_localizer, "export", "1", "assets.extra")
    for i, example in enumerate(card["examples"]):
        _, kind, image = server.fetch(f"/v1/models/finder/examples/{i}")
        assert kind == "image/png" and image == (extra / example["image"]).read_bytes()
        for j, query in enumerate(example["queries"]):
            _, kind, sketch = server.fetch(f"/v1/models/finder/examples/{i}/{j}")
            assert kind == "application/json"
            assert sketch == (extra / query["sketch"]).read_bytes()
    row = {"image": b64(image), "sketch": sketch.decode()}
    _, answer = server.find({"instances": [row]})
    assert answer["predictions"][0]["status"] == "ok"
    for path, code in (("0/9", 404), ("9/0", 404), ("0/x", 400), ("0/0/0", 404)):
        assert server.fetch(f"/v1/models/finder/examples/{path}")[0] == code


def test_the_description_names_what_there_is(server):
    described = server.get("/openapi.json")
    for path, operations in described["paths"].items():
        if "get" in operations:
            assert str(server.fetch(path)[0]) in operations["get"]["responses"], path
    asks = described["paths"]["/v1/models/finder:predict"]["post"]
    assert asks["tags"] == ["localize"]
    schemas = asks["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert len(schemas) == 6
    rows = next(s for s in schemas if "instances" in s["properties"])
    sketch = rows["properties"]["instances"]["items"]["properties"]["sketch"]
    assert sketch["description"].startswith("A drawing: the bytes of a PNG or JPEG file")
    assert len(sketch["anyOf"]) == 2  # A text, and bytes in base64.


def test_what_the_docs_tell_a_shell_to_do_is_answered(server, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(png((250, 20, 30), (400, 300), "JPEG"))
    (tmp_path / "drawing.png").write_bytes(PICTURE)
    section = DOCS.read_text().split("### A localizer\n")[1].split("\n### ")[0]
    scripts = [part.split("```")[0] for part in section.split("```bash\n")[1:]]
    address = "http://127.0.0.1:8501/v1/models/sketch_scenes:predict"
    status = []
    for script in scripts:
        assert address in script
        script = script.replace(
            address, f"http://127.0.0.1:{server.port}/v1/models/finder:predict"
        )
        said = subprocess.check_output(
            ["bash", "-c", script.replace("curl", "curl -s")], cwd=tmp_path
        )
        answer = json.loads(said)
        status += [row["status"] for row in answer.get("predictions", ())]
        status += np.ravel(answer.get("outputs", {}).get("status", [])).tolist()
    assert status == ["ok"] * 4
    (shown,) = json.loads(section.split("```json\n")[1].split("```")[0])["predictions"]
    _, answer = server.find({"instances": [{"image": b64(IMAGE), "sketch": STROKES}]})
    assert shown.keys() == answer["predictions"][0].keys()


def test_the_last_request_is_answered_and_it_ends_with_0(server):
    rows = [{"image": b64(png((9, 9, 9))), "sketch": b64(PICTURE)}]
    assert server.find({"instances": rows})[0] == 200
    metrics = server.read("/metrics")
    assert 'code="200",route="predict"' in metrics
    server.popen.send_signal(signal.SIGTERM)
    _, log = server.popen.communicate(timeout=600)
    assert server.popen.returncode == 0
    assert not [line for line in log.splitlines() if "traceback" in line]
