"""How many batches a second come out of the records, against a raw read of the same files?

    python benchmarks/input.py --records_dir=data/sort_of_clevr
    python benchmarks/input.py --config=vqa_cp --records_dir=data/vqa_cp_maps --max_batches=500

Reads training batches as the config says (size of the images, batch, augmentation) through
`VqaData`: streamed, as a data set is that does not fit into memory; and, if it does, from
memory after the first epoch. Beside it the same files through `TFRecordDataset` without
looking inside, which is the reference, and with `cat` to /dev/null. What was read once comes
from the file system's cache, as long as it fits: the program is measured, not the disk.
"""

import argparse
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from benchmarks import configs, timing
from benchmarks.cat import run_cat
from benchmarks.timing import alternate
from hardvqa_tf.data import batches
from hardvqa_tf.tasks import task_of
from records.folder import shard_paths

REFERENCE = "TFRecordDataset, not parsed"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    configs.add_flags(parser)
    parser.add_argument("--max_batches", type=int, help="of an epoch; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args(argv)
    config = configs.from_flags(arguments)
    paths = shard_paths(config.records_dir, config.train.split)
    vqa_data, measures = make_measures(config, arguments.max_batches)
    every = vqa_data.steps_per_epoch  # A raw read is of as many.
    measures[REFERENCE] = timed(lambda: read_raw(paths), every)
    measures["cat"] = timed(lambda: run_cat(paths), every)
    seconds = alternate(measures, arguments.rounds)
    num_bytes = sum(os.path.getsize(path) for path in paths)
    print(
        f"{config.records_dir}, {config.train.split}: {vqa_data.num_images:,} images, "
        f"{vqa_data.num_questions:,} questions, {num_bytes / 1e6:,.1f} MB\n"
        f"a batch: {vqa_data.batch_size} images x {vqa_data.questions_per_image} questions"
    )
    return print_table(seconds, num_bytes / every)


def make_measures(config, max_batches):
    """Returns a `VqaData`, and {name: function that returns the seconds of a batch}."""
    task = task_of(config)
    assets = task.assets_from_records(config)
    cached = task.open_split(config, config.train.split, assets, learns=True)
    allowed, batches.CACHE_BYTES = batches.CACHE_BYTES, 0
    try:
        streamed = task.open_split(config, config.train.split, assets, learns=True)
    finally:
        batches.CACHE_BYTES = allowed
    measures = {"VqaData, streamed": lambda: time_epoch(streamed, max_batches)}
    if cached.cached:
        measures["VqaData, from memory"] = lambda: time_epoch(cached, max_batches)
    return streamed, measures


def time_epoch(vqa_data, max_batches):
    """Seconds of a batch, without the first: before it comes, the epoch is traced."""
    # Of an epoch from memory, the first batch of the first epoch waits for all images.
    epoch = iter(vqa_data.training_epoch(0).take(max_batches or vqa_data.steps_per_epoch))
    next(epoch)
    started, count = time.perf_counter(), 0
    for _ in epoch:
        count += 1
    return (time.perf_counter() - started) / max(count, 1)


def timed(run, num_batches):
    """As `timing.timed`, in seconds of a batch."""
    measure = timing.timed(run)
    return lambda: measure() / num_batches


def read_raw(paths):
    for _ in tf.data.TFRecordDataset(paths).batch(64):
        pass


def print_table(seconds, bytes_per_batch):
    """Returns {name: batches per second}; seconds {name: of a batch in each round}."""
    rates = {name: 1 / statistics.median(seconds[name]) for name in seconds}
    print(f"{'':30}{'batches/s':>12}{'MB/s of records':>18}{'/ reference':>13}")
    for name, rate in rates.items():
        megabytes, ratio = rate * bytes_per_batch / 1e6, rate / rates[REFERENCE]
        print(f"{name:30}{rate:12,.1f}{megabytes:18,.1f}{ratio:13.4f}")
    return rates


if __name__ == "__main__":
    main()
