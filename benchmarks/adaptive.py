"""What does it cost that every question keeps another number of cells?

    python benchmarks/adaptive.py
    python benchmarks/adaptive.py --mean_cells 6 --grid 5 5

A relation network after adaptive hard attention, in each way that it can be computed, against
a fixed selection of the same mean number of cells. The cells are given, long and short ones,
so that each question keeps as many as was drawn for it: in a `tight` batch nearly equally
many, in a `wide` one a few questions keep most of the grid. Pairs grow with the square, so
even without any waste a spread costs something; the column `fewer` has that in it.
"""

import dataclasses
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks import operations, shapes, steps
from benchmarks.heads import DYNAMIC, build_head, count_operations
from benchmarks.timing import Variant, compare

# Shape of a gamma distribution: its standard deviation is the mean over the root of this.
SPREADS = {"tight": 40.0, "wide": 2.0}
# What a way is called, its attention's mode, and whether g sees a list of the pairs that exist.
WAYS = {
    "list of the pairs that exist": ("gather", True),
    "padded to the longest row": ("gather", False),
    "all cells, dropped ones masked": ("mask", False),
}


def main(argv=None):
    parser = shapes.make_parser(__doc__)
    parser.add_argument("--mean_cells", type=int, help="kept; default: a quarter of the grid")
    parser.add_argument("--spreads", nargs="+", default=[*SPREADS], choices=SPREADS)
    arguments = parser.parse_args(argv)
    shape = dataclasses.replace(shapes.shape_of(arguments), fusion_units=())
    mean = arguments.mean_cells or max(1, shape.num_cells // 4)
    ways = WAYS
    if keras.backend.backend() not in DYNAMIC:
        ways = {name: way for name, way in WAYS.items() if way[0] == "mask"}
    print(f"{steps.device_name()}\n{shape}")
    fixed = f"fixed, {mean} cells"
    inputs, answers = shapes.draw_batch(shape)
    han = ("han", {"num_cells": mean})
    variants = [make_variant(fixed, fixed, shape, inputs, answers, *han)]
    for spread in arguments.spreads:
        counts = draw_counts(shape.rows, mean, shape.num_cells, SPREADS[spread])
        print(f"{spread}: {counts.min()} to {counts.max()} cells, mean {counts.mean():.1f}")
        inputs = {**inputs, "grid": draw_cells(shape, counts)}
        for name, (mode, flat) in ways.items():
            adahan = ("adahan", {"mode": mode}, flat)
            name = f"{spread}, {name}"
            variants.append(make_variant(name, fixed, shape, inputs, answers, *adahan))
    variants.append(make_variant("no attention", fixed, shape, inputs, answers, "none", {}))
    matmuls = [steps.make_matmul(arguments.peak_size)]
    return compare(variants, matmuls, operations.matmul(arguments.peak_size), arguments.rounds)


def make_variant(name, reference, shape, inputs, answers, attention, attention_args, flat=True):
    model = build_head(shape, attention=attention, attention_args=attention_args, flat=flat)
    total, cells = count_operations(
        shape, inputs, model, attention=attention, aggregator="relation", flat=flat
    )
    step = steps.make_step(model, inputs, answers)
    return Variant(name, step, total, cells, reference)


def draw_counts(rows, mean, num_cells, spread, seed=0):
    """Cells that each row keeps: int[N] from 1 to `num_cells`, with exactly this mean."""
    rng = np.random.default_rng(seed)
    counts = np.round(mean * rng.gamma(spread, 1 / spread, rows)).astype(int)
    counts = np.clip(counts, 1, num_cells)
    while (missing := rows * mean - counts.sum()) != 0:
        change = np.sign(missing)
        can_change = np.flatnonzero((counts + change >= 1) & (counts + change <= num_cells))
        counts[rng.choice(can_change)] += change
    return counts


def draw_cells(shape, counts, seed=0):
    """Cells of norm 4 in random places, as many as said, among cells of norm 1.

    AdaHAN keeps the long ones: e^4 is above the mean of the exponentials, e^1 below. A row that
    keeps the whole grid has equal cells.
    """
    rng = np.random.default_rng(seed)
    n, p = shape.rows, shape.num_cells
    cells = rng.standard_normal((n, p, shape.grid_dim), np.float32)
    rank = rng.random((n, p)).argsort(axis=1).argsort(axis=1)
    norms = np.where(rank < counts[:, None], 4.0, 1.0)
    cells *= (norms / np.linalg.norm(cells, axis=-1))[:, :, None]
    return cells.astype(np.float32)


if __name__ == "__main__":
    main()
