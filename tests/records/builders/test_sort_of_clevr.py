"""Sort-of-CLEVR: what is drawn, what is asked about it, and that it stays so."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from records.build import build
from records.builders import sort_of_clevr
from records.builders.sort_of_clevr import COLORS, Shape, SortOfClevr, answer_question, render
from records.source import Problems
from tests.records.trees import files_of, questions_of, read_records

SIZES = {"num_train_images": 5, "num_val_images": 3, "num_test_images": 2}
SHAPES = (
    Shape("red", "square", 10, 20),
    Shape("green", "circle", 24, 20),  # 14 from red
    Shape("blue", "circle", 10, 60),  # 40 from red
    Shape("orange", "square", 70, 20),  # 60 from red, the furthest
    Shape("gray", "circle", 24, 40),  # 20 from green
    Shape("yellow", "square", 44, 20),  # 20 from green, too
)


def pixels_of(example):
    return np.asarray(Image.open(io.BytesIO(example.load_image())).convert("RGB"))


def examples_of(split, **arguments):
    return dict(SortOfClevr(**(SIZES | arguments)).examples(split, Problems()))


def test_what_this_version_draws_and_asks():
    """Pixels, not bytes of the PNG, which depend on the version of Pillow."""
    digest = hashlib.sha256()
    for split in ("train", "test"):
        for example in examples_of(split, num_questions=4, seed=3).values():
            digest.update(pixels_of(example).tobytes())
            asked = [(q.id, q.text, q.answers, q.type) for q in example.questions]
            there = [(o.name, o.x, o.y) for o in example.objects]
            digest.update(repr((asked, there)).encode())
    expected = {1: "c1d6cb4d0ed4f0bef56f5a105f2a4c728e7fcaed74ddd23314c6a03b4ccd697f"}
    found = {sort_of_clevr.DRAWING_VERSION: digest.hexdigest()}
    assert found == expected, (
        "The images, questions or answers differ from those of this DRAWING_VERSION. If that "
        "is meant: raise it in records/builders/sort_of_clevr.py, and type the new checksum "
        "here."
    )


def test_records_of_another_drawing_are_refused(tmp_path, monkeypatch):
    build("sort_of_clevr", tmp_path / "r", builder_args=SIZES)
    monkeypatch.setattr(sort_of_clevr, "DRAWING_VERSION", 7)
    with pytest.raises(ValueError, match='source_fingerprint .* there, "drawing 7" asked'):
        build("sort_of_clevr", tmp_path / "r", builder_args=SIZES)


def test_counts_ids_and_the_same_bytes_twice(tmp_path):
    for name in ("one", "two"):
        info = build(
            "sort_of_clevr", tmp_path / name, builder_args=SIZES | {"num_questions": 4}
        )
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert {s: of["num_images"] for s, of in info["splits"].items()} == {
        "train": 5,
        "val": 3,
        "test": 2,
    }
    ids = [set(questions_of(read_records(tmp_path / "one", s))) for s in info["splits"]]
    assert list(map(len, ids)) == [40, 24, 16] and len(set.union(*ids)) == 80


def test_six_colours_ten_pixels_apart_and_inside():
    for example in examples_of("train", num_train_images=40).values():
        assert [thing.name.split()[0] for thing in example.objects] == list(COLORS)
        centres = np.array(
            [(thing.x * 75 - 0.5, thing.y * 75 - 0.5) for thing in example.objects]
        )
        np.testing.assert_allclose(centres, centres.round(), atol=1e-9)  # Whole pixels.
        assert centres.min() > 4.9 and centres.max() < 69.1
        distances = np.linalg.norm(centres[:, None] - centres, axis=-1)
        assert distances[~np.eye(6, dtype=bool)].min() >= 10 - 1e-9


def test_the_picture():
    picture = np.asarray(Image.open(io.BytesIO(render(SHAPES))))
    assert picture.shape == (75, 75, 3)
    for shape in SHAPES:
        assert tuple(picture[shape.y, shape.x]) == COLORS[shape.color]
    assert tuple(picture[15, 5]) == COLORS["red"]  # A square fills its corner,
    assert tuple(picture[15, 19]) == (255, 255, 255)  # a circle does not.


@pytest.mark.parametrize(
    "kind, color, answer",
    [
        ("shape", "blue", "circle"),
        ("left", "green", "yes"),
        ("left", "orange", "no"),
        ("top", "gray", "no"),
        ("top", "red", "yes"),
        ("count", "yellow", "2"),  # Red and orange: itself does not count.
        ("closest", "red", "circle"),  # Green; its own shape is another.
        ("furthest", "red", "square"),  # Orange.
        ("closest", "green", "square"),  # Red, at 14.
        ("closest", "gray", None),
    ],
)
def test_answers(kind, color, answer):
    (shape,) = (s for s in SHAPES if s.color == color)
    if answer is None:  # A square and a circle, equally near.
        shapes = (shape, Shape("red", "square", 24, 52), Shape("blue", "circle", 36, 40))
        assert answer_question(kind, shape, shapes) is None
    else:
        assert answer_question(kind, shape, SHAPES) == answer


def test_half_of_the_questions_are_relational():
    (example, *_) = examples_of("val", num_questions=3).values()
    groups = [question.type.split(":")[0] for question in example.questions]
    assert groups == ["non-relational"] * 3 + ["relational"] * 3
    assert [question.id for question in example.questions][-1] == "val-000000-05"
    assert all(len(question.answers) == 1 for question in example.questions)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"source_dir": "/somewhere"}, "draws its own images.*Leave --source_dir out"),
        ({"num_val_images": 0}, "needs at least 1 of val. Received: 0"),
        ({"num_questions": 0}, "needs at least 1 of questions"),
    ],
)
def test_arguments_that_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        SortOfClevr(**arguments)
