"""How fast is the relation network beside the same one in plain PyTorch?

    pip install -r benchmarks/requirements.txt
    python benchmarks/relation_peers.py
    python benchmarks/relation_peers.py --backends tensorflow jax

PyTorch over all cells (benchmarks/torch_head.py: concatenated pairs, no factorising) against
ours over all cells and with hard attention. Each framework has a process of its own; they
take turns, step by step, while the others wait. All start from the same weights, and those
over all cells must give the same logits before anything is timed.
"""

import multiprocessing
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks import operations, shapes
from benchmarks.timing import Variant, compare

PLAIN = "plain PyTorch, all cells"
TOLERANCE = 1e-4  # of the greatest logit: sums over all pairs, in another order


def main(argv=None):
    parser = shapes.make_parser(__doc__)
    parser.add_argument("--fraction", type=float, default=0.25, help="of cells that HAN keeps")
    own = os.environ.get("KERAS_BACKEND", "tensorflow")
    parser.add_argument("--backends", nargs="+", default=[own], help="of Keras")
    arguments = parser.parse_args(argv)
    shape = shapes.shape_of(arguments)
    print(shape)
    size = arguments.peak_size
    peers = {PLAIN: Peer(serve_torch, shape, size)}
    for backend in arguments.backends:
        peers[f"{backend}, all cells"] = Peer(serve_keras, shape, size, backend)
        peers[f"{backend}, han {arguments.fraction:.3g}"] = Peer(
            serve_keras, shape, size, backend, arguments.fraction
        )
    try:
        check_logits(peers)
        variants = [
            Variant(name, peer.step, *peer.ask("operations"), reference=PLAIN)
            for name, peer in peers.items()
        ]
        matmuls = [peer.matmul for peer in peers.values()]
        return compare(variants, matmuls, operations.matmul(size), arguments.rounds)
    finally:
        for peer in peers.values():
            peer.end()


def check_logits(peers):
    """Refuses to time models that do not compute the same."""
    expected = peers[PLAIN].ask("logits")
    for name, peer in peers.items():
        if not name.endswith("all cells") or name == PLAIN:
            continue
        error = np.abs(peer.ask("logits") - expected).max() / np.abs(expected).max()
        print(f"{name}: logits differ from PyTorch's by {error:.1e} of the greatest")
        if not error < TOLERANCE:
            raise ValueError(
                f"The models must compute the same. Received: logits of {name!r} that differ "
                f"by {error:.1e} of the greatest, where {TOLERANCE:.0e} is rounding. Find the "
                "difference before you compare their times."
            )


class Peer:
    """A process that does what it is asked and waits in between."""

    def __init__(self, serve, *arguments):
        # Not forked: each has to import its framework by itself.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()  # So that asking a process that has died raises EOFError.

    def ask(self, name):
        self._connection.send(name)
        return self._connection.recv()

    def step(self):
        return self.ask("step")

    def matmul(self):
        return self.ask("matmul")

    def end(self):
        self._connection.close()
        self._process.join()


def serve_torch(connection, shape, peak_size):
    from benchmarks import torch_head

    inputs, answers = shapes.draw_batch(shape)
    model = torch_head.Head(shape)
    torch_head.set_weights(model, draw_weights([p.shape[::-1] for p in model.parameters()]))
    model.to(torch_head.best_device())
    p = shape.num_cells
    total = operations.head_of_concatenated(shape)
    answer(
        connection,
        step=torch_head.make_step(model, inputs, answers),
        matmul=torch_head.make_matmul(peak_size),
        logits=lambda: torch_head.logits_of(model, inputs),
        operations=lambda: (total, p),
    )


def serve_keras(connection, shape, peak_size, backend, fraction=None):
    os.environ["KERAS_BACKEND"] = backend
    from keras import ops

    from benchmarks import steps
    from benchmarks.heads import build_head, count_operations

    inputs, answers = shapes.draw_batch(shape)
    attention = "none" if fraction is None else "han"
    arguments = {} if fraction is None else {"fraction": fraction}
    model = build_head(shape, attention=attention, attention_args=arguments)
    variables = model.trainable_variables
    weights = draw_weights([v.shape for v in variables])
    for variable, weight in zip(variables, weights, strict=True):
        variable.assign(weight)
    answer(
        connection,
        step=steps.make_step(model, inputs, answers),
        matmul=steps.make_matmul(peak_size),
        logits=lambda: ops.convert_to_numpy(model(inputs)["logits"]),
        operations=lambda: count_operations(
            shape, inputs, model, attention=attention, aggregator="relation"
        ),
    )


def answer(connection, **functions):
    """Calls what it is asked for, until nobody asks any more."""
    while True:
        try:
            name = connection.recv()
        except EOFError:
            return
        connection.send(functions[name]())


def draw_weights(sizes, seed=0):
    """Weights for these shapes, in this order: of Glorot's scale, and small biases."""
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal(size, np.float32) * np.float32((2 / sum(size)) ** 0.5)
        if len(size) == 2
        else rng.standard_normal(size, np.float32) * np.float32(0.1)
        for size in sizes
    ]


if __name__ == "__main__":
    main()
