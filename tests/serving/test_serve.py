"""The server as a process and on a socket: start, reload, slow clients, and its end."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
import uvicorn

from hardvqa_tf.serving import connections, logs, serve
from hardvqa_tf.serving.app import make_app
from tests.serving.fakes import FakeServable, FakeSignature, b64, make_service
from tests.serving.tiny_models import png

MAIN = pathlib.Path(__file__).parents[2] / "main.py"


class Process:
    """`main.py --mode=serve` on a free port."""

    def __init__(self, *arguments, stderr=subprocess.PIPE):
        command = [sys.executable, str(MAIN), "--mode=serve", "--port=0", *arguments]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        never = threading.Timer(600, self.popen.kill)  # Rather than wait for ever.
        never.start()
        line = self.popen.stdout.readline()
        never.cancel()
        found = re.search(r"http://127.0.0.1:(\d+)/", line)
        if not found:
            raise AssertionError(f"{line!r} {self.popen.communicate()}")
        self.line, self.port = line, int(found.group(1))

    def read(self, path):
        return read(self.port, path)

    def get(self, path):
        return json.loads(self.read(path))

    def ask(self, *questions, image=None):
        image = b64(image or png((250, 20, 30)))
        rows = [{"image": image, "question": question} for question in questions]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/models/tiny:predict",
            json.dumps({"instances": rows}).encode(),
        )
        with urllib.request.urlopen(request, timeout=600) as response:
            return json.load(response)["predictions"]


@pytest.fixture(scope="module")
def process(tiny_export, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "tiny"
    shutil.copytree(tiny_export, folder)
    process = Process(f"--model_dir={folder}")
    process.folder = folder
    yield process
    process.popen.kill()
    process.popen.communicate()


# In this order: each goes on with the process of the one before.


def test_the_command_serves(process):
    assert process.line.startswith("Serving tiny (version 3) at http://127.0.0.1:")
    assert [p["answer"] for p in process.ask("What?", "And now?")] == ["red", "red"]
    (status,) = process.get("/v1/models/tiny")["model_version_status"]
    assert status == {
        "version": "3",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }


def wait_for_state(process, version, state):
    for _ in range(6000):
        found = process.get("/v1/models/tiny")["model_version_status"]
        for entry in found:
            if (entry["version"], entry["state"]) == (version, state):
                return entry
        time.sleep(0.1)
    raise AssertionError(found)


def test_a_broken_version_leaves_the_last_good_one(process):
    broken = process.folder / "4"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"no graph")
    entry = wait_for_state(process, "4", "END")
    assert entry["status"]["error_code"] == "UNKNOWN" and entry["status"]["error_message"]
    assert process.get("/v1/models")["models"][0]["versions"] == [3]
    assert process.ask("Still?")[0]["answer"] == "red"


def test_a_new_version_is_taken_up(process):
    shutil.copytree(process.folder / "3", process.folder / "5.partial")
    os.rename(process.folder / "5.partial", process.folder / "5")
    wait_for_state(process, "5", "AVAILABLE")
    wait_for_state(process, "3", "END")
    assert process.get("/v1/models")["models"][0]["versions"] == [5]
    assert process.ask("And the new one?")[0]["answer"] == "red"


def wait_until(condition):
    for _ in range(6000):
        with contextlib.suppress(OSError):
            if condition():
                return
        time.sleep(0.05)
    raise AssertionError("It does not come true.")


def test_sigterm_finishes_what_is_under_way_and_exits_with_0(process):
    answers = []
    body = json.dumps({"instances": [{"image": b64(png((0, 0, 9))), "question": "Late?"}]})
    with socket.create_connection(("127.0.0.1", process.port), timeout=600) as connection:
        head = "POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(f"{head}{body[:50]}".encode())
        wait_until(lambda: "hardvqa_request_bytes 50.0" in process.read("/metrics"))
        process.popen.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_open(process.port))  # Nobody new is let in.
        connection.sendall(body[50:].encode())
        while part := connection.recv(65536):
            answers.append(part)
    assert b"".join(answers).startswith(b"HTTP/1.1 200") and b'"blue"' in answers[-1]
    out, err = process.popen.communicate(timeout=600)
    assert process.popen.returncode == 0, err
    lines = [json.loads(line) for line in err.splitlines()]  # Each line is JSON.
    messages = [line["message"] for line in lines]
    assert "Serving version 5 of model tiny" in messages
    assert not any("traceback" in line for line in lines)


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=600).close()
    except ConnectionRefusedError:
        return False
    return True


# --- Nobody reads what it prints.


@pytest.mark.parametrize(
    "streams",
    [
        ">/dev/full",
        *(
            pytest.param(streams, marks=pytest.mark.slow)
            for streams in (">&-", ">/dev/full 2>/dev/full", ">&- 2>&- <&-", "| true")
        ),
    ],
)
def test_the_server_lives_though_nobody_reads_what_it_prints(streams, tiny_export, tmp_path):
    if "full" in streams and not os.path.exists("/dev/full"):
        pytest.skip("There is no /dev/full.")
    with serve.bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    command = f"{sys.executable} {MAIN} --mode=serve --model_dir={tiny_export} --port={port}"
    pid, code = tmp_path / "pid", tmp_path / "code"
    script = f"(sh -c 'echo $$ >{pid}; exec {command}'; echo $? >{code}) {streams}"
    with open(os.devnull, "w") as nowhere:
        shell = subprocess.Popen(["bash", "-c", script], stdout=nowhere, stderr=nowhere)
    try:
        wait_until(lambda: is_open(port) and read(port, "/healthz"))
        assert json.loads(read(port, "/healthz")) == {"status": "ok"}
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)
        shell.wait(600)
    assert code.read_text() == "0\n"


# 40 bytes before its end mark belong to nothing.
JPEG_WITH_WARNINGS = (
    png((250, 20, 30), image_format="JPEG")[:-2] + b"\x12\x34" * 20 + b"\xff\xd9"
)


def test_the_server_lives_though_its_standard_error_is_full(tiny_export, tmp_path):
    """And says afterwards how many lines nobody read."""
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_export, folder)
    reader, writer = os.pipe()
    fill(writer)
    process = Process(f"--model_dir={folder}", stderr=writer)
    process.folder = folder
    try:
        for _ in range(3):  # libjpeg writes to descriptor 2 past Python.
            assert process.ask("What?", image=JPEG_WITH_WARNINGS)[0]["status"] == "ok"
        for version, is_read in (("4", False), ("5", True)):
            if is_read:
                assert set(os.read(reader, 2**20)) == {ord("x")}
            broken = folder / version
            broken.mkdir()
            (broken / "saved_model.pb").write_bytes(b"no graph")
            wait_for_state(process, version, "END")
        assert process.ask("Still?")[0]["answer"] == "red"
        lines = os.read(reader, 2**20).decode().splitlines()
        messages = [json.loads(line)["message"] for line in lines if line.startswith("{")]
        assert re.fullmatch(r"\d+ lines? before this one (is|are) lost: .*", messages[0])
        assert messages[1].startswith("Version 5 of model tiny does not load")
        fill(writer)
    finally:
        process.popen.send_signal(signal.SIGTERM)
        never = threading.Timer(600, process.popen.kill)
        never.start()
        process.popen.communicate()
        never.cancel()
        os.close(reader)
        os.close(writer)
    assert process.popen.returncode == 0


def fill(number):
    """Writes until a pipe takes no more."""
    os.set_blocking(number, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(number, b"x" * 4096)
    os.set_blocking(number, True)


def read(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=600) as response:
        return response.read().decode()


# --- On a socket, with a model without TensorFlow.


@contextlib.contextmanager
def running(service, monkeypatch=None):
    """uvicorn as `serve` configures it, in a thread; gives the port."""
    listener = serve.bind("127.0.0.1", 0)
    server = uvicorn.Server(serve.configure(make_app(service), service.limits))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    assert server.started, "It did not start; its log says why."
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def exchange(port, *parts, pause=0.0):
    """Sends bytes and returns all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        received = b""
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                received += part
    return received


def post(body, headers=""):
    head = "POST /v1/models/fake:predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body


ASK = json.dumps({"instances": [{"image": b64(png(7)), "question": "a"}]}).encode()


def test_heads_that_are_too_slow_or_none(monkeypatch):
    with running(make_service(FakeServable(FakeSignature()))) as port:
        assert exchange(port, post(ASK)).startswith(b"HTTP/1.1 200")
        assert b"400 Bad Request" in exchange(port, b"\x16\x03\x01 what?\r\n\r\n")
        twice = post(ASK).replace(b"Connection: close\r\n", b"")
        assert exchange(port, twice + post(ASK)).count(b"HTTP/1.1 200") == 2
        monkeypatch.setattr(connections, "_HEAD_SECONDS", 1.0)
        assert exchange(port, b"GET / HTTP/1.1\r\nX:") == b""


def test_a_large_body_and_a_body_in_pieces_are_no_head(monkeypatch):
    with running(make_service(FakeServable(FakeSignature()))) as port:
        large = json.dumps(
            {"instances": [{"image": b64(png(7) + b" " * 200_000), "question": "a"}]}
        ).encode()
        assert exchange(port, post(large)).startswith(b"HTTP/1.1 200")
        request = post(ASK)
        pieces = [request[i : i + 40] for i in range(0, len(request), 40)]
        assert exchange(port, *pieces).startswith(b"HTTP/1.1 200")


def test_a_body_that_does_not_come_ends_at_the_deadline():
    service = make_service(FakeServable(FakeSignature()), deadline_seconds=0.3)
    with running(service) as port:
        answer = exchange(port, post(ASK)[:-10])
        assert answer.startswith(b"HTTP/1.1 408") and b"did not come" in answer


def test_a_client_that_goes_is_not_answered_and_its_row_does_not_run():
    signature = FakeSignature()
    service = make_service(FakeServable(signature))
    with running(service) as port:
        signature.gate.clear()
        first = threading.Thread(target=exchange, args=(port, post(ASK)))
        first.start()
        signature.entered.wait(600)
        gone = json.dumps({"instances": [{"image": b64(png(7)), "question": "gone"}]}).encode()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(post(gone))
            while not service.batches.waiting:
                time.sleep(0.01)
        while service.batches.waiting:
            time.sleep(0.01)
        signature.gate.set()
        first.join()
    assert signature.batches == [["a"]]


# --- Small parts.


def test_a_token_comes_from_a_file_or_the_environment(tmp_path):
    path = tmp_path / "token"
    path.write_text("from-file\n")
    assert serve.read_token(str(path), "from-environment") == b"from-file"
    assert serve.read_token(None, " from-environment") == b"from-environment"
    assert serve.read_token(None, None) is None
    for text in ("", "\n", "two words", "ä"):
        path.write_text(text)
        with pytest.raises(ValueError, match="must hold a token of visible ASCII"):
            serve.read_token(str(path), None)


@pytest.mark.parametrize(
    "soft, hard, raised, connections",
    [
        (1024, 4096, 1200, 1000),
        (4096, 4096, None, 1000),
        (256, 700, 700, 500),
        (100, 100, None, 1),
        (-1, -1, None, 1000),  # no limit
        (1024, -1, 1200, 1000),
    ],
)
def test_there_are_as_many_connections_as_files(soft, hard, raised, connections, monkeypatch):
    limits = []
    monkeypatch.setattr(serve.resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(serve.resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(serve.resource, "setrlimit", lambda _, pair: limits.append(pair))
    assert serve.allow(1000) == connections
    assert limits == ([] if raised is None else [(raised, hard)])


def test_an_address_that_is_taken_is_told():
    with serve.bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1, port {port}, cannot be listened at"):
            serve.bind("127.0.0.1", port)


def test_a_log_line_stays_one_line(capsys):
    import logging

    record = logging.LogRecord(
        "x", logging.WARNING, "", 0, "%s", ('a\n{"level": 1}\x1b[31m\u2028',), None
    )
    line = logs.JsonFormatter().format(record)
    assert line.isascii() and line.isprintable()
    assert json.loads(line)["message"] == 'a\n{"level": 1}\x1b[31m\u2028'
