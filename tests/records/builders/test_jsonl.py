"""Your own images and questions: both forms, ids, and every mistake by file and line."""

import json
import os

import pytest

from records.build import build
from records.source import BuildError
from tests.records.trees import (
    files_of,
    jsonl_tree,
    questions_of,
    read_records,
    write_image,
    write_lines,
)

RAIN = {"image": "photos/train0.png", "question": "Is it raining?", "answer": "no"}


@pytest.fixture
def source(tmp_path):
    return jsonl_tree(tmp_path / "source", num_train=3, num_val=2)


def build_questions(tmp_path, source, split="train", **options):
    build("jsonl", tmp_path / "r", source_dir=str(source), **options)
    return questions_of(read_records(tmp_path / "r", split))


def test_one_file_per_split(tmp_path, source):
    info = build("jsonl", tmp_path / "r", source_dir=str(source))
    counts = {name: (s["num_images"], s["num_questions"]) for name, s in info["splits"].items()}
    assert counts == {"train": (3, 6), "val": (2, 4)}
    assert questions_of(read_records(tmp_path / "r", "val")) == {
        "photos/val0.png#0": ("What number is 0?", "", ["0"]),
        "photos/val0.png#1": ("Is it raining?", "", ["no"]),
        "photos/val1.png#0": ("What number is 1?", "", ["1"]),
        "photos/val1.png#1": ("Is it raining?", "", ["no"]),
    }


def test_data_jsonl_gathers_the_questions_of_an_image(tmp_path):
    source = tmp_path / "source"
    write_image(source / "a.png")
    write_image(source / "b.png")
    write_lines(
        source / "data.jsonl",
        {
            "image": "a.png",
            "question": "Où ?",
            "answers": ["là", "ici", "là"],
            "split": "train",
        },
        {"image": "b.png", "question": "When?", "split": "dev"},
        {"image": "./x/../a.png", "question": "Why?", "id": 7, "type": "w", "split": "train"},
        {"image": "a.png", "question": "Who?", "answer": "me", "split": "train"},
    )
    assert build_questions(tmp_path, source) == {
        "a.png#0": ("Où ?", "", ["là", "ici", "là"]),
        "7": ("Why?", "w", []),
        "a.png#2": ("Who?", "", ["me"]),
    }
    (dev,) = read_records(tmp_path / "r", "dev")
    assert (dev["image/id"], dev["answer/text"]) == (b"b.png", [[]])


def test_a_line_separator_inside_a_string_does_not_end_the_line(tmp_path, source):
    (source / "val.jsonl").write_text(
        '{"image": "photos/val0.png", "question": "one\u2028two?"}\r\n', encoding="utf-8"
    )
    assert build_questions(tmp_path, source, "val") == {
        "photos/val0.png#0": ("one\u2028two?", "", [])
    }


def test_the_same_bytes_twice(tmp_path, source):
    build("jsonl", tmp_path / "one", source_dir=str(source))
    build("jsonl", tmp_path / "two", source_dir=str(source))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


@pytest.mark.parametrize(
    "line, sentence",
    [
        ("", "an empty line. Remove it"),
        ('{"image": "photos/train0.png",', r"not JSON \(.*column 31\). Expected one line like"),
        ("[1, 2]", "not a JSON object. Expected one line like"),
        (RAIN | {"anwser": "no"}, "unknown key 'anwser'. Known: image, question, answer, "),
        (RAIN | {"answers": ["no"]}, "has both 'answer' and 'answers'. Keep one"),
        (RAIN | {"answer": 2}, "'answer' must be a string. Received: 2. Correct it"),
        (RAIN | {"answer": None}, "'answer' must be a string. Received: null"),
        (RAIN | {"answer": ""}, "'answer' is empty"),
        ({"image": "photos/train0.png", "question": "?", "answers": "no"}, "must be a list"),
        (
            {"image": "photos/train0.png", "question": "?", "answers": ["a", 1]},
            "list of strings",
        ),
        ({"question": "Is it raining?"}, "'image' is missing. Add it"),
        ({"image": "photos/train0.png"}, "'question' is missing. Add it"),
        (RAIN | {"question": " "}, "'question' is empty. Fill it in"),
        (RAIN | {"question": ["a"]}, r"'question' must be a string. Received: \[\"a\"\]"),
        (RAIN | {"type": 3}, "'type' must be a string. Received: 3"),
        (RAIN | {"id": 1.5}, "'id' must be a string or a whole number. Received: 1.5"),
        (RAIN | {"id": ""}, "'id' is empty"),
        (RAIN | {"split": "val"}, "'split' is 'val' in the file of 'train'. Move the line"),
        (RAIN | {"image": "photos/none.png"}, "there is no file 'photos/none.png'.*1 question"),
        (RAIN | {"image": "photos"}, "there is a folder, not a file, 'photos'"),
        (RAIN | {"image": "/etc/passwd"}, "image '/etc/passwd' is outside the folder"),
        (RAIN | {"image": "../secret.png"}, "image '../secret.png' is outside the folder"),
        (RAIN | {"image": "photos/link.png"}, "image 'photos/link.png' is outside the folder"),
    ],
)
def test_a_wrong_line(tmp_path, source, line, sentence):
    secret = write_image(tmp_path / "secret.png")
    os.symlink(secret, source / "photos/link.png")
    path = source / "train.jsonl"
    write_lines(path, *path.read_text().splitlines(), line)
    with pytest.raises(BuildError, match=rf"^train\.jsonl:7: .*{sentence}"):
        build("jsonl", tmp_path / "r", source_dir=str(source))
    assert len(build_questions(tmp_path, source, on_error="skip")) == 6


def test_an_image_in_two_splits_names_both_lines(tmp_path, source):
    path = source / "train.jsonl"
    leak = RAIN | {"image": "photos/../photos/val1.png"}
    write_lines(path, *path.read_text().splitlines(), leak)
    here, there = r"val\.jsonl:3: image 'photos/val1.png'", r"'train' at train\.jsonl:7"
    with pytest.raises(BuildError, match=rf"{here} is in split 'val' here, but in {there}"):
        build("jsonl", tmp_path / "r", source_dir=str(source))
    asked = build_questions(tmp_path, source, "val", on_error="skip")
    assert set(asked) == {"photos/val0.png#0", "photos/val0.png#1"}


def test_the_same_id_in_two_splits_names_both_lines(tmp_path, source):
    write_lines(source / "train.jsonl", RAIN | {"id": "q1"})
    write_lines(source / "val.jsonl", RAIN | {"id": "q1", "image": "photos/val0.png"})
    with pytest.raises(
        BuildError, match=r"val\.jsonl:1: id 'q1' is also that of train\.jsonl:1"
    ):
        build("jsonl", tmp_path / "r", source_dir=str(source))


def test_an_id_that_looks_like_the_default_of_another(tmp_path, source):
    write_lines(source / "train.jsonl", RAIN, RAIN | {"id": "photos/train0.png#0"})
    with pytest.raises(BuildError, match="Question id 'photos/train0.png#0' is there twice"):
        build("jsonl", tmp_path / "r", source_dir=str(source))


def test_both_forms_at_once(tmp_path, source):
    write_lines(source / "data.jsonl", RAIN | {"split": "train"})
    with pytest.raises(BuildError, match="data.jsonl among other .jsonl files.*Keep either"):
        build("jsonl", tmp_path / "r", source_dir=str(source))


def test_no_file(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(BuildError, match="has no .jsonl file. Write train.jsonl"):
        build("jsonl", tmp_path / "r", source_dir=str(tmp_path / "source"))


def test_a_file_whose_name_is_no_split(tmp_path, source):
    write_lines(source / "my-notes.jsonl", {})
    with pytest.raises(BuildError, match="my-notes.jsonl: a split's name has letters, digits"):
        build("jsonl", tmp_path / "r", source_dir=str(source))


def test_no_train_split(tmp_path, source):
    os.remove(source / "train.jsonl")
    with pytest.raises(BuildError, match=r"no split 'train' in its source \(there are: val\)"):
        build("jsonl", tmp_path / "r", source_dir=str(source))


@pytest.mark.parametrize(
    "line, sentence",
    [
        (RAIN, r"data\.jsonl:1: 'split' is missing. In data.jsonl every line names one"),
        (RAIN | {"split": "a b"}, r"data\.jsonl:1: 'split' must be letters, digits and _"),
        (
            json.dumps(RAIN | {"split": 0}).replace("0", "[" * 900 + "]" * 900),
            r"data\.jsonl:1: 'split' must be letters, digits and _",
        ),
        ("{", r"data\.jsonl:1: not JSON.*No line of split 'train' can be read"),
        ("[" * 5000, r"data\.jsonl:1: it is nested too deeply.*Expected one line like"),
        ("9" * 5000, r"data\.jsonl:1: it has a whole number .*Expected one line like"),
    ],
)
def test_data_jsonl_of_which_no_line_is_right(tmp_path, source, line, sentence):
    os.remove(source / "train.jsonl")
    os.remove(source / "val.jsonl")
    write_lines(source / "data.jsonl", line)
    with pytest.raises(BuildError, match=sentence) as raised:
        build("jsonl", tmp_path / "r", source_dir=str(source))
    assert len(str(raised.value)) < 400


def test_a_skipped_line_without_a_split_is_noted_without_one(tmp_path, source):
    os.remove(source / "train.jsonl")
    os.remove(source / "val.jsonl")
    write_lines(source / "data.jsonl", "{", RAIN | {"split": "train"})
    info = build("jsonl", tmp_path / "r", source_dir=str(source), on_error="skip")
    assert (info["num_skipped"], info["splits"]["train"]["num_skipped"]) == (1, 0)
    assert '"where": "data.jsonl:1"' in (tmp_path / "r/skipped.jsonl").read_text()


def test_a_file_that_is_not_utf8(tmp_path, source):
    data = (source / "val.jsonl").read_bytes()
    (source / "val.jsonl").write_bytes(data + '{"question": "Où"}'.encode("latin-1"))
    with pytest.raises(BuildError, match=r"val\.jsonl:5: not UTF-8.*Save the file as UTF-8"):
        build("jsonl", tmp_path / "r", source_dir=str(source))


def test_a_split_of_which_all_is_skipped_says_why(tmp_path, source):
    for path in (source / "photos").glob("train*"):
        path.unlink()
    told = r"no image with a question left: all \d problem.* were skipped, first train.jsonl"
    with pytest.raises(BuildError, match=told):
        build("jsonl", tmp_path / "r", source_dir=str(source), on_error="skip")


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_a_line_is_said_to_be_empty(tmp_path, source, text):
    (source / "val.jsonl").write_text(text)
    with pytest.raises(BuildError, match="^val.jsonl: the file is empty. Write lines like "):
        build_questions(tmp_path, source)
