"""Records that are not what they were are named, with what is wrong and what to do."""

import json
import shutil

import pytest
import tensorflow as tf

from hardvqa_tf.vqa import VqaData
from records import build
from records.damage import find_damage, naming_damage, read_json, what_is_wrong
from records.folder import read_info, read_vocabularies, shard_paths
from records.source import BuildError
from tests.conftest import BUILDER_ARGS

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 17696\n"
# What happens to a file, and what is said of it.
DAMAGES = {
    "missing": (lambda path: path.unlink(), "is missing"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder, not a file"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "pointer": (lambda path: path.write_bytes(POINTER), "is a pointer of Git LFS, which `git"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-100]), ""),
    "garbage": (lambda path: path.write_bytes(b"\x00\xff\x9c" * 40), ""),
}


@pytest.fixture
def folder(records_dir, tmp_path):
    return shutil.copytree(records_dir, tmp_path / "records")


@pytest.fixture(params=DAMAGES)
def damaged(request):
    return DAMAGES[request.param]


def check_refusal(error, path, said):
    message = str(error.value)
    assert message.startswith(f"{path} {said}"), message
    assert "Copy it again from where it came, or delete the whole folder and build" in message


@pytest.mark.parametrize("name", ["dataset_info.json", "vocabularies.json"])
def test_a_damaged_json_file(folder, damaged, name):
    damage, said = damaged
    path = folder / name
    damage(path)
    if (name, said) == ("dataset_info.json", "is missing"):
        said = "is missing, which says what the shards .* are. Copy the folder again"
        for reader in (read_info, build.verify, build_again):
            with pytest.raises(BuildError, match=f"{path} {said}"):
                reader(str(folder))
        for shard in folder.glob("*.tfrecord-*"):
            shard.unlink()
        with pytest.raises(BuildError, match="There are no records in .* Build them: python"):
            read_info(str(folder))
        return
    with pytest.raises(BuildError) as error:
        (read_info if name == "dataset_info.json" else read_vocabularies)(str(folder))
    check_refusal(error, path, said or "is not JSON (")


def test_a_key_twice_and_json_that_is_too_deep(folder):
    path = folder / "dataset_info.json"
    path.write_text('{"version": "9", ' + path.read_text().lstrip()[1:])
    with pytest.raises(BuildError, match="is not JSON .the key 'version' is there twice"):
        read_info(str(folder))
    path.write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(BuildError, match="is not JSON .it is nested too deeply"):
        read_info(str(folder))


def test_other_words_with_the_right_form(folder):
    path = folder / "vocabularies.json"
    path.write_text(path.read_text().replace("circle", "circel"))
    with pytest.raises(BuildError) as error:
        read_vocabularies(str(folder))
    check_refusal(error, path, "is not what it was when it was written")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "should hold an object, but holds a list"),
        ("[" * 100_000, "is not JSON"),
        ("null", "should hold an object, but holds null"),
        ("5", "should hold an object, but holds a number"),
        (
            '{"version": "1.1.0"}',
            "is not, or no longer, what this program wrote: it has no",
        ),
        ("splits", 'says splits.val.shards = "two", which should be a list. Copy it again'),
        ("sha256", "it has no splits.train.shards.1.sha256"),
    ],
    ids=lambda text: text[:20],
)
def test_an_info_that_is_none(folder, content, said):
    path = folder / "dataset_info.json"
    info = json.loads(path.read_text())
    if content == "splits":
        info["splits"]["val"]["shards"] = "two"
        content = json.dumps(info)
    elif content == "sha256":
        del info["splits"]["train"]["shards"][1]["sha256"]
        content = json.dumps(info)
    path.write_text(content)
    for reader in (read_info, lambda folder: build_again(folder)):
        with pytest.raises(BuildError) as error:
            reader(str(folder))
        assert str(error.value).startswith(str(path)) and said in str(error.value)


def build_again(folder):
    return build.build("sort_of_clevr", folder, builder_args=BUILDER_ARGS, num_shards=2)


@pytest.mark.parametrize(
    ("info", "whose"),
    [
        (
            {"name": "clevr", "version": "3.1.0", "fileFormat": "tfrecord", "splits": []},
            "TensorFlow Datasets",
        ),
        (
            {"builder_name": "parquet", "config_name": "default", "splits": {"train": {}}},
            "Hugging Face's datasets",
        ),
        (
            {"name": "clevr", "citation": "", "splits": [{"name": "train"}]},
            "TensorFlow Datasets",
        ),
        (
            {"citation": "", "description": "", "features": {}, "homepage": ""},
            "Hugging Face's datasets",
        ),
    ],
    ids=["tfds", "huggingface", "older tfds", "huggingface from a dict"],
)
def test_the_records_of_others(tmp_path, info, whose):
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    for reader in (read_info, build_again):
        with pytest.raises(BuildError, match=f"is of {whose}, .*docs/data.md"):
            reader(str(tmp_path))


# What stands in dataset_info.json where something else should, and what is said of it.
WRONG = {
    "knows": ([1], "says knows = [1], which should be an object"),
    "knows.has_objects": ("x", 'says knows.has_objects = "x", which should be true or false'),
    "files": ([1], "says files = [1], which should be an object"),
    "files.vocabularies@json": (7, "says files.vocabularies.json = 7, which should be a text"),
    "schema": ([], "says schema = [], which should be an object"),
    "schema.kind": ([1], "says schema.kind = [1], which should be a text"),
    "parts": ("x", 'says parts = "x", which should be a list'),
    "arguments": ([], "says arguments = [], which should be an object"),
    "num_skipped": (-1, "says num_skipped = -1, which should be a whole number of at least 0"),
    "train_split": ("nope", "should be one of its splits: train, val, test"),
    "test_splits": ([5], "says test_splits.0 = 5, which should be a text"),
    "splits": ({}, "which should be one of its splits: none"),
    "splits.train": (None, "says splits.train = null, which should be an object"),
    "splits.train.max_words": (None, "says splits.train.max_words = null, which should be a"),
    "splits.val.max_words": ("a", 'says splits.val.max_words = "a", which should be a whole'),
    "splits.val.num_answered": (True, "says splits.val.num_answered = true, which should be"),
    "splits.val.num_images": (2.0, "says splits.val.num_images = 2.0, which should be"),
    "splits.val.question_types": ([1], "says splits.val.question_types = [1], which should"),
    "splits.val.questions_per_image": ({"x": 1}, "a number as key is needed"),
    "splits.val.questions_per_image.4": (9, "should add up to num_images and num_questions"),
    "splits.val.shards.0": ("x", 'says splits.val.shards.0 = "x", which should be an object'),
    "splits.val.shards.1.num_records": (100, "says splits.val.num_images = "),
    "splits.val.shards.0.num_records": (-1, "says splits.val.shards.0.num_records = -1, "),
    "features": ({"encoder": "x", "shape": [1]}, "it has no features.arguments"),
}


@pytest.mark.parametrize("key", WRONG)
def test_a_value_of_another_kind(folder, key):
    path, (value, said) = folder / "dataset_info.json", WRONG[key]
    info = json.loads(path.read_text())
    *way, last = (int(p) if p.isdigit() and p != "4" else p for p in key.split("."))
    inner = info
    for part in way:
        inner = inner[part]
    inner[last.replace("@", ".") if isinstance(last, str) else last] = value
    path.write_text(json.dumps(info))
    for reader in (read_info, build_again):
        with pytest.raises(BuildError) as error:
            reader(str(folder))
        message = str(error.value)
        assert message.startswith(f"{path} ") and said in message, message
        assert message.endswith("delete the whole folder and build it again.")


@pytest.mark.parametrize("key", ["max_words", "num_answered", "questions_per_image"])
def test_a_fact_that_is_missing(folder, key):
    change_info(folder, lambda split: split.pop(key))
    with pytest.raises(BuildError, match=f"it has no splits.train.{key}. Copy"):
        read_info(str(folder))


def test_keys_of_newer_versions(folder):
    change_info(folder, lambda split: split.update(num_hats=[1], shards_by_size={}))
    assert read_info(str(folder))["splits"]["train"]["num_hats"] == [1]


@pytest.mark.parametrize("words", [[1], [["a"]], [["a", "b"]], {"a": 1}])
def test_vocabularies_of_another_form(folder, words):
    path = folder / "vocabularies.json"
    path.write_text(json.dumps({"words": words, "answers": []}))
    with pytest.raises(BuildError, match="vocabularies.json says words"):
        read_vocabularies(str(folder))


def change_info(folder, change):
    info = json.loads((folder / "dataset_info.json").read_text())
    change(info["splits"]["train"])
    (folder / "dataset_info.json").write_text(json.dumps(info))


@pytest.mark.parametrize("value", [-4, 10**9])
def test_a_number_that_cannot_be(folder, value):
    change_info(folder, lambda split: split.update(max_words=value))
    with pytest.raises(BuildError, match=f"says splits.train.max_words = {value}"):
        read_info(str(folder))


def test_a_shard_outside_of_the_folder(folder):
    change_info(folder, lambda split: split["shards"][0].update(name="../../x"))
    with pytest.raises(BuildError, match='shards.0.name = "../../x", which should be a file'):
        read_info(str(folder))


def test_a_file_where_records_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    for way in ("file", "file/below"):
        for use in (read_info, lambda folder: build.build("sort_of_clevr", folder)):
            with pytest.raises(
                BuildError, match="file is not a folder. Received: --records_dir"
            ):
                use(str(tmp_path / way))


def test_a_folder_of_several_splits_of_others(tmp_path):
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train"]}')
    with pytest.raises(BuildError, match="dataset_dict.json is of Hugging Face's datasets"):
        read_info(str(tmp_path))


def test_an_unfinished_build_with_a_damaged_plan(folder, damaged):
    (folder / "dataset_info.json").rename(folder / "build_plan.json")
    damage, said = damaged
    if said == "is missing":
        return
    damage(folder / "build_plan.json")
    for reader in (read_info, build_again):
        with pytest.raises(BuildError) as error:
            reader(str(folder))
        check_refusal(error, folder / "build_plan.json", said or "is not JSON (")


def test_a_shard_that_is_not_there_as_it_was_written(folder, damaged):
    damage, said = damaged
    path = folder / "sort_of_clevr-val.tfrecord-00001-of-00002"
    size = path.stat().st_size
    damage(path)
    assert shard_paths(str(folder), "train")
    with pytest.raises(BuildError) as error:
        shard_paths(str(folder), "val")
    now = path.stat().st_size if path.exists() else None
    check_refusal(error, path, said or f"has {now} bytes, but was written with {size}")


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("position", [3, 100, 9_000, -2])
def test_a_flipped_bit_while_reading(folder, vocabularies, position):
    path = folder / "sort_of_clevr-train.tfrecord-00001-of-00002"
    flip(path, position)
    paths = shard_paths(str(folder), "train")
    data = VqaData(str(folder), "train", vocabularies, image_size=(8, 8), batch_size=6)
    with pytest.raises(BuildError) as error, naming_damage(lambda: paths):
        list(data.in_order())
    assert isinstance(error.value.__cause__, tf.errors.DataLossError)
    check_refusal(error, path, "cannot be read: record ")


def test_an_image_that_cannot_be_decoded(folder, vocabularies, tmp_path):
    path = shard_paths(str(folder), "val")[0]
    first, *others = [raw.numpy() for raw in tf.data.TFRecordDataset(path)]
    example = tf.train.Example.FromString(first)
    picture = example.features.feature["image/encoded"].bytes_list
    picture.value[0] = picture.value[0][: len(picture.value[0]) // 2]
    image_id = example.features.feature["image/id"].bytes_list.value[0].decode()
    bad = str(tmp_path / "bad")
    with tf.io.TFRecordWriter(bad) as writer:
        for record in (*others, example.SerializeToString()):
            writer.write(record)
    found = find_damage([path, bad])
    assert found.startswith(f"The image {image_id} (record 2 of {bad}) cannot be decoded")


def test_an_error_that_is_not_of_the_records(folder):
    paths = shard_paths(str(folder), "train")
    assert find_damage(paths) is None
    with pytest.raises(tf.errors.InvalidArgumentError, match="mine"):
        with naming_damage(lambda: paths):
            raise tf.errors.InvalidArgumentError(None, None, "mine")


def test_what_is_wrong_with_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"1234")
    assert what_is_wrong(path) is what_is_wrong(path, 4) is None
    assert what_is_wrong(path, 5) == "has 4 bytes, but was written with 5"


def test_json_says_what_to_do(tmp_path):
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(BuildError, match=r"a.json is not JSON \(Expecting.*\). Look there."):
        read_json(str(tmp_path / "a.json"), "Look there.")
