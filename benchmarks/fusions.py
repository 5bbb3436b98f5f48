"""Several drawings of a query become one in three ways: which finds more?

    python benchmarks/fusions.py RUN [RUN ...]
    python benchmarks/fusions.py runs/scenes_* --split=test_unseen

Each run's weights in a model of each fusion, asked with one drawing a query and with several. A
run learns from one drawing at a time, where all fusions are the same model, so no run is made
for one of them. Mean and range of the runs' AP50, in per cent.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from hardvqa_tf.localize import slots
from hardvqa_tf.localize.data import open_split
from hardvqa_tf.localize.judging.asking import ask_split, make_ask
from hardvqa_tf.localize.judging.rows import compare
from hardvqa_tf.localize.model import build_localizer
from hardvqa_tf.localize.scenes import read_scenes
from hardvqa_tf.runs import load_run


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="RUN", help="finished runs of the localizer")
    parser.add_argument("--split", default="test")
    parser.add_argument("--records_dir", help="instead of the runs' own")
    parser.add_argument("--drawings", type=int, nargs="+", default=(1, 3, 5))
    arguments = parser.parse_args(argv)
    found = {}
    for workdir in arguments.runs:
        run = load_run(workdir)
        for fusion in slots.FUSIONS:
            ask = make_ask(with_fusion(run, fusion))
            for number in arguments.drawings:
                value = 100 * average_precision(run, ask, number, arguments)
                print(f"{workdir}, {fusion}, {number}: AP50 {value:.2f}", flush=True)
                found.setdefault((fusion, number), []).append(value)
    print(f"| drawings | {' | '.join(slots.FUSIONS)} |\n|---|{'---|' * len(slots.FUSIONS)}")
    for number in arguments.drawings:
        cells = [_mean_and_range(found[fusion, number]) for fusion in slots.FUSIONS]
        print(f"| {number} | {' | '.join(cells)} |")
    return found


def with_fusion(run, fusion):
    """The model of a run, with the same weights and another fusion."""
    config = run.config.copy_and_resolve_references()
    config.model.sketch.fusion = fusion
    model = build_localizer(config, pretrained=False)
    model.set_weights(run.model.get_weights())
    return model


def average_precision(run, ask, number, arguments):
    records_dir = arguments.records_dir or run.config.records_dir
    data = open_split(
        run.config,
        arguments.split,
        run.assets,
        records_dir=records_dir,
        with_ids=True,
        whole_images=True,
        num_drawings=number,
    )
    scenes = {s.image_id: s for s in read_scenes(records_dir, arguments.split)}
    answers = ask_split(ask, data, scenes, run.assets.group_of)
    return compare(answers.queries, {"found": answers.found})["found"]["AP50"]


def _mean_and_range(values):
    mean = sum(values) / len(values)
    return f"{mean:.1f} ({min(values):.1f} – {max(values):.1f})"


if __name__ == "__main__":
    main()
