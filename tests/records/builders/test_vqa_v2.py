"""VQA v2: genuine rows, every way of packing, the carved split, and mistakes."""

import json
import os
import pickle

import pytest

from records.build import build, verify
from records.builders.vqa_questions import carve
from records.builders.vqa_v2 import VqaV2
from records.source import BuildError, Problems
from tests.records.trees import files_of, jsonl_tree, questions_of, read_records
from tests.records.vqa_trees import (
    SAMPLES,
    annotate,
    annotations_name,
    ask,
    compress,
    invented_sample,
    pack,
    questions_name,
    v2_tree,
    write_v2,
)

ARGS = {"val_share": 0.2}


@pytest.fixture
def source(tmp_path):
    return v2_tree(tmp_path / "source")


def build_v2(tmp_path, source, name="r", on_error="stop", **arguments):
    return build(
        "vqa_v2",
        tmp_path / name,
        source_dir=str(source),
        builder_args=ARGS | arguments,
        on_error=on_error,
    )


def images_of(source, split, **arguments):
    return {key for key, _ in VqaV2(str(source), **arguments).examples(split, Problems())}


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_counts_ids_answers_and_types(tmp_path, source):
    info = build_v2(tmp_path, source)
    splits = info["splits"]
    assert list(splits) == ["train", "val", "val2014", "test-dev2015"]
    assert splits["train"]["num_images"] + splits["val"]["num_images"] == 12
    assert splits["train"]["num_questions"] + splits["val"]["num_questions"] == 24
    assert info["test_splits"] == ["val2014", "test-dev2015"]
    assert splits["val2014"]["question_types"] == {"how many": 1, "is it": 1}
    first, second = read_records(tmp_path / "r", "val2014")
    record = first if first["image/id"] == b"COCO_val2014_000000000500" else second
    assert questions_of([record]) == {"500000": ("How many?", "how many", list("2222222334"))}
    assert record["question/answer_type"].tolist() == [b"number"]
    assert record["answer/confidence"] == [[b"maybe"] * 10]
    (test,) = read_records(tmp_path / "r", "test-dev2015")
    assert test["image/id"] == b"COCO_test2015_000000000800"
    assert questions_of([test]) == {"800000": ("Is it raining?", "", [])}
    assert splits["test-dev2015"]["num_answered"] == 0


@pytest.mark.parametrize("read_sample", SAMPLES)
def test_rows_as_in_the_release(tmp_path, read_sample):
    sample = read_sample()
    for part, split in (("train", "train2014"), ("valid", "val2014")):
        of_part = sample[part]
        write_v2(tmp_path / "source", split, of_part["questions"], of_part["annotations"])
    info = build_v2(tmp_path, tmp_path / "source")
    assert verify(tmp_path / "r")["num_questions"] == 60
    found = {}
    for split in info["splits"]:
        found |= questions_of(read_records(tmp_path / "r", split))
    annotations = sample["train"]["annotations"] + sample["valid"]["annotations"]
    for raw in annotations:
        answers = [of_one["answer"] for of_one in raw["answers"]]
        assert found[str(raw["question_id"])][1:] == (raw["question_type"], answers)
    given = {answer for _, _, answers in found.values() for answer in answers}
    assert read_sample is not invented_sample or "don’t enter" in given


def test_the_same_bytes_however_it_is_packed(tmp_path, source):
    build_v2(tmp_path, source, "plain")
    compress(source / questions_name("train2014"))
    pack(source / "v2_Annotations_Train_mscoco.zip", [source / annotations_name("train2014")])
    pack(source / "train2014.zip", (source / "train2014").glob("*.jpg"), inside="train2014/")
    (source / "images").mkdir()
    (source / "val2014").rename(source / "images" / "val2014")
    some = sorted((source / "test2015").glob("*.jpg"))[:1]
    pack(source / "test2015.zip", some, inside="test2015/")  # Half unpacked.
    build_v2(tmp_path, source, "packed")
    plain, packed = files_of(tmp_path / "plain"), files_of(tmp_path / "packed")
    del plain["dataset_info.json"], packed["dataset_info.json"]  # The source is another.
    assert plain == packed


def test_the_same_bytes_twice(tmp_path, source):
    build_v2(tmp_path, source, "one")
    build_v2(tmp_path, source, "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_zipped_image_is_loaded_by_what_another_process_is_sent(source):
    (path, *_) = paths = sorted((source / "train2014").glob("*.jpg"))
    expected = path.read_bytes()
    pack(source / "train2014.zip", paths, inside="train2014/")
    examples = dict(VqaV2(str(source), val_share=0.0).examples("train", Problems()))
    load_image = pickle.loads(pickle.dumps(examples[path.stem].load_image))
    assert load_image() == expected
    assert len(pickle.dumps(load_image)) < 500


def test_val_grows_with_its_share_and_never_moves(source):
    few, many = (images_of(source, "val", val_share=share) for share in (0.2, 0.6))
    assert 0 < len(few) < len(many) < 12
    assert few < many
    assert images_of(source, "train", val_share=0.6).isdisjoint(many)
    questions = [ask(i, 0) for i in range(1, 40)]  # Other images beside them change nothing.
    write_v2(source, "train2014", questions, [annotate(q, "no") for q in questions])
    assert few < images_of(source, "val", val_share=0.2)


def test_which_images_are_in_val():
    """Typed in, because numbers on `val` compare only while no image of it moves."""
    ids = [
        f"COCO_{coco}_{n:012d}"
        for coco in ("train2014", "val2014")
        for n in (9, 25, 30, 42, 61, 64, 71, 77, 81, 92, 109)
    ]
    val = carve({image_id: [] for image_id in ids}, "val", 0.15)
    expected = {("train2014", n) for n in (25, 61, 77)}
    expected |= {("val2014", n) for n in (9, 42, 64, 81, 92, 109)}
    assert val.keys() == {f"COCO_{coco}_{n:012d}" for coco, n in expected}


def test_no_val(tmp_path, source):
    info = build_v2(tmp_path, source, val_share=0)
    assert "val" not in info["splits"]
    assert info["splits"]["train"]["num_images"] == 12


def test_a_share_too_small_for_any_image(tmp_path, source):
    with pytest.raises(BuildError, match="puts none of 12 images into 'val'. Give another"):
        build_v2(tmp_path, source, val_share=0.0001)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_no_train(source, share):
    with pytest.raises(BuildError, match="`val_share` must be at least 0 and below 1"):
        VqaV2(str(source), val_share=share)


@pytest.mark.parametrize(
    "test, expected, num_images",
    [("auto", "test-dev2015", 1), ("test2015", "test2015", 2), ("none", None, 0)],
)
def test_one_of_the_test_splits_is_built(tmp_path, source, test, expected, num_images):
    info = build_v2(tmp_path, source, test=test)
    assert info["test_splits"] == ["val2014"] + ([expected] if expected else [])
    assert set(info["splits"]) == {"train", "val", *info["test_splits"]}
    if expected:
        assert info["splits"][expected]["num_images"] == num_images


def test_a_split_without_files_is_left_out(tmp_path, source):
    for name in (questions_name("val2014"), annotations_name("val2014")):
        os.remove(source / name)
    os.remove(source / questions_name("test-dev2015"))
    info = build_v2(tmp_path, source)
    assert list(info["splits"]) == ["train", "val", "test2015"]


def test_an_unknown_choice(source):
    with pytest.raises(BuildError, match="`test` must be one of auto, none, test-dev2015"):
        VqaV2(str(source), test="val")
    with pytest.raises(BuildError, match="`resplit` must be one of none, changing_priors"):
        VqaV2(str(source), resplit="vqa_cp")


def test_all_that_is_missing_is_listed_before_anything_is_written(tmp_path, source):
    for path in (source / "val2014").glob("*.jpg"):
        path.unlink()
    os.remove(source / annotations_name("train2014"))
    os.remove(source / annotations_name("val2014"))
    with pytest.raises(BuildError, match="lacks:") as error:
        build_v2(tmp_path, source, test="test2015")
    lines = str(error.value).splitlines()
    assert len(lines) == 5
    assert lines[1].strip() == (
        "v2_mscoco_train2014_annotations.json (or v2_mscoco_train2014_annotations.json.gz, or "
        "v2_Annotations_Train_mscoco.zip), from https://visualqa.org/download.html"
    )
    assert "v2_Annotations_Val_mscoco.zip" in lines[2]
    assert lines[3].startswith("  val2014/ with COCO_val2014_000000000009.jpg")
    assert lines[3].endswith("or val2014.zip), from https://cocodataset.org/#download")
    assert "To build without val2014, move its questions" in lines[4]
    assert not (tmp_path / "r").exists()


def test_an_empty_folder_lacks_train_alone(tmp_path):
    with pytest.raises(BuildError, match="Questions_Train(.|\n)*Annotations_Train") as error:
        VqaV2(str(tmp_path))
    assert "v2_OpenEnded_mscoco_val2014" not in str(error.value)


@pytest.mark.parametrize(
    "answer", ["Yes, it IS!", "naïve 北京 ’", " spaced ", "", "none"], ids=repr
)
def test_answers_are_kept_as_they_are(tmp_path, source, answer):
    questions = [ask(i, 0, "Où?") for i in range(1, 9)]
    answers = ("no",) * 9 + (answer,)
    write_v2(source, "train2014", questions, [annotate(q, *answers) for q in questions])
    build_v2(tmp_path, source)
    found = questions_of(read_records(tmp_path / "r", "train"))
    assert set(map(str, found.values())) == {str(("Où?", "is it", list(answers)))}
    assert verify(tmp_path / "r")["num_questions"] == 8 + 2 + 1


def test_answers_without_confidences(tmp_path, source):
    def drop(content):
        for raw in content["annotations"]:
            for answer in raw["answers"]:
                del answer["answer_confidence"]

    edit(source / annotations_name("val2014"), drop)
    build_v2(tmp_path, source)
    (record, _) = read_records(tmp_path / "r", "val2014")
    assert record["answer/confidence"] == [[b""] * 10]


def change_question(**changes):
    return lambda content: content["questions"][0].update(changes)


def change_annotation(**changes):
    return lambda content: content["annotations"][0].update(changes)


def change_answers(change):
    return lambda content: change(content["annotations"][0]["answers"])


ON_QUESTIONS = [
    (change_question(image_id=777), "is about image 777, but its annotation about image 500"),
    (change_question(image_id="500"), "'image_id' must be an integer. Received: \"500\""),
    (change_question(image_id=-500), "'image_id' must not be negative. Received: -500"),
    (change_question(question=" "), "question 500000: 'question' is empty"),
    (
        lambda c: c["questions"].append(c["questions"][1]),
        "question 501000: has the question_id",
    ),
    (lambda c: c["questions"].insert(0, "?"), r"entry 0 \(from 0\): expected an object"),
    (lambda c: c["questions"].append(ask(500, 9)), "question 500009: has no annotation in v2_"),
]
ON_ANNOTATIONS = [
    (change_answers(lambda a: a.pop()), "question 500000: has 9 answers in its annotation"),
    (change_answers(lambda a: a.append(a[0])), "question 500000: has 11 answers"),
    (change_answers(lambda a: a[3].update(answer=2)), "has an answer in its annotation that"),
    (change_answers(lambda a: a.__setitem__(3, "2")), "has an answer in its annotation that"),
    (
        change_answers(lambda a: a[3].update(answer_confidence="?")),
        "Expected are yes, maybe, no",
    ),
    (change_annotation(answers={}), "'answers' must be a list"),
    (change_annotation(question_type=None), "'question_type' must be a string"),
    (change_annotation(image_id=501), "is about image 500, but its annotation about image 501"),
    (lambda c: c["annotations"].pop(0), "question 500000: has no annotation in v2_mscoco_val"),
    (
        lambda c: c["annotations"].append(annotate(ask(500, 8), "no")),
        "question 500008: has no question in v2_OpenEnded_mscoco_val2014_questions",
    ),
    (
        lambda c: c["annotations"].append(c["annotations"][0]),
        "val2014_annotations.json: question 500000: has the question_id of an earlier entry",
    ),
]
WRONG = [(questions_name, *case) for case in ON_QUESTIONS]
WRONG += [(annotations_name, *case) for case in ON_ANNOTATIONS]


@pytest.mark.parametrize("name, change, sentence", WRONG)
def test_a_wrong_entry_stops_or_is_counted(tmp_path, source, name, change, sentence):
    edit(source / name("val2014"), change)
    with pytest.raises(BuildError, match=sentence):
        build_v2(tmp_path, source)
    assert not (tmp_path / "r").exists()
    info = build_v2(tmp_path, source, on_error="skip")
    assert info["num_skipped"] == info["splits"]["val2014"]["num_skipped"] == 1
    assert info["splits"]["val2014"]["num_questions"] in (1, 2)
    with open(tmp_path / "r" / "skipped.jsonl", encoding="utf-8") as file:
        assert "val2014" in file.readline()


def test_what_is_wrong_in_train2014_is_told_once(tmp_path, source):
    def shorten(content):
        for raw in content["annotations"]:
            raw["answers"].pop()

    edit(source / annotations_name("train2014"), shorten)
    with open(source / annotations_name("train2014")) as file:
        first = json.load(file)["annotations"]
    assert len(first) == 24
    few = Problems("skip")
    builder = VqaV2(str(source), val_share=0.2)
    assert list(builder.examples("train", few)) == list(builder.examples("val", few)) == []
    assert len({note["where"] for note in few.notes}) == len(few.notes) == 24


def test_a_missing_image(tmp_path, source):
    os.remove(source / "val2014" / "COCO_val2014_000000000500.jpg")
    sentence = "val2014/COCO_val2014_000000000500.jpg: the image is missing, but 1 question "
    with pytest.raises(BuildError, match=sentence + r"asks about it \(500000\)"):
        build_v2(tmp_path, source)
    info = build_v2(tmp_path, source, on_error="skip")
    assert info["splits"]["val2014"]["num_images"] == 1
    assert info["num_skipped"] == 1


@pytest.mark.parametrize("name", ["train2014.zip", "v2_Questions_Train_mscoco.zip"])
def test_a_truncated_zip_is_told_before_anything_is_written(tmp_path, source, name):
    pack(source / "train2014.zip", sorted((source / "train2014").glob("*.jpg")))
    pack(source / "v2_Questions_Train_mscoco.zip", [source / questions_name("train2014")])
    os.truncate(source / name, os.path.getsize(source / name) // 2)
    with pytest.raises(BuildError, match=f"{name}: not a whole zip file .*download it again"):
        build_v2(tmp_path, source)
    assert not (tmp_path / "r").exists()


def test_a_damaged_image_within_a_zip(tmp_path, source):
    paths = sorted((source / "val2014").glob("*.jpg"))
    data = paths[0].read_bytes()
    pack(source / "val2014.zip", paths)
    content = bytearray((source / "val2014.zip").read_bytes())
    content[content.index(data) + len(data) // 2] ^= 1
    (source / "val2014.zip").write_bytes(content)
    sentence = (
        "val2014.zip/COCO_val2014_000000000500.jpg: the image cannot be read .COCO_val2014"
    )
    with pytest.raises(BuildError, match=sentence + ".*is damaged: Bad CRC"):
        build_v2(tmp_path, source)
    info = build_v2(tmp_path, source, "s", on_error="skip")
    assert info["splits"]["val2014"]["num_images"] == 1


def test_truncated_and_malformed_json(tmp_path, source):
    path = source / annotations_name("train2014")
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    with pytest.raises(
        BuildError, match=r"train2014_annotations.json:1:\d+: not JSON .*cut off"
    ):
        build_v2(tmp_path, source)
    path.write_text('{"annotations": {}}')
    with pytest.raises(BuildError, match="or an object with a list under 'annotations'"):
        build_v2(tmp_path, source)
    path.write_text(whole)
    compress(path)
    os.truncate(f"{path}.gz", os.path.getsize(f"{path}.gz") // 2)
    with pytest.raises(BuildError, match="annotations.json.gz: cannot be unpacked .*download"):
        build_v2(tmp_path, source, on_error="skip")
    assert not (tmp_path / "r").exists()


def test_the_fingerprint_knows_questions_and_images(source):
    first = VqaV2(str(source)).fingerprint()
    assert VqaV2(str(source)).fingerprint() == first
    edit(source / questions_name("val2014"), change_question(question="How few?"))
    second = VqaV2(str(source)).fingerprint()
    os.remove(source / "test2015" / "COCO_test2015_000000000801.jpg")
    assert len({first, second, VqaV2(str(source)).fingerprint()}) == 3


def test_other_builders_splits_are_test_splits_by_their_names(tmp_path):
    source = jsonl_tree(tmp_path / "own")
    (source / "val.jsonl").rename(source / "test_hard.jsonl")
    info = build("jsonl", tmp_path / "r", source_dir=str(source))
    assert info["test_splits"] == ["test_hard"]
