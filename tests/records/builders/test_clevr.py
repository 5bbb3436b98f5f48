"""CLEVR: genuine rows of the release, the generator's variant, CoGenT, and mistakes."""

import json
import os

import pytest

from records.build import build
from records.builders.clevr import QUESTION_TYPES
from records.source import BuildError
from tests.invented_rows import invented_clevr
from tests.records.trees import files_of, questions_of, read_records, write_image, write_json
from tests.shared_data import read_shared


def ask(split, image, index, answer="yes", function="exist", key="function", **changes):
    """One question as the release has it, or (`key`) as the generator writes it."""
    node = {"inputs": [], "value_inputs": []}
    return {
        "split": split,
        "image_index": image,
        "image_filename": f"CLEVR_{split}_{image:06d}.png",
        "question": f"Is there a red cube in {image}?",
        "question_index": index,
        "program": [node | {key: "scene"}, node | {key: function}],
        "answer": answer,
    } | changes


def scene(split, image, *objects):
    things = [
        dict(size=size, color=color, material=material, shape=shape, pixel_coords=[x, y, 9.5])
        for size, color, material, shape, x, y in objects
    ]
    return {"image_filename": f"CLEVR_{split}_{image:06d}.png", "objects": things}


def write_split(root, split, questions, num_images=2):
    write_json(root / f"questions/CLEVR_{split}_questions.json", {"questions": questions})
    for i in range(num_images):
        write_image(root / f"images/{split}/CLEVR_{split}_{i:06d}.png", width=12, height=8)


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    write_split(
        root,
        "train",
        [
            ask("train", 1, 0),
            ask("train", 0, 1, answer="3", function="count"),
            ask("train", 0, 2, answer="cube", function="query_shape"),
            ask("train", 1, 3, answer="no", function="equal_integer"),
        ],
    )
    write_split(root, "val", [ask("val", 0, 0, answer="no")], num_images=1)
    return root


def build_questions(tmp_path, source, split="train", **options):
    build("clevr", tmp_path / "r", source_dir=str(source), **options)
    return questions_of(read_records(tmp_path / "r", split))


def build_rows(tmp_path, rows):
    source = tmp_path / "source"
    for row in rows:
        write_json(
            source / f"questions/CLEVR_{row['split']}_questions.json",
            {"info": {"split": row["split"], "version": "1.0"}, "questions": [row]},
        )
        write_image(source / "images" / row["split"] / row["image_filename"])
    return build("clevr", tmp_path / "r", source_dir=str(source))


def test_rows_in_the_form_of_the_release(tmp_path):
    rows = invented_clevr()
    asked = {row["split"]: row["question"] for row in rows}
    info = build_rows(tmp_path, rows)
    found = {s: questions_of(read_records(tmp_path / "r", s)) for s in info["splits"]}
    assert found == {
        "train": {"0": (asked["train"], "Compare Integer", ["yes"])},
        "val": {"0": (asked["val"], "Exist", ["no"])},
        "test": {"0": (asked["test"], "", [])},
    }
    assert info["splits"]["test"]["num_answered"] == 0


def test_genuine_rows_of_the_release(tmp_path):
    info = build_rows(tmp_path, read_shared("clevr_release_rows.json")["questions"])
    assert list(info["splits"]) == ["train", "val", "test"]
    (train,) = read_records(tmp_path / "r", "train")
    assert train["image/id"] == b"CLEVR_train_000000"
    text = "Are there more big green things than large purple shiny cubes?"
    assert questions_of([train]) == {"0": (text, "Compare Integer", ["yes"])}
    (val,) = questions_of(read_records(tmp_path / "r", "val")).values()
    assert val[1:] == ("Exist", ["no"])
    (test,) = questions_of(read_records(tmp_path / "r", "test")).values()
    text = "Is there anything else that is the same shape as the small brown matte object?"
    assert test == (text, "", [])
    assert info["splits"]["test"]["num_answered"] == 0


def test_counts_types_and_ids(tmp_path, source):
    info = build("clevr", tmp_path / "r", source_dir=str(source))
    train = info["splits"]["train"]
    assert (train["num_images"], train["num_questions"]) == (2, 4)
    types = {"Compare Integer": 1, "Count": 1, "Exist": 1, "Query Attribute": 1}
    assert train["question_types"] == types
    records = read_records(tmp_path / "r", "train")
    asked = {r["image/id"].decode(): r["question/id"].tolist() for r in records}
    assert asked == {"CLEVR_train_000000": [b"1", b"2"], "CLEVR_train_000001": [b"0", b"3"]}


def test_the_same_bytes_twice(tmp_path, source):
    build("clevr", tmp_path / "one", source_dir=str(source))
    build("clevr", tmp_path / "two", source_dir=str(source))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_every_type_has_its_functions():
    functions = {}
    for function, kind in QUESTION_TYPES.items():
        functions.setdefault(kind, set()).add(function)
    attributes = ("color", "material", "shape", "size")
    assert functions == {
        "Count": {"count"},
        "Exist": {"exist"},
        "Compare Integer": {"equal_integer", "less_than", "greater_than"},
        "Compare Attribute": {f"equal_{name}" for name in attributes},
        "Query Attribute": {f"query_{name}" for name in attributes},
    }


@pytest.mark.parametrize(
    "answer, function, expected",
    [
        (True, "exist", ("Exist", ["yes"])),
        (False, "equal_size", ("Compare Attribute", ["no"])),
        (0, "count", ("Count", ["0"])),
        ("metal", "query_material", ("Query Attribute", ["metal"])),
    ],
)
def test_what_the_generator_writes(tmp_path, source, answer, function, expected):
    question = ask("train", 0, 7, answer=answer, function=function, key="type")
    write_split(source, "train", [question])
    assert build_questions(tmp_path, source)["7"][1:] == expected


def test_answers_without_programs_have_no_type(tmp_path, source):
    question = ask("train", 0, 7)
    del question["program"]
    write_split(source, "train", [question])
    assert build_questions(tmp_path, source)["7"][1:] == ("", ["yes"])


def test_without_question_index_the_place_in_the_file_is_the_id(tmp_path, source):
    questions = [ask("train", 1, 0), ask("train", 0, 0, answer="no")]
    for question in questions:
        del question["question_index"]
    write_split(source, "train", questions)
    asked = build_questions(tmp_path, source)
    assert {key: answers for key, (_, _, answers) in asked.items()} == {
        "0": ["yes"],
        "1": ["no"],
    }


def test_scenes_are_matched_by_file_name(tmp_path, source):
    scenes = [
        scene("train", 1, ("large", "red", "metal", "cube", 3, 2)),
        scene(
            "train",
            0,
            ("small", "gray", "rubber", "sphere", 6, 6),
            ("small", "cyan", "metal", "cylinder", 12, 0),
        ),
    ]
    scenes[0]["relationships"] = scenes[1]["relations"] = {"left": [[], []]}
    write_json(source / "scenes/CLEVR_train_scenes.json", {"scenes": scenes})
    build("clevr", tmp_path / "r", source_dir=str(source))
    records = {r["image/id"]: r for r in read_records(tmp_path / "r", "train")}
    one, zero = records[b"CLEVR_train_000001"], records[b"CLEVR_train_000000"]
    assert one["object/name"].tolist() == [b"large red metal cube"]
    assert (one["object/x"].tolist(), one["object/y"].tolist()) == ([0.25], [0.25])
    names = [b"small gray rubber sphere", b"small cyan metal cylinder"]
    assert zero["object/name"].tolist() == names
    assert (zero["object/x"].tolist(), zero["object/y"].tolist()) == ([0.5, 1.0], [0.75, 0.0])
    (val,) = read_records(tmp_path / "r", "val")  # It has no scene file.
    assert val["object/name"].shape == (0,)


def test_cogent(tmp_path):
    source = tmp_path / "source"
    for split in ("trainA", "valB", "valA"):
        write_split(source, split, [ask(split, 0, 0)], num_images=1)
    info = build("clevr", tmp_path / "r", source_dir=str(source))
    assert list(info["splits"]) == ["trainA", "valA", "valB"]
    assert info["train_split"] == "trainA"
    assert (tmp_path / "r/clevr-valB.tfrecord-00000-of-00001").exists()


def test_both_data_sets_in_one_folder(tmp_path, source):
    write_split(source, "trainA", [ask("trainA", 0, 0)])
    with pytest.raises(
        BuildError, match="CLEVR v1.0 .train. and CoGenT .trainA..*two data sets"
    ):
        build("clevr", tmp_path / "r", source_dir=str(source))


def test_no_train_split(tmp_path, source):
    os.remove(source / "questions/CLEVR_train_questions.json")
    with pytest.raises(BuildError, match=r"no split 'train' in its source \(there are: val\)"):
        build("clevr", tmp_path / "r", source_dir=str(source))


def test_another_folder(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(BuildError, match="has no folder questions/. --source_dir must be the"):
        build("clevr", tmp_path / "r", source_dir=str(tmp_path / "source"))


def test_images_not_unpacked(tmp_path, source):
    os.rename(source / "images/val", source / "images/elsewhere")
    with pytest.raises(BuildError, match="no folder images/val/. Unpack the images"):
        build("clevr", tmp_path / "r", source_dir=str(source))


def test_a_missing_image_names_its_questions(tmp_path, source):
    os.remove(source / "images/train/CLEVR_train_000001.png")
    where = r"images/train/CLEVR_train_000001\.png: the image is missing"
    with pytest.raises(BuildError, match=where + r".*2 question.*\(0, 3\). Unpack"):
        build("clevr", tmp_path / "r", source_dir=str(source))
    assert set(build_questions(tmp_path, source, on_error="skip")) == {"1", "2"}


def test_malformed_json(tmp_path, source):
    path = source / "questions/CLEVR_val_questions.json"
    path.write_text('{"questions": [\n{"split": "val",]}')
    where = r"questions/CLEVR_val_questions\.json:2:\d+: not JSON.*download it again"
    with pytest.raises(BuildError, match=where):
        build("clevr", tmp_path / "r", source_dir=str(source))


def test_another_file_under_this_name(tmp_path, source):
    write_json(source / "questions/CLEVR_val_questions.json", {"scenes": []})
    with pytest.raises(BuildError, match="expected an object with a list under 'questions'"):
        build("clevr", tmp_path / "r", source_dir=str(source))


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"question": " "}, "question 9: 'question' is empty. Fill it in"),
        ({"question": 5}, "question 9: 'question' must be a string. Received: 5. Correct it"),
        ({"question_index": "a"}, r"entry 4 \(from 0\): 'question_index' must be an integer"),
        ({"question_index": 1}, r"question 1: has the question_index of entry 1 \(from 0\)"),
        ({"split": "val"}, "question 9: belongs to split 'val', but is in the file of 'train'"),
        ({"image_filename": "../x.png"}, "question 9: 'image_filename' must be a bare name"),
        (
            {"image_filename": "CLEVR_val_000000.png"},
            "CLEVR_val_000000.png: the image is missing",
        ),
        ({"answer": None}, "question 9: 'answer' must be a string. Received: null"),
        ({"answer": ""}, "question 9: 'answer' is empty"),
        ({"program": []}, "question 9: its program ends with None"),
        ({"program": [{"inputs": [], "function": "fly"}]}, "ends with 'fly'.*Known: count, "),
        ({"program": "exist!"}, "question 9: its program ends with 'exist!'"),
    ],
)
def test_a_wrong_question(tmp_path, source, changes, sentence):
    path = source / "questions/CLEVR_train_questions.json"
    questions = json.loads(path.read_text())["questions"]
    write_json(path, {"questions": questions + [ask("train", 0, 9) | changes]})
    with pytest.raises(BuildError, match=sentence):
        build("clevr", tmp_path / "r", source_dir=str(source))
    assert set(build_questions(tmp_path, source, on_error="skip")) == {"0", "1", "2", "3"}
    assert len((tmp_path / "r/skipped.jsonl").read_text().splitlines()) == 1


def test_a_question_without_answer_among_others(tmp_path, source):
    path = source / "questions/CLEVR_train_questions.json"
    questions = json.loads(path.read_text())["questions"]
    del questions[2]["answer"]
    write_json(path, {"questions": questions})
    with pytest.raises(BuildError, match="question 2: 'answer' is missing, though other"):
        build("clevr", tmp_path / "r", source_dir=str(source))


def test_an_entry_that_is_no_object(tmp_path, source):
    write_json(source / "questions/CLEVR_val_questions.json", {"questions": ["why?"]})
    with pytest.raises(BuildError, match=r"entry 0 \(from 0\): expected an object.*\"why\?\""):
        build("clevr", tmp_path / "r", source_dir=str(source))


@pytest.mark.parametrize(
    "scenes, sentence",
    [
        ([scene("train", 0)], "has no scene of CLEVR_train_000001.png"),
        (
            [scene("train", 0), {"objects": []}],
            r"scene 1 \(from 0\): 'image_filename' is missing",
        ),
        (
            [scene("train", 1), scene("train", 0, ("big", "red", "metal", "cube", "3", 2))],
            r"scene 1 \(from 0\): 'pixel_coords' must begin with x and y. Received: \['3', 2",
        ),
        *(
            (
                [scene("train", 1), scene("train", 0, ("big", "red", "metal", "cube", x, 2))],
                rf"scene 1 \(from 0\): 'pixel_coords' must {sentence}",
            )
            for x, sentence in (
                (float("nan"), r"be pixels. Received: \[NaN, 2"),
                (float("-inf"), r"be pixels. Received: \[-Infinity, 2"),
                (10**400, "be pixels"),
                (True, r"begin with x and y. Received: \[True, 2"),
            )
        ),
    ],
)
def test_a_wrong_scene_costs_the_positions_only(tmp_path, source, scenes, sentence):
    write_json(source / "scenes/CLEVR_train_scenes.json", {"scenes": scenes})
    with pytest.raises(BuildError, match=sentence):
        build("clevr", tmp_path / "r", source_dir=str(source))
    assert len(build_questions(tmp_path, source, on_error="skip")) == 4


def test_scenes_of_images_of_another_size(tmp_path, source):
    far = ("large", "red", "metal", "cube", 300, 200)
    scenes = [scene("train", 0, far), scene("train", 1)]
    write_json(source / "scenes/CLEVR_train_scenes.json", {"scenes": scenes})
    with pytest.raises(
        BuildError, match="CLEVR_train_000000.png: object 'large red metal cube'"
    ):
        build("clevr", tmp_path / "r", source_dir=str(source))


@pytest.mark.skipif(
    "CLEVR_SAMPLE_DIR" not in os.environ,
    reason="CLEVR_SAMPLE_DIR does not name a folder in CLEVR's layout",
)
def test_a_real_folder(tmp_path):
    info = build("clevr", tmp_path / "r", source_dir=os.environ["CLEVR_SAMPLE_DIR"])
    known = set(QUESTION_TYPES.values()) | {""}
    assert all(set(split["question_types"]) <= known for split in info["splits"].values())
