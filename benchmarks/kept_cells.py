"""Does a training step shrink as its operations do, when fewer cells are kept?

    python benchmarks/kept_cells.py
    KERAS_BACKEND=jax python benchmarks/kept_cells.py --grid 5 5

Every aggregator with every attention, and hard attention at several shares of the cells; each
is compared with the same aggregator over all cells. The model between encoders and loss, on
random numbers (benchmarks/heads.py). AdaHAN keeps what it does before any training. With
`--plot=FILE.png`, time is drawn against operations.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import operations, shapes, steps
from benchmarks.heads import SOFT, build_head, count_operations
from benchmarks.timing import Variant, compare
from hardvqa_tf.vqa import slots

AGGREGATORS = tuple(slots.AGGREGATORS)


def main(argv=None):
    parser = shapes.make_parser(__doc__)
    parser.add_argument("--shares", type=float, nargs="+", default=(1 / 16, 1 / 4, 1 / 2))
    parser.add_argument("--aggregators", nargs="+", default=AGGREGATORS, choices=AGGREGATORS)
    parser.add_argument("--plot", help="a picture's path")
    arguments = parser.parse_args(argv)
    shape = shapes.shape_of(arguments)
    attentions = [("all cells", "none", {}), ("soft", "soft", SOFT), ("adahan", "adahan", {})]
    attentions += [(f"han {s:.3g}", "han", {"fraction": s}) for s in arguments.shares]
    variants = [
        make_variant(shape, aggregator, *attention)
        for aggregator in arguments.aggregators
        for attention in attentions
    ]
    print(f"{steps.device_name()}\n{shape}")
    matmuls = [steps.make_matmul(arguments.peak_size)]
    rows = compare(variants, matmuls, operations.matmul(arguments.peak_size), arguments.rounds)
    if arguments.plot:
        draw(rows, arguments.plot)
    return rows


def make_variant(shape, aggregator, name, attention, attention_args):
    inputs, answers = shapes.draw_batch(shape)
    parts = {"attention": attention, "aggregator": aggregator}
    model = build_head(shape, attention_args=attention_args, **parts)
    total, cells = count_operations(shape, inputs, model, **parts)
    return Variant(
        f"{aggregator}, {name}",
        steps.make_step(model, inputs, answers),
        total,
        cells,
        reference=f"{aggregator}, all cells",
    )


def draw(rows, path):
    """Step time against operations; a line through the shares of an aggregator."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for color, aggregator in enumerate(dict.fromkeys(name.split(", ")[0] for name in rows)):
        own = [row for name, row in rows.items() if name.startswith(f"{aggregator}, ")]
        line = [row for row in own if "han" in row.name.split() or "all cells" in row.name]
        line = sorted(line, key=lambda row: row.cells)
        axes.plot(
            [row.operations / 1e9 for row in line],
            [1e3 * row.seconds for row in line],
            f"C{color}o-",
            markersize=4,
            label=aggregator,
        )
        labels = {row: f"{row.cells:.0f}" for row in line}
        if line[-1].operations < 1.1 * line[0].operations:  # On top of each other.
            labels = {line[0]: f"{line[0].cells:.0f} to {line[-1].cells:.0f}"}
        for row, label in labels.items():
            place = (row.operations / 1e9, 1e3 * row.seconds)
            axes.annotate(label, place, (4, -9), textcoords="offset points")
    axes.set(xscale="log", yscale="log", xlabel="GFLOP of a training step", ylabel="ms")
    axes.set_title("Time of a training step against its operations; cells kept", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
