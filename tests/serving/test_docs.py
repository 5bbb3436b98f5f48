"""What docs/serving.md tells a shell and a client to do."""

import base64
import json
import pathlib
import subprocess

import numpy as np

from tests.serving.fakes import make_service
from tests.serving.test_serve import running
from tests.serving.tiny_models import png

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "serving.md"


def test_the_first_request_takes_an_image_of_any_size(tmp_path):
    """An argument of a command has 128 KiB at most."""
    script = DOCS.read_text().split("### Ask\n\n```bash\n")[1].split("```")[0]
    command, _, curl = script.partition(" | curl ")
    assert curl.startswith("-d @- http://127.0.0.1:8501/v1/models/sort_of_clevr:predict")
    image = np.random.default_rng(0).bytes(400_000)
    (tmp_path / "photo.jpg").write_bytes(image)
    body = subprocess.check_output(["bash", "-c", command], cwd=tmp_path)
    (row,) = json.loads(body)["instances"]
    assert base64.b64decode(row["image"]["b64"]) == image
    assert row["question"] == "What is the shape of the red object?"


def snippet(heading, language):
    """The first block of code behind a text."""
    return DOCS.read_text().split(heading)[1].split(f"```{language}\n")[1].split("```")[0]


def test_the_curl_is_answered(tiny_servable, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(png((250, 20, 30), (400, 300), "JPEG"))
    with running(make_service(tiny_servable)) as port:
        answer = subprocess.check_output(
            ["bash", "-c", at(port, snippet("### Ask", "bash")).replace("curl", "curl -s")],
            cwd=tmp_path,
        )
    (row,) = json.loads(answer)["predictions"]
    assert (row["answer"], row["status"]) == ("red", "ok")
    (shown,) = json.loads(snippet("an image of 96 KB", "json"))["predictions"]
    assert shown.keys() == row.keys()


def test_the_client_is_answered(tiny_servable, tmp_path, monkeypatch, capsys):
    (tmp_path / "photo.jpg").write_bytes(png((250, 20, 30), (400, 300), "JPEG"))
    monkeypatch.chdir(tmp_path)
    names = {}
    with running(make_service(tiny_servable)) as port:
        exec(at(port, snippet("From Python, with nothing but", "python")), names)
        assert capsys.readouterr().out.startswith("red [[")
        many = eval(snippet("Many questions about one image", "python"), names)
        request = names["urllib"].request.Request(
            f"http://127.0.0.1:{port}/v1/models/tiny:predict", json.dumps(many).encode()
        )
        with names["urllib"].request.urlopen(request) as response:
            assert json.load(response)["outputs"]["answer"] == [["red", "red"]]


def at(port, text):
    """With the model and the port of a test."""
    documented = "http://127.0.0.1:8501/v1/models/sort_of_clevr:predict"
    assert documented in text
    return text.replace(documented, f"http://127.0.0.1:{port}/v1/models/tiny:predict")


def test_the_boxes_of_cells_tile_an_image(tmp_path, monkeypatch):
    folder = tmp_path / "runs/sort_of_clevr/export/1/assets.extra"
    folder.mkdir(parents=True)
    fields = {"origin": [4, 5], "pitch": [8, 10], "image_size": [16, 30]}
    (folder / "model.json").write_text(json.dumps({"fields": fields}))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(snippet("### Draw the cells", "python"), names)
    assert names["cell_box"](0, 0, 32, 60) == [0, 0, 16, 20]
    assert names["cell_box"](1, 2, 32, 60) == [16, 40, 32, 60]
