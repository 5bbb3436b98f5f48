"""Texts that no record can hold, questions without words, and JSON's faults: every builder.

One entry is at fault, and named; the others are built.
"""

import json
import os
import unicodedata

import pytest

from records.build import build
from records.schema import ImageExample, Object, Question
from records.source import BuildError, Problems
from records.usable import usable
from tests.records import vqa_trees
from tests.records.builders import test_clevr
from tests.records.trees import questions_of, read_records, write_image, write_json

HALF = "x\ud83d"
LATIN_1 = os.fsdecode(b"caf\xe9.png")


def jsonl(root, change):
    root.mkdir()
    lines = [
        {
            "image": "a.png",
            "question": f"Is it {i}?",
            "answers": ["yes"],
            "id": str(i),
            "type": "t",
        }
        for i in range(3)
    ]
    texts = [json.dumps(line) for line in lines]
    texts[1] = change(lines[1])
    (root / "train.jsonl").write_text("\n".join(texts) + "\n")
    write_image(root / "a.png")
    return "train.jsonl:2"


def clevr(root, change):
    questions = [test_clevr.ask("train", 0, i) for i in range(3)]
    test_clevr.write_split(root, "train", questions, num_images=1)
    texts = [json.dumps(question) for question in questions]
    texts[1] = change(questions[1])
    name = "questions/CLEVR_train_questions.json"
    (root / name).write_text('{"questions": [' + ",".join(texts) + "]}")
    return f"{name}: question 1"


def vqa_v2(root, change, of="questions"):
    questions = [vqa_trees.ask(1, i) for i in range(3)]
    annotations = [vqa_trees.annotate(question, "yes") for question in questions]
    vqa_trees.write_v2(root, "train2014", questions, annotations)
    entries = questions if of == "questions" else annotations
    texts = [json.dumps(entry) for entry in entries]
    texts[1] = change(entries[1])
    names = {"questions": vqa_trees.questions_name, "annotations": vqa_trees.annotations_name}
    (root / names[of]("train2014")).write_text(f'{{"{of}": [{",".join(texts)}]}}')
    return f"{vqa_trees.questions_name('train2014')}: question 1001"


def annotations(root, change):
    return vqa_v2(root, change, "annotations")


def easy_vqa(root, change):
    entries = [["is it?", "yes", 0] for _ in range(3)]
    texts = [json.dumps(entry) for entry in entries]
    texts[1] = change({"question": "is it?", "answer": "yes"})
    if texts[1].startswith("{"):
        texts[1] = json.dumps([*json.loads(texts[1]).values(), 0])
    for folder in ("train", "test"):
        write_json(root / folder / "questions.json", entries)
        write_image(root / folder / "images" / "0.png")
    (root / "train/questions.json").write_text("[" + ",".join(texts) + "]")
    return "train/questions.json: entry 1 (from 0)"


ARGUMENTS = {"vqa_v2": {"val_share": 0}, "easy_vqa": {"val_percent": 0}}


def built(tmp_path, dataset, on_error):
    source = str(tmp_path / "source")
    arguments = ARGUMENTS.get(dataset, {})
    options = {"source_dir": source, "builder_args": arguments, "on_error": on_error}
    build(dataset, tmp_path / "r", **options)
    return questions_of(read_records(tmp_path / "r", "train"))


def check(tmp_path, make, change, reason):
    """The entry is named before anything is written; skipped, it alone is left out."""
    where = make(tmp_path / "source", change)
    dataset = "vqa_v2" if make is annotations else make.__name__
    with pytest.raises(BuildError) as raised:
        built(tmp_path, dataset, "stop")
    assert str(raised.value).startswith(f"{where}: ")
    assert reason in str(raised.value)
    assert not (tmp_path / "r").exists()
    assert len(built(tmp_path, dataset, "skip")) == 2
    lines = (tmp_path / "r/skipped.jsonl").read_text().splitlines()
    (note,) = [json.loads(line) for line in lines]
    assert note["where"] == where


def set_to(key, value):
    def change(entry):
        assert key in entry or key == "more"
        return json.dumps(entry | {key: value})

    return change


BUILDERS = {make.__name__: make for make in (jsonl, clevr, vqa_v2, easy_vqa)}
STRINGS = [
    *((jsonl, key) for key in ("question", "id", "type", "image")),
    *((clevr, key) for key in ("question", "answer", "image_filename")),
    (vqa_v2, "question"),
    *((annotations, key) for key in ("question_type", "answer_type")),
    *((easy_vqa, key) for key in ("question", "answer")),
]


@pytest.mark.parametrize("make, key", STRINGS)
def test_half_a_character_in_a_field(tmp_path, make, key):
    check(tmp_path, make, set_to(key, HALF), "half a character")


def test_half_a_character_in_one_of_several_answers(tmp_path):
    check(tmp_path, jsonl, set_to("answers", ["yes", HALF]), "half a character")


def test_half_a_character_in_one_of_ten_answers(tmp_path):
    pairs = [{"answer": "yes", "answer_confidence": "yes", "answer_id": i} for i in range(9)]
    pairs.append(pairs[0] | {"answer": HALF})
    check(tmp_path, annotations, set_to("answers", pairs), "half a character")


def test_half_a_character_in_a_key(tmp_path):
    check(tmp_path, jsonl, set_to("more", 1), "unknown key 'more'")
    source = tmp_path / "2"
    where = jsonl(source, lambda entry: json.dumps(entry | {HALF: 1}))
    with pytest.raises(BuildError, match=rf"{where}: unknown key 'x\\ud83d'"):
        build("jsonl", tmp_path / "r2", source_dir=str(source))


@pytest.mark.parametrize("make", BUILDERS.values())
@pytest.mark.parametrize("text", ["\u200b", "\0", " \u00ad\u2800", "\x01"], ids=ascii)
def test_a_question_without_words(tmp_path, make, text):
    check(tmp_path, make, set_to("question", text), "empty")


@pytest.mark.parametrize("make", BUILDERS.values())
def test_a_nul_in_a_question(tmp_path, make):
    check(tmp_path, make, set_to("question", "Is it\0 red?"), "has a NUL character")


@pytest.mark.parametrize("make, key", [pair for pair in STRINGS if pair[1] != "question"])
def test_a_nul_in_a_field(tmp_path, make, key):
    check(tmp_path, make, set_to(key, "a\0b"), "has a NUL character (U+0000)")


def test_a_nul_in_one_of_several_answers(tmp_path):
    check(tmp_path, jsonl, set_to("answers", ["yes", "a\0"]), "has a NUL character (U+0000)")


def test_a_nul_in_one_of_ten_answers(tmp_path):
    pairs = [{"answer": "yes", "answer_confidence": "yes", "answer_id": i} for i in range(9)]
    pairs.append(pairs[0] | {"answer": "yes\0"})
    check(tmp_path, annotations, set_to("answers", pairs), "has a NUL character (U+0000)")


def test_a_nul_in_the_name_of_an_object(tmp_path):
    root = tmp_path / "source"
    clevr(root, json.dumps)
    scene = test_clevr.scene("train", 0, ("large", "red\0", "metal", "cube", 3, 2))
    write_json(root / "scenes/CLEVR_train_scenes.json", {"scenes": [scene]})
    with pytest.raises(BuildError, match=r"scene 0 \(from 0\): 'color' has a NUL character"):
        built(tmp_path, "clevr", "stop")


@pytest.mark.parametrize("make", [jsonl, clevr, vqa_v2, annotations])
def test_a_key_twice(tmp_path, make):
    def change(entry):
        return json.dumps(entry)[:-1] + ', "more": 1, "more": 2}'

    check(tmp_path, make, change, "the key 'more' is there twice")


def test_a_key_twice_within_an_entry(tmp_path):
    def change(entry):
        return json.dumps(entry).replace('"inputs": []', '"inputs": [], "inputs": [1]')

    check(tmp_path, clevr, change, "the key 'inputs' is there twice")


def test_a_key_twice_in_an_answer(tmp_path):
    def change(entry):
        return json.dumps(entry).replace(
            '"answer": "yes"', '"answer": "no", "answer": "yes"', 1
        )

    check(tmp_path, annotations, change, "in its annotation the key 'answer' is there twice")


@pytest.mark.parametrize("make", BUILDERS.values())
@pytest.mark.parametrize("depth", [300, 985, 992, 100_000])
def test_deep_json(tmp_path, make, depth):
    def change(entry):
        return "[" * depth + "]" * depth

    make(tmp_path / "source", change)
    with pytest.raises(BuildError, match="json"):  # No RecursionError: the file is named.
        built(tmp_path, make.__name__, "stop")


@pytest.mark.parametrize(
    "make, folder",
    [(clevr, "images/train"), (vqa_v2, "train2014"), (easy_vqa, "train/images"), (jsonl, "")],
)
def test_a_file_that_nobody_asks_about_may_have_any_name(tmp_path, make, folder):
    make(tmp_path / "source", json.dumps if make is not easy_vqa else set_to("answer", "no"))
    for name in (LATIN_1, "COCO_train2014_" + LATIN_1.replace("png", "jpg")):
        write_image(tmp_path / "source" / folder / name)
    assert len(built(tmp_path, make.__name__, "stop")) == 3


@pytest.mark.parametrize("make, key", [(clevr, "image_filename"), (jsonl, "image")])
def test_a_file_named_in_latin_1(tmp_path, make, key):
    """Once as Python's json writes such a name, once as a person does."""
    folder = tmp_path / "source" / ("images/train" if make is clevr else "")
    where = make(tmp_path / "source", set_to(key, LATIN_1))
    write_image(folder / LATIN_1)
    with pytest.raises(BuildError, match="rename a file of such a name") as raised:
        built(tmp_path, make.__name__, "stop")
    assert str(raised.value).startswith(where)
    make(tmp_path / "named", set_to(key, "café.png"))
    (tmp_path / "source").rename(tmp_path / "other")
    (tmp_path / "named").rename(tmp_path / "source")
    write_image(folder / LATIN_1)
    with pytest.raises(BuildError, match="the same name in another encoding than UTF-8"):
        built(tmp_path, make.__name__, "stop")
    assert len(built(tmp_path, make.__name__, "skip")) == 2


@pytest.mark.parametrize("make, key", [(clevr, "image_filename"), (jsonl, "image")])
def test_a_name_that_looks_alike(tmp_path, make, key):
    folder = tmp_path / "source" / ("images/train" if make is clevr else "")
    make(tmp_path / "source", set_to(key, unicodedata.normalize("NFC", "café.png")))
    write_image(folder / unicodedata.normalize("NFD", "café.png"))
    with pytest.raises(BuildError, match="looks alike"):
        built(tmp_path, make.__name__, "stop")


def test_a_link_to_a_file_named_in_latin_1(tmp_path):
    jsonl(tmp_path / "source", set_to("image", "b.png"))
    write_image(tmp_path / "source" / LATIN_1)
    (tmp_path / "source/b.png").symlink_to(LATIN_1)
    with pytest.raises(BuildError, match=r"train\.jsonl:2: the image's path, links followed,"):
        built(tmp_path, "jsonl", "stop")


def test_a_scene_twice(tmp_path):
    root = tmp_path / "source"
    clevr(root, json.dumps)
    scene = test_clevr.scene("train", 0, ("large", "red", "metal", "cube", 3, 2))
    other = test_clevr.scene("train", 0)
    write_json(root / "scenes/CLEVR_train_scenes.json", {"scenes": [scene, other]})
    sentence = r"scene 1 \(from 0\): is of CLEVR_train_000000.png, as is scene 0. Remove one"
    with pytest.raises(BuildError, match=sentence):
        built(tmp_path, "clevr", "stop")
    built(tmp_path, "clevr", "skip")
    (record,) = read_records(tmp_path / "r", "train")
    assert record["object/name"].tolist() == [b"large red metal cube"]


def test_pixel_coords_beyond_all_numbers(tmp_path):
    root = tmp_path / "source"
    clevr(root, json.dumps)
    scene = test_clevr.scene("train", 0, ("large", "red", "metal", "cube", 10**400, 2))
    write_json(root / "scenes/CLEVR_train_scenes.json", {"scenes": [scene]})
    with pytest.raises(BuildError, match=r"scene 0 \(from 0\): 'pixel_coords' must be pixels"):
        built(tmp_path, "clevr", "stop")


def test_names_of_clevr_humans(tmp_path):
    root = tmp_path / "source"
    clevr(root, json.dumps)
    humans = root / "questions/CLEVR-Humans-train.json"
    (root / "questions/CLEVR_train_questions.json").rename(humans)
    (root / "questions/._CLEVR-Humans-train.json").write_bytes(b"\x00\x05\x16\x07")
    with pytest.raises(
        BuildError, match="rename the files, CLEVR-Humans-train.json to CLEVR_tr"
    ):
        built(tmp_path, "clevr", "stop")


def test_what_macos_keeps_beside_files(tmp_path):
    jsonl(tmp_path / "source", json.dumps)
    (tmp_path / "source/._train.jsonl").write_bytes(b"\x00\x05\x16\x07")
    with pytest.raises(BuildError, match=r"\._train\.jsonl is what macOS keeps.*Delete it"):
        built(tmp_path, "jsonl", "stop")


@pytest.mark.parametrize("image", ["https://example.org/a.png", "data:image/png;base64,iVBORw"])
def test_an_address_in_the_place_of_an_image(tmp_path, image):
    check(tmp_path, jsonl, set_to("image", image), "download the image")


def test_the_last_look_at_any_builder():
    """Of a builder of somebody else's, which checks nothing."""
    good = Question("1", "Is it?", ("yes",), "t", "a", ("yes",), "g")
    bad = [
        *(Question("2", text) for text in (HALF, "", "\u200b", "a\0b")),
        *(
            Question(HALF, "Is it?"),
            Question("3", "Is it?", (HALF,)),
            Question("4", "?", type=HALF),
        ),
        *(
            Question("5", "?", answer_type=HALF),
            Question("6", "?", ("a",), confidences=(HALF,)),
        ),
        Question("7", "Is it?", group=HALF),
        Question("8\0", "Is it?"),
        Question("9", "Is it?", ("yes\0",)),
        Question("10", "Is it?", type="\0"),
        Question("11", "Is it?", group="a\0"),
    ]
    for question in bad:
        problems = Problems("skip")
        example = ImageExample("i", "i.png", bytes, (good, question))
        assert usable("i", example, problems).questions == (good,)
        assert len(problems.notes) == 1
        assert problems.notes[0]["where"].startswith("i.png: question ")
        with pytest.raises(BuildError, match=r"i\.png: question "):
            usable("i", example, Problems())
        alone = ImageExample("i", "i.png", bytes, (question,))
        assert usable("i", alone, Problems("skip")) is None
    thing = Object(HALF, 0.5, 0.5)
    for example in (
        ImageExample("i\0", "i.png", bytes, (good,)),
        ImageExample("i", "i.png", bytes, (good,), (Object("a\0b", 0.5, 0.5),)),
        ImageExample(HALF, "i.png", bytes, (good,)),
        ImageExample("i", "i.png", bytes, (good,), (thing,)),
    ):
        problems = Problems("skip")
        assert usable("i", example, problems) is None
        assert "It has 1 question." in problems.notes[0]["reason"]
