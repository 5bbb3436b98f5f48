"""What a connection may hold, and for how long; and that whoever sends badly hears why."""

import contextlib
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

from hardvqa_tf.serving import connections, crowd, outlet, serve
from tests.serving.fakes import FakeServable, FakeSignature, b64, make_service
from tests.serving.test_serve import ASK, exchange, post, running, wait_until
from tests.serving.tiny_models import png

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
CHUNKED = (
    b"POST /v1/models/fake:predict HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)


@pytest.fixture
def soon(monkeypatch):
    """All bounds in time are a second."""
    for name in ("_HEAD_SECONDS", "_IDLE_SECONDS", "_REST_SECONDS"):
        monkeypatch.setattr(connections, name, 1.0)
    for name in ("_OUT_SECONDS", "_LINGER_SECONDS"):
        monkeypatch.setattr(outlet, name, 1.0)
    monkeypatch.setattr(crowd, "_SWEEP_SECONDS", 0.05)


def serving(**options):
    return running(make_service(FakeServable(FakeSignature()), **options))


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=600)


def chunk(content, extension=b""):
    return b"%x%s\r\n%s\r\n" % (len(content), extension, content)


def sentence_of(answer, code):
    """The error in an answer, which must be in JSON."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % code), answer[:200]
    assert b"content-type: application/json" in head.lower()
    return json.loads(body)["error"]


def wait_until_closed(*held):
    """Until the server has closed every connection; they are not read meanwhile."""
    for connection in held:
        with contextlib.suppress(ConnectionError):
            while connection.recv(2**20):
                pass


# --- Heads and trailers.


def test_a_head_is_bounded_however_it_comes():
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    fits = head + b"X: " + b"y" * 60_000 + b"\r\n\r\n"
    many = head + b"X: y\r\n" * 10_000 + b"\r\n"
    too_many = head + b"X: y\r\n" * 11_000 + b"\r\n"
    long = head + b"X: " + b"y" * 100_000 + b"\r\n\r\n"
    with serving() as port:
        assert exchange(port, fits).startswith(b"HTTP/1.1 200")
        assert exchange(port, many).startswith(b"HTTP/1.1 200")
        for parts in ([long], [long[:30_000], long[30_000:]], [too_many]):
            assert "head is too long: 65,536" in sentence_of(exchange(port, *parts), 431)
        # Behind another request, which is answered first.
        first, _, second = exchange(port, HEALTH + long).partition(b'{"status":"ok"}')
        assert first.startswith(b"HTTP/1.1 200")
        assert "head is too long" in sentence_of(second, 431)


@pytest.mark.parametrize(
    "trailers",
    [
        b"X: " + b"y" * 200_000,  # One without an end,
        b"X: y\r\n" * 40_000,  # or many.
        b"y" * 200_000,
    ],
)
def test_trailers_are_bounded(trailers):
    with serving() as port:
        answer = exchange(port, CHUNKED + chunk(ASK) + b"0\r\n" + trailers)
        assert "trailers are too long: 65,536" in sentence_of(answer, 431)


def test_a_chunks_own_line_is_bounded_too():
    with serving() as port:
        said = "The line before a chunk (its size and extensions) is too long: 65,536 bytes."
        for before in (b"", chunk(ASK[:9])):
            for line in (b"2;x=" + b"y" * 200_000, b"0" * 200_000, b"0;x=" + b"y" * 200_000):
                answer = exchange(port, CHUNKED + before + line)
                assert said in sentence_of(answer, 431)
        many = b"".join(chunk(ASK[i : i + 1], b";x") for i in range(len(ASK))) + b"0\r\n\r\n"
        assert exchange(port, CHUNKED + many).startswith(b"HTTP/1.1 200")


def test_trailers_change_nothing():
    service = make_service(FakeServable(FakeSignature()), token=b"secret")
    trailers = b"0\r\nAuthorization: Bearer secret\r\nExpect: 100-continue\r\n\r\n"
    with running(service) as port:
        answer = exchange(port, CHUNKED + chunk(ASK) + trailers)
        assert "wants a token" in sentence_of(answer, 401)
    with serving() as port:
        answer = exchange(port, CHUNKED + chunk(ASK) + trailers)
        assert answer.startswith(b"HTTP/1.1 200") and b'"ok"' in answer


# --- Time.


def test_a_body_ends_in_time_though_its_request_is_answered(soon):
    with serving(deadline_seconds=600) as port:
        for path in (b"/nowhere", b"/healthz"):
            head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n" % path
            with connect(port) as held:
                held.sendall(head)
                answer = held.recv(4096)
                assert answer.startswith(b"HTTP/1.1 4")
                held.sendall(b"x")
                wait_until_closed(held)


def test_bytes_that_begin_no_request_hold_nothing(soon):
    with serving() as port, connect(port) as held:
        held.sendall(HEALTH)
        assert b"200 OK" in held.recv(4096)
        with contextlib.suppress(ConnectionError):
            for _ in range(6000):
                held.sendall(b"\r\n")
                time.sleep(0.1)
            raise AssertionError("It was not closed.")


def test_a_client_that_never_reads_is_let_go(soon):
    service = make_service(FakeServable(FakeSignature()))
    service.page = b"x" * 30_000_000  # more than the kernel takes
    with running(service) as port, connect(port) as held:
        held.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            for _ in range(6000):
                time.sleep(0.1)
                held.sendall(b"\r\n")


class Transport:
    """Of a kernel that has taken all but `unsent` bytes."""

    unsent = 0

    def is_closing(self):
        return False

    def get_extra_info(self, name):
        return self

    def setsockopt(self, *_):
        pass

    def write(self, data):
        self.unsent += len(data)

    def get_write_buffer_size(self):
        return self.unsent


def test_what_was_written_must_leave_in_time_however_much_comes_behind():
    transport = Transport()
    way_out = outlet.Outlet(transport, None)
    seconds = outlet._OUT_SECONDS
    assert not way_out.is_stuck(0)
    way_out.write(b"x" * 100)
    assert not way_out.is_stuck(1)
    for moment in range(1, 10):  # Never empty, but what was there a while ago has left.
        way_out.write(b"y" * 100)
        transport.unsent = 100
        assert not way_out.is_stuck(1 + moment * seconds)
    transport.unsent = 99  # As slow as that is too slow.
    assert not way_out.is_stuck(10 * seconds)
    assert way_out.is_stuck(11 * seconds)


def test_pipelined_requests_are_answered_in_order_and_few_are_read_ahead(monkeypatch):
    begun, signature = [], FakeSignature()
    begin = connections.BoundedProtocol.on_message_begin

    def count(connection):
        begun.append(1)
        begin(connection)

    monkeypatch.setattr(connections.BoundedProtocol, "on_message_begin", count)
    with running(make_service(FakeServable(signature))) as port:
        answers = exchange(port, HEALTH * 3_000 + LAST)
        assert answers.count(b'{"status":"ok"}') == 3_001
        signature.gate.clear()
        begun.clear()
        with connect(port) as held:
            request = post(ASK).replace(b"Connection: close\r\n", b"")
            held.sendall(request + HEALTH * 3_000 + b"garbage\r\n\r\n")
            signature.entered.wait(600)
            assert exchange(port, LAST).startswith(b"HTTP/1.1 200")
            assert len(begun) < 100  # of 3,000
            signature.gate.set()
            received = b""
            while part := held.recv(65536):
                received += part
        assert received.count(b"HTTP/1.1 200") == 3_001
        last = received[received.rindex(b"HTTP/1.1 400") :]
        assert "first line is not one of HTTP/1.1" in sentence_of(last, 400)


# --- Many.


def test_who_holds_a_connection_makes_room_for_another():
    with serving(max_connections=5) as port, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(port)) for _ in range(5)]
        held[0].sendall(HEALTH)
        assert b"200 OK" in held[0].recv(4096)
        held[1].sendall(HEALTH[:-2].replace(b"GET", b"POST") + b"Content-Length: 999\r\n\r\nx")
        assert b"405" in held[1].recv(4096)
        held[2].sendall(b"GET /healthz HT")
        assert exchange(port, LAST).startswith(b"HTTP/1.1 200")
        held += [stack.enter_context(connect(port)) for _ in range(5)]
        wait_until_closed(*held[:5])
        assert exchange(port, LAST).startswith(b"HTTP/1.1 200")
        held[9].sendall(LAST)  # The newest is still there.
        assert held[9].recv(4096).startswith(b"HTTP/1.1 200")


def test_who_is_worked_for_keeps_its_place():
    signature = FakeSignature()
    service = make_service(FakeServable(signature), max_connections=3)
    with running(service) as port, contextlib.ExitStack() as stack:
        signature.gate.clear()
        working = [stack.enter_context(connect(port)) for _ in range(3)]
        for connection in working:
            connection.sendall(post(ASK))
        while service.batches.waiting < 2:
            time.sleep(0.01)
        for _ in range(4):
            answer = exchange(port, LAST)
            assert "All of 3 connections are in use" in sentence_of(answer, 503)
            assert b"retry-after: 5" in answer
        signature.gate.set()
        for connection in working:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            wait_until_closed(connection)
        assert exchange(port, LAST).startswith(b"HTTP/1.1 200")


# --- What is not as it should be.


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "sent, code, sentence",
    [
        (b"\x16\x03\x01 what?\r\n\r\n", 400, "This is TLS (https)"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "This is HTTP/2. Make the client"),
        (GET.replace(b"1.1", b"2.0") + b"\r\n", 505, "This is HTTP/2. Make the client"),
        (GET.replace(b"1.1", b"3.0") + b"\r\n", 505, "does not speak this version of HTTP"),
        (b"GET /\r\n\r\n", 505, "does not speak this version of HTTP"),
        (b"GET / http/1.1\r\n\r\n", 400, "first line is not one of HTTP/1.1: 'GET / h"),
        (b"get / HTTP/1.1\r\n\r\n", 400, "first line is not one of HTTP/1.1: 'g"),
        (b'{"instances": []}', 400, "first line is not one of HTTP/1.1: '{"),
        (b"GET\r\n\r\n", 400, "first line is not one of HTTP/1.1: 'GET'"),
        (b"PLAY / HTTP/1.1\r\n\r\n", 400, "method is none of HTTP's"),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", 400, "address has a character that must be encoded"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400, "address has a character that must be encoded"),
        (b"GET a HTTP/1.1\r\n\r\n", 400, "or does not begin with /"),
        (GET.replace(b"/healthz", b"http://") + b"\r\n", 400, "cannot be read: 'http://'"),
        (b"CONNECT x:443 HTTP/1.1\r\n\r\n", 400, "is no proxy"),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400, "does not end with its version, CR and LF"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400, "has no Host header"),
        (GET + b"Host: other\r\n\r\n", 400, "has 2 Host headers"),
        (GET + b"A: b\r\nabc\r\nC: d\r\n\r\n", 400, "A header has no colon: 'abc'"),
        (GET + b"a b: c\r\n\r\n", 400, "header's name has a character that no name has: 'a "),
        (GET + b"a : c\r\n\r\n", 400, "header's name has a character that no name has: 'a '"),
        (GET + b"\xc3\xa4: c\r\n\r\n", 400, "character that no name has: '\\xc3"),
        (GET + b": c\r\n\r\n", 400, "A header has no name before its colon"),
        (GET + b"a: b\x00\r\n\r\n", 400, "header's value has a control character"),
        (GET + b"a: b\r\n c\r\n\r\n", 400, "header's value has a control character"),
        (post(ASK, "Transfer-Encoding: chunked\r\n"), 400, "both Content-Length and Transfer"),
        (CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n", 400, "both Content-Length and Transfer"),
        (post(ASK, "Content-Length: 5\r\n"), 400, "more than one Content-Length"),
        (post(ASK).replace(b"Length: ", b"Length: -"), 400, "Content-Length is not a number"),
        (post(ASK).replace(b"Length: ", b"Length: x"), 400, "Content-Length is not a number"),
        (post(ASK).replace(b"Length: ", b"Length: " + b"9" * 20), 400, "too large a number"),
        (CHUNKED + b"zz\r\n", 400, "chunk's size is not a hexadecimal number"),
        (CHUNKED + b"-5\r\n", 400, "chunk's size is not a hexadecimal number"),
        (CHUNKED + b"f" * 21 + b"\r\n", 400, "chunk's size is not a hexadecimal number"),
        (CHUNKED + b"2\r\nabc\r\n", 400, "chunk is not as long as its size says"),
        (CHUNKED.replace(b"chunked", b"gzip") + b"abc", 400, "only `chunked` is taken"),
        (CHUNKED.replace(b"chunked", b"gzip, chunked"), 400, "Received: 'gzip, chunked'"),
        (CHUNKED + chunk(ASK) + b"0\r\nno trailer\r\n\r\n", 400, "A trailer "),
    ],
)
def test_what_is_no_http_hears_what_is_wrong_in_json(sent, code, sentence):
    with serving() as port:
        assert sentence in sentence_of(exchange(port, sent), code)
        if len(sent) < 200:  # However it is cut.
            parts = [sent[i : i + 1] for i in range(len(sent))]
            assert sentence in sentence_of(exchange(port, *parts, pause=0.001), code)
        if not sent.startswith(b"\x16"):  # Nothing else speaks TLS on the same connection.
            first, _, second = exchange(port, HEALTH + sent).partition(b'{"status":"ok"}')
            assert first.startswith(b"HTTP/1.1 200")
            assert sentence.partition(": '")[0] in sentence_of(second, code)
        assert exchange(port, LAST).startswith(b"HTTP/1.1 200")


def test_a_header_without_a_colon_is_found_wherever_the_head_was_cut():
    with serving() as port:
        for size in range(900, 1100):
            head = GET + b"X: " + b"y" * size + b"\r\nabc\r\n\r\n"
            assert "no colon: 'abc'" in sentence_of(exchange(port, head), 400)


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_another_protocol_is_not_spoken_and_the_request_is_answered(protocol, caplog):
    wish = f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\n"
    request = post(ASK, wish).replace(b"Connection: close\r\n", b"")
    with serving() as port:
        answer = exchange(port, request)
        assert answer.startswith(b"HTTP/1.1 200") and b'"answer":"A"' in answer
        chunked = CHUNKED.replace(b"Connection: close\r\n", wish.encode())
        answer = exchange(port, chunked, chunk(ASK), b"0\r\n\r\n", pause=0.05)
        assert answer.startswith(b"HTTP/1.1 200") and b'"answer":"A"' in answer
        asked = HEALTH.replace(b"\r\n\r\n", f"\r\n{wish}\r\n".encode())
        assert exchange(port, asked).startswith(b"HTTP/1.1 200")
    assert caplog.text == ""


def test_http_1_0_and_a_client_that_waits_to_be_told_to_go_on():
    with serving() as port:
        old = post(ASK).replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Connection: close\r\n", b"")
        assert b'"answer":"A"' in exchange(port, old)
        head, _, body = post(ASK, "Expect: 100-continue\r\n").partition(b"\r\n\r\n")
        answer = exchange(port, head + b"\r\n\r\n", body, pause=0.2)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


def test_a_body_that_is_too_large_is_told_to_who_sends_all_before_reading():
    with serving(max_request_mb=0.01) as port:
        for size in (20_000, 30_000_000):
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/models/fake:predict", b" " * size
            )
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(request, timeout=600)
            assert error.value.code == 413
            assert "more than 0.01 MiB" in json.load(error.value)["error"]


def test_a_token_is_asked_for_though_the_body_is_large():
    service = make_service(FakeServable(FakeSignature()), token=b"secret")
    rows = [{"image": b64(png(7) + b" " * 3_000_000), "question": "a"}]
    with running(service) as port:
        answer = exchange(port, post(json.dumps({"instances": rows}).encode()))
        assert "wants a token" in sentence_of(answer, 401)


# --- Clients that close their own side alone, as `nc -N` and some proxies do.


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request, monkeypatch):
    """Both loops that a server may run on."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    configure = serve.configure

    def configured(*args):
        config = configure(*args)
        config.loop = request.param
        return config

    monkeypatch.setattr(serve, "configure", configured)


def half_closed(port, sent):
    """What comes back when the client has sent, and closed its side, before it reads."""
    with connect(port) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_who_closes_one_side_hears_what_was_asked(loop):
    signature = FakeSignature()
    keeps = post(ASK).replace(b"Connection: close\r\n", b"")
    with running(make_service(FakeServable(signature))) as port:
        for request in (post(ASK), keeps, CHUNKED + chunk(ASK) + b"0\r\n\r\n"):
            answer = half_closed(port, request)
            assert answer.startswith(b"HTTP/1.1 200") and b'"A"' in answer
        answers = half_closed(port, HEALTH * 200 + keeps + HEALTH)
        assert answers.count(b"HTTP/1.1 200") == 202
        assert "first line is not one" in sentence_of(half_closed(port, b"x\r\n\r\n"), 400)
        signature.gate.clear()
        threading.Timer(3.0, signature.gate.set).start()  # Its end comes while it is answered.
        answer = half_closed(port, keeps)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")  # Said once.
        assert b'"A"' in answer


def test_who_closes_one_side_within_a_request_is_let_go(loop):
    with serving() as port:
        for part in (b"", b"GET /he", post(ASK)[:-9], CHUNKED + b"ff\r\nabc"):
            assert half_closed(port, part) == b""
            assert half_closed(port, HEALTH + part).count(b"HTTP/1.1 200") == 1


def test_who_closes_one_side_is_told_once_that_it_is_worked_for(loop, monkeypatch):
    monkeypatch.setattr(connections, "_PROBE_SECONDS", 0.1)
    monkeypatch.setattr(crowd, "_SWEEP_SECONDS", 0.05)
    signature = FakeSignature()
    service = make_service(FakeServable(signature))
    with running(service) as port, connect(port) as first, connect(port) as second:
        signature.gate.clear()
        first.sendall(post(ASK))
        signature.entered.wait(600)
        second.sendall(post(ASK))
        wait_until(lambda: service.batches.waiting == 1)
        second.shutdown(socket.SHUT_WR)
        assert second.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        with connect(port) as gone:  # Its rows are dropped, those of the second are not.
            gone.sendall(post(ASK))
            wait_until(lambda: service.batches.waiting == 2)
        wait_until(lambda: service.batches.waiting == 1)
        signature.gate.set()
        assert b"HTTP/1.1 200" in first.recv(4096)
        assert second.recv(4096).startswith(b"HTTP/1.1 200")  # Not told again meanwhile.
