"""The table of inputs, and that another task needs no more than lines in it."""

import dataclasses
import pathlib
import threading

import numpy as np
import pytest

from hardvqa_tf.serving import inputs, rows
from hardvqa_tf.serving.limits import Limits
from tests.serving.fakes import (
    FakeServable,
    FakeSignature,
    b64,
    make_service,
    open_client,
    tensor,
)
from tests.serving.tiny_models import encode, png


@pytest.mark.parametrize(
    "question, problem",
    [
        ("What?", None),
        ("Wie groß?", None),
        ("?", None),
        ("", "has no words: .* Write it in words."),
        (" \t\n", "has no words: .* Write it in words."),
        ("\u200b\u00ad", "has no words: .* Write it in words."),
        ("\0", "has no words: .* Write it in words."),
        ("Is it\0 red?", "has a NUL character .* Remove it."),
        ("x" * 20, None),
        ("ß" * 21, "too long: 21 characters, at most 20 are taken. Shorten it."),
        (b"\xff", "The question is not UTF-8 text"),
    ],
)
def test_questions(question, problem):
    encoded = question if isinstance(question, bytes) else question.encode()
    check, limits = inputs.INPUTS["question"].check, Limits(max_text_length=20)
    if problem is None:
        assert check(encoded, limits) == 1
        return
    with pytest.raises(ValueError, match=problem):
        check(encoded, limits)


def test_an_image_weighs_by_its_pixels():
    check = inputs.INPUTS["image"].check
    assert check(png(7), Limits()) == 1
    assert check(png(7), Limits(max_pixels=48, max_batch_size=4)) == 2  # 24 pixels


def rgba():
    return encode(np.full((4, 6, 4), 255, np.uint8))


def test_what_has_to_be_decoded_is_looked_at_in_a_thread_of_its_own(monkeypatch):
    seen = []

    def look(encoded):
        seen.append(threading.current_thread().name)
        if encoded == rgba() + b"more":
            raise ValueError("It is not taken.")

    of_image = dataclasses.replace(inputs.INPUTS["image"], look=look)
    monkeypatch.setitem(inputs.INPUTS, "image", of_image)
    images = [rgba(), png(7), rgba() + b"more"]
    asked = [{"image": b64(image), "question": "What?"} for image in images]
    with open_client(make_service(FakeServable(FakeSignature()))) as client:
        path = "/v1/models/fake:predict"
        found = client.post(path, json={"instances": asked}).json()["predictions"]
        assert [row["status"] for row in found] == ["ok", "ok", "It is not taken."]
        response = client.post(path, json={"instances": asked[2:]})
        assert response.status_code == 400 and response.json() == {"error": "It is not taken."}
    assert len(seen) == 3 and all(name.startswith("look") for name in seen)


def test_nothing_is_looked_at_that_nobody_waits_for(monkeypatch):
    of_image = dataclasses.replace(inputs.INPUTS["image"], look=None)
    is_over = threading.Event()
    is_over.set()
    checked = rows.Checked("instances", None, {}, [1.0], {}, {}, [(0, rgba(), of_image)])
    rows.look(checked, is_over)
    assert not checked.problems and not checked.unseen


@pytest.mark.parametrize("name", inputs.INPUTS)
def test_what_warms_a_model_up_passes_its_own_check(name):
    known = inputs.INPUTS[name]
    assert known.check(known.example(), Limits()) == 1


class Finder(FakeSignature):
    """A signature of another task: an image and several drawings, [N, 2]; finds the longest."""

    def __init__(self):
        super().__init__()
        self.inputs = {
            "drawing": tensor("drawing", "string", None, None),
            "image": tensor("image", "string", None),
        }
        self.outputs = {"found": tensor("found", "string", None)} | {
            "status": tensor("status", "string", None)
        }

    def __call__(self, columns):
        self.batches.append(columns["drawing"].tolist())
        return {
            "found": np.array([max(row) for row in columns["drawing"]], object),
            "status": np.array([b"ok"] * len(columns["drawing"]), object),
        }


def test_another_task_adds_a_line(monkeypatch):
    def check_strokes(encoded, limits):
        if not encoded.startswith(b"stroke"):
            raise ValueError("The drawing has no strokes. Draw something.")
        return 2.0

    known = inputs.Input(
        "Strokes.", check_strokes, lambda: b"stroke", none="There is no drawing."
    )
    monkeypatch.setitem(inputs.INPUTS, "drawing", known)
    signature = Finder()
    images = [b64(png(7)), b64(png(8)), {"b64": "?"}, b64(png(9))]
    drawings = [["stroke a", "stroke b"], ["stroke c", "?"], ["stroke d", ""], ["", "?"]]
    with open_client(make_service(FakeServable(signature), max_batch_size=6)) as client:
        body = {"inputs": {"image": images, "drawing": drawings}}
        answer = client.post("/v1/models/fake:predict", json=body).json()["outputs"]
        described = client.get("/openapi.json").text
    assert answer["found"] == ["stroke b", "stroke c", "", ""]
    assert answer["status"] == [
        "ok",
        "The drawing has no strokes. Draw something.",  # It was left out.
        "`image` is not base64. Encode its bytes in A-Z, a-z, 0-9, + and /.",
        "The drawing has no strokes. Draw something.",
    ]
    # Weights are 4 and 3, so that two rows do not fit into one batch.
    assert signature.batches == [[[b"stroke a", b"stroke b"]], [[b"stroke c", b""]]]
    assert '"Strokes."' in described


def test_nothing_else_in_the_server_knows_what_is_asked():
    folder = pathlib.Path(inputs.__file__).parent
    knowing = {p.name for p in folder.glob("*.py") if "question" in p.read_text().lower()}
    assert knowing <= {"inputs.py", "pages.py"}  # What each task's page is made of.
