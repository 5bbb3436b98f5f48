"""easy-VQA: a tiny copy of its folder, and the package when it is there or is not."""

import builtins
import importlib.util
import json
import os

import pytest

from records.build import build
from records.builders.easy_vqa import EasyVqa, question_type
from records.source import BuildError, Problems
from tests.records.trees import files_of, questions_of, read_records, write_image, write_json

NUM_TRAIN, NUM_TEST = 40, 3


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    for folder, count in (("train", NUM_TRAIN), ("test", NUM_TEST)):
        entries = [["what color is the shape?", "teal", i] for i in range(count)]
        entries += [["is there not a circle?", "no", i] for i in range(count)]
        write_json(root / folder / "questions.json", entries)
        for i in range(count):
            write_image(root / folder / "images" / f"{i}.png", width=9, height=7)
    return root


def test_counts_ids_and_types(tmp_path, source):
    info = build(
        "easy_vqa", tmp_path / "r", source_dir=str(source), builder_args={"val_percent": "20"}
    )
    splits = info["splits"]
    assert splits["train"]["num_images"] + splits["val"]["num_images"] == NUM_TRAIN
    assert 2 <= splits["val"]["num_images"] <= 14  # 8 expected; the hash decides.
    assert splits["test"]["num_images"] == NUM_TEST
    assert splits["test"]["question_types"] == {"color": NUM_TEST, "yes/no": NUM_TEST}
    assert info["arguments"] == {"val_percent": 20.0}

    ids = [set(questions_of(read_records(tmp_path / "r", split))) for split in splits]
    assert len(ids[0] | ids[1] | ids[2]) == 2 * (NUM_TRAIN + NUM_TEST) == sum(map(len, ids))
    (record,) = [r for r in read_records(tmp_path / "r", "test") if r["image/id"] == b"test_1"]
    assert questions_of([record]) == {
        "test_1": ("what color is the shape?", "color", ["teal"]),
        "test_4": ("is there not a circle?", "yes/no", ["no"]),
    }


def test_the_same_bytes_twice(tmp_path, source):
    build("easy_vqa", tmp_path / "one", source_dir=str(source))
    build("easy_vqa", tmp_path / "two", source_dir=str(source))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def images_of(source, split, val_percent):
    builder = EasyVqa(str(source), val_percent=val_percent)
    return {key for key, _ in builder.examples(split, Problems())}


def test_val_grows_with_its_share_and_never_shuffles(source):
    few, many = (images_of(source, "val", percent) for percent in (10, 50))
    assert 0 < len(few) < len(many) < NUM_TRAIN
    assert few < many
    assert images_of(source, "train", 50) == images_of(source, "train", 0) - many


def test_which_images_are_in_val(source):
    """Typed in, because numbers on `val` compare only while no image of it moves."""
    val = images_of(source, "val", val_percent=15.0)
    assert val == {f"train_{n}" for n in (5, 8, 13, 14, 27, 32, 36, 37)}


def test_no_val(source):
    assert EasyVqa(str(source), val_percent=0.0).splits() == ("train", "test")
    assert len(images_of(source, "train", 0.0)) == NUM_TRAIN


def test_question_types():
    assert question_type("what is the color of the circle?") == "color"
    assert question_type("what shape does the image contain?") == "shape"
    assert question_type("what is the teal shape?") == "shape"
    assert question_type("does the image not contain a gray shape?") == "yes/no"


@pytest.mark.parametrize(
    "entry, sentence",
    [
        (["what?", "red"], r"entry 80 \(from 0\): expected \[question, answer, image id\]"),
        (
            ["what?", "red", "3"],
            r"entry 80 \(from 0\): expected \[question, answer, image id\]",
        ),
        ([" ", "red", 3], r"entry 80 \(from 0\): its question or answer is empty"),
        (["what?", "red", 99], r"train/images/99.png: the image is missing, but 1 question"),
    ],
)
def test_a_wrong_entry(tmp_path, source, entry, sentence):
    path = source / "train/questions.json"
    write_json(path, json.loads(path.read_text()) + [entry])
    with pytest.raises(BuildError, match=sentence):
        build("easy_vqa", tmp_path / "r", source_dir=str(source))
    info = build("easy_vqa", tmp_path / "r", source_dir=str(source), on_error="skip")
    assert info["num_skipped"] == 1
    numbers = [info["splits"][split]["num_questions"] for split in ("train", "val")]
    assert sum(numbers) == 2 * NUM_TRAIN


def test_a_missing_file(tmp_path, source):
    os.remove(source / "test/questions.json")
    with pytest.raises(BuildError, match="test/questions.json is missing. easy-VQA needs"):
        build("easy_vqa", tmp_path / "r", source_dir=str(source))


@pytest.mark.parametrize("percent", [-1.0, 100.0])
def test_a_share_that_leaves_no_train(source, percent):
    with pytest.raises(BuildError, match="`val_percent` must be at least 0 and below 100"):
        EasyVqa(str(source), val_percent=percent)


def test_without_the_package_the_command_is_said(monkeypatch):
    real_import = builtins.__import__

    def without_easy_vqa(name, *args, **kwargs):
        if name == "easy_vqa":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_easy_vqa)
    with pytest.raises(BuildError, match="not installed. Install it: pip install easy-vqa"):
        EasyVqa()


@pytest.mark.skipif(
    importlib.util.find_spec("easy_vqa") is None, reason="the package easy-vqa is not installed"
)
def test_the_package_has_the_published_counts():
    builder = EasyVqa()
    counts = {}
    for split in builder.splits():
        examples = [example for _, example in builder.examples(split, Problems())]
        counts[split] = len(examples), sum(len(example.questions) for example in examples)
    assert counts["test"] == (1000, 9673)
    assert [a + b for a, b in zip(counts["train"], counts["val"], strict=True)] == [4000, 38575]
