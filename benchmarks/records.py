"""How fast records are written, against reading the same bytes with `cat`.

    python benchmarks/records.py --num_images=2000 --num_processes=2

Writes records of random photos (JPEG, so that every image is decoded and checked, as in a real
build) with this machine's processes, then reads the finished shards with `cat` to /dev/null, in
the same run. Both read what the file system has cached: it is the program that is measured.
"""

import argparse
import functools
import io
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

from benchmarks.cat import time_cat
from records import writer
from records.schema import ImageExample, Question
from records.source import read_bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num_images", type=int, default=1000)
    parser.add_argument("--width", type=int, default=640, help="as most photos of COCO")
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--questions", type=int, default=5, help="an image, ten answers each")
    parser.add_argument("--num_shards", type=int, default=4)
    parser.add_argument("--num_processes", type=int, default=1)
    parser.add_argument("--folder", help="where to write; default: the temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        shards = make_shards(folder, arguments)
        started = time.perf_counter()
        writer.write_shards(shards, num_processes=arguments.num_processes)
        report(shards, time.perf_counter() - started, arguments)


def make_shards(folder, arguments):
    """Draws eight photos, which the images share, and plans the shards."""
    photos = []
    for number in range(8):
        photos.append(os.path.join(folder, f"{number}.jpg"))
        with open(photos[-1], "wb") as file:
            file.write(draw_photo(number, arguments.width, arguments.height))
    pairs = [
        (f"{i}", example(i, photos[i % 8], arguments)) for i in range(arguments.num_images)
    ]
    parts = writer.deal(pairs, arguments.num_shards)
    return [
        writer.Shard(os.path.join(folder, f"shard-{i}.tfrecord"), "train", part)
        for i, part in enumerate(parts)
    ]


def draw_photo(seed, width, height):
    """JPEG bytes of smooth noise with some detail: about as long as a photo of that size."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    return data.getvalue()


def example(number, path, arguments):
    questions = tuple(
        Question(f"{number}-{q}", "What is the man holding in his hand?", ("nothing",) * 10)
        for q in range(arguments.questions)
    )
    return ImageExample(f"{number}", path, functools.partial(read_bytes, path), questions)


def report(shards, seconds, arguments):
    paths = [shard.path for shard in shards]
    num_bytes = sum(os.path.getsize(path) for path in paths)
    cat = time_cat(paths)
    print(
        f"{arguments.num_images:,} images of {arguments.width}x{arguments.height}, "
        f"{num_bytes / arguments.num_images / 1e3:.0f} kB a record, "
        f"{arguments.num_processes} process(es)"
    )
    for name, took in (("writer", seconds), ("cat", cat)):
        images, speed = arguments.num_images / took, num_bytes / took / 1e6
        print(f"{name:8}{images:12,.0f} records/s {speed:10,.1f} MB/s")
    print(f"writer / cat: {cat / seconds:.4f}")


if __name__ == "__main__":
    main()
