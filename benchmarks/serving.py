"""What does the server add to a model's own time, and what does batching give?

    python benchmarks/serving.py --model_dir=runs/sort_of_clevr/export

The model is called in this process, row by row and as batches; and asked through two servers on
this machine, one that batches and one that does not, by 1, 4, 16 and 64 clients. Each client
sends its next request when it has the answer to the one before. All answer the same requests,
the examples in the export: one question, or one drawing, about one image each. A server
without a model, that answers with as many bytes, shows what of one client's time HTTP takes,
and the client itself.

The clients, the servers and the model share the machine's cores. So throughput is that of all
of them together; with cores for the clients alone it would be higher.
"""

import argparse
import asyncio
import base64
import http.client
import itertools
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.timing import alternate

BARE, STUB = "model alone, 1 row", "server without a model"
_HERE = os.path.dirname(os.path.abspath(__file__))
MAIN = os.path.join(os.path.dirname(_HERE), "main.py")
STUB_SERVER = os.path.join(_HERE, "stub_server.py")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", required=True, help="of one model, with examples")
    parser.add_argument("--clients", type=int, nargs="+", default=(1, 4, 16, 64))
    parser.add_argument("--max_batch_size", type=int, default=32, help="of the one that does")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    print(f"{arguments}\n{os.cpu_count()} cores")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # The servers must end, too.
    servable = load(arguments.model_dir)
    rows = example_rows(servable)
    servers = {
        "one at a time": model_server(arguments.model_dir, 1),
        f"batches of up to {arguments.max_batch_size}": model_server(
            arguments.model_dir, arguments.max_batch_size
        ),
    }
    stub = stub_server(answer_size(servers["one at a time"], rows[0]))
    try:
        measures = bare_measures(servable, rows, arguments)
        measures[(STUB, 1)] = server_measure(stub, rows, 1, arguments.seconds)
        for clients, (name, server) in itertools.product(arguments.clients, servers.items()):
            measures[(name, clients)] = server_measure(server, rows, clients, arguments.seconds)
        results = alternate(measures, arguments.rounds)
    finally:
        for server in (*servers.values(), stub):
            server.stop()
    table = make_table(results, [*servers], arguments.clients)
    print_table(table, arguments)
    return table


# --- The model alone.


def load(model_dir):
    from hardvqa_tf.serving import folders
    from hardvqa_tf.serving.models import Servable

    ((name, folder),) = folders.find_models([model_dir]).items()
    number, path = max(folders.list_versions(folder).items())
    return Servable(name, number, path)


def example_rows(servable):
    """[{input: bytes}] of the export's examples: an image and a question, or a drawing."""
    rows, examples = [], (servable.card or {}).get("examples", [])
    for example, loaded in zip(examples, servable.examples, strict=bool(examples)):
        asked = [{"question": row["question"].encode()} for row in example.get("questions", ())]
        asked += [{"sketch": drawing} for drawing in loaded.files]
        rows += [{"image": loaded.image} | row for row in asked]
    if not rows:
        raise ValueError(
            "The benchmark asks what the export's examples do. Received: a model "
            "without. Export one whose records are at hand."
        )
    return rows


def bare_measures(servable, rows, arguments):
    """Measures of the model, called in this process: {name: function}."""
    signature = servable.signatures["serving_default"]

    def measure(size):
        batches = [
            {
                name: np.array(
                    [rows[(first + i) % len(rows)][name] for i in range(size)], object
                )
                for name in rows[0]
            }
            for first in range(len(rows))
        ]
        calls = itertools.cycle(batches)

        def run():
            seconds, end = [], time.perf_counter() + arguments.seconds
            while time.perf_counter() < end:
                started = time.perf_counter()
                signature(next(calls))
                seconds.append(time.perf_counter() - started)
            return summary(seconds, size)

        return run

    sizes = sorted({min(n, arguments.max_batch_size) for n in arguments.clients} | {1})
    return {(_bare(size), None): measure(size) for size in sizes}


def _bare(size):
    return BARE if size == 1 else f"model alone, {size} rows"


def summary(seconds, questions, total=None):
    """Of the times of all requests of a measurement."""
    total = total or sum(seconds)
    return {
        "p50": float(np.percentile(seconds, 50)),
        "p99": float(np.percentile(seconds, 99)),
        "rate": questions * len(seconds) / total,
    }


# --- Through a server.


class Server:
    """A server in a process of its own, on a free port."""

    def __init__(self, script, *flags):
        command = [sys.executable, script, *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        found = re.search(r"Serving (\S+) .* at http://127.0.0.1:(\d+)/", line)
        if not found:
            raise RuntimeError(f"The server did not start. It said: {line!r}.")
        self.model, self.port = found.group(1), int(found.group(2))
        self.pid = self._process.pid

    def stop(self):
        self._process.terminate()
        self._process.wait()


def model_server(model_dir, max_batch_size):
    flags = [f"--model_dir={model_dir}", f"--max_batch_size={max_batch_size}"]
    return Server(MAIN, "--mode=serve", "--port=0", *flags)


def stub_server(answer_bytes):
    return Server(STUB_SERVER, f"--answer_bytes={answer_bytes}")


def answer_size(server, row):
    """Bytes of the answer to a row."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(make_request(server.model, row))
        response = http.client.HTTPResponse(connection)
        response.begin()
        return len(response.read())


def server_measure(server, rows, clients, seconds):
    requests = [make_request(server.model, row) for row in rows]

    def run():
        started = time.perf_counter()
        times = asyncio.run(ask_all(server.port, requests, clients, seconds))
        return summary(times, 1, time.perf_counter() - started)

    return run


def make_request(model, row):
    """Bytes as they go over the wire: writing JSON is the client's time, not the server's."""
    content = {name: _as_text(value, name == "image") for name, value in row.items()}
    body = json.dumps({"instances": [content]}).encode()
    head = f"POST /v1/models/{model}:predict HTTP/1.1\r\nHost: localhost\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _as_text(value, is_picture):
    """As people send it: pictures, of drawings as well, in base64, all else as it is."""
    if is_picture or value.startswith(b"\x89PNG"):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode()


async def ask_all(port, requests, clients, seconds):
    """All times of all clients."""
    end = time.perf_counter() + seconds
    asked = [
        ask(port, requests[first % len(requests) :] + requests[: first % len(requests)], end)
        for first in range(clients)
    ]
    return list(itertools.chain(*await asyncio.gather(*asked)))


async def ask(port, requests, end):
    """One client: the times of its requests."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    for request in itertools.cycle(requests):
        started = time.perf_counter()
        if started > end:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head).group(1))
        body = await reader.readexactly(length)
        times.append(time.perf_counter() - started)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"The server refused: {body[:300]!r}")
    writer.close()
    return times


# --- The table.


def make_table(results, servers, clients):
    """{(name, clients): dict}.

    `overhead`: what p50 has beyond the model alone with one row, as a share of that, the median
    of the rounds; all of p50 where there is no model. `gain`: questions a second against one at
    a time with as many clients, likewise.
    """
    table = {}
    for key, rounds in results.items():
        row = {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}
        if key[1] == 1:
            pairs = zip(rounds, results[(BARE, None)], strict=True)
            own = 0 if key[0] == STUB else 1  # The model's part of its own time.
            row["overhead"] = statistics.median(r["p50"] / b["p50"] - own for r, b in pairs)
        if key[0] == servers[1]:
            pairs = zip(rounds, results[(servers[0], key[1])], strict=True)
            row["gain"] = statistics.median(r["rate"] / one["rate"] for r, one in pairs)
        table[key] = row
    return table


def print_table(table, arguments):
    print(f"medians of {arguments.rounds} rounds of {arguments.seconds:g} seconds")
    head = f"{'':28}{'clients':>8}{'p50 ms':>9}{'p99 ms':>9}{'questions/s':>13}"
    print(f"{head}{'overhead':>10}{'gain':>7}")
    for (name, clients), row in table.items():
        overhead = f"{row['overhead']:.1%}" if "overhead" in row else ""
        gain = f"{row['gain']:.2f}x" if "gain" in row else ""
        print(
            f"{name:28}{clients or '':>8}{1e3 * row['p50']:9.2f}{1e3 * row['p99']:9.2f}"
            f"{row['rate']:13.1f}{overhead:>10}{gain:>7}"
        )


if __name__ == "__main__":
    main()
