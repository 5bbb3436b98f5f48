"""What does a localizer save by keeping few cells?

    python benchmarks/localizer.py
    python benchmarks/localizer.py --scenes 2 --grids 12:16 32:64

The whole model of the config sketch_scenes, from pixels to the weights' update and from pixels
to boxes, on random numbers: with the few cells that hard attention keeps, and with all of them
as object queries and memory of the decoder. Each pair of a line has the same image, drawing,
encoder and guidance; only what the decoder sees differs. A grid of 12x12 cells is that of the
config, one of 32x32 cells that of images of 256 pixels. All-cells models of the same grid are
the reference.
"""

import argparse
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks import steps
from benchmarks.timing import alternate, timed
from hardvqa_tf.configs import sketch_scenes
from hardvqa_tf.localize.model import SKETCH_SIZE, build_localizer
from hardvqa_tf.localize.score import Score

STRIDE = 8  # pixels from cell to cell
BOXES = 3  # G, of a query at most
WORK = ("step", "answer")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=4, help="of a batch")
    parser.add_argument("--queries", type=int, default=3, help="of a scene")
    parser.add_argument(
        "--grids",
        nargs="+",
        default=("12:16", "32:64"),
        metavar="CELLS:KEPT",
        help="cells along a side, and how many of all are kept",
    )
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    print(f"{steps.device_name()}\n{arguments}")
    return {
        grid: compare(*map(int, grid.split(":")), arguments)
        for grid in dict.fromkeys(arguments.grids)
    }


def compare(side, kept, arguments):
    """Times both models of a grid and prints their table.

    Returns:
        {work: {"few": seconds, "all": seconds, "faster": the median of the rounds' ratios}}.
    """
    measures, batch = {}, draw_batch(side * STRIDE, arguments.scenes, arguments.queries)
    for name, config in (("few", make_config(side, kept)), ("all", make_config(side, None))):
        model = build_localizer(config)
        for work, run in zip(WORK, make_runs(model, batch), strict=True):
            measures[work, name] = timed(run)
    seconds, rows = alternate(measures, arguments.rounds), {}
    print(f"{'':12}{kept:>7} of {side * side:<6}{'all':>10}{'faster':>10}")
    for work in WORK:
        few, every = seconds[work, "few"], seconds[work, "all"]
        faster = statistics.median(a / f for a, f in zip(every, few, strict=True))
        rows[work] = {
            "few": statistics.median(few),
            "all": statistics.median(every),
            "faster": faster,
        }
        print(
            f"{work:12}{rows[work]['few'] * 1e3:14.1f} ms{rows[work]['all'] * 1e3:9.1f} ms"
            f"{faster:9.2f}x"
        )
    return rows


def make_config(side, kept):
    """The config sketch_scenes with `side` x `side` cells; `kept` None: all of them."""
    config = sketch_scenes.get_config()
    config.image_size = (side * STRIDE, side * STRIDE)
    if kept is None:
        config.model.attention = "none"
    else:
        config.model.han.num_cells = kept
    return config


def make_runs(model, batch):
    """Functions that train once on a batch, at a rate of 0, and that answer it once."""
    step, answer = make_functions(model)
    return lambda: float(step(batch)), lambda: answer(batch)[0].numpy()


def make_functions(model):
    """The same as `tf.function`s of a batch, which are not traced yet."""
    names = [tensor.name for tensor in model.inputs]
    variables = model.trainable_variables
    optimizer = keras.optimizers.AdamW(0.0)
    optimizer.build(variables)
    score = Score(contrast_weight=2.0)

    @tf.function
    def step(batch):  # As an argument: constants would be folded.
        with tf.GradientTape() as tape:
            outputs = model({name: batch[name] for name in names}, training=True)
            loss = score(outputs, batch)["loss"] / score.divisor(batch)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    @tf.function
    def answer(batch):
        outputs = model({name: batch[name] for name in names}, training=False)
        return outputs["boxes"], outputs["logits"]

    return step, answer


def draw_batch(pixels, scenes, queries, seed=0):
    """A batch of `localize.data`, of random numbers: objects of a third of the image."""
    rng = np.random.default_rng(seed)
    shape = (scenes, queries)
    centres, sides = rng.uniform(0.2, 0.8, (*shape, BOXES, 2)), (0.2, 0.4)
    boxes = np.concatenate([centres, rng.uniform(*sides, (*shape, BOXES, 2))], axis=-1)
    drawn = rng.random((*shape, 1, SKETCH_SIZE, SKETCH_SIZE, 1)) < 0.1
    batch = {
        "image": rng.random((scenes, pixels, pixels, 3)).astype(np.float32),
        "sketch": drawn.astype(np.float32),
        "sketch_valid": np.ones((*shape, 1), bool),
        "boxes": boxes.astype(np.float32),
        "box_valid": np.arange(BOXES) < rng.integers(1, BOXES + 1, (*shape, 1)),
        "classes": rng.integers(0, 200, shape).astype(np.int32),
        "weights": np.ones(shape, np.float32),
    }
    return {name: tf.constant(value) for name, value in batch.items()}


if __name__ == "__main__":
    main()
