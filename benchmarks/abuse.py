"""What do clients that mean no good cost the others?

    python benchmarks/abuse.py --model_dir=runs/sort_of_clevr

Three questions, to a server of its own:

1. How long does GET /healthz wait at worst, while a body that is hard to read is sent?
2. After so many connections were opened at once, each holding what it got in another way, when
   is GET /healthz 200 again, and how much memory do they take?
3. Clients ask the questions of the export's examples, each the next when it has its answer,
   beside so many that abuse the server in all of these ways, and come back when they are thrown
   out. How many answers are lost, how long do they take, and does memory grow?

Those who abuse it run in a process of their own; all share the machine's cores. Memory is read
from /proc, so this runs on Linux.
"""

import argparse
import asyncio
import collections
import contextlib
import http.client
import itertools
import json
import multiprocessing
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks import serving

HOST = b"Host: localhost\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\n" + HOST
_BODY_BYTES = 15_500_000


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", required=True, help="of one model, with examples")
    parser.add_argument("--clients", type=int, default=1000, help="that abuse the server")
    parser.add_argument("--good", type=int, default=8, help="clients that do not")
    parser.add_argument("--seconds", type=float, default=120.0, help="of the third question")
    parser.add_argument("--held_seconds", type=float, default=15.0, help="of the second")
    parser.add_argument("--body_bytes", type=int, default=_BODY_BYTES, help="of the first")
    arguments = parser.parse_args(argv)
    print(f"{arguments}\n{os.cpu_count()} cores")
    rows = serving.example_rows(serving.load(arguments.model_dir))
    server = serving.Server(
        serving.MAIN, "--mode=serve", "--port=0", f"--model_dir={arguments.model_dir}"
    )
    try:
        return {
            "bodies": compare_bodies(server, arguments.body_bytes),
            "held": compare_holders(server, arguments.clients, arguments.held_seconds),
            "crowd": crowd(server, rows, arguments),
        }
    finally:
        server.stop()


def memory_mb(server):
    """Resident memory of the server's process."""
    with open(f"/proc/{server.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


# --- 1. Bodies that are hard to read.


def make_bodies(size):
    """{name: bytes of JSON}, each of about `size` bytes."""

    def filled(unit):
        return b'{"instances":[' + b",".join([unit] * (size // (len(unit) + 1))) + b"]}"

    image = b'{"image":{"b64":"%s"},"question":"a"}' % (b"/9j/4AAQ" * (size // 8))
    numbers = np.random.default_rng(0).random(size // 20)
    return {
        "lists": filled(b"[]"),
        "deep lists": filled(b"[" * 900 + b"]" * 900),
        "objects": filled(b"{}"),
        "objects of a key": filled(b'{"a":1}'),
        "a key twice, as many as are read": filled(b'{"a":1,"a":2}' + b" " * 900),
        "rows": filled(b'{"image":"a","question":"b"}'),
        "whole numbers": filled(b"1"),
        "long fractions": json.dumps({"inputs": numbers.tolist()}).encode(),
        "lists, as many as are read": filled(b"[]" + b" " * 240),
        "numbers, as many as are read": filled(b"0.12345678901234"),
        "strings": filled(b'"a"'),
        "not a number": filled(b"NaN"),
        "keys": b"{" + b",".join(b'"%08d":1' % i for i in range(size // 13)) + b"}",
        "one string": b'{"instances":["' + b"a" * size + b'"]}',
        "escaped letters": b'{"instances":["' + b"\\u00e4" * (size // 6) + b'"]}',
        "spaces": b" " * size,
        "base64": b'{"instances":[' + image + b"]}",
        "base64, a colon in the question": b'{"instances":['
        + image.replace(b'"a"', b'"a:"')
        + b"]}",
        "base64 with spaces": b'{"instances":[' + image.replace(b"4A", b"4 ") + b"]}",
        "digits": b'{"instances":[' + b"1" * size + b"]}",
    }


def compare_bodies(server, size):
    """Prints a table; returns {name: (code, seconds, worst milliseconds of /healthz)}."""
    print(
        f"\nbodies of {size / 1e6:.1f} MB\n{'':33}{'code':>6}{'seconds':>10}{'/healthz ms':>13}"
    )
    found = {}
    for name, body in make_bodies(size).items():
        found[name] = asyncio.run(_beside_health(server, body))
        code, seconds, worst = found[name]
        print(f"{name:33}{code:6}{seconds:10.2f}{worst:13.1f}")
    return found


async def _beside_health(server, body):
    done, worst = asyncio.Event(), []

    async def watch():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        while not done.is_set():
            started = time.perf_counter()
            writer.write(HEALTH + b"\r\n")
            await _read_answer(reader)
            worst.append(time.perf_counter() - started)
            await asyncio.sleep(0.005)
        writer.close()

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.2)
    started = time.perf_counter()
    code = await asyncio.to_thread(_post, server, body)
    seconds = time.perf_counter() - started
    done.set()
    await watching
    return code, seconds, 1e3 * max(worst)


def _post(server, body):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", f"/v1/models/{server.model}:predict", body)
    code = connection.getresponse().status
    connection.close()
    return code


async def _read_answer(reader):
    """(code, body); raises ConnectionError where the server is gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head).group(1))
        return int(head.split(b" ", 2)[1]), await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("It was closed.") from error


# --- 2. Connections that are held.


def _predict(server, *headers):
    head = f"POST /v1/models/{server.model}:predict HTTP/1.1\r\n".encode() + HOST
    return head + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


def make_holders(server):
    """{name: (bytes at first, bytes again and again, how often a second, whether it reads)}."""
    chunked = _predict(server, b"Transfer-Encoding: chunked")
    page = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    return {
        "nothing sent": (b"", b"", 0, True),
        "a head, byte by byte": (b"GET / HTTP/1.1\r\nX: ", b"y", 1, True),
        "empty lines": (HEALTH + b"\r\n", b"\r\n", 1, True),
        "a body, byte by byte": (_predict(server, b"Content-Length: 999999"), b"x", 1, True),
        "a body after its answer": (
            b"POST /nowhere HTTP/1.1\r\nContent-Length: 999999\r\n" + HOST + b"\r\n",
            b"x",
            1,
            True,
        ),
        "much of a body": (
            _predict(server, b"Content-Length: 999999") + b" " * 900_000,
            b" ",
            1,
            True,
        ),
        "trailers": (chunked + b"2\r\n{}\r\n0\r\n", b"X: " + b"y" * 20_000 + b"\r\n", 20, True),
        "a chunk's line": (chunked + b"2;", b"x" * 20_000, 20, True),
        "answers that are not read": (page * 300, page, 1, False),
    }


def compare_holders(server, clients, seconds):
    """Prints a table; returns {name: see `_look_at`}."""
    print(f"\n{clients} connections, for {seconds:g} seconds")
    print(f"{'':28}{'/healthz 200 after s':>22}{'slowest s':>12}{'memory MB':>12}")
    found = {}
    for name in make_holders(server):
        with _other_process(hold_all, server.port, server.model, name, clients):
            found[name] = _look_at(server, seconds)
        after, slowest, memory = found[name]
        print(f"{name:28}{after:22.2f}{slowest:12.2f}{memory:12.0f}")
    return found


def _look_at(server, seconds):
    """(when /healthz was 200 for the first time, its slowest answer, most memory)."""
    started = time.perf_counter()
    after, slowest, memory = None, 0.0, 0.0
    while time.perf_counter() - started < seconds:
        asked = time.perf_counter()
        is_healthy = asyncio.run(_is_healthy(server))
        now = time.perf_counter()
        slowest, memory = max(slowest, now - asked), max(memory, memory_mb(server))
        if is_healthy and after is None:
            after = now - started
        time.sleep(0.05)
    return after, slowest, memory


@contextlib.contextmanager
def _other_process(function, *arguments):
    """Runs a function meanwhile; it has begun when the context does."""
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    process = context.Process(target=function, args=(begun, *arguments), daemon=True)
    process.start()
    begun.wait(60)
    try:
        yield
    finally:
        process.terminate()
        process.join()


def hold_all(begun, port, model, name, clients):
    """In another process: as many connections, opened at once."""
    server = argparse.Namespace(port=port, model=model)
    holder = make_holders(server)[name]

    async def run():
        held = [asyncio.create_task(hold(server, *holder)) for _ in range(clients)]
        await asyncio.sleep(1)
        begun.set()
        await asyncio.wait(held)

    asyncio.run(run())


async def _is_healthy(server):
    with contextlib.suppress(OSError):
        async with _connection(server) as (reader, writer):
            writer.write(HEALTH + b"\r\n")
            return (await _read_answer(reader))[0] == 200
    return False


@contextlib.asynccontextmanager
async def _connection(server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**16)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def hold(server, first, more, rate, reads):
    """One connection, until the server closes it."""
    with contextlib.suppress(OSError):
        async with _connection(server) as (reader, writer):
            if not reads:
                writer.transport.pause_reading()
            writer.write(first)
            sending = asyncio.create_task(_send(writer, more, rate))
            try:
                while reads and await reader.read(2**16):
                    pass
                if not reads:
                    await sending
            finally:
                sending.cancel()


async def _send(writer, more, rate):
    while rate and not writer.transport.is_closing():
        await asyncio.sleep(1 / rate)
        writer.write(more)
    await asyncio.sleep(600)


# --- 3. A crowd, and some who ask.


def crowd(server, rows, arguments):
    """Prints and returns what the good clients got."""
    requests = [serving.make_request(server.model, row) for row in rows]
    with _other_process(abuse_all, server.port, server.model, requests, arguments.clients):
        lost, times, memory = asyncio.run(_ask_all(server, requests, arguments))
    print(f"\n{arguments.good} clients beside {arguments.clients} for {arguments.seconds:g} s")
    print(f"answers {len(times):,}, lost {len(lost)} {dict(collections.Counter(lost))}")
    p50, p99 = np.percentile(times, (50, 99)) * 1e3
    print(f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {1e3 * max(times):.0f} ms")
    print("memory MB:", ", ".join(f"{mb:.0f}" for mb in memory))
    return {"answers": len(times), "lost": len(lost), "memory": memory}


async def _ask_all(server, requests, arguments):
    """(what was lost, seconds of all answers, memory on the way)."""
    known = [await _ask_once(server, request) for request in requests]
    times, memory = [], [memory_mb(server)]
    pairs, end = (
        list(zip(requests, known, strict=True)),
        time.perf_counter() + arguments.seconds,
    )
    good = [asyncio.create_task(_ask(server, pairs, end, times)) for _ in range(arguments.good)]
    for _ in range(12):
        await asyncio.sleep(arguments.seconds / 12)
        memory.append(memory_mb(server))
    return list(itertools.chain(*await asyncio.gather(*good))), times, memory


async def _ask_once(server, request):
    async with _connection(server) as (reader, writer):
        writer.write(request)
        code, body = await _read_answer(reader)
        if code != 200:
            raise RuntimeError(f"The server refused: {body[:300]!r}")
        return body


async def _ask(server, pairs, end, times):
    """One good client, on one connection as long as that lives; returns what was lost."""
    lost, pairs = [], itertools.cycle(pairs)
    while time.perf_counter() < end:
        try:
            async with _connection(server) as (reader, writer):
                while time.perf_counter() < end:
                    request, known = next(pairs)
                    started = time.perf_counter()
                    writer.write(request)
                    code, body = await _read_answer(reader)
                    times.append(time.perf_counter() - started)
                    if (code, body) != (200, known):
                        lost.append(f"{code} {body[:60]}")
        except OSError as error:
            lost.append(f"{type(error).__name__}: {error}"[:60])
    return lost


def abuse_all(begun, port, model, requests, clients):
    """In another process: clients that mean no good, each again and again."""
    server = argparse.Namespace(port=port, model=model)
    holders, bodies = make_holders(server), make_bodies(200_000)

    async def run():
        some = [abuse(server, requests, holders, bodies, seed) for seed in range(clients)]
        begun.set()
        await asyncio.gather(*some)

    asyncio.run(run())


async def abuse(server, requests, holders, bodies, seed):
    """One of them."""
    draw = random.Random(seed)
    while True:
        name = draw.choice((*holders, "garbage", "a body", "gone", "another protocol"))
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            if name in holders:
                async with asyncio.timeout(draw.uniform(1, 40)):
                    await hold(server, *holders[name])
            else:
                first = _bytes_of(name, server, requests, bodies, draw)
                async with asyncio.timeout(draw.uniform(0.01, 5)):
                    await hold(server, first, b"", 0, name != "gone")
        await asyncio.sleep(draw.uniform(0, 1))


def _bytes_of(name, server, requests, bodies, draw):
    if name == "garbage":
        return draw.randbytes(draw.randrange(1, 3000)) + b"\r\n\r\n"
    if name == "gone":
        return draw.choice(requests)
    if name == "another protocol":
        return HEALTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    body = bodies[draw.choice(list(bodies))]
    return _predict(server, b"Content-Length: %d" % len(body)) + body


if __name__ == "__main__":
    main()
