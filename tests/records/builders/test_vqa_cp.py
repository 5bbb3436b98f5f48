"""VQA-CP: bare lists over both COCO splits, images in train and test, and what is missing."""

import os

import pytest

from records.build import build, verify
from records.builders.vqa_cp import VqaCp
from records.source import BuildError, Problems
from tests.records.trees import files_of, questions_of, read_records, write_json
from tests.records.vqa_trees import annotate, ask, compress, pack, write_cp

NUM_TRAIN, SHARED = 15, 3


def write_version(root, version):
    """Train: two questions an image, of both COCO splits in turn; test shares image 3."""
    train = [
        ask(i, n, coco_split=("train2014", "val2014")[i % 2])
        for i in range(1, NUM_TRAIN + 1)
        for n in (0, 1)
    ]
    test = [ask(SHARED, 5, coco_split="val2014"), ask(90, 0, coco_split="train2014")]
    write_cp(root, "train", train, [annotate(q, "no") for q in train], version)
    write_cp(root, "test", test, [annotate(q, "yes") for q in test], version)
    return root


@pytest.fixture
def source(tmp_path):
    return write_version(tmp_path / "source", 2)


def build_cp(tmp_path, source, name="r", **arguments):
    arguments = {"val_share": 0.3} | arguments
    return build("vqa_cp", tmp_path / name, source_dir=str(source), builder_args=arguments)


def test_counts_and_images_in_two_splits(tmp_path, source):
    info = build_cp(tmp_path, source)
    assert list(info["splits"]) == ["train", "val", "test"]
    assert info["test_splits"] == ["test"]
    assert info["arguments"] == {"version": 2, "val_share": 0.3}
    images = {
        split: {r["image/id"].decode() for r in read_records(tmp_path / "r", split)}
        for split in info["splits"]
    }
    assert images["test"] == {"COCO_val2014_000000000003", "COCO_train2014_000000000090"}
    assert images["train"].isdisjoint(images["val"])
    assert len(images["train"] | images["val"]) == NUM_TRAIN
    assert 0 < len(images["val"]) < 10
    assert "COCO_val2014_000000000003" in images["train"] | images["val"]
    test = questions_of(read_records(tmp_path / "r", "test"))
    assert test["3005"] == ("Is it raining?", "is it", ["yes"] * 10)
    assert set(test) == {"3005", "90000"}
    assert verify(tmp_path / "r")["num_questions"] == 2 * NUM_TRAIN + 2


def test_the_same_bytes_twice_and_packed(tmp_path, source):
    build_cp(tmp_path, source, "one")
    build_cp(tmp_path, source, "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    compress(source / "vqacp_v2_train_questions.json")
    pack(source / "vqacp.zip", [source / "vqacp_v2_test_annotations.json"], inside="vqacp/")
    pack(source / "val2014.zip", (source / "val2014").glob("*.jpg"), inside="val2014/")
    build_cp(tmp_path, source, "packed")
    one, packed = files_of(tmp_path / "one"), files_of(tmp_path / "packed")
    del one["dataset_info.json"], packed["dataset_info.json"]
    assert one == packed


def test_version_1_and_wrapped_lists(tmp_path):
    source = write_version(tmp_path / "source", 1)
    questions = [ask(91, 0, "Why?", coco_split="train2014")]
    write_cp(source, "test", questions, [], version=1)
    write_json(source / "vqacp_v1_test_questions.json", {"questions": questions})
    wrapped = {"annotations": [annotate(questions[0], "yes")]}
    write_json(source / "vqacp_v1_test_annotations.json", wrapped)
    build_cp(tmp_path, source, version="1")
    assert list(questions_of(read_records(tmp_path / "r", "test"))) == ["91000"]
    with pytest.raises(BuildError, match="lacks:\n  vqacp_v2_train_questions.json"):
        VqaCp(str(source))


def test_an_unknown_version(source):
    with pytest.raises(BuildError, match="`version` of VQA-CP must be 1 or 2. Received: 3"):
        VqaCp(str(source), version=3)


def test_all_that_is_missing_is_listed_with_where_it_is_from(tmp_path, source):
    os.remove(source / "vqacp_v2_test_questions.json")
    os.remove(source / "vqacp_v2_test_annotations.json")
    for path in (source / "train2014").glob("*.jpg"):
        path.unlink()
    with pytest.raises(BuildError, match="lacks:") as error:
        build_cp(tmp_path, source)
    lines = str(error.value).splitlines()
    assert [line.split(" (or")[0].strip() for line in lines[1:-1]] == [
        "vqacp_v2_test_questions.json",
        "vqacp_v2_test_annotations.json",
        "train2014/ with COCO_train2014_000000000009.jpg and so on",
    ]
    assert lines[1].endswith("from https://computing.ece.vt.edu/~aish/vqacp/")
    assert lines[3].endswith("from https://cocodataset.org/#download")
    assert "gone away" in lines[4] and "--resplit=changing_priors" in lines[4]
    assert "https://visualqa.org/download.html" in lines[4]
    assert not (tmp_path / "r").exists()


def test_without_images_alone_nothing_is_said_about_the_hosts_of_vqa_cp(source):
    for path in (source / "val2014").glob("*.jpg"):
        path.unlink()
    with pytest.raises(BuildError, match="val2014/ with COCO_val2014") as error:
        VqaCp(str(source))
    assert "gone away" not in str(error.value)


@pytest.mark.parametrize(
    "coco_split, sentence",
    [
        ("val2015", "question 90001: 'coco_split' must be one of train2014, val2014. Received"),
        (None, "question 90001: 'coco_split' must be a string"),
    ],
)
def test_a_wrong_coco_split(tmp_path, source, coco_split, sentence):
    question = ask(90, 1, coco_split=coco_split)
    write_json(source / "vqacp_v2_test_questions.json", [question])
    write_json(source / "vqacp_v2_test_annotations.json", [annotate(question, "no")])
    with pytest.raises(BuildError, match=sentence):
        build_cp(tmp_path, source)


def test_an_image_under_the_wrong_coco_split(tmp_path, source):
    question = ask(1, 1, coco_split="train2014")  # It is in val2014.
    write_cp(source, "test", [question], [annotate(question, "no")])
    os.remove(source / "train2014" / "COCO_train2014_000000000001.jpg")
    with pytest.raises(
        BuildError, match="train2014/COCO_train2014_000000000001.jpg: the image"
    ):
        build_cp(tmp_path, source)


def test_a_question_in_train_and_test_is_refused(tmp_path, source):
    question = ask(1, 0, coco_split="val2014")
    write_cp(source, "test", [question], [annotate(question, "no")])
    with pytest.raises(BuildError, match="question id '1000' is in two splits: '(train|val)'"):
        build_cp(tmp_path, source)


def test_val_grows_with_its_share_and_never_moves(source):
    keys = [k for k, _ in VqaCp(str(source), val_share=0.3).examples("val", Problems())]
    more = [k for k, _ in VqaCp(str(source), val_share=0.5).examples("val", Problems())]
    assert set(keys) < set(more)
