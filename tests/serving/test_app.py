"""The routes, asked in process by a client that was written for TensorFlow Serving."""

import asyncio
import hashlib
import json
import time

import numpy as np
import pytest
from starlette.requests import Request

from hardvqa_tf.serving.models import Servable
from hardvqa_tf.serving.refusals import Refusal
from records.questions import EMPTY_QUESTION
from tests.serving import tiny_models
from tests.serving.fakes import (
    FakeServable,
    FakeSignature,
    ask_in_thread,
    b64,
    make_service,
    open_client,
)
from tests.serving.tiny_models import encode, png

PREDICT = "/v1/models/tiny:predict"
RED, BLUE = (250, 20, 30), (0, 51, 204)  # blue: a fifth and four fifths of green and blue


def row(color=RED, question="What color?"):
    return {"image": b64(png(color)), "question": question}


# --- Predict.


def test_rows(client):
    response = client.post(PREDICT, json={"instances": [row(), row(BLUE)]})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    first, second = response.json()["predictions"]
    assert first["answer"] == "red" and second["answer"] == "blue"
    assert second["answer_probability"] == pytest.approx(0.8)
    assert second["top_answers"] == ["blue", "green", "red", "", ""]
    assert second["top_probabilities"] == pytest.approx([0.8, 0.2, 0, 0, 0])
    assert np.shape(second["mask"]) == np.shape(second["presence"]) == (2, 3)
    assert second["mask"] == [[True] * 3] * 2 and second["num_cells"] == 6
    assert second["status"] == "ok"


def test_columns(client):
    inputs = {"image": [b64(png(RED)), b64(png(BLUE))], "question": ["a", {"b64": "Yg=="}]}
    response = client.post(PREDICT, json={"inputs": inputs})
    outputs = response.json()["outputs"]
    assert outputs["answer"] == ["red", "blue"] and outputs["num_cells"] == [6, 6]
    assert np.shape(outputs["presence"]) == (2, 2, 3)


def test_many_questions_about_an_image(client):
    body = {
        "signature_name": "many_questions",
        "inputs": {"image": [b64(png(RED)), b64(png(BLUE))], "question": [["a", "b", ""]] * 2},
    }
    outputs = client.post(PREDICT, json=body).json()["outputs"]
    assert outputs["answer"] == [["red", "red", ""], ["blue", "blue", ""]]
    assert outputs["status"] == [["ok", "ok", EMPTY_QUESTION]] * 2
    assert np.shape(outputs["mask"]) == (2, 3, 2, 3)
    rows = [{"image": b64(png(BLUE)), "question": ["a", {"b64": "/w=="}]}]
    body = {"signature_name": "many_questions", "instances": rows}
    (prediction,) = client.post(PREDICT, json=body).json()["predictions"]
    assert prediction["answer"] == ["blue", ""]
    assert prediction["status"][0] == "ok" and "not UTF-8" in prediction["status"][1]


def test_versions(client):
    path = "/v1/models/tiny/versions/3:predict"
    assert client.post(path, json={"instances": [row()]}).status_code == 200
    for version, code in (("4", 404), ("x", 400), ("9" * 5000, 400), ("²", 400)):
        response = client.post(f"/v1/models/tiny/versions/{version}:predict", json={})
        assert response.status_code == code, version
        assert "ersion" in response.json()["error"]


def test_tensorflow_servings_own_example(half_export):
    service = make_service(Servable("half_plus_two", 5, str(half_export / "5")))
    with open_client(service) as client:
        path = "/v1/models/half_plus_two:predict"
        response = client.post(path, content='{"instances": [1.0, 2.0, 5.0]}')
        assert response.json() == {"predictions": [2.5, 3.0, 4.5]}
        response = client.post(path, json={"inputs": {"x": [1]}})
        assert response.json() == {"outputs": [2.5]}
        total = {"signature_name": "total", "inputs": [1, 2]}  # its output has no rows
        assert client.post(path, json=total).json() == {"outputs": 3.0}
        total = {"signature_name": "total", "instances": [1, 2]}
        response = client.post(path, json=total)
        assert response.status_code == 400 and "Ask with `inputs`" in response.json()["error"]


def test_a_model_of_others_refuses_a_request_whole(tmp_path):
    tiny_models.save(tiny_models.Refusing(), tmp_path / "1")
    with open_client(make_service(Servable("r", 1, str(tmp_path / "1")))) as client:
        path = "/v1/models/r:predict"
        response = client.post(path, json={"instances": [3, 0]})
        assert response.json()["predictions"] == [
            {"twice": 6, "raw_bytes": {"b64": "Mw=="}},
            {"twice": 0, "raw_bytes": {"b64": "MA=="}},
        ]
        response = client.post(path, json={"instances": [3, -1]})
        assert response.status_code == 400
        assert "the model cannot take it" in response.json()["error"]


# --- Bad rows.


def truncated():
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    encoded = tiny_models.encode(pixels, "PNG")
    return encoded[:500] + encoded[-12:]  # with its end, so that only decoding tells


def transparent():
    pixels = np.full((4, 6, 4), 200, np.uint8)
    pixels[1, 2, 3] = 0
    return pixels


BAD = [
    ({"image": {"b64": "?"}}, "`image` is not base64"),
    ({"image": {"b64": ""}}, "The image is empty"),
    ({"image": "text"}, "This is not an image: it begins with b'text'"),
    ({"image": b64(truncated())}, "The image cannot be decoded: broken or truncated"),
    ({"question": " "}, "The question has no words"),
    ({"image": b64(encode(transparent(), "PNG"))}, "a PNG with transparent pixels: behind"),
    ({"image": b64(encode(transparent(), "GIF"))}, "a GIF with transparent pixels: behind"),
    ({"question": {"b64": "/w=="}}, "The question is not UTF-8"),
    ({"question": "x" * 2000}, "too long: 2,000 characters, at most 1,000"),
]


def test_bad_rows_say_why_and_leave_the_others_alone(client):
    rows = [row(BLUE), *(row() | change for change, _ in BAD), row()]
    predictions = client.post(PREDICT, json={"instances": rows}).json()["predictions"]
    assert predictions[0]["answer"] == "blue" and predictions[-1]["answer"] == "red"
    for prediction, (_, sentence) in zip(predictions[1:-1], BAD, strict=True):
        assert sentence in prediction["status"]
        assert prediction["answer"] == "" and prediction["top_answers"] == [""] * 5
        assert prediction["num_cells"] == 0 and prediction["mask"] == [[False] * 3] * 2
    metrics = client.get("/metrics").text
    assert f"hardvqa_bad_answers_total {len(BAD)}.0" in metrics


@pytest.mark.parametrize("change, sentence", BAD, ids=range(len(BAD)))
def test_a_request_with_nothing_but_bad_rows_is_refused(client, change, sentence):
    response = client.post(PREDICT, json={"instances": [row() | change]})
    assert response.status_code == 400
    assert sentence.lower() in response.json()["error"].lower()
    response = client.post(PREDICT, json={"instances": [row() | change] * 2})
    assert response.status_code == 400
    assert "None of the 2 rows can be answered. The first: " in response.json()["error"]


def test_an_image_with_too_many_pixels_is_not_decoded(tiny_servable):
    with open_client(make_service(tiny_servable, max_pixels=23)) as client:
        response = client.post(PREDICT, json={"instances": [row()]})
        assert response.status_code == 400
        assert "6x4 pixels, at most 23 are taken" in response.json()["error"]


# --- Images that are remembered.


def test_an_image_is_asked_about_again_by_its_checksum(client):
    again = {"sha256": hashlib.sha256(png(BLUE)).hexdigest()}
    asked = {"instances": [{"image": again, "question": "And now?"}]}
    response = client.post(PREDICT, json=asked)
    assert response.status_code == 404
    assert 'Send its bytes, as {"b64": "..."}' in response.json()["error"]
    client.post(PREDICT, json={"instances": [row(BLUE)]})
    response = client.post(PREDICT, json=asked)
    assert response.json()["predictions"][0]["answer"] == "blue"


# --- What there is.


def test_status_and_metadata(client):
    for path in ("/v1/models/tiny", "/v1/models/tiny/versions/3"):
        (entry,) = client.get(path).json()["model_version_status"]
        assert (entry["version"], entry["state"]) == ("3", "AVAILABLE")
    response = client.get("/v1/models/tiny/versions/4")
    assert response.status_code == 404 and "Version 4" in response.json()["error"]
    metadata = client.get("/v1/models/tiny/metadata").json()
    assert metadata["model_spec"] == {"name": "tiny", "signature_name": "", "version": "3"}
    definitions = metadata["metadata"]["signature_def"]["signature_def"]
    assert {"serving_default", "many_questions"} <= set(definitions)
    image = definitions["serving_default"]["inputs"]["image"]
    assert image["dtype"] == "DT_STRING"
    assert image["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}],
        "unknown_rank": False,
    }
    assert image["name"].endswith(":0")
    method = definitions["serving_default"]["method_name"]
    assert method == "tensorflow/serving/predict"


def test_models_their_cards_and_examples(client):
    (model,) = client.get("/v1/models").json()["models"]
    assert model["name"] == "tiny" and model["versions"] == [3] and model["labels"] == {}
    assert model["card"]["grid"] == [2, 3]
    response = client.get("/v1/models/tiny/examples/0")
    assert response.content == png(RED)
    assert response.headers["content-type"] == "image/png"
    for number, code in (("1", 404), ("x", 400), ("9" * 5000, 400), ("..%2f0", 400)):
        assert client.get(f"/v1/models/tiny/examples/{number}").status_code == code


@pytest.mark.parametrize(
    "method, path, code, sentence",
    [
        ("GET", "/nowhere", 404, "There is nothing at '/nowhere'"),
        ("GET", "/v1/models/tiny/", 404, "There is nothing at"),
        ("GET", "/v1/models/other", 404, "There is no model 'other'. There are: tiny"),
        ("GET", "/v1/models/%0a%1b%5b31m", 404, "There is no model '\\n\\x1b[31m'"),
        ("GET", "/../../etc/passwd", 404, "There is nothing at"),
        ("GET", PREDICT, 405, "does not take 'GET'. It takes POST"),
        ("DELETE", "/v1/models/tiny", 405, "does not take 'DELETE'. It takes GET, HEAD"),
        ("POST", "/v1/models/tiny:classify", 404, "There is nothing at"),
        ("POST", "/v1/models/tiny/labels/x:predict", 400, "has no label 'x'. It has: none"),
        ("POST", PREDICT, 400, "The body is not JSON"),
    ],
)
def test_mistakes_get_a_sentence(client, method, path, code, sentence):
    response = client.request(method, path)
    assert response.status_code == code
    assert list(response.json()) == ["error"] and sentence in response.json()["error"]


def test_an_unknown_signature(client):
    body = {"signature_name": "other\n", "instances": [row()]}
    response = client.post(PREDICT, json=body)
    assert response.status_code == 400
    expected = (
        "Model tiny has no signature 'other\\n'. It has: many_questions, serving_default."
    )
    assert response.json()["error"] == expected


def test_health_and_metrics(client):
    client.post(PREDICT, json={"instances": [row(), row()]})
    client.get("/nowhere")
    assert client.get("/healthz").json() == {"status": "ok"}
    metrics = client.get("/metrics").text
    for line in (
        'hardvqa_requests_total{code="200",route="predict"} 1.0',
        'hardvqa_requests_total{code="404",route="none"} 1.0',
        'hardvqa_request_seconds_count{route="predict"} 1.0',
        "hardvqa_batch_rows_sum 2.0",
        "hardvqa_queue_rows 0.0",
        f"hardvqa_image_memory_bytes {len(png(RED))}.0",
    ):
        assert line in metrics.splitlines(), line


def test_the_page_is_served_with_a_policy(client):
    client.service.page = b"<title>Ask</title>"
    response = client.get("/")
    assert response.text == "<title>Ask</title>"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    client.service.page = None
    assert client.get("/").status_code == 404


# --- Under load, with a model as slow as we like.


@pytest.fixture
def slow():
    return FakeSignature()


def fake_row(question, image=None):
    return {"image": b64(image or png(RED)), "question": question}


def fake_ask(question, image=None):
    return {"instances": [fake_row(question, image)]}


FAKE = "/v1/models/fake:predict"


def wait_until(condition):
    for _ in range(20_000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("It does not come true.")


def test_requests_join_in_a_batch(slow):
    with open_client(make_service(FakeServable(slow))) as client:
        slow.gate.clear()
        threads = [ask_in_thread(client, FAKE, fake_ask("first"))]
        slow.entered.wait(600)
        threads += [ask_in_thread(client, FAKE, fake_ask(f"q{i}")) for i in range(5)]
        wait_until(lambda: client.service.batches.waiting == 5)
        slow.gate.set()
        for thread in threads:
            thread.join()
    assert [len(batch) for batch in slow.batches] == [1, 5]
    answers = [t.response.json()["predictions"][0]["answer"] for t in threads]
    assert answers == ["FIRST", "Q0", "Q1", "Q2", "Q3", "Q4"]


def test_a_large_request_is_cut_and_put_together(slow):
    with open_client(make_service(FakeServable(slow), max_batch_size=3)) as client:
        rows = [fake_row(f"q{i}") for i in range(7)]
        rows[2]["image"] = {"b64": "?"}
        rows[4]["image"] = b64(png(RED) + b"bad")  # the model refuses it
        predictions = client.post(FAKE, json={"instances": rows}).json()["predictions"]
    assert [p["answer"] for p in predictions] == ["Q0", "Q1", "", "Q3", "", "Q5", "Q6"]
    assert "not base64" in predictions[2]["status"]
    assert predictions[4]["status"].startswith("This row cannot be answered: bad image")
    assert max(map(len, slow.batches)) == 3


def test_large_images_share_a_batch_with_few(slow):
    limits = {"max_batch_size": 4, "max_pixels": 48}  # 24 pixels count as 2 rows
    with open_client(make_service(FakeServable(slow), **limits)) as client:
        client.post(FAKE, json={"instances": [fake_row("a"), fake_row("b"), fake_row("c")]})
    assert slow.batches == [["a", "b"], ["c"]]


def test_a_full_queue_answers_503_and_when_to_come_again(slow):
    with open_client(make_service(FakeServable(slow), max_queue=2)) as client:
        slow.gate.clear()
        threads = [ask_in_thread(client, FAKE, fake_ask("first"))]
        slow.entered.wait(600)
        threads += [ask_in_thread(client, FAKE, fake_ask("q")) for _ in range(2)]
        wait_until(lambda: client.service.batches.waiting == 2)
        response = client.post(FAKE, json=fake_ask("one too many"))
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert "2 rows are waiting. Try again later" in response.json()["error"]
        assert client.get("/healthz").status_code == 200
        slow.gate.set()
        for thread in threads:
            thread.join()
            assert thread.response.status_code == 200


def test_a_deadline_ends_waiting_and_the_row_does_not_run(slow):
    with open_client(make_service(FakeServable(slow), deadline_seconds=1.0)) as client:
        slow.gate.clear()
        first = ask_in_thread(client, FAKE, fake_ask("first"))
        slow.entered.wait(600)
        response = client.post(FAKE, json=fake_ask("late"))
        assert response.status_code == 504
        assert "took longer than 1 seconds" in response.json()["error"]
        slow.gate.set()
        first.join()
        assert first.response.status_code == 504  # It ran, but nobody waited any more.
        wait_until(lambda: client.post(FAKE, json=fake_ask("next")).status_code == 200)
        assert client.service.batches.waiting == 0 and client.service.bodies.num_bytes == 0
    assert ["late"] not in slow.batches


def test_an_error_of_the_model_is_500_without_details_and_the_server_goes_on(slow, caplog):
    with open_client(make_service(FakeServable(slow))) as client:
        slow.error = RuntimeError("secret\npath")
        response = client.post(FAKE, json=fake_ask("a"))
        assert response.status_code == 500 and "secret" not in response.text
        assert list(response.json()) == ["error"]
        slow.error = None
        assert client.post(FAKE, json=fake_ask("a")).status_code == 200
    assert "A request failed" in caplog.text


@pytest.mark.parametrize("max_batch_size", [1, 32])
def test_an_error_of_the_model_at_one_row_leaves_the_others(max_batch_size, caplog):
    class Failing(FakeSignature):
        def __call__(self, columns):
            if b"fail" in columns["question"]:
                raise RuntimeError("secret")
            return super().__call__(columns)

    service = make_service(FakeServable(Failing()), max_batch_size=max_batch_size)
    with open_client(service) as client:
        rows = [fake_row(q) for q in ("a", "fail", "b")]
        response = client.post(FAKE, json={"instances": rows})
        assert [p["answer"] for p in response.json()["predictions"]] == ["A", "", "B"]
        status = [p["status"] for p in response.json()["predictions"]]
        assert status == ["ok", "The server failed at this row. Its log says why.", "ok"]
        response = client.post(FAKE, json={"instances": [fake_row("fail")] * 2})
        assert response.status_code == 500 and "secret" not in response.text
    assert "The model failed at 1 row" in caplog.text


def call(app, scope, messages):
    """Calls an ASGI app with these messages of a client, then it goes; returns what it sent."""
    sent, messages = [], list(messages)

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


# --- Limits of a request.


def test_a_body_is_counted_while_it_comes(slow):
    service = make_service(FakeServable(slow), max_request_mb=0.01)
    with open_client(service) as client:
        read = []

        def parts():
            for _ in range(1000):
                read.append(1)
                yield b" " * 1000

        response = client.post(FAKE, content=parts())
        assert response.status_code == 413
        assert "more than 0.01 MiB" in response.json()["error"]
        assert response.headers["connection"] == "close"
        response = client.post(FAKE, content=b" " * 20_000)
        assert response.status_code == 413
        lying = {"content-length": "7"}
        assert client.post(FAKE, content=b" " * 20_000, headers=lying).status_code == 413
        assert client.service.bodies.num_bytes == 0


def test_all_requests_together_hold_a_bounded_number_of_bytes(slow):
    with open_client(make_service(FakeServable(slow), max_request_mb=0.01)) as client:
        client.service.bodies.num_bytes = client.service.limits.max_bytes_at_once
        response = client.post(FAKE, json=fake_ask("a"))
        assert response.status_code == 503 and "retry-after" in response.headers


def test_who_stops_within_a_large_body_keeps_nobody_out(slow):
    service = make_service(FakeServable(slow), max_request_mb=0.01)  # 80 KB together

    async def test():
        received, stopped = asyncio.Event(), asyncio.Event()

        def request(*parts):
            parts = list(parts)

            async def receive():
                if parts:
                    more = len(parts) > 1 or parts[0] == b" " * 9_999
                    return {"type": "http.request", "body": parts.pop(0), "more_body": more}
                received.set()
                await stopped.wait()

            return Request({"type": "http", "headers": []}, receive)

        async def hold():
            with pytest.raises(Refusal, match="busy with large requests") as refusal:
                await service.bodies.receive(request(b" " * 9_999))
            return refusal.value.code

        holding = [asyncio.create_task(hold()) for _ in range(8)]
        for _ in range(3):
            await received.wait()
        small = [await service.bodies.receive(request(b"x" * 3_000)) for _ in range(9)]
        assert service.bodies.num_bytes <= 8 * 0.01 * 2**20
        assert [body.content for body in small] == [b"x" * 3_000] * 9
        for _ in range(100):  # turns in which whoever is given up ends
            await asyncio.sleep(0)
        given_up = [task for task in holding if task.done()]
        assert [task.result() for task in given_up] == [503] * 3  # 27 KB needed room.
        for task in holding:
            task.cancel()
        await asyncio.wait(holding)
        for body in small:
            service.bodies.release(body)
        assert service.bodies.num_bytes == 0

    asyncio.run(test())


def test_a_compressed_body_is_refused(client):
    headers = {"content-encoding": "gzip"}
    response = client.post(PREDICT, content=b"\x1f\x8b", headers=headers)
    assert response.status_code == 415 and "'gzip'" in response.json()["error"]


def test_a_large_body_is_read_in_a_thread(slow):
    with open_client(make_service(FakeServable(slow))) as client:
        image = png(RED) + b" " * 300_000
        response = client.post(FAKE, json=fake_ask("large", image))
        assert response.json()["predictions"][0]["answer"] == "LARGE"


def test_many_rows_are_refused(slow):
    with open_client(make_service(FakeServable(slow), max_queue=40)) as client:
        response = client.post(FAKE, json={"instances": [fake_row("a")] * 41})
        assert response.status_code == 413
        assert "count as 41, at most 40 are taken. Send several" in response.json()["error"]
    assert slow.batches == []


# --- The token.


def test_a_token_is_asked_for_everywhere_but_health_and_the_page(tiny_servable):
    with open_client(make_service(tiny_servable, token=b"secret")) as client:
        client.service.page = b"<title>Ask</title>"
        body = {"instances": [row()]}
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
            for path in ("/v1/models", "/metrics", "/openapi.json", "/nowhere"):
                response = client.get(path, headers=headers)
                assert response.status_code == 401
                assert response.headers["www-authenticate"] == "Bearer"
                assert "Authorization: Bearer TOKEN" in response.json()["error"]
            assert client.post(PREDICT, json=body, headers=headers).status_code == 401
        assert client.get("/healthz").status_code == 200 == client.get("/").status_code
        headers = {"authorization": "bearer secret"}
        assert client.post(PREDICT, json=body, headers=headers).status_code == 200
        described = client.get("/openapi.json", headers=headers).json()
        assert described["security"] == [{"token": []}]


# --- The description.


def test_the_description_names_what_there_is(client):
    described = client.get("/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            response = client.request(method, path)
            assert str(response.status_code) in operation["responses"], path
            assert response.status_code != 404, path
    request = described["paths"][PREDICT]["post"]["requestBody"]
    schemas = request["content"]["application/json"]["schema"]["oneOf"]
    rows = [s for s in schemas if "instances" in s["properties"]]
    assert len(schemas) == 4 and len(rows) == 2
    image = rows[0]["properties"]["instances"]["items"]["properties"]["image"]
    assert {"b64", "sha256"} == {
        key for entry in image["anyOf"] for key in entry.get("properties", {})
    }
    assert json.dumps(described)
