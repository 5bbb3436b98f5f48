"""What a run leaves in its workdir, and how it is read again."""

import json
import shutil

import pytest

from hardvqa_tf import runs
from hardvqa_tf.vqa import Vocabularies
from tests import small_models
from tests.full_disk import full_disk


def test_other_words_in_the_same_folder_are_refused(trained_run, config, vocabularies):
    fewer = Vocabularies(["what"], vocabularies.answers.answers, 13)
    with pytest.raises(ValueError, match="another vocabularies.json: words differ"):
        runs.start_run(trained_run[0], config, fewer)


def test_a_folder_without_a_run_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="model.keras is missing. Train one: python main.py"):
        runs.load_run(str(tmp_path / "nothing"))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 17696\n"
DAMAGES = {
    "cut": (cut, ""),
    "garbage": (lambda path: path.write_bytes(b"\x00\xff\x9c" * 40), ""),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "pointer": (lambda path: path.write_bytes(POINTER), "is a pointer of Git LFS"),
    "folder": (replace_by_folder, "is a folder, not a file"),
    "list": (lambda path: path.write_text("[3]"), ""),
    "deep": (lambda path: path.write_text("[" * 100_000), ""),
    "other": (lambda path: path.write_text('{"epochs": 3, "model": 4}'), ""),
}
RECORDS = {"dataset": "a", "splits": {}}


@pytest.fixture(params=DAMAGES)
def damage(request):
    return DAMAGES[request.param]


@pytest.fixture
def workdir(exported_run, config, vocabularies, tmp_path):
    """Of a run that was trained, as far as its files tell."""
    workdir = tmp_path / "run"
    runs.start_run(str(workdir), config, vocabularies, RECORDS)
    shutil.copy(f"{exported_run}/model.keras", workdir)
    runs.append_metrics(workdir, {"epoch": 1, "val/all": 0.5})
    return workdir


@pytest.mark.parametrize("name", ["model.keras", "config.json", "vocabularies.json"])
def test_a_damaged_file_is_named_when_a_run_is_loaded(workdir, name, damage):
    change, said = damage
    assert runs.load_run(str(workdir)).config.train.epochs == 2
    change(workdir / name)
    with pytest.raises(ValueError) as error:
        runs.load_run(str(workdir))
    message = str(error.value)
    assert message.startswith(f"{workdir / name}") and said in message
    assert "\n" not in message.strip()


@pytest.mark.parametrize("name", ["config.json", "vocabularies.json", "records.json"])
def test_a_damaged_file_is_named_when_a_run_resumes(
    workdir, name, damage, config, vocabularies
):
    change, said = damage
    runs.check_run(str(workdir), config, vocabularies, RECORDS)
    change(workdir / name)
    with pytest.raises(ValueError) as error:
        runs.check_run(str(workdir), config, vocabularies, RECORDS)
    assert str(workdir) in str(error.value) and said in str(error.value)


@pytest.mark.parametrize("name", ["model.keras", "config.json", "vocabularies.json"])
def test_what_a_trained_run_lost_is_copied_again(workdir, name):
    """Nobody is told to train it once more, which would be refused."""
    (workdir / name).unlink()
    with pytest.raises(ValueError, match=f"{workdir / name} is missing, but .*trained. Copy"):
        runs.load_run(str(workdir))


def test_a_run_in_its_first_epoch_has_no_model_yet(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/ckpt-1.index").touch()
    with pytest.raises(ValueError, match="no model in .* yet: .*Run the command that trains"):
        runs.load_run(str(tmp_path))


def test_a_trained_run_without_its_records_file_says_which_count(workdir, config, vocabularies):
    said = []
    runs.start_run(str(workdir), config, vocabularies, RECORDS, said.append)
    assert said == []
    (workdir / "records.json").unlink()
    runs.start_run(str(workdir), config, vocabularies, RECORDS, said.append)
    assert len(said) == 1 and f"{workdir}/records.json is missing" in said[0]
    assert f"those of {config.records_dir}." in said[0]
    assert (workdir / "records.json").exists()


def test_damaged_metrics_are_named(workdir, damage, config, vocabularies):
    change, said = damage
    change(workdir / "metrics.jsonl")
    for read in (
        lambda: runs.read_metrics(workdir),
        lambda: runs.check_run(str(workdir), config, vocabularies),
        lambda: runs.append_metrics(workdir, {"epoch": 2}),
    ):
        if said == "is empty":
            read()
            continue
        with pytest.raises(ValueError, match=f"{workdir}/metrics.jsonl.*{said}"):
            read()


def test_a_line_of_metrics_is_named_by_its_number(workdir):
    runs.append_metrics(workdir, {"epoch": 2, "val/all": 0.6})
    with open(workdir / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 3, "val')
    with pytest.raises(ValueError, match="metrics.jsonl, line 3: .* or delete that line"):
        runs.read_metrics(workdir)


def test_what_a_trained_run_lost_is_not_made_up(workdir, config, vocabularies):
    runs.append_metrics(workdir, {"epoch": 2, "val/all": 0.6})
    with pytest.raises(ValueError, match="has 2 epochs, but there is no checkpoint to resume"):
        runs.check_run(str(workdir), config, vocabularies)
    (workdir / "config.json").unlink()
    with pytest.raises(ValueError, match="config.json is missing, but .* was trained. Copy"):
        runs.check_run(str(workdir), config, vocabularies)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("metrics.jsonl", lambda folder: runs.append_metrics(folder, {"epoch": 1})),
        ("a.json", lambda folder: runs.write_json(f"{folder}/a.json", {"a": 1})),
        ("model.keras", lambda folder: runs.save_model(folder, small_models.build())),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path, name, write):
    """What was there stays."""
    (tmp_path / name).write_bytes(b"")
    with (
        full_disk(),
        pytest.raises(OSError, match=f"{tmp_path / name} cannot be written .*Make room"),
    ):
        write(str(tmp_path))
    assert (tmp_path / name).read_bytes() == b""


def test_a_run_that_is_older_than_a_value_loads(trained_run, tmp_path):
    workdir = shutil.copytree(trained_run[0], tmp_path / "run")
    stored = json.loads((workdir / "config.json").read_text())
    del stored["metric"], stored["train"]["ema_decay"], stored["task"]
    (workdir / "config.json").write_text(json.dumps(stored))
    found = runs.load_run(str(workdir)).config
    assert (found.metric, found.train.ema_decay) == ("exact", 0.0)
    assert (found.train.epochs, found.model.question_lstm.units) == (2, 7)  # as it was trained


def test_a_run_that_is_newer_than_the_program_is_refused(
    trained_run, config, vocabularies, tmp_path
):
    workdir = shutil.copytree(trained_run[0], tmp_path / "run")
    stored = json.loads((workdir / "config.json").read_text())
    stored["model"]["small_cnn"]["dilation"] = 2
    (workdir / "config.json").write_text(json.dumps(stored))
    for read in (runs.load_run, lambda folder: runs.check_run(folder, config, vocabularies)):
        with pytest.raises(ValueError, match="does not know model.small_cnn.dilation=2. A new"):
            read(str(workdir))


@pytest.mark.parametrize("below", ["", "/run"])
def test_a_workdir_that_is_no_folder_is_told(tmp_path, config, vocabularies, below):
    (tmp_path / "file").write_text("")
    workdir = f"{tmp_path}/file{below}"
    with pytest.raises(
        ValueError, match=f"file is not a folder. Received: --workdir={workdir}"
    ):
        runs.check_run(workdir, config, vocabularies)


@pytest.mark.parametrize("value", ["x", True, [8]])
def test_a_stored_value_of_another_kind_is_named(workdir, value):
    stored = json.loads((workdir / "config.json").read_text())
    stored["train"]["batch_size"] = value
    (workdir / "config.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="config.json: config.train.batch_size="):
        runs.load_run(str(workdir))


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({}, "is not, or no longer, what this program wrote: it has no splits"),
        ({"train": 5}, "is not, or no longer, what this program wrote: it has no splits"),
        ({"dataset": "d", "splits": []}, "says splits = .*, which should be an object"),
        ({"splits": {"train": [1]}}, "says splits.train = .1., which should be an object"),
        ({"splits": {}, "arguments": 1}, "says arguments = 1, which should be an object"),
    ],
)
def test_damaged_names_of_records_are_named(workdir, config, vocabularies, stored, said):
    (workdir / "records.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=f"records.json {said}"):
        runs.check_run(str(workdir), config, vocabularies, {"splits": {}})
