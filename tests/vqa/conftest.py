"""Records of few questions, with several answers, with one, and without any."""

import pytest

from hardvqa_tf.data.words import split_words
from hardvqa_tf.vqa import Vocabularies
from records import build
from tests.records.trees import write_image, write_lines


@pytest.fixture(scope="session")
def odd_records(tmp_path_factory):
    """Images with one, two and five questions; some have several answers, some none."""
    root = tmp_path_factory.mktemp("odd")
    people = ["no", "yes", "yes"]
    asked = {"a.png": ["red", people], "b.png": [None], "c.png": ["no", None, "2", "2", "no"]}
    lines = []
    for i, (name, answers) in enumerate(asked.items()):
        write_image(root / name, width=5 + i, height=9)
        for q, answer in enumerate(answers):
            line = {"image": name, "question": f"Is it {q}?", "id": f"{name[0]}{q}"}
            if answer is not None:
                line["answers"] = answer if isinstance(answer, list) else [answer]
            lines.append(line)
    write_lines(root / "train.jsonl", *lines)
    write_image(root / "d.png", width=6, height=4)
    write_lines(root / "test.jsonl", {"image": "d.png", "question": "Is it?", "id": "d0"})
    folder = str(root / "records")
    arguments = {"source_dir": str(root), "num_processes": 1, "split_words": split_words}
    build.build("jsonl", folder, **arguments)
    return folder


@pytest.fixture(scope="session")
def ten_answers(tmp_path_factory):
    """One image, 40 questions that ten people answered, and one whose answer is unknown."""
    source = tmp_path_factory.mktemp("ten")
    write_image(source / "a.png")
    people = ["no"] * 6 + ["yes"] * 2 + ["maybe"] * 2
    lines = [
        {"image": "a.png", "question": "Is it?", "answers": people, "id": str(i)}
        for i in range(40)
    ]
    lines += [{"image": "a.png", "question": "Why?", "answers": ["because"], "id": "why"}]
    write_lines(source / "train.jsonl", *lines)
    build.build(
        "jsonl",
        str(source / "records"),
        source_dir=str(source),
        num_processes=1,
        split_words=split_words,
    )
    return str(source / "records"), Vocabularies(["is", "it", "?"], ["no", "yes"], 4)
