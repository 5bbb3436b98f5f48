"""How fast maps are read from records, against reading the same files with `cat`.

    python benchmarks/maps.py --num_images=2000 --questions_per_image=1

Writes records of random maps, 10x10x2048 float16 as ResNet-101 gives for 320x320, with five
questions an image, and reads a training epoch of them through `VqaData`, streamed as a data set
that does not fit into memory is, then the same shards with `cat` to /dev/null, in the same run.
Both read what the file system has cached, as long as it fits: the program is measured.
"""

import argparse
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

from benchmarks.cat import time_cat
from hardvqa_tf.data import batches
from hardvqa_tf.data.words import split_words
from hardvqa_tf.maps import MapEncoder
from hardvqa_tf.vqa import Vocabularies, VqaData
from records.build import build
from records.features import build_features
from records.writer import to_json_lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num_images", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=5, help="an image")
    parser.add_argument("--map_shape", type=int, nargs=3, default=(10, 10, 2048))
    parser.add_argument("--batch_size", type=int, default=32, help="images, or items")
    parser.add_argument("--questions_per_image", type=int, help="of an item; default: all")
    parser.add_argument("--folder", help="where to write; default: the temporary folder")
    arguments = parser.parse_args()
    batches.CACHE_BYTES = 0  # Stream, as a large data set is.
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        maps_dir = make_maps(folder, arguments)
        vqa_data = VqaData(
            maps_dir,
            "train",
            Vocabularies.from_records(maps_dir),
            image_size=None,
            batch_size=arguments.batch_size,
            questions_per_image=arguments.questions_per_image,
        )
        time_epoch(vqa_data, 0)
        report(maps_dir, vqa_data, min(time_epoch(vqa_data, epoch) for epoch in (1, 2)))


def make_maps(folder, arguments):
    """Records of tiny images, then of random maps in their place."""
    source = os.path.join(folder, "source")
    os.makedirs(source)
    Image.new("RGB", (32, 32)).save(os.path.join(source, "x.png"))
    lines = []
    for i in range(arguments.num_images):
        name = f"{i}.png"
        os.link(os.path.join(source, "x.png"), os.path.join(source, name))
        question = {"image": name, "question": "What is the man holding?", "answer": "a dog"}
        lines += [question] * arguments.questions
    with open(os.path.join(source, "train.jsonl"), "w", encoding="utf-8") as file:
        file.write(to_json_lines(lines))
    images, maps = os.path.join(folder, "images"), os.path.join(folder, "maps")
    build("jsonl", images, source_dir=source, num_shards=4, split_words=split_words)
    random = np.random.default_rng(0).random((32, *arguments.map_shape), np.float32)
    build_features(
        images,
        maps,
        make_encode=lambda: lambda pixels: random,
        decode=MapEncoder(image_size=(32, 32)).decode,
        name="random",
        arguments={},
        map_shape=arguments.map_shape,
        batch_size=32,
    )
    return maps


def time_epoch(vqa_data, epoch):
    """Seconds a batch, without the first one: before it comes, the epoch is traced."""
    of_epoch = iter(vqa_data.training_epoch(epoch))
    next(of_epoch)
    started, count = time.perf_counter(), 0
    for _ in of_epoch:
        count += 1
    return (time.perf_counter() - started) / count


def report(maps_dir, vqa_data, seconds_per_batch):
    seconds = seconds_per_batch * vqa_data.steps_per_epoch
    paths = [os.path.join(maps_dir, n) for n in os.listdir(maps_dir) if ".tfrecord-" in n]
    num_bytes = sum(os.path.getsize(path) for path in paths)
    cat = time_cat(paths)
    questions = vqa_data.num_questions
    print(
        f"{vqa_data.num_images:,} maps with {questions // vqa_data.num_images} questions each, "
        f"{num_bytes / 1e9:.2f} GB\n"
        f"a batch: {vqa_data.batch_size} items of {vqa_data.questions_per_image} question(s)"
    )
    for name, took in (("VqaData", seconds), ("cat", cat)):
        speed = num_bytes / took / 1e6
        print(f"{name:8}{questions / took:12,.0f} questions/s {speed:10,.1f} MB/s of records")
    print(f"VqaData / cat: {cat / seconds:.4f}")


if __name__ == "__main__":
    main()
