"""What do the options of training bring here: precision, XLA, several steps in one call?

    python benchmarks/options.py --records_dir=data/sort_of_clevr
    python benchmarks/options.py --config=clevr_sample --records_dir=data/clevr_sample

Steps of `--mode=train` as the config says, on its records, without the first ones that look
at every cell. The reference is the config's default. Each variant has a model of its own.
"""

import argparse
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from benchmarks import configs
from benchmarks.timing import alternate
from hardvqa_tf.tasks import task_of
from hardvqa_tf.training.optimizers import make_optimizer, precision
from hardvqa_tf.training.steps import TrainSteps

REFERENCE = "default"
VARIANTS = {
    REFERENCE: {},
    "steps_per_execution 5": {"steps_per_execution": 5},
    "steps_per_execution 25": {"steps_per_execution": 25},
    "precision mixed_bfloat16": {"precision": "mixed_bfloat16"},
    "jit_compile": {"jit_compile": True},
}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    configs.add_flags(parser)
    parser.add_argument("--steps", type=int, default=50, help="of a variant in a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    measures = {
        name: make_trainer(make_config(arguments, options), arguments.steps)[0]
        for name, options in VARIANTS.items()
    }
    return print_table(alternate(measures, arguments.rounds), arguments)


def make_config(arguments, options):
    config = configs.from_flags(arguments)
    config.train.update(all_cells_steps=0, **options)
    return config


def make_trainer(config, steps):
    """Makes what `--mode=train` makes of a config.

    Returns:
      A function that trains for so many steps and returns the seconds of one; the model; a
      batch.
    """
    keras.utils.set_random_seed(config.seed)
    task = task_of(config)
    assets = task.assets_from_records(config)
    data = task.open_split(config, config.train.split, assets, learns=True)
    with precision(config.train.precision):
        model = task.build_model(config, assets, input_shape=task.input_shape(config))
        optimizer = make_optimizer(config.train, data.steps_per_epoch)
        optimizer.build(model.trainable_variables)
    score, phases = task.make_score(config), task.phases(model, config)
    strategy = tf.distribute.get_strategy()
    train = TrainSteps(strategy, model, optimizer, score, phases, config.train)
    # From memory, whatever the records' size: it is the step that is compared.
    batches = iter(data.training_epoch(0).take(steps).cache().repeat())

    def measure():
        started, done = time.perf_counter(), 0
        while done < steps:
            _, number = train(done, batches, steps - done, False)
            done += number
        return (time.perf_counter() - started) / steps

    return measure, model, next(iter(data.training_epoch(0)))


def print_table(seconds, arguments):
    """Returns {name: how many times faster than the default}; seconds {name: of each round}."""
    print(f"{arguments.config}: {arguments.steps} steps, medians of {arguments.rounds} rounds")
    print(f"{'':30}{'ms':>10}{'faster':>9}")
    faster = {}
    for name, times in seconds.items():
        ratios = [r / own for r, own in zip(seconds[REFERENCE], times, strict=True)]
        faster[name] = statistics.median(ratios)
        print(f"{name:30}{1e3 * statistics.median(times):10.2f}{faster[name]:8.2f}x")
    return faster


if __name__ == "__main__":
    main()
