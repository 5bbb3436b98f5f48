"""A build from plan to counts: deterministic, resumable, and careful with what is there."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

import records.build
from records import folder, schema, writer
from records.build import build, read_info, read_vocabularies
from records.folder import what_is_known
from records.source import BuildError
from tests.records.trees import files_of, jsonl_tree, read_records, write_image, write_lines


@pytest.fixture
def source(tmp_path):
    return jsonl_tree(tmp_path / "source")


def test_info_and_vocabularies(tmp_path, source):
    write_lines(
        source / "val.jsonl",
        {
            "image": "photos/val0.png",
            "question": "Is it SNOWING now, or what?",
            "answer": "hail",
        },
        {"image": "photos/val0.png", "question": "What number is 7?"},
        {"image": "photos/val1.png", "question": "Is it raining?", "answers": ["no", "fog"]},
    )
    info = build("jsonl", tmp_path / "r", source_dir=str(source), num_shards=2)
    assert info == read_info(tmp_path / "r")
    train, val = info["splits"]["train"], info["splits"]["val"]
    assert (train["num_images"], train["num_questions"], train["num_answered"]) == (5, 10, 10)
    assert (val["num_images"], val["num_questions"], val["num_answered"]) == (2, 3, 2)
    assert (train["max_words"], val["max_words"]) == (5, 8)
    # "snowing", "now", ",", "or" and "7" are in no training question; "hail", "fog" no answers.
    assert (train["num_unknown_words"], val["num_unknown_words"]) == (0, 5)
    assert (train["num_unknown_answers"], val["num_unknown_answers"]) == (0, 2)
    assert train["question_types"] == {"": 10}
    assert [shard["num_records"] for shard in train["shards"]] == [2, 3]
    assert train["shards"][1]["name"] == "jsonl-train.tfrecord-00001-of-00002"

    vocabularies = read_vocabularies(tmp_path / "r")
    assert vocabularies["answers"] == [["no", 5], *([str(i), 1] for i in range(5))]
    assert vocabularies["words"][:2] == [["?", 10], ["is", 10]]
    assert len(vocabularies["words"]) == 11
    assert "hail" not in str(vocabularies)


def test_words_are_split_by_what_is_handed_in_and_each_text_once(tmp_path, source):
    seen = []

    def split_at_spaces(texts):
        seen.extend(texts)
        return [text.split() for text in texts]

    build("jsonl", tmp_path / "r", source_dir=str(source), split_words=split_at_spaces)
    assert seen.count("Is it raining?") == 2  # Once for train and once for val.
    assert ["raining?", 5] in read_vocabularies(tmp_path / "r")["words"]


def test_two_folders_and_two_processes_write_the_same_bytes(tmp_path, source):
    moved = shutil.copytree(source, tmp_path / "elsewhere")
    build("jsonl", tmp_path / "one", source_dir=str(source), num_shards=2, num_processes=1)
    build("jsonl", tmp_path / "two", source_dir=str(moved), num_shards=2, num_processes=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert all(b"elsewhere" not in data for data in files_of(tmp_path / "two").values())


def test_a_finished_build_is_left_alone(tmp_path, source, monkeypatch):
    first = build("jsonl", tmp_path / "r", source_dir=str(source))
    monkeypatch.setattr(writer, "write_shards", None)  # Whoever calls it fails.
    assert build("jsonl", tmp_path / "r", source_dir=str(source)) == first


def test_a_finished_build_on_a_disk_that_is_read_alone(tmp_path, source, monkeypatch):
    first = build("jsonl", tmp_path / "r", source_dir=str(source))

    def refuse(path, *_, **__):  # As Linux does, also for what is not there.
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    (tmp_path / "r/build_plan.json").write_text("{}")  # It was killed before it tidied up.
    (tmp_path / "r/jsonl-val.tfrecord-00000-of-00001.partial-1-ab").write_bytes(b"")
    for name in ("remove", "unlink", "mkdir", "makedirs", "replace", "rename"):
        monkeypatch.setattr(os, name, refuse)
    assert build("jsonl", tmp_path / "r", source_dir=str(source)) == first


KILLED = """
import os, signal
from records import build, writer
make_record, images = writer._make_record, []
def dying(example, problems):
    images.append(example)
    if len(images) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return make_record(example, problems)
writer._make_record = dying
build.build("jsonl", "{records}", source_dir="{source}", num_shards=3, on_error="skip")
"""


def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(tmp_path, source, monkeypatch):
    records = tmp_path / "r"
    for i in range(5):
        (source / f"photos/train{i}.png").write_bytes(b"no image" if i < 4 else b"")
    write_image(source / "photos/train2.png")
    script = KILLED.format(records=records, source=source)
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=600)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert any(".partial-" in name for name in os.listdir(records))
    assert any(name.endswith("-of-00003.skipped.jsonl") for name in os.listdir(records))
    with pytest.raises(BuildError, match="not finished.*Run their build command again.*=jsonl"):
        read_info(records)

    written = []
    write_shard = writer.write_shard
    monkeypatch.setattr(
        writer, "write_shard", lambda shard, *a: (written.append(shard), write_shard(shard, *a))
    )
    build("jsonl", records, source_dir=str(source), on_error="skip")
    assert 0 < len(written) < 6
    build("jsonl", tmp_path / "b", source_dir=str(source), num_shards=3, on_error="skip")
    assert files_of(records) == files_of(tmp_path / "b")
    skipped = files_of(records)["skipped.jsonl"].decode().splitlines()
    assert sorted(json.loads(line)["where"] for line in skipped) == [
        f"photos/train{i}.png" for i in (0, 1, 3, 4)
    ]


def unfinish(records, *shard_names):
    """Makes finished records look as if the build had been killed before these shards."""
    info = read_info(records)
    plan = {key: info[key] for key in ("dataset", "version", "arguments", "source_fingerprint")}
    plan["num_shards"] = {split: len(of["shards"]) for split, of in info["splits"].items()}
    writer.write_text(str(records / folder.PLAN_NAME), folder.to_json(plan))
    for name in (folder.INFO_NAME, *shard_names):
        os.remove(records / name)


def test_only_the_missing_shards_are_written(tmp_path, source, capsys):
    build("jsonl", tmp_path / "r", source_dir=str(source), num_shards=3)
    before = files_of(tmp_path / "r")
    missing = "jsonl-train.tfrecord-00001-of-00003"
    kept = tmp_path / "r" / "jsonl-train.tfrecord-00000-of-00003"
    age = os.stat(kept).st_mtime_ns
    unfinish(tmp_path / "r", missing)
    capsys.readouterr()
    build("jsonl", tmp_path / "r", source_dir=str(source))
    assert "5 of 6 shards are there already" in capsys.readouterr().out
    assert files_of(tmp_path / "r") == before
    assert os.stat(kept).st_mtime_ns == age


def test_what_an_interrupted_build_skipped_still_stops_one_that_does_not_skip(tmp_path, source):
    (source / "photos/train1.png").write_bytes(b"no image")
    build("jsonl", tmp_path / "r", source_dir=str(source), on_error="skip")
    name = "jsonl-train.tfrecord-00000-of-00001.skipped.jsonl"
    os.rename(tmp_path / "r" / "skipped.jsonl", tmp_path / "r" / name)
    unfinish(tmp_path / "r")
    with pytest.raises(BuildError, match=r"photos/train1\.png: not an image.*on_error=skip"):
        build("jsonl", tmp_path / "r", source_dir=str(source))


def test_another_finished_data_set_is_refused_with_the_differing_keys(tmp_path, source):
    build("jsonl", tmp_path / "r", source_dir=str(source))
    write_image(source / "photos/train0.png", width=100, height=90)
    changed = "source_fingerprint.* Files of the source were changed .*delete that"
    with pytest.raises(BuildError, match=f"finished records.*{changed}"):
        build("jsonl", tmp_path / "r", source_dir=str(source))
    unfinish(tmp_path / "r")  # As one that stopped at an image which was mended then.
    with pytest.raises(BuildError, match=f"of an unfinished build.*{changed}"):
        build("jsonl", tmp_path / "r", source_dir=str(source))
    with pytest.raises(BuildError, match='dataset \\("jsonl" there, "sort_of_clevr" asked'):
        build("sort_of_clevr", tmp_path / "r")


def test_another_argument_or_number_of_shards_is_refused(tmp_path):
    sizes = {"num_train_images": 3, "num_val_images": 2, "num_test_images": 1}
    build("sort_of_clevr", tmp_path / "r", builder_args=sizes)
    with pytest.raises(BuildError, match=r"argument num_train_images \(3 there, 4 asked\)"):
        build("sort_of_clevr", tmp_path / "r", builder_args=sizes | {"num_train_images": "4"})
    with pytest.raises(BuildError, match=r"num_shards of train \(1 there, 2 asked\)"):
        build("sort_of_clevr", tmp_path / "r", builder_args=sizes, num_shards=2)
    unfinish(tmp_path / "r")
    with pytest.raises(BuildError, match="unfinished build.*argument seed .0 there, 1 asked"):
        build("sort_of_clevr", tmp_path / "r", builder_args=sizes | {"seed": 1})
    with pytest.raises(BuildError, match="unfinished build.*num_shards"):
        build("sort_of_clevr", tmp_path / "r", builder_args=sizes, num_shards=2)


def test_shards_that_nobody_knows_are_not_overwritten(tmp_path, source):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "jsonl-train.tfrecord-00000-of-00001").write_bytes(b"precious")
    with pytest.raises(BuildError, match="dataset_info.json is missing, which says"):
        build("jsonl", tmp_path / "r", source_dir=str(source))


def test_two_builds_at_once_are_refused(tmp_path, source):
    (tmp_path / "r").mkdir()
    with folder.lock(tmp_path / "r"):
        with pytest.raises(BuildError, match="Another build is writing"):
            build("jsonl", tmp_path / "r", source_dir=str(source))


def test_nothing_is_written_when_the_source_has_a_problem(tmp_path, source):
    write_lines(source / "val.jsonl", "{")
    with pytest.raises(BuildError, match=r"val\.jsonl:1: not JSON"):
        build("jsonl", tmp_path / "r", source_dir=str(source))
    assert not (tmp_path / "r").exists()


def test_skipping_notes_everything_and_says_how_much(tmp_path, source, capsys):
    write_lines(
        source / "val.jsonl",
        "{",
        {"image": "photos/val1.png", "question": "Is it raining?", "answer": "no"},
        {"image": "photos/none.png", "question": "Is it raining?", "answer": "no"},
        {"image": "photos/val1.png", "question": " ", "answer": "no"},
    )
    (source / "photos/train1.png").write_bytes(b"no image")
    info = build("jsonl", tmp_path / "r", source_dir=str(source), on_error="skip")
    assert (info["splits"]["train"]["num_skipped"], info["splits"]["train"]["num_images"]) == (
        1,
        4,
    )
    assert (info["splits"]["val"]["num_skipped"], info["splits"]["val"]["num_questions"]) == (
        3,
        1,
    )
    assert info["num_skipped"] == 4
    assert "4 problems skipped" in capsys.readouterr().out
    notes = [json.loads(s) for s in (tmp_path / "r/skipped.jsonl").read_text().splitlines()]
    assert [(note["split"], note["where"]) for note in notes] == [
        ("val", "val.jsonl:1"),
        ("val", "val.jsonl:4"),
        ("val", "val.jsonl:3"),
        ("train", "photos/train1.png"),
    ]
    assert "not an image" in notes[3]["reason"] and "2 questions" in notes[3]["reason"]


def test_a_clean_build_leaves_no_other_files(tmp_path, source):
    build("jsonl", tmp_path / "r", source_dir=str(source), on_error="skip")
    assert sorted(os.listdir(tmp_path / "r")) == [
        "dataset_info.json",
        "jsonl-train.tfrecord-00000-of-00001",
        "jsonl-val.tfrecord-00000-of-00001",
        "vocabularies.json",
    ]


def test_image_bytes_are_those_of_the_file(tmp_path, source):
    build("jsonl", tmp_path / "r", source_dir=str(source))
    for record in read_records(tmp_path / "r", "train"):
        path = source / record["image/id"].decode()
        assert record["image/encoded"] == path.read_bytes()
        assert (record["image/height"], record["image/width"]) == (5, 8 + int(path.stem[-1]))


def test_a_split_without_any_image_is_an_error(tmp_path, source):
    (source / "val.jsonl").write_text("{\n")
    with pytest.raises(BuildError, match="Split 'val' of 'jsonl' has no image"):
        build("jsonl", tmp_path / "r", source_dir=str(source), on_error="skip")


def test_the_default_number_of_shards():
    sizes = {1: 1, 1000: 1, 1001: 2, 9800: 10, 70_000: 64}
    assert {n: records.build._default_shards(n) for n in sizes} == sizes


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (
            dict(dataset="clever"),
            "Unknown data set 'clever'. Did you mean 'clevr'.*sort_of_clevr",
        ),
        (
            dict(builder_args={"num_train": 3}),
            "no argument 'num_train'. Did you mean 'num_t.*seed",
        ),
        (dict(builder_args={"seed": "x"}), "'seed' must be of type int. Received: 'x'.*seed=0"),
        (dict(builder_args={"seed": 1.5}), "'seed' must be of type int. Received: 1.5"),
        (dict(builder_args={"seed": True}), "'seed' must be of type int. Received: True"),
        (dict(on_error="ignore"), "`on_error` must be 'stop' or 'skip'. Received: 'ignore'"),
        (dict(num_shards=0, builder_args={"num_train_images": 1}), "`num_shards` must be betw"),
        (dict(num_processes=0), "`num_processes` must be at least 1. Received: 0"),
        (dict(dataset="jsonl"), "'jsonl' needs --source_dir, the folder with data.jsonl"),
        (
            dict(dataset="jsonl", source_dir="/no/where"),
            "--source_dir=/no/where is not a folder",
        ),
        (dict(dataset="clevr", builder_args={"seed": 1}), "no argument 'seed'. It takes none"),
    ],
)
def test_wrong_arguments(tmp_path, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**{"dataset": "sort_of_clevr", "records_dir": tmp_path / "r"} | arguments)


def test_no_records_says_the_command(tmp_path):
    with pytest.raises(BuildError, match="no records in .*python main.py --mode=build"):
        read_info(tmp_path)


def test_records_of_another_version_are_not_read(tmp_path, source):
    info = build("jsonl", tmp_path / "r", source_dir=str(source))
    info["version"] = "0.9.0"
    (tmp_path / "r/dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(BuildError, match="version 0.9.0, .* reads .*Build them again"):
        read_info(tmp_path / "r")
    with pytest.raises(BuildError, match='version \\("0.9.0" there'):
        build("jsonl", tmp_path / "r", source_dir=str(source))


def test_finished_records_of_an_older_1_x_are_read_and_left_as_they_are(tmp_path, source):
    info = build("jsonl", tmp_path / "r", source_dir=str(source))
    older = {key: value for key, value in info.items() if key not in ("schema", "knows")}
    path = tmp_path / "r/dataset_info.json"
    path.write_text(json.dumps(older | {"version": "1.0.0"}))
    before = path.read_bytes()
    assert read_info(tmp_path / "r")["version"] == "1.0.0"
    assert build("jsonl", tmp_path / "r", source_dir=str(source))["version"] == "1.0.0"
    assert path.read_bytes() == before


def test_what_a_builder_knows_is_kept(tmp_path, source):
    info = build("jsonl", tmp_path / "r", source_dir=str(source))
    assert info["knows"]["turns_by_exif"] and not info["knows"]["has_objects"]
    assert what_is_known(info) == {
        "has_objects": False,
        "names_objects_by_colour": False,
        "turns_by_exif": True,
        "areas_of_coco": False,
        "judged_as_voc": False,
    }
    older = {"dataset": "sort_of_clevr"}
    assert what_is_known(older)["names_objects_by_colour"]
    assert not what_is_known({"dataset": "jsonl"})["turns_by_exif"]  # They were not turned.


def test_a_split_of_which_nothing_is_left_stops_the_build(tmp_path, source):
    images = {path: path.read_bytes() for path in (source / "photos").glob("val*.png")}
    for path, image in images.items():
        path.write_bytes(b"no image".ljust(len(image)))  # fingerprint: sizes
    arguments = {"source_dir": str(source), "on_error": "skip", "num_shards": 2}
    expected = "'val' has no image left: all 2 .*first photos/val.*not an image"
    with pytest.raises(BuildError, match=expected):
        build("jsonl", tmp_path / "r", **arguments)
    assert not (tmp_path / "r" / folder.INFO_NAME).exists()
    for path, image in images.items():
        path.write_bytes(image)
    info = build("jsonl", tmp_path / "r", **arguments)
    assert info["splits"]["val"]["num_images"] == 2 and info["num_skipped"] == 0


def test_finished_records_of_an_older_version_are_left_alone(tmp_path, source, capsys):
    build("jsonl", tmp_path / "r", source_dir=str(source))
    path = tmp_path / "r" / folder.INFO_NAME
    path.write_text(path.read_text().replace(f'"{schema.VERSION}"', '"1.1.0"'))
    before = files_of(tmp_path / "r")
    capsys.readouterr()
    build("jsonl", tmp_path / "r", source_dir=str(source))
    assert "finished, of version 1.1.0, and stay as they are" in capsys.readouterr().out
    assert files_of(tmp_path / "r") == before
