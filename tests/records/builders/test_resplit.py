"""The re-split under changing priors: how groups are dealt, what is measured, and the build."""

import importlib.util
import random

import pytest
from PIL import Image

from records.build import build, verify
from records.builders import resplit_report
from records.builders.resplit import deal, frequent_answer
from records.builders.resplit_report import measure, to_markdown, to_png
from records.source import BuildError
from tests.records.trees import files_of, questions_of, read_records
from tests.records.vqa_trees import SAMPLES, annotate, ask, invented_sample, v2_tree, write_v2

THREE_TYPES = ("is the", "are these", "does it")


def rows_of(*groups):
    """Rows from (type, answer, number, question): questions with ten equal answers."""
    rows = []
    for question_type, answer, number, text in groups:
        for _ in range(number):
            rows.append((str(len(rows)), question_type, (answer,) * 10, text))
    return rows


def yes_no(numbers=((9, 8), (7, 6), (5, 4))):
    return rows_of(
        *(
            (kind, answer, number, "it rains")
            for kind, pair in zip(THREE_TYPES, numbers, strict=True)
            for answer, number in zip(("yes", "no"), pair, strict=True)
        )
    )


def sides_of(rows, **options):
    """Returns {(type, answer): number of its questions in (train, test)}."""
    test_ids, sides = deal(rows, **options), {}
    for question_id, question_type, answers, _ in rows:
        pair = sides.setdefault((question_type, answers[0]), [0, 0])
        pair[question_id in test_ids] += 1
    return sides


def sample_rows(read_sample):
    texts, rows = {}, []
    for part in read_sample().values():
        texts |= {q["question_id"]: q["question"] for q in part["questions"]}
        for raw in part["annotations"]:
            answers = tuple(answer["answer"] for answer in raw["answers"])
            rows.append(
                (
                    str(raw["question_id"]),
                    raw["question_type"],
                    answers,
                    texts[raw["question_id"]],
                )
            )
    return rows


def test_the_most_frequent_answer():
    assert frequent_answer(("no", "yes", "no", "maybe")) == "no"
    assert frequent_answer(("yes", "no", "no", "yes")) == "no"  # The first by text.


def test_yes_and_no_change_sides_by_type():
    sides = sides_of(yes_no(), test_share=0.5)
    # The largest group, ("is the", "yes"), is dealt first and goes to train; then train lacks
    # "no" of "is the" no more than test does, and test more of "is the".
    assert sides == {
        ("is the", "yes"): [9, 0],
        ("is the", "no"): [0, 8],
        ("are these", "yes"): [0, 7],
        ("are these", "no"): [6, 0],
        ("does it", "yes"): [5, 0],
        ("does it", "no"): [0, 4],
    }


def test_whole_groups_and_never_more_than_the_share():
    for share in (0.2, 1 / 3, 0.5):
        sides = sides_of(yes_no(), test_share=share)
        assert all(0 in pair for pair in sides.values())
        assert 0 < sum(pair[1] for pair in sides.values()) <= share * 39


def test_an_answer_that_one_group_alone_has_stays_in_train():
    rows = rows_of(
        ("is the", "yes", 30, "it rains"),
        ("is the", "no", 29, "it rains"),
        ("are these", "yes", 28, "it rains"),
    )
    # "no" is in one group only. Of "yes", the second group may go to test, as the first stays.
    sides = sides_of(rows, test_share=0.5)
    assert sides[("is the", "no")] == [29, 0]
    assert sides[("are these", "yes")] == [0, 28]


@pytest.mark.parametrize("lost, expected", [("sleet", [0, 20]), ("sleet hail fog", [20, 0])])
def test_a_group_whose_words_train_would_lose_stays_in_train(lost, expected):
    # At most one lost word in ten questions: of 20 questions, two words may be lost.
    rows = rows_of(
        ("is the", "yes", 30, "it rains"),
        ("is the", "no", 20, f"it rains {lost}"),
        ("are these", "no", 3, "it rains"),
        ("are these", "yes", 2, "it rains"),
    )
    assert sides_of(rows, test_share=0.5)[("is the", "no")] == expected


@pytest.mark.parametrize("read_sample", SAMPLES)
def test_the_order_of_the_questions_does_not_matter(read_sample):
    rows = sample_rows(read_sample) + yes_no()
    shuffled = random.Random(1).sample(rows, len(rows))
    assert len(rows) == 60 + 39
    assert deal(rows) == deal(shuffled) != set()


def test_what_is_measured():
    rows = [
        ("1", "is it", ("yes",) * 9 + ("no",), "Is it snow?"),
        ("2", "is it", ("yes",) * 10, "Is it ice?"),
        ("3", "is it", ("no",) * 8 + ("yes",) * 2, "Is it hail?"),
        ("4", "why", ("fun",) * 10, "Why snow?"),
    ]
    report = measure(rows, {"3"})
    assert (report["num_train"], report["num_test"]) == (3, 1)
    first, second = report["question_types"]
    assert first == {
        "question_type": "is it",
        "num_train": 2,
        "num_test": 1,
        "total_variation": 0.75,  # yes: 19 of 20 against 2 of 10; no: 1 of 20 against 8 of 10.
        "answers": [["yes", 0.95, 0.2], ["no", 0.05, 0.8]],
    }
    assert second["total_variation"] is None
    assert report["mean_total_variation"] == 0.75
    # "is" and "it" are in train, "hail" and "no" are not; "no" is nobody's first answer there.
    assert report["coverage"]["concepts"] == {"in_test": 4, "covered": 2, "share": 0.5}
    assert report["coverage"]["top_answers"] == {"in_test": 1, "covered": 0, "share": 0.0}
    table = to_markdown(report)
    assert "| is it | 2 | 1 | 0.750 | yes 95.0% → 20.0%, no 5.0% → 80.0% |" in table
    assert "| why | 1 | 0 | one side only | fun 100.0% → 0.0% |" in table


def test_a_plot_with_odd_answers_is_the_same_twice(tmp_path):
    rows = rows_of(("cost", "$5 and $6", 3, "?"), ("cost", "北京 | ’", 2, "?"))
    report = measure(rows, {"3", "4"})
    png = to_png(report)
    assert png == to_png(report)
    (tmp_path / "plot.png").write_bytes(png)
    with Image.open(tmp_path / "plot.png") as image:
        assert image.size == (1300, 1000)
        assert image.info.keys() <= {"dpi"}
    assert "北京 \\| ’" in to_markdown(report)


@pytest.fixture
def source(tmp_path):
    """Yes/no questions of three types, of two about each image."""
    rows = yes_no(((9, 8), (7, 6), (5, 5)))
    questions = [ask(int(n) // 2 + 1, int(n) % 2, f"{kind} it?") for n, kind, *_ in rows]
    annotations = [
        annotate(q, row[2][0], kind=row[1]) for q, row in zip(questions, rows, strict=True)
    ]
    v2_tree(tmp_path / "source")
    write_v2(tmp_path / "source", "train2014", questions, annotations)
    return tmp_path / "source"


def build_resplit(tmp_path, source, name="r", on_error="stop", **arguments):
    return build(
        "vqa_v2",
        tmp_path / name,
        source_dir=str(source),
        builder_args={"resplit": "changing_priors", "val_share": 0.2} | arguments,
        on_error=on_error,
    )


def test_a_build(tmp_path, source):
    info = build_resplit(tmp_path, source)
    assert list(info["splits"]) == ["train", "val", "test"]
    assert info["test_splits"] == ["test"]
    assert {"resplit.json", "resplit.md", "resplit.png", "vocabularies.json"} == set(
        info["files"]
    )
    records = {split: read_records(tmp_path / "r", split) for split in info["splits"]}
    ids = [set(questions_of(of_split)) for of_split in records.values()]
    assert len(ids[0] | ids[1] | ids[2]) == sum(map(len, ids)) == 40 + 2  # and val2014's two
    images = [{r["image/id"] for r in of_split} for of_split in records.values()]
    assert images[0].isdisjoint(images[1])  # val is carved by image,
    assert images[2] & (images[0] | images[1])  # but train and test share images.
    assert 0 < len(ids[2]) <= 42 / 3
    groups = [
        {(kind, answers[0]) for _, kind, answers in questions_of(of_split).values()}
        for of_split in records.values()
    ]
    assert groups[2].isdisjoint(groups[0] | groups[1])
    assert verify(tmp_path / "r")["num_questions"] == 42


def test_the_same_bytes_twice_and_verified(tmp_path, source):
    build_resplit(tmp_path, source, "one")
    build_resplit(tmp_path, source, "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    (tmp_path / "one" / "resplit.png").write_bytes(b"another")
    with pytest.raises(BuildError, match="resplit.png does not have the checksum"):
        verify(tmp_path / "one")


def test_train2014_alone_is_enough(tmp_path, source):
    for path in source.glob("v2_*val2014*"):
        path.unlink()
    info = build_resplit(tmp_path, source)
    assert sum(of_split["num_questions"] for of_split in info["splits"].values()) == 40


def test_questions_without_an_image_are_not_dealt(tmp_path, source):
    (source / "train2014" / "COCO_train2014_000000000001.jpg").unlink()
    with pytest.raises(
        BuildError, match="COCO_train2014_000000000001.jpg: the image is missing"
    ):
        build_resplit(tmp_path, source)
    info = build_resplit(tmp_path, source, on_error="skip")
    assert info["num_skipped"] == 1
    assert sum(of_split["num_questions"] for of_split in info["splits"].values()) == 40


def test_too_few_questions(tmp_path):
    of_train = invented_sample()["train"]
    write_v2(tmp_path / "few", "train2014", of_train["questions"], of_train["annotations"])
    with pytest.raises(BuildError, match="finds no questions for test among 45"):
        build_resplit(tmp_path, tmp_path / "few")


def test_the_files_of_two_releases(tmp_path, source):
    question = ask(1, 0)
    write_v2(source, "val2014", [question], [annotate(question, "no")])
    with pytest.raises(BuildError, match="Question id '1000' is in train2014 and in val2014"):
        build_resplit(tmp_path, source)


def test_a_test_split_without_answers_cannot_be_asked_for(tmp_path, source):
    with pytest.raises(BuildError, match="test='test2015' has no answers, so a re-split"):
        build_resplit(tmp_path, source, test="test2015")


def test_without_matplotlib_the_command_is_said_before_anything_is_written(
    tmp_path, source, monkeypatch
):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        resplit_report.importlib.util,
        "find_spec",
        lambda name: None if name == "matplotlib" else find_spec(name),
    )
    with pytest.raises(BuildError, match="not installed. Install it: pip install matplotlib"):
        build_resplit(tmp_path, source)
    assert not (tmp_path / "r").exists()
