"""What a training step of a localizer costs at full size: operations, time and memory.

    python benchmarks/full_size.py
    python benchmarks/full_size.py --config coco_maps --images 2 --precision mixed_bfloat16
    python benchmarks/full_size.py --config coco_maps --images 7 --steps 0

A few steps, from pixels to the weights' update, of the model of a config, on random numbers: a
batch of --images images with --queries queries each. Operations are those of the traced step
(`graph_operations`); with --steps 0 they are counted, and no step is run. Memory is the most
that the process held by then, the model and its optimizer included; on a GPU, that of the GPU
beside it. Steps that look at every cell (train.all_cells_steps) are not measured.

For eight GPUs: each has its own part of a batch, and gradients of all weights are added up, 4
bytes a weight. So a step of eight takes a step of one with an eighth of the batch, measured on
such a GPU with --images, and the time in which 2 x 7/8 of those bytes pass its slowest link.
"""

import argparse
import importlib
import os
import pathlib
import resource
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from benchmarks import graph_operations, steps
from benchmarks.localizer import draw_batch, make_functions
from hardvqa_tf import configs
from hardvqa_tf.localize.model import build_localizer

CONFIGS = sorted(path.stem for path in pathlib.Path(configs.__file__).parent.glob("*_maps*.py"))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--config", default="coco_maps_last", choices=CONFIGS, help="of hardvqa_tf/configs"
    )
    parser.add_argument("--images", type=int, default=1, help="of a batch")
    parser.add_argument("--queries", type=int, default=1, help="of an image")
    parser.add_argument(
        "--steps", type=int, default=3, help="measured, after the first; 0: none is run"
    )
    parser.add_argument(
        "--pixels", type=int, help="of the images' sides; default: the config's"
    )
    parser.add_argument("--precision", default="float32", choices=("float32", "mixed_bfloat16"))
    arguments = parser.parse_args(argv)
    module = importlib.import_module(f"hardvqa_tf.configs.{arguments.config}")
    print(f"{steps.device_name()}\n{arguments}")
    return measure(module.get_config(), arguments)


def measure(config, arguments):
    """Builds the model of a config, trains a few steps, and prints what they cost.

    Returns:
        {"parameters": number, "cells": P, "operations": of a step; and, of steps that were run,
        "seconds", "processor": lists of each measured step, "first": seconds of the first,
        "gib": of the process, "gpu_gib": or None}.
    """
    pixels = arguments.pixels or config.image_size[0]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(arguments.precision)
    try:
        model = build_localizer(config, image_size=(pixels, pixels), pretrained=False)
    finally:
        keras.config.set_dtype_policy(before)
    batch = draw_batch(pixels, arguments.images, arguments.queries)
    step, _ = make_functions(model)
    counts = graph_operations.count(step, batch)
    found = {
        "parameters": model.count_params(),
        "cells": model.output["dense_logits"].shape[2],
        "operations": sum(counts.values()),
    }
    print(f"{found['parameters']:,} parameters, {found['cells']:,} cells, {pixels} pixels")
    print(f"a step: {found['operations'] / 1e9:,.1f} thousand million operations")
    return (
        found | _run(lambda: float(step(batch)), arguments.steps) if arguments.steps else found
    )


def _run(step, number):
    """Runs a step so many times after the first, and prints what it costs."""
    first, _ = _timed(step)
    costs = [_timed(step) for _ in range(number)]
    found = {
        "first": first,
        "seconds": [seconds for seconds, _ in costs],
        "processor": [processor for _, processor in costs],
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / 2**30,
        "gpu_gib": _gpu_gib(),
    }
    seconds, processor = (statistics.median(found[name]) for name in ("seconds", "processor"))
    print(
        f"a step: {seconds:.2f} s, {processor:.2f} s of the processor; the first {first:.1f} s"
    )
    gpu = f", of the GPU {found['gpu_gib']:.2f} GiB" if found["gpu_gib"] else ""
    print(f"memory: {found['gib']:.2f} GiB{gpu}")
    return found


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, kibibytes


def _timed(step):
    """(seconds, seconds of the processor) of one step."""
    wall, processor = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - processor


def _gpu_gib():
    if not tf.config.list_physical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**30


if __name__ == "__main__":
    main()
