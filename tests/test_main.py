"""The door: help, misspelt flags, and one chain from nothing to an answer, as users type it."""

import json
import os
import pathlib
import re
import resource
import subprocess
import sys

import pytest
from absl.testing import flagsaver

MAIN = pathlib.Path(__file__).parent.parent / "main.py"
CONFIG = MAIN.parent / "hardvqa_tf" / "configs" / "easy_vqa.py"
TINY = [
    "--config.image_size=(20, 24)",
    "--config.model.small_cnn.filters=(4, 5, 6)",
    "--config.model.small_cnn.strides=(2, 2, 2)",
    "--config.model.aggregator=sum",
    "--config.train.epochs=1",
]


def run(*arguments, cwd=None, python_args=()):
    command = [sys.executable, *python_args, str(MAIN), *arguments]
    # As a user's shell: without what makes TensorFlow quiet and quick in these tests.
    ours = ("TF_CPP_MIN_LOG_LEVEL", "TF_NUM_INTRAOP_THREADS", "CUDA_VISIBLE_DEVICES")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600
    )


def test_help_names_every_mode_quickly_and_without_tensorflow():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run("--help", python_args=["-X", "importtime"])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 2  # seconds of CPU
    assert done.returncode == 0
    modes = re.search(r"--mode: <(.+)>", done.stdout).group(1).split("|")
    assert set(modes) >= {"build", "train", "evaluate", "predict", "report"}
    for mode in modes:
        assert re.search(rf"^  --mode={mode} +\S+ \S+", done.stdout, re.MULTILINE), mode
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "absl.flags" in imported
    assert imported.isdisjoint({"tensorflow", "keras", "numpy"})
    for flag in ("workdir", "records_dir", "source_dir", "dataset", "config", "split"):
        assert f"--{flag}:" in done.stdout.replace(f"--[no]{flag}:", f"--{flag}:")


@pytest.mark.parametrize("flag", ["--question", "--records_dir", "--config.dataset"])
def test_an_argument_that_is_no_text(flag):
    done = run("--mode=predict", "--image=a.png", "--workdir=w", f"{flag}=caf\udce9?")
    assert done.returncode == 1
    said = rf"Error: This argument is not Unicode text: '{flag}=caf\udce9?'. Type it in a"
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert not done.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--mode=train", "--workdri=x"], "Unknown command line flag 'workdri'.*: workdir"),
        (["--mode=trian"], "--mode=trian: value should be one of <build.train.evaluate.pred"),
        ([], r"Say what to do: --mode=build\|train\|evaluate\|predict"),
        (["--mode=train", "more"], "Unexpected argument 'more'"),
        (["--mode=train", "--config.seeed=1"], "--config.seeed: there is no such value. Did"),
        (["--mode=train", "--config.trian.epochs=1"], "Did you mean 'config.train.epochs'?"),
        (["--mode=train", "--config.epochs=1"], "Did you mean 'config.train.epochs'?"),
        (["--mode=build", "--config.builder_args.a=1"], "given as --builder_args=NAME=VALUE"),
        (["--mode=train", "--config.model.mixer=x"], "config.model.mixer='x': must be one of"),
        (
            ["--mode=train", "--config.train.epochs=two"],
            "epochs=two: must be a whole number",
        ),
        (
            ["--mode=train", "--config.model=3"],
            "--config.model=3: give its values, --config.",
        ),
        (["--mode=train", "--num_virtual_devices=0"], "num_virtual_devices=0"),
        (["--mode=train", "--workdir=a", "--workdir", "b"], "--workdir is given more than on"),
        (["--mode=train", "--mode=train"], "the last would count alone. Give it once.\n"),
        (["--runs=a", "--mode=report", "--runs=b"], "once, with commas between its values"),
        (["--config.seed=1", "--config.seed=2"], "--config.seed is given more than once"),
        ([f"--config={CONFIG}", f"--config={CONFIG}"], "--config is given more than once"),
        (["--fields", "--nofields"], "--fields is given more than once"),
        (
            ["--builder_args=seed=1", "--mode=build", "--builder_args=seed=2"],
            "--builder_args has 'seed' twice. Received: seed=1 and seed=2",
        ),
        (  # Lists, of which each adds a value.
            ["--config.image_size=20", "--config.image_size=30", "--sketch=a", "--sketch=b"],
            "Say what to do",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_at_the_door(arguments, message, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode != 0 and re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "given, message",
    [
        ({"mode": "predict", "question": "What?"}, "--mode=predict needs --image"),
        ({"mode": "train", "dataset": "sort_of_clver"}, "sort_of_clevr"),
        ({"mode": "train", "config": "nothing.py"}, "nothing.py"),
        ({"mode": "evaluate", "workdir": "nothing"}, "Train one: python main.py --mode=train"),
        ({"mode": "build", "builder_args": "seed"}, "takes name=value,... Received: 'seed'"),
        (
            {"mode": "build", "builder_args": "seed=1,seed=2"},
            "'seed' twice. Received: seed=1 and seed=2",
        ),
    ],
    ids=str,
)
def test_mistakes_inside_a_mode_are_one_error(door, given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with flagsaver.as_parsed(**given), pytest.raises(SystemExit) as exit_:
        door.main(["main.py"])
    # A string as exit code: printed to stderr, and the process returns 1.
    assert exit_.value.code.startswith("Error: ") and message in exit_.value.code
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("user")


def run_quietly(folder, *arguments):
    """Runs in the user's folder: only results are printed, without a terminal no bar."""
    done = run(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\r" not in done.stdout and "\x1b" not in done.stdout
    return done.stdout


# One chain in this order, each test going on with what the one before left.


def test_build(folder):
    sizes = "num_train_images=6,num_val_images=3,num_test_images=2,num_questions=2"
    out = run_quietly(folder, "--mode=build", f"--builder_args={sizes}", "--num_processes=1")
    assert "Building the records of sort_of_clevr in data/sort_of_clevr" in out
    assert "train: 6 images" in out and "test: 2 images" in out
    info = json.loads((folder / "data/sort_of_clevr/dataset_info.json").read_text())
    assert info["splits"]["train"]["num_questions"] == 24


def test_verify(door, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    with flagsaver.as_parsed(mode="build", verify="true", records_dir="data/sort_of_clevr"):
        door.main(["main.py"])
    out = capsys.readouterr().out
    assert "data/sort_of_clevr: 11 images, 44 questions in 3 shards, all as they sho" in out


def test_verify_calls_no_damage_what_an_older_version_took(door, monkeypatch, capsys):
    reasons = ["a PNG with transparent pixels."] * 3 + [f"reason {i}" for i in range(11)]
    notices = [
        {"shard": f"s{i}", "image_id": f"a{i}.png", "reason": reason}
        for i, reason in enumerate(reasons)
    ]
    found = {"num_images": 20, "num_questions": 30, "num_shards": 2, "notices": notices}
    monkeypatch.setattr("records.build.verify", lambda *_, **__: found)
    monkeypatch.setattr("records.build.read_info", lambda _: {})
    with flagsaver.as_parsed(mode="build", verify="true", records_dir="data/mine"):
        door.main(["main.py"])  # It does not exit.
    first, notice, *lines = capsys.readouterr().out.splitlines()
    assert first == "data/mine: 20 images, 30 questions in 2 shards, all as they should be."
    assert notice.startswith("Notice: a build would refuse 14 of these images today")
    assert "They are no damage" in notice and "--on_error=skip" in notice
    assert lines[:2] == [
        "  image 'a0.png' of s0 and 2 more: a PNG with transparent pixels.",
        "  image 'a3.png' of s3: reason 0",
    ]
    assert lines[-1] == "  ... and 2 more reasons" and len(lines) == 11


def test_train(folder):
    out = run_quietly(folder, "--mode=train", *TINY, "--workdir=my run")
    lines = out.splitlines()
    assert "24 questions about 6 images" in lines[0] and "parameters" in lines[0]
    assert lines[1].startswith("epoch 1/1 | loss ")
    assert re.search(r"^val +questions +accuracy +blind by question", out, re.MULTILINE)
    assert re.search(r"^all +12 ", out, re.MULTILINE)
    assert "python main.py --mode=evaluate --workdir=" in out
    assert "python main.py --mode=predict --workdir=" in out
    assert "tensorboard --logdir=" in out
    assert {path.name for path in (folder / "my run").iterdir()} >= {
        "checkpoints",
        "config.json",
        "evaluation_val.json",
        "example.png",
        "logs",
        "masks_val",
        "metrics.jsonl",
        "model.keras",
        "predictions_val.json",
        "vocabularies.json",
    }
    assert {path.name for path in folder.iterdir()} == {"data", "my run"}


def test_evaluate(door, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    with flagsaver.as_parsed(mode="evaluate", workdir="my run", split="test"):
        door.main(["main.py"])
    out = capsys.readouterr().out
    assert re.search(r"^all +8 ", out, re.MULTILINE)
    assert re.search(r"^  (count|closest|furthest) ", out, re.MULTILINE)
    assert "cells on average" in out
    predictions = json.loads((folder / "my run/predictions_test.json").read_text())
    assert len(predictions) == 8


def test_predict(folder):
    from PIL import Image

    Image.new("RGB", (60, 40), "red").save(folder / "photo.png")
    question = "What is the shape of the red object?"
    out = run_quietly(
        folder,
        "--mode=predict",
        "--workdir=my run",
        "--image=photo.png",
        f"--question={question}",
    )
    lines = out.splitlines()
    assert lines[0] == question
    assert sum(" %" in line for line in lines) == 5
    assert re.fullmatch(r"Looked at \d+ of 9 cells: my run/predict_photo.png", lines[-1])
    with Image.open(folder / "my run/predict_photo.png") as picture:
        assert picture.size[0] > 100
