"""Inputs are checked by the tables of tasks, and another task needs no more than one."""

import dataclasses
import pathlib
import re
import sys
import threading
import types

import numpy as np

from hardvqa_tf import tasks
from hardvqa_tf.request_parts.inputs import IMAGE, Input
from hardvqa_tf.serving import rows
from hardvqa_tf.serving.refusals import BadRows
from hardvqa_tf.vqa import requests
from tests.serving.fakes import (
    FakeServable,
    FakeSignature,
    b64,
    make_service,
    open_client,
    tensor,
)
from tests.serving.tiny_models import encode, png


def rgba():
    return encode(np.full((4, 6, 4), 255, np.uint8))


def test_what_has_to_be_decoded_is_looked_at_in_a_thread_of_its_own(monkeypatch):
    seen = []

    def look(encoded):
        seen.append(threading.current_thread().name)
        if encoded == rgba() + b"more":
            raise ValueError("It is not taken.")

    of_image = dataclasses.replace(IMAGE, look=look)
    monkeypatch.setitem(requests.INPUTS, "image", of_image)
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
    monkeypatch.setitem(requests.INPUTS, "image", dataclasses.replace(IMAGE, look=None))
    is_over = threading.Event()
    is_over.set()
    columns = {"image": np.array([rgba()], object)}
    checked = rows.Checked(
        "instances", FakeSignature(), columns, [1.0], {}, {}, [("image", (0,))]
    )
    rows.look(checked, is_over)
    assert not checked.problems and not checked.unseen


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


def a_task_with(monkeypatch, **names):
    """A third one, of which a server knows its requests alone."""
    monkeypatch.setitem(tasks.TASKS, "drawn", "drawn.task")
    module = types.SimpleNamespace(PAGE="vqa", PAGE_ASKS=True, **names)
    monkeypatch.setitem(sys.modules, "drawn.requests", module)


def test_another_task_adds_a_table(monkeypatch):
    def check_strokes(encoded, limits):
        if not encoded.startswith(b"stroke"):
            raise ValueError("It has no strokes.")
        return 2.0

    drawing = Input(
        *("Strokes.", check_strokes, lambda: b"stroke"),
        **{"title": "Drawing", "none": "There is no drawing.", "other_names": ("sketch",)},
    )
    a_task_with(monkeypatch, INPUTS={"image": IMAGE, "drawing": drawing})
    signature = Finder()  # It does not say its task: its inputs do.
    images = [b64(png(7)), b64(png(8)), b64(png(8)), {"b64": "?"}, b64(png(9)), b64(png(9))]
    drawings = [["stroke a", "stroke b"], ["", "stroke c"], ["stroke c", "?"]]
    drawings += [["stroke d", ""], ["", "?"], ["", ""]]
    with open_client(make_service(FakeServable(signature), max_batch_size=6)) as client:
        body = {"inputs": {"image": images, "drawing": drawings}}
        path = "/v1/models/fake:predict"
        answer = client.post(path, json=body).json()["outputs"]
        misspelt = client.post(path, json={"inputs": {"image": images, "sketch": drawings}})
        described = client.get("/openapi.json").text
        (model,) = client.get("/v1/models").json()["models"]
    assert answer["found"] == ["stroke b", "stroke c", "", "", "", ""]
    assert answer["status"] == [
        "ok",
        "ok",
        "Drawing 2: It has no strokes.",
        "`image` is not base64. Encode its bytes in A-Z, a-z, 0-9, + and /.",
        "Drawing 2: It has no strokes.",
        "There is no drawing.",
    ]
    # Weights are 4 and 3, so that two rows do not fit into one batch.
    assert signature.batches == [[[b"stroke a", b"stroke b"]], [[b"", b"stroke c"]]]
    assert misspelt.json()["error"].endswith("Did you mean `drawing`?")
    assert '"Strokes."' in described and model["inputs"]["drawing"] == "Strokes."


def test_a_row_is_no_heavier_than_a_batch(monkeypatch):
    def weigh(encoded, limits):
        return float(len(encoded))

    drawing = Input("Strokes.", weigh, lambda: b"a", title="Drawing")
    a_task_with(monkeypatch, INPUTS={"image": IMAGE, "drawing": drawing})
    signature, images = Finder(), [b64(png(7))] * 3
    # What is light may be as much as one likes: it is the queue that bounds it.
    drawings = [["aaa", "aaa", "", ""], ["aaa", "bb", "bb", ""], ["a", "b", "a", "b"]]
    with open_client(make_service(FakeServable(signature), max_batch_size=6)) as client:
        body = {"inputs": {"image": images, "drawing": drawings}}
        answer = client.post("/v1/models/fake:predict", json=body).json()["outputs"]
    assert answer["found"] == ["aaa", "", "b"]
    assert answer["status"][1].startswith("Drawing 3: This one and those before it are")


class Many(Finder):
    """Items of a row have a status of their own: drawings [N, Q, 2]; finds the longest."""

    def __init__(self):
        super().__init__()
        self.inputs["drawing"] = tensor("drawing", "string", None, None, None)
        for name in self.outputs:
            self.outputs[name] = tensor(name, "string", None, None)
        self.status_rank = 2

    def __call__(self, columns):
        found = columns["drawing"].max(axis=2)
        status = np.where(found == b"", b"none", b"ok").astype(object)
        return {"found": found, "status": status}


def test_a_bad_string_spoils_what_has_a_status_of_its_own(monkeypatch):
    def check(encoded, limits):
        if encoded == b"?":
            raise ValueError("It is none.")
        return 1.0

    def look(encoded):
        if encoded == b"looked":
            raise ValueError("It is damaged.")

    drawing = Input(
        *("Strokes.", check, lambda: b"a", lambda encoded: encoded == b"looked", look),
        **{"title": "Drawing", "none": "There is no drawing."},
    )
    a_task_with(monkeypatch, INPUTS={"image": IMAGE, "drawing": drawing})
    rows = [
        [["a", "b"], ["?", "looked"], ["c", "looked"], ["", ""]],
        [["?", ""], ["", "looked"], ["", ""], ["", "?"]],
        [["", "d"], ["e", ""], ["f", "g"], ["h", "i"]],
    ]
    with open_client(make_service(FakeServable(Many()))) as client:
        path = "/v1/models/fake:predict"
        body = {"inputs": {"image": [b64(png(7))] * 3, "drawing": rows}}
        answer = client.post(path, json=body).json()["outputs"]
        alone = {"inputs": {"image": [b64(png(7))], "drawing": rows[1:2]}}
        refused = client.post(path, json=alone)
        nothing = client.post(
            path, json={"inputs": {"image": [b64(png(7))], "drawing": [[[]]]}}
        )
    assert answer["found"] == [["b", "", "", ""], [""] * 4, ["d", "e", "g", "i"]]
    assert answer["status"] == [
        *[
            [
                "ok",
                "Drawing 1: It is none.",
                "Drawing 2: It is damaged.",
                "There is no drawing.",
            ]
        ],
        ["Drawing 1: It is none."] * 4,  # A row of which nothing is left says it wholly.
        ["ok"] * 4,
    ]
    assert refused.status_code == 400
    assert refused.json() == {"error": "Drawing 1: It is none."}
    assert nothing.status_code == 400
    assert nothing.json() == {"error": "There is no drawing."}


def test_what_the_graph_did_not_take_is_explained_by_the_input_that_it_lies_in(monkeypatch):
    def explain(encoded):
        return "It is bad." if encoded.endswith(b"bad") else None

    drawing = Input("Strokes.", lambda *_: 1.0, lambda: b"a", explain=explain)
    a_task_with(monkeypatch, INPUTS={"image": IMAGE, "drawing": drawing})

    class Refusing(Finder):
        def __call__(self, columns):
            if any(row[0] != b"good" for row in columns["drawing"]):
                raise BadRows("the model cannot take it: no")
            return super().__call__(columns)

    body = {"inputs": {"image": [b64(png(7))] * 3, "drawing": [["good"], ["bad"], ["odd"]]}}
    with open_client(make_service(FakeServable(Refusing()))) as client:
        answer = client.post("/v1/models/fake:predict", json=body).json()["outputs"]
    assert answer["status"] == [
        "ok",
        "It is bad.",
        "This row cannot be answered: the model cannot take it: no",
    ]


def test_the_server_has_no_word_of_any_task():
    """What each task's page is made of stands where pages are."""
    folder = pathlib.Path(rows.__file__).parent
    words = re.compile("question|sketch|drawing|stroke|(?<!hard)vqa|localiz", re.IGNORECASE)
    knowing = {p.name for p in folder.glob("*.py") if words.search(p.read_text("utf-8"))}
    assert knowing == {"limits.py", "pages.py"}
