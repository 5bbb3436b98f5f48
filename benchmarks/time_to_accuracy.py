"""How long until a model answers well, against a plain PyTorch relation network?

    pip install -r benchmarks/requirements.txt
    python benchmarks/time_to_accuracy.py --workdir=runs/time_to_accuracy

Trains one after another, on a machine that does nothing else: a plain PyTorch relation
network (benchmarks/torch_training.py) for some minutes; ours with hard attention, with
adaptive hard attention and with all cells, by the config, for some epochs. Prints when each
first reached the best that PyTorch reached, on the validation split, and draws accuracy
against minutes of training steps. A run that is there is gone on with, or taken as it is.
"""

import argparse
import json
import os
import subprocess
import sys

import matplotlib
from matplotlib import pyplot as plt

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLAIN = "plain PyTorch RN"
OURS = {"HAN + RN": "han", "AdaHAN + RN": "adahan", "RN": "none"}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--records_dir", default="data/sort_of_clevr")
    parser.add_argument("--config", default="hardvqa_tf/configs/sort_of_clevr.py")
    parser.add_argument("--minutes", type=float, default=30.0, help="of PyTorch")
    parser.add_argument("--epochs", type=int, nargs=3, default=(8, 8, 3), help=", ".join(OURS))
    parser.add_argument("--plot", help="default: time_to_accuracy.png in the workdir")
    arguments = parser.parse_args(argv)
    commands = make_commands(arguments)
    for name, command in commands.items():
        if not (name == PLAIN and os.path.exists(metrics_path(arguments.workdir, name))):
            print(f"{name}: {' '.join(command[1:])}", flush=True)
            subprocess.run(command, check=True, cwd=ROOT)
    curves = {name: read_curve(metrics_path(arguments.workdir, name)) for name in commands}
    plot = arguments.plot or os.path.join(arguments.workdir, "time_to_accuracy.png")
    draw(curves, plot)
    return print_table(curves)


def make_commands(arguments):
    """{name: command}; each leaves `metrics.jsonl` in its own folder."""
    records = f"--records_dir={os.path.abspath(arguments.records_dir)}"
    # The embedded data set is built by the first of ours, so PyTorch is the last.
    commands = {
        name: [
            sys.executable,
            "main.py",
            "--mode=train",
            f"--config={arguments.config}",
            records,
            f"--workdir={folder_of(arguments.workdir, name)}",
            f"--config.model.attention={attention}",
            f"--config.train.epochs={epochs}",
        ]
        for (name, attention), epochs in zip(OURS.items(), arguments.epochs, strict=True)
    }
    commands[PLAIN] = [
        sys.executable,
        "benchmarks/torch_training.py",
        records,
        f"--workdir={folder_of(arguments.workdir, PLAIN)}",
        f"--minutes={arguments.minutes}",
    ]
    return commands


def folder_of(workdir, name):
    short = "torch" if name == PLAIN else OURS[name]
    return os.path.join(os.path.abspath(workdir), short)


def metrics_path(workdir, name):
    return os.path.join(folder_of(workdir, name), "metrics.jsonl")


def read_curve(path):
    """[(minutes of training steps, accuracy on the validation split)] of a `metrics.jsonl`."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    curve, seconds = [], 0.0
    for line in lines:
        seconds += line["seconds"]
        curve.append((seconds / 60, line["val/all"]))
    return curve


def first_at(curve, accuracy):
    """Minutes until the curve first reaches the accuracy; None: never."""
    return next((minutes for minutes, reached in curve if reached >= accuracy), None)


def print_table(curves):
    """Returns {name: minutes until it was as good as PyTorch at its best, or None}."""
    minutes, target = curves[PLAIN][-1][0], max(accuracy for _, accuracy in curves[PLAIN])
    print(f"{PLAIN} in {minutes:.1f} min: {100 * target:.2f} % of the validation questions")
    print(f"{'':20}{'best':>9}{'of minutes':>12}{'as good after':>16}{'faster':>9}")
    reached = {}
    for name, curve in curves.items():
        best = max(accuracy for _, accuracy in curve)
        reached[name] = first_at(curve, target)
        after, faster = "never", ""
        if reached[name] is not None:
            after, faster = f"{reached[name]:.1f} min", f"{minutes / reached[name]:.1f}x"
        print(f"{name:20}{100 * best:7.2f} %{curve[-1][0]:12.1f}{after:>16}{faster:>9}")
    return reached


def draw(curves, path):
    matplotlib.use("Agg")
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, curve in curves.items():
        minutes, accuracies = zip(*curve, strict=True)
        axes.plot(minutes, [100 * a for a in accuracies], marker="o", markersize=3, label=name)
    axes.set_xlabel("minutes of training steps")
    axes.set_ylabel("accuracy on the validation split, %")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
