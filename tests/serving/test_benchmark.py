"""benchmarks/serving.py: it asks, and it compares what was measured in the same round;
benchmarks/abuse.py: the good clients lose nothing."""

import asyncio

import pytest
from starlette.testclient import TestClient

from benchmarks import abuse, serving, stub_server
from tests.serving.fakes import FakeServable, FakeSignature, make_service
from tests.serving.test_serve import running
from tests.serving.tiny_models import png

ROWS = [{"image": png(7), "question": q} for q in (b"a", b"b", b"c")]


def test_clients_ask_in_turn_until_the_time_is_over():
    signature = FakeSignature()
    with running(make_service(FakeServable(signature))) as port:
        requests = [serving.make_request("fake", row) for row in ROWS]
        times = asyncio.run(serving.ask_all(port, requests, clients=2, seconds=0.2))
    asked = [question for batch in signature.batches for question in batch]
    assert len(times) == len(asked) > 6 and set(asked) == {"a", "b", "c"}
    assert 0 < min(times) < 0.2


def test_a_refusal_ends_the_benchmark():
    with running(make_service(FakeServable(FakeSignature()))) as port:
        requests = [serving.make_request("other", ROWS[0])]
        with pytest.raises(RuntimeError, match="The server refused: .*There is no model"):
            asyncio.run(serving.ask_all(port, requests, clients=1, seconds=0.2))


def test_the_server_without_a_model_answers_as_many_bytes():
    with running(make_service(FakeServable(FakeSignature()))) as port:
        server = serving.argparse.Namespace(model="fake", port=port)
        size = serving.answer_size(server, ROWS[1])
    assert size == len('{"predictions":[{"answer":"B","status":"ok"}]}')
    with TestClient(stub_server.make_app(b"x" * size)) as client:
        answer = client.post("/v1/models/any:predict", content=b"a request")
    assert answer.status_code == 200 and answer.content == b"x" * size


def test_the_model_alone_is_called_with_every_example(tiny_servable):
    arguments = serving.argparse.Namespace(clients=[1, 4, 64], max_batch_size=8, seconds=0.05)
    rows = serving.example_rows(tiny_servable)
    measures = serving.bare_measures(tiny_servable, rows, arguments)
    names = [name for name, _ in measures]
    assert names == ["model alone, 1 row", "model alone, 4 rows", "model alone, 8 rows"]
    measured = measures[(names[2], None)]()
    assert measured["rate"] == pytest.approx(8 / measured["p50"], rel=0.9)
    tiny_servable.card, card = None, tiny_servable.card
    try:
        with pytest.raises(ValueError, match="a model without. Export one whose records"):
            serving.example_rows(tiny_servable)
    finally:
        tiny_servable.card = card


def test_the_table_compares_rounds_with_their_own():
    def rounds(*p50, rate=1.0):
        return [{"p50": p, "p99": 2 * p, "rate": rate / p} for p in p50]

    results = {
        (serving.BARE, None): rounds(1.0, 2.0, 10.0),
        (serving.STUB, 1): rounds(0.1, 0.4, 1.5),
        ("one", 1): rounds(1.1, 2.4, 11.0),
        ("batched", 1): rounds(1.5, 3.0, 15.0),
        ("one", 16): rounds(1.0, 2.0, 3.0, rate=16),
        ("batched", 16): rounds(0.5, 0.5, 1.0, rate=16),
    }
    table = serving.make_table(results, ["one", "batched"], [1, 16])
    assert table[(serving.STUB, 1)]["overhead"] == pytest.approx(0.15)  # of 0.1, 0.2, 0.15
    assert table[("one", 1)]["overhead"] == pytest.approx(0.1)  # of 0.1, 0.2, 0.1
    assert table[("batched", 1)]["overhead"] == pytest.approx(0.5)
    assert table[("batched", 16)]["gain"] == pytest.approx(3)  # of 2, 4, 3
    assert "gain" not in table[("one", 16)] and "overhead" not in table[("one", 16)]


def test_a_summary_counts_rows_and_time():
    measured = serving.summary([0.1, 0.3, 0.2], 4)
    assert measured["p50"] == pytest.approx(0.2) and measured["rate"] == pytest.approx(20)
    assert serving.summary([0.1] * 10, 1, total=2.0)["rate"] == pytest.approx(5)


@pytest.mark.slow
def test_good_clients_beside_others_lose_nothing(tiny_export):
    found = abuse.main(
        [
            f"--model_dir={tiny_export}",
            *("--clients=30", "--good=3", "--seconds=3", "--held_seconds=2"),
            "--body_bytes=200000",
        ]
    )
    codes = {name: code for name, (code, *_) in found["bodies"].items()}
    assert set(codes.values()) == {400, 413} and codes["lists"] == 413
    assert all(after is not None for after, *_ in found["held"].values())
    assert found["crowd"]["answers"] > 10 and found["crowd"]["lost"] == 0
