"""The shapes of a synthetic batch and model, as flags, and the batch itself.

Imports no framework: processes that run different ones share it.
"""

import argparse
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Shape:
    """Defaults: CLEVR's grid of 8x8 cells, and the relation network of its paper."""

    rows: int = 64  # N
    grid: tuple = (8, 8)  # H, W
    grid_dim: int = 256  # Dg
    question_dim: int = 128  # Dq
    fusion_units: tuple = (256,)
    units: tuple = (256, 256, 256, 256)  # of g
    pairwise_units: int = 256
    classifier_units: tuple = (256, 256)
    num_answers: int = 28  # A

    @property
    def num_cells(self):
        return self.grid[0] * self.grid[1]

    @property
    def cell_dim(self):
        return self.fusion_units[-1] if self.fusion_units else self.grid_dim


def make_parser(doc):
    """A parser with a flag for every field of `Shape`, and those of all timings."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    for field in dataclasses.fields(Shape):
        many = {"nargs": 2 if field.name == "grid" else "*"}
        many = many if isinstance(field.default, tuple) else {}
        parser.add_argument(f"--{field.name}", type=int, default=field.default, **many)
    add_timing_flags(parser)
    return parser


def add_timing_flags(parser):
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak_size", type=int, default=2048, help="of the large matmul")


def shape_of(arguments):
    """The `Shape` that the flags say."""
    values = {f.name: getattr(arguments, f.name) for f in dataclasses.fields(Shape)}
    return Shape(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def draw_batch(shape, seed=0):
    """Random numbers: inputs, a dict of `grid` and `question`, and answers int32[N]."""
    rng = np.random.default_rng(seed)
    n = shape.rows
    inputs = {
        "grid": rng.standard_normal((n, shape.num_cells, shape.grid_dim), np.float32),
        "question": rng.standard_normal((n, shape.question_dim), np.float32),
    }
    return inputs, rng.integers(0, shape.num_answers, n, dtype=np.int32)
