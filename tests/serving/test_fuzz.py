"""No crash, no 5xx but 503, memory flat: whatever is sent."""

import asyncio
import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving import fuzz
from tests.serving.fakes import make_service, open_client
from tests.serving.test_serve import exchange, running
from tests.serving.tiny_models import png


@pytest.fixture(scope="module")
def client(tiny_servable, localizer_servable):
    """Of a server with models of both tasks."""
    service = make_service(tiny_servable, localizer_servable, **fuzz.LIMITS)
    with open_client(service) as client:
        yield client


def test_some_hundred_requests_that_nobody_would_write(client):
    codes, _ = fuzz.run(client, 300, seed=1)
    assert codes[200] > 20 and codes[400] > 100
    client.service.images.max_bytes = 0
    assert client.service.bodies.num_bytes == 0 == client.service.batches.waiting


@pytest.mark.slow
def test_10_000_requests_leave_memory_flat(tiny_servable, localizer_servable):
    service = make_service(tiny_servable, localizer_servable, **fuzz.LIMITS)
    with open_client(service) as client:
        _, memory = fuzz.run(client, 10_000, seed=2)
    # Allocators settle in the first half: drawings come in all sizes. A leak of 4 KiB a request
    # would be 20 MiB.
    assert max(memory[5:]) - memory[4] < 16, memory


def connect_all(servable, number, seed):
    service = make_service(servable, **fuzz.LIMITS, deadline_seconds=3)
    with fuzz.short_bounds(), running(service) as port:
        codes = asyncio.run(fuzz.connect_all(port, number, seed))
        last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert exchange(port, last).startswith(b"HTTP/1.1 200")
    assert service.bodies.num_bytes == 0 == service.batches.waiting
    return codes


def test_some_connections_that_are_not_what_http_means(tiny_servable):
    codes = connect_all(tiny_servable, 150, seed=3)
    assert {200, 400, 404, 405, 431} <= set(codes)


@pytest.mark.slow
def test_3_200_such_connections_leave_memory_flat(tiny_servable):
    memory = []
    for seed in range(8):
        connect_all(tiny_servable, 400, seed)
        memory.append(fuzz.memory_mb())
    # Allocators settle meanwhile. A leak of 16 KiB a connection would be 25 MiB.
    assert max(memory[6:]) - min(memory[2:4]) < 24, memory


def test_the_program_sends_both_kinds(capsys, localizer_servable):
    fuzz.main(["--requests=20", "--connections=20"], localizer_servable)
    assert capsys.readouterr().out.splitlines()[-1].startswith("20 connections, ")


def drawn_from(schema):
    """A hypothesis strategy of values that fit a JSON schema, of those that we publish."""
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return st.one_of([drawn_from(part) for part in schema[key]])
    if "const" in schema:
        return st.just(schema["const"])
    kind = schema["type"]
    if kind == "object":
        optional = {
            name: drawn_from(part)
            for name, part in schema["properties"].items()
            if name not in schema["required"]
        }
        required = {name: drawn_from(schema["properties"][name]) for name in schema["required"]}
        return st.fixed_dictionaries(required, optional=optional)
    if kind == "array":
        return st.lists(
            drawn_from(schema["items"]), min_size=schema.get("minItems", 0), max_size=3
        )
    if "pattern" in schema:
        return st.from_regex(schema["pattern"])
    if schema.get("contentEncoding") == "base64":
        images = st.sampled_from([png((9, 9, 200)), png((9, 200, 9), image_format="JPEG")])
        images = mostly(images, st.binary(max_size=40))
        return images.map(lambda encoded: base64.b64encode(encoded).decode())
    usual = st.sampled_from(["What is it?", "Größe?"])
    if schema.get("description", "").startswith("A drawing"):
        usual = st.sampled_from([fuzz.STROKES, "[[[1,2]]]"])
    return mostly(usual, st.text(max_size=30))


def mostly(usual, other):
    """So that some requests are good as a whole."""
    return st.integers(0, 3).flatmap(lambda number: usual if number else other)


def test_requests_that_fit_the_published_schema_get_published_answers(client):
    published = client.get("/openapi.json").json()
    operations = {
        path: methods["post"]
        for path, methods in published["paths"].items()
        if "post" in methods
    }
    codes = set()

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(st.data())
    def ask(data):
        path = data.draw(st.sampled_from(sorted(operations)))
        content = operations[path]["requestBody"]["content"]
        body = data.draw(drawn_from(content["application/json"]["schema"]))
        response = client.post(path, json=body)
        codes.add(response.status_code)
        assert str(response.status_code) in operations[path]["responses"]
        assert response.status_code in fuzz.ALLOWED
        answer = response.json()
        if response.status_code == 200:
            assert ("predictions" in answer) == ("instances" in body)
        else:
            assert list(answer) == ["error"]

    ask()
    assert {200, 400, 404} <= codes
