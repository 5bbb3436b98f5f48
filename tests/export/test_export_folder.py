"""What `--mode=export` leaves: a folder that works by itself, under TensorFlow Serving, too."""

import ast
import base64
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from benchmarks import export_parity
from hardvqa_tf.export import savedmodel
from hardvqa_tf.export.savedmodel import export
from hardvqa_tf.predict import predict_image
from hardvqa_tf.runs import load_run
from tests.conftest import EXPORTED_ANSWERS, EXPORTED_WORDS
from tests.serving_ops import CORE, TEXT, operations_of

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workdir(exported_run):
    return pathlib.Path(exported_run)


@pytest.fixture(scope="module")
def version(workdir):
    return workdir / "export" / "1"


def test_everything_is_inside(version):
    names = {str(path.relative_to(version)) for path in version.rglob("*") if path.is_file()}
    assert names >= {
        "saved_model.pb",
        "variables/variables.index",
        "assets/config.json",
        "assets/vocabularies.json",
        "assets.extra/model.json",
        "README.md",
    }
    card = json.loads((version / "assets.extra" / "model.json").read_text())
    examples = card.pop("examples")
    assert card == {
        "name": "my_run",
        "task": "vqa",
        "image_size": [20, 24],
        "grid": [3, 3],
        "fields": {
            "origin": [1.5, 3.5],  # 20 rows need padding above, too
            "pitch": [8, 8],
            "extent": [15, 15],
            "image_size": [20, 24],
            "grid": [3, 3],
        },
        "num_answers": 7,
        "input": "image",
        "mixer": "none",
        "attention": "adahan",
        "aggregator": "relation",
        "data": "sort_of_clevr",
    }
    assert 3 <= len(examples) <= 6
    for example in examples:
        image = Image.open(version / "assets.extra" / example["image"])
        assert image.size == (75, 75)
        types = [asked["type"] for asked in example["questions"]]
        assert types and len(types) == len(set(types))
        assert all(asked["question"] and asked["answer"] for asked in example["questions"])
    stored = json.loads((version / "assets" / "vocabularies.json").read_text())
    assert stored == {"words": EXPORTED_WORDS, "answers": EXPORTED_ANSWERS, "max_words": 5}


def copy_run(workdir, folder):
    """Without its exports."""
    shutil.copytree(workdir, folder, ignore=shutil.ignore_patterns("export"))


def test_other_users_can_read_it(version):
    assert stat.S_IMODE(version.stat().st_mode) == 0o777 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_versions_rise_and_a_failed_export_leaves_nothing(workdir, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    copy_run(workdir, folder)
    (folder / "export" / "9").mkdir(parents=True)
    (folder / "export" / "notes").mkdir()
    old = folder / "export" / "partial-of-a-killed-export"
    old.mkdir()
    os.utime(old, (0, 0))
    written = []

    def write_a_little(path, *args, **kwargs):
        written.append(path)
        pathlib.Path(path, "saved_model.pb").write_bytes(b"")

    def fail(*_):
        # What is written up to here is not where a server would look.
        assert set(os.listdir(folder / "export")) == {"9", "notes", os.path.basename(*written)}
        raise OSError("the disk is full")

    monkeypatch.setattr(savedmodel, "write_saved_model", write_a_little)
    with monkeypatch.context() as broken, pytest.raises(OSError, match="the disk is full"):
        broken.setattr(savedmodel, "model_card", fail)
        export(str(folder))
    assert set(os.listdir(folder / "export")) == {"9", "notes"}
    assert export(str(folder)) == str(folder / "export" / "10")
    assert set(os.listdir(folder / "export")) == {"9", "10", "notes"}


def test_records_that_are_not_at_hand_give_no_examples(workdir, tmp_path, monkeypatch):
    monkeypatch.setattr(savedmodel, "write_saved_model", lambda path, *args, **kwargs: None)
    folder = tmp_path / "run"
    copy_run(workdir, folder)
    path = export(str(folder), str(tmp_path / "nowhere"), name="other")
    card = json.loads(pathlib.Path(path, "assets.extra", "model.json").read_text())
    assert card["examples"] == [] and card["name"] == "other"
    unfinished, lines = tmp_path / "unfinished", []
    unfinished.mkdir()
    (unfinished / "dataset_info.json").write_text(
        '{"version": "0.1", "dataset": "sort_of_clevr"}'
    )
    export(str(folder), str(unfinished), report=lines.append)
    assert re.match("No example images are added: .* have version 0.1", lines[0])
    assert "/v1/models/other:predict" in pathlib.Path(path, "README.md").read_text()


def test_the_mode(door, workdir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(savedmodel, "write_saved_model", lambda path, *args, **kwargs: None)
    copy_run(workdir, tmp_path / "run")
    with flagsaver.as_parsed(mode="export", workdir=str(tmp_path / "run"), max_pixels="5000"):
        door.main(["main.py"])
    assert f"{tmp_path}/run/export/1: a SavedModel" in capsys.readouterr().out
    assert "more than 5,000 pixels" in (tmp_path / "run/export/1/README.md").read_text()


def test_a_name_must_fit_into_an_address(workdir):
    with pytest.raises(ValueError, match="letters, digits.*Received: 'a model'.*'a_model'"):
        export(str(workdir), name="a model")


def test_no_run_says_which_command_trains_one(tmp_path):
    with pytest.raises(ValueError, match="--mode=train --workdir="):
        export(str(tmp_path))
    assert not list(tmp_path.iterdir())


# --- The model card.


def test_the_card_has_the_numbers_of_the_evaluation(workdir, tmp_path, monkeypatch):
    monkeypatch.setattr(savedmodel, "write_saved_model", lambda path, *args, **kwargs: None)
    folder, lines = tmp_path / "run", []
    copy_run(workdir, folder)
    rows = [
        {"type": "all", "num_questions": 1234, "accuracy": 0.9555, "blind_by_text": 0.25},
        {"type": "a|b: c", "num_questions": 34, "accuracy": 0.5, "blind_by_text": 0.125},
    ]
    result = {"split": "test", "num_questions": 1234, "metric": "exact", "rows": rows}
    evaluation = folder / "evaluation_test.json"
    evaluation.write_text(json.dumps(result | {"num_cells": 2.25, "total_cells": 9}))
    card = pathlib.Path(export(str(folder), report=lines.append), "README.md").read_text()
    assert "| all | 1,234 | 95.55 % | 25.00 % |" in card
    assert r"| a\|b: c | 34 | 50.00 % | 12.50 % |" in card
    assert "2.2 of 9 cells" in card and lines == []
    # A result that is older than the model may be that of another one.
    os.utime(evaluation, (0, 0))
    epochs = [{"epoch": i, "val/all": x, "val/b": x / 2} for i, x in ((1, 0.5), (2, 0.75))]
    lines_of_epochs = [json.dumps(epoch) for epoch in [*epochs, {"epoch": 3, "val/all": 0.25}]]
    (folder / "metrics.jsonl").write_text("\n".join(lines_of_epochs))
    card = pathlib.Path(export(str(folder), report=lines.append), "README.md").read_text()
    assert "95.55 %" not in card
    assert "After epoch 2" in card and "| all | 75.00 % |\n| b | 37.50 % |" in card
    assert "evaluation_test.json is older than model.keras" in lines[0]


def test_the_rest_call_of_the_card_is_json(version, tmp_path):
    """Up to curl, as a shell runs it."""
    text = (version / "README.md").read_text()
    command = text.split("```bash\n")[1].split("| curl")[0]
    (tmp_path / "image.jpg").write_bytes(bytes(range(256)) * 1000)
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True)
    (row,) = json.loads(done.stdout)["instances"]
    assert set(row) == {"image", "question"} and len(row["image"]["b64"]) > 256_000


# --- Beside the Keras model, on the questions of a split.


@pytest.mark.slow
def test_a_whole_split_is_answered_as_the_keras_model_does(workdir, capsys):
    export_parity.main(["--workdir", str(workdir), "--batch_size", "4"])
    out = capsys.readouterr().out
    assert "36 questions of val" in out and out.count("differs in 0 of 36 questions") == 6


@pytest.mark.parametrize("name, change", [("mask", True), ("presence", 2e-5)])
def test_a_difference_is_told(name, change):
    expected = {
        "mask": np.zeros((3, 2, 2), bool),
        "presence": np.ones((3, 2, 2), np.float32),
        "top_answers": np.array([["a", "b"]] * 3, object),
    }
    found = {key: value.copy() for key, value in expected.items()}
    export_parity.compare(found, expected, 1e-5)
    found[name][1, 0, 1] += change
    with pytest.raises(SystemExit, match=f"Not equal: {name}"):
        export_parity.compare(found, expected, 1e-5)


# --- Alone.

ALONE = """
import importlib.util, json, sys
import tensorflow as tf
from tensorflow.python.framework import kernels

known = {kernel.op for kernel in kernels.get_all_registered_kernels().kernel
         if kernel.device_type in ("CPU", "DEFAULT")}
print(json.dumps(sorted(known & set(json.loads(sys.argv[1])))))
for name in ("hardvqa_tf", "records"):
    assert importlib.util.find_spec(name) is None, sys.path
exec(open("as_in_the_card.py").read())
print(json.dumps({name: value[0].numpy().tolist() for name, value in found.items()
                  if value.dtype != tf.string}))
assert not {"hardvqa_tf", "records", "main", "ml_collections"} & set(sys.modules)

sys.path.insert(0, sys.argv[2])
exec(sys.argv[3])
print(model.count_params(), *keras.saving.get_custom_objects())
"""


@pytest.fixture(scope="module")
def alone(workdir, tmp_path_factory):
    """Lines of a process that has TensorFlow and tensorflow-text, in a copy of the export.

    It runs the Python of the model card; then, with this repository, the two lines of the
    documentation that load a `.keras` file.
    """
    folder = tmp_path_factory.mktemp("alone") / "elsewhere"
    shutil.copytree(workdir / "export" / "1", folder)
    code = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    (folder / "as_in_the_card.py").write_text(code)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "image.jpg")
    documented = (ROOT / "docs" / "serving.md").read_text()
    two_lines = documented.split("two lines load it:\n\n```python\n")[1].split("```")[0]
    assert len([line for line in two_lines.splitlines() if line]) == 2
    two_lines = two_lines.replace("runs/sort_of_clevr", str(workdir))
    arguments = [json.dumps(sorted(CORE | TEXT)), str(ROOT), two_lines]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *arguments],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout.splitlines()


def test_the_card_says_how_to_call_it_and_that_works_without_us(workdir, alone, tmp_path):
    """The answer is that of --mode=predict to the same question about the same image."""
    folder, lines = alone
    question = json.loads(re.search(r"tf.constant\(\[(\".+\")\]\)", _card(folder)).group(1))
    picture = str(tmp_path / "picture.png")
    image = str(folder / "image.jpg")
    expected = predict_image(str(workdir), image, picture, question=question)
    answer, probability = lines[1].rsplit(" ", 1)
    assert answer == expected["answer"]
    assert float(probability) == pytest.approx(expected["best_answers"][0][1], abs=1e-5)
    found = json.loads(lines[-2])
    np.testing.assert_allclose(
        found["top_probabilities"], [p for _, p in expected["best_answers"]], atol=1e-5
    )
    assert found["num_cells"] == expected["num_cells"] == np.sum(found["mask"])
    assert np.shape(found["mask"]) == (3, 3)


def bash_of_card(folder, start):
    """The block of the card that begins so."""
    (block,) = [b for b in _card(folder).split("```bash\n")[1:] if b.startswith(start)]
    return block.split("```")[0]


def test_the_card_sends_an_image_of_any_size(alone, tmp_path):
    """A shell's arguments have 128 KiB at most."""
    image = np.random.default_rng(0).bytes(400_000)
    (tmp_path / "image.jpg").write_bytes(image)
    script = bash_of_card(alone[0], "{ printf")
    assert " | curl -s -d @- http" in script
    body = subprocess.check_output(["bash", "-c", script.split(" | curl")[0]], cwd=tmp_path)
    (row,) = json.loads(body)["instances"]
    assert base64.b64decode(row["image"]["b64"]) == image
    assert f'tf.constant(["{row["question"]}"])' in _card(alone[0])


def test_the_card_runs_it_from_the_command_line(alone):
    script = bash_of_card(alone[0], "python -c").replace("python -c", f"{sys.executable} -c")
    done = subprocess.run(["bash", "-c", script], cwd=alone[0], capture_output=True, text=True)
    assert "Result for output key status:\n[b'ok']" in done.stdout, done.stderr


def _card(folder):
    return (folder / "README.md").read_text()


def test_a_keras_file_is_loaded_by_two_lines(workdir, alone):
    count, *known = alone[1][-1].split()
    assert int(count) == load_run(str(workdir)).model.count_params()
    # No layer that a model can be made of is missing.
    assert registered_layers() <= set(known)


def registered_layers():
    """The layers of the source that are registered with Keras, by their registered names."""
    folders = ("hardvqa_tf/layers", "hardvqa_tf/encoders")
    files = [path for folder in folders for path in (ROOT / folder).glob("*.py")]
    names = set()
    for path in [*files, ROOT / "hardvqa_tf/vqa/model.py"]:
        for node in ast.parse(path.read_text()).body:
            decorators = " ".join(map(ast.unparse, getattr(node, "decorator_list", [])))
            if isinstance(node, ast.ClassDef) and "register_keras" in decorators:
                names.add(f"hardvqa_tf>{node.name}")
    assert len(names) > 15
    return names


def test_the_operations_are_those_that_tensorflow_serving_links(version, alone):
    """See serving_ops.py for where the list comes from."""
    assert operations_of(version) <= CORE | TEXT
    # TensorFlow by itself runs what the list says that it runs, and no more of it.
    assert set(json.loads(alone[1][0])) == CORE
