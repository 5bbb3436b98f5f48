"""How much memory do all pairs of a large grid take, with and without recomputation?

    python benchmarks/pairs_memory.py
    python benchmarks/pairs_memory.py --rows 16 --chunks 0 2 16

Training steps of a relation network over every cell of the grid, each variant in a process of
its own: its peak memory beyond what it had before the first step, and the time of a step.
On a CPU under Linux; `recompute_chunks=0` stores what g computes for all pairs at once.
"""

import multiprocessing
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import shapes


def main(argv=None):
    parser = shapes.make_parser(__doc__)
    parser.set_defaults(rows=8, grid=(14, 14), fusion_units=(), rounds=3)
    parser.add_argument("--chunks", type=int, nargs="+", default=(0, 2, 8))
    arguments = parser.parse_args(argv)
    shape = shapes.shape_of(arguments)
    print(shape)
    print(f"{'recompute_chunks':>18}{'MB for a step':>16}{'ms':>10}{'time':>8}")
    # Not forked: each process has to have its own memory from the start.
    context = multiprocessing.get_context("spawn")
    found = {}
    for chunks in arguments.chunks:
        with context.Pool(1) as pool:
            found[chunks] = pool.apply(measure, (shape, chunks, arguments.rounds))
        num_bytes, seconds = found[chunks]
        ratio = seconds / found[arguments.chunks[0]][1]
        print(f"{chunks:18}{num_bytes / 1e6:16,.0f}{1e3 * seconds:10.0f}{ratio:7.2f}x")
    return found


def measure(shape, chunks, rounds):
    """Returns bytes that training steps needed at their peak, and seconds of one."""
    from benchmarks import steps
    from benchmarks.heads import build_head

    inputs, answers = shapes.draw_batch(shape)
    model = build_head(shape, recompute_chunks=chunks)
    step = steps.make_step(model, inputs, answers)
    before = peak_bytes()
    step()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return peak_bytes() - before, statistics.median(seconds)


def peak_bytes():
    # Not `getrusage`, whose peak a new process takes over from the one that started it.
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
