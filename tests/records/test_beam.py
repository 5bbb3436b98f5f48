"""A pipeline writes the same bytes as the local writer."""

import functools
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from records import beam, features, writer
from records.build import build
from records.source import BuildError
from tests.records import photo_trees
from tests.records.trees import files_of, jsonl_tree, write_image, write_lines

needs_beam = pytest.mark.skipif(beam.beam is None, reason="apache-beam is not installed")
PHOTOGRAPHS = ("coco", "coco, zipped", "voc", "boxes")


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    root = tmp_path_factory.mktemp("beam")
    tree = jsonl_tree(root / "tree")
    build("jsonl", root / "records", source_dir=str(tree), num_shards=2)
    return root


def decode(size, parsed):
    image = tf.io.decode_image(parsed["image/encoded"], channels=3, expand_animations=False)
    return tf.cast(tf.image.resize(image, size), tf.uint8)


def make_encode(factor):
    """The mean of each image, times a factor."""
    return lambda images: factor * images.mean((1, 2))[:, None, None, :]


def build_features(originals, records_dir, **changed):
    arguments = {
        "make_encode": functools.partial(make_encode, 0.37),
        "decode": functools.partial(decode, (6, 5)),
        "name": "means",
        "arguments": {},
        "map_shape": (1, 1, 3),
        "batch_size": 2,
        "report": lambda line: None,
    }
    return features.build_features(originals / "records", records_dir, **(arguments | changed))


@needs_beam
def test_the_direct_runner_writes_the_same_records(originals, tmp_path):
    write_shards = beam.shard_writer(["--runner=DirectRunner"])
    source = str(originals / "tree")
    build("jsonl", tmp_path / "r", source_dir=source, num_shards=2, write_shards=write_shards)
    assert files_of(tmp_path / "r") == files_of(originals / "records")


def photographs_tree(root, kind):
    if kind == "voc":
        return photo_trees.voc_tree(root)
    if kind == "boxes":
        lines = [
            {"image": f"p/{i}.png", "boxes": [[1, 2, 9, 8]], "labels": [name]}
            for i, name in enumerate(("cat", "dog") * 3)
        ]
        for line in lines:
            write_image(root / line["image"], 40, 30)
        splits = ["train", "train", "val", "val", "test", "test"]
        rows = zip(lines, splits, strict=True)
        write_lines(root / "data.jsonl", *(line | {"split": split} for line, split in rows))
        return root
    photo_trees.coco_tree(root)
    if kind == "coco, zipped":
        photo_trees.zipped(root, "annotations", "annotations_trainval2017")
        photo_trees.zipped(root, "train2017")
    return root


@pytest.fixture(scope="module", params=PHOTOGRAPHS)
def photographs(request, tmp_path_factory):
    """(build by these workers, or by the local writer: a folder's files, their source)."""
    root = tmp_path_factory.mktemp("photographs")
    tree = photographs_tree(root / "tree", request.param)
    drawings = photo_trees.write_drawings(root / "drawings", "cat", "dog")

    def build_photographs(records_dir, source_dir=tree, **changed):
        build(
            request.param.split(",")[0],
            str(records_dir),
            source_dir=str(source_dir),
            builder_args={"drawings": str(drawings), "classes": "cat+dog", "unseen": "none"},
            num_shards=2,
            **changed,
        )
        return files_of(records_dir, "drawings") | files_of(f"{records_dir}/drawings")

    return build_photographs, tree


@needs_beam
def test_the_direct_runner_writes_the_same_photographs(photographs, tmp_path):
    build_photographs, _ = photographs
    write_shards = beam.shard_writer(["--runner=DirectRunner"])
    by_beam = build_photographs(tmp_path / "beam", write_shards=write_shards)
    assert by_beam == build_photographs(tmp_path / "local", num_processes=1)


def test_workers_that_start_in_another_folder(photographs, tmp_path, monkeypatch):
    """Needs no Beam: what a worker gets is a file, from which it writes a whole shard."""
    build_photographs, tree = photographs
    (tmp_path / "elsewhere").mkdir()

    def work(shards, on_error):
        left = [beam._leave_work(beam._absolute(shard, "path"), on_error) for shard in shards]
        monkeypatch.chdir(tmp_path / "elsewhere")
        for one in left:
            beam._write_shard(one)
        monkeypatch.chdir(tmp_path)

    monkeypatch.chdir(tmp_path)
    relative = os.path.relpath(tree, tmp_path)
    by_workers = build_photographs("workers", source_dir=relative, write_shards=work)
    assert by_workers == build_photographs("local", source_dir=relative, num_processes=1)
    assert sum(name.endswith("of-00002") for name in by_workers) >= 4


@needs_beam
def test_the_direct_runner_writes_the_same_maps(originals, tmp_path):
    build_features(originals, tmp_path / "local")
    write_shards = beam.map_shard_writer(["--runner=DirectRunner"])
    build_features(originals, tmp_path / "beam", write_shards=write_shards)
    assert files_of(tmp_path / "beam") == files_of(tmp_path / "local")
    assert len(files_of(tmp_path / "beam")) == 6


@needs_beam
def test_only_missing_shards_are_written(originals, tmp_path):
    """After a failure: the same command goes on."""
    tree = shutil.copytree(originals / "tree", tmp_path / "tree")
    image = (tree / "photos/train2.png").read_bytes()
    (tree / "photos/train2.png").write_bytes(
        b"no image".ljust(len(image))
    )  # fingerprint: sizes
    arguments = {"source_dir": str(tree), "num_shards": 2}
    write_shards = beam.shard_writer()
    with pytest.raises(BuildError, match=r"photos/train2\.png: not an image.*Run the same"):
        build("jsonl", tmp_path / "r", write_shards=write_shards, **arguments)
    there = [n for n in os.listdir(tmp_path / "r") if n.endswith("of-00002")]
    (tree / "photos/train2.png").write_bytes(image)
    written = []

    def watch(shards, on_error):
        written.extend(os.path.basename(shard.path) for shard in shards)
        write_shards(shards, on_error)

    build("jsonl", tmp_path / "r", write_shards=watch, **arguments)
    assert len(written) == 4 - len(there) > 0 and set(written).isdisjoint(there)
    assert files_of(tmp_path / "r") == files_of(originals / "records")


@needs_beam
def test_the_encoder_is_made_once_for_all_shards(originals, tmp_path):
    log = tmp_path / "made"

    def make_and_count():
        with open(log, "a") as file:
            file.write("made\n")
        return lambda images: np.zeros((len(images), 1, 1, 3), np.float32)

    write_shards = beam.map_shard_writer(["--runner=DirectRunner"])
    build_features(
        originals, tmp_path / "maps", make_encode=make_and_count, write_shards=write_shards
    )
    assert log.read_text() == "made\n"


@needs_beam
def test_shards_that_a_worker_wrote_elsewhere(originals, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "write_shard", lambda shard, on_error: None)
    with pytest.raises(
        BuildError, match="4 of 4 shards are not there after.*all of them share"
    ):
        build(
            "jsonl",
            tmp_path / "r",
            source_dir=str(originals / "tree"),
            num_shards=2,
            write_shards=beam.shard_writer(["--runner=DirectRunner"]),
        )


@pytest.mark.parametrize("make_writer", [beam.shard_writer, beam.map_shard_writer])
def test_without_apache_beam_it_says_what_to_install(monkeypatch, make_writer):
    monkeypatch.setattr(beam, "beam", None)
    with pytest.raises(BuildError, match="apache-beam, which is not installed.*pip install -r"):
        make_writer(["--runner=DirectRunner"])
