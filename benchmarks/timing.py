"""Variants of one work in alternating order, and the table that compares them.

On a shared machine speed drifts within minutes. So the variants take turns, round by round,
every other round in the opposite order, and a ratio is the median of the rounds' ratios: each
compares two times taken within seconds of each other.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Variant:
    """What is timed.

    Args:
        name: of the row in the table.
        run: does the work once and returns when it is done.
        operations: floating-point operations of one run.
        cells: that a question keeps, on average.
        reference: name of the variant that this one is compared with.
    """

    name: str
    run: Callable
    operations: float
    cells: float
    reference: str


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table; `faster` and `fewer` against the reference."""

    name: str
    cells: float
    operations: float
    seconds: float
    faster: float
    fewer: float
    of_peak: float


def alternate(measures, rounds):
    """Lets each measure once a round, after a round that does not count.

    Args:
        measures: {name: function without arguments that returns seconds}.

    Returns:
        {name: seconds of each round}.
    """
    for measure in measures.values():
        measure()  # Traces, compiles, asks for memory, fills caches.
    seconds = {name: [] for name in measures}
    for number in range(rounds):
        for name in list(measures)[:: -1 if number % 2 else 1]:
            seconds[name].append(measures[name]())
    return seconds


def timed(run):
    """A function that runs this one and returns the seconds that it took."""

    def measure():
        started = time.perf_counter()
        run()
        return time.perf_counter() - started

    return measure


def compare(variants, matmuls, matmul_operations, rounds):
    """Times the variants, prints their table and returns its rows.

    Args:
        variants: list of `Variant`.
        matmuls: functions that compute a large matrix product each; the fastest run of any of
            them is taken for the device's peak.
        matmul_operations: of one such product.

    Returns:
        {name: Row}.
    """
    measures = {variant.name: timed(variant.run) for variant in variants}
    peaks = {("matmul", i): timed(matmul) for i, matmul in enumerate(matmuls)}
    seconds = alternate(measures | peaks, rounds)
    peak = matmul_operations / min(min(seconds[name]) for name in peaks)
    rows = make_rows(variants, seconds, peak)
    print_table(rows.values(), peak, rounds)
    return rows


def make_rows(variants, seconds, peak):
    """Returns {name: Row}; seconds {name: of each round}, peak in operations per second."""
    operations = {variant.name: variant.operations for variant in variants}
    rows = {}
    for v in variants:
        median = statistics.median(seconds[v.name])
        pairs = zip(seconds[v.reference], seconds[v.name], strict=True)
        rows[v.name] = Row(
            v.name,
            v.cells,
            v.operations,
            median,
            faster=statistics.median(reference / own for reference, own in pairs),
            fewer=operations[v.reference] / v.operations,
            of_peak=v.operations / median / peak,
        )
    return rows


def print_table(rows, peak, rounds):
    print(f"peak, by a large matmul: {peak / 1e9:,.1f} GFLOP/s; medians of {rounds} rounds")
    print(f"{'':44}{'cells':>7}{'GFLOP':>10}{'fewer':>8}{'ms':>10}{'faster':>8}{'of peak':>9}")
    for row in rows:
        print(
            f"{row.name:44}{row.cells:7.1f}{row.operations / 1e9:10.3f}{row.fewer:7.2f}x"
            f"{row.seconds * 1e3:10.2f}{row.faster:7.2f}x{row.of_peak:9.1%}"
        )
