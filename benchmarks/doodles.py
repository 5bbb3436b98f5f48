"""Are doodles like people's drawings? And what does one cost?

    python benchmarks/doodles.py
    python benchmarks/doodles.py --genuine FOLDER [FOLDER ...]

Drawings are compared as blurred rasters of 16x16 pixels, scaled to length 1: near is what has
ink at the same places. Of each drawing the nearest other one is looked up; how often it is of
the same class says how far classes lie apart. With folders of people's drawings, in any form
that records/drawings/readers.py reads, the same figures of the classes that are in both; and
how often the nearest doodle of a genuine drawing is of its class: whether the programs draw
what people draw.
"""

import argparse
import os
import sys
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from records.drawings.doodles import NAMED, draw, random_class_name
from records.drawings.rasterize import rasterize_points
from records.drawings.readers import read_drawings
from records.drawings.strokes import pad

SIZE = 16


def features(drawings):
    """float32[D, 256]: blurred rasters of length 1."""
    ink = rasterize_points(*pad(drawings), SIZE)
    for axis in (1, 2):
        before, after = np.roll(ink, 1, axis), np.roll(ink, -1, axis)  # the margins are white
        ink = (before + 2 * ink + after) / 4
    flat = ink.reshape(len(drawings), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def collect(classes):
    """The features of drawings, and the number of the class of each.

    Args:
      classes: list of lists of drawings.
    """
    labels = np.repeat(np.arange(len(classes)), [len(drawings) for drawings in classes])
    return features([drawing for drawings in classes for drawing in drawings]), labels


def agreement(found, labels, bank=None, bank_labels=None):
    """The share of drawings whose nearest in a bank is of their class; None: the others."""
    near = found @ (found if bank is None else bank).T
    if bank is None:
        np.fill_diagonal(near, -1)
    return np.mean((labels if bank is None else bank_labels)[near.argmax(axis=1)] == labels)


def spread(found, labels):
    """The mean distance of drawings of a class, as a share of that of different classes."""
    far = 1 - found @ found.T
    same = labels[:, None] == labels
    return (far[same].sum() / (same.sum() - len(labels))) / far[~same].mean()


def statistics(drawings):
    """Percentiles 5, 50, 90 and 95 of strokes, points, and width over height, by name."""
    extents = [np.concatenate(drawing).max(axis=0) + 1 for drawing in drawings]
    values = {
        "strokes": [len(drawing) for drawing in drawings],
        "points": [sum(map(len, drawing)) for drawing in drawings],
        "width/height": [wide / high for wide, high in extents],
    }
    return {name: np.percentile(numbers, (5, 50, 90, 95)) for name, numbers in values.items()}


def read_genuine(folders, most):
    """Drawings by class, at most so many each, of the named classes that the folders have."""
    found = {name: [] for name in NAMED}
    for drawing in (drawing for folder in folders for drawing in read_drawings(folder)):
        drawings = found.get(drawing.class_name)
        if drawings is not None and drawing.strokes is not None and len(drawings) < most:
            drawings.append(drawing.strokes)
    return {name: drawings for name, drawings in found.items() if drawings}


def print_row(title, classes):
    found, labels = collect(classes)
    drawings = [drawing for drawings in classes for drawing in drawings]
    print(f"\n{title}: {len(classes)} classes, {len(drawings)} drawings")
    for name, values in statistics(drawings).items():
        print(f"  {name:14} 5, 50, 90, 95 %: {', '.join(f'{v:.3g}' for v in values)}")
    print(f"  nearest other drawing is of the class: {agreement(found, labels):.1%}")
    print(f"  distance within a class, of that between classes: {spread(found, labels):.2f}")
    return found, labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genuine", nargs="+", default=[], help="folders of people's drawings")
    parser.add_argument("--drawings", type=int, default=20, help="of a class")
    flags = parser.parse_args()

    def doodles(names, first=0):
        return [[draw(n, first + i) for i in range(flags.drawings)] for n in names]

    start = time.process_time()
    named = doodles(NAMED)
    cost = (time.process_time() - start) / (len(NAMED) * flags.drawings)
    print(f"a drawing takes {cost * 1e3:.2f} ms")
    print_row("named classes", named)
    print_row("random classes", doodles([random_class_name(i) for i in range(len(NAMED))]))
    genuine = read_genuine(flags.genuine, flags.drawings)
    if not genuine:
        return
    bank, bank_labels = print_row("named classes that the folders have", doodles(genuine))
    found, labels = print_row("genuine drawings", list(genuine.values()))
    print(f"\na doodle for each genuine drawing, by chance {1 / len(genuine):.1%}")
    print(
        f"  nearest doodle is of the class: {agreement(found, labels, bank, bank_labels):.1%}"
    )
    other = agreement(bank, bank_labels, found, labels)
    print(f"  nearest genuine drawing of a doodle is of the class: {other:.1%}")


if __name__ == "__main__":
    main()
