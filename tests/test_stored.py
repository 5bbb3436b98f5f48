"""What version 1.1.0 stored is read, computes and goes on as it did: fixtures/stored_1_1.

A test here that fails means that a user's records, runs or exports would be lost or, worse,
computed into something else: mend the program, not the fixture.
"""

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver

from hardvqa_tf import runs
from hardvqa_tf.configs import base
from records.build import read_info
from records.schema import parse_example
from tests.fixtures.stored_1_1 import make

STORED = Path(make.HERE)
MAIN = Path(__file__).parent.parent / "main.py"
# Kernels differ between processors, and add in another order. Numbers here are below 30.
ROUNDING = 1e-5
# Defaults that new runs have otherwise since: to resume an older run, they are set as then.
OF_THEN = "    config.model.small_cnn.centred = False\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of a user who has these records and runs, and may change them."""
    folder = tmp_path_factory.mktemp("user")
    for name in ("configs", "records"):
        shutil.copytree(STORED / name, folder / name)
    for name in make.RUNS:
        with tarfile.open(STORED / f"runs/{name}.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        config = folder / f"configs/{name}.py"
        config.write_text(config.read_text().replace("    return", OF_THEN + "    return"))
    return folder


@pytest.fixture
def user(door, folder, monkeypatch, capsys):
    """Runs a mode in that folder; returns what it printed."""
    monkeypatch.chdir(folder)

    def run(**flags):
        with flagsaver.as_parsed(**flags):
            door.main(["main.py"])
        return capsys.readouterr().out

    return run


def stored_json(run, name):
    """What a run's JSON file held when it was stored."""
    with tarfile.open(STORED / f"runs/{run}.tar.xz") as archive:
        return json.load(archive.extractfile(f"runs/{run}/{name}"))


def expected(name):
    """(inputs, outputs) of expected/<name>.npz, each a dict of arrays."""
    with np.load(STORED / f"expected/{name}.npz") as arrays:
        return tuple(
            {k.removeprefix(part): v for k, v in arrays.items() if k.startswith(part)}
            for part in ("inputs/", "outputs/")
        )


def assert_same(found, wanted, tolerance=ROUNDING):
    """Two dicts of arrays: the same names, types and shapes; numbers within the tolerance."""
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        array = np.asarray(found[name])
        array = array.astype(np.bytes_) if array.dtype == object else array
        assert array.shape == value.shape, name
        assert array.dtype.kind == value.dtype.kind, name
        if value.dtype.kind == "f":
            assert array.dtype == value.dtype, name
            np.testing.assert_allclose(array, value, atol=tolerance, rtol=0, err_msg=name)
        else:
            np.testing.assert_array_equal(array, value, err_msg=name)


# --- Records.


@pytest.mark.parametrize(
    "name, counts",
    [
        ("jsonl", "28 images, 117 questions in 3 shards"),
        ("maps", "28 images, 117 questions in 3 shards"),
        ("sort_of_clevr", "19 images, 76 questions in 3 shards"),
    ],
)
def test_records_are_verified(user, name, counts):
    info = json.loads((STORED / f"records/{name}/dataset_info.json").read_text())
    assert info["version"] == "1.1.0"
    out = user(mode="build", verify="true", records_dir=f"records/{name}")
    assert f"records/{name}: {counts}, all as they should be." in out


def serialized_records(name):
    """Every record of a folder, as bytes."""
    for split in read_info(str(STORED / "records" / name))["splits"].values():
        for shard in split["shards"]:
            path = str(STORED / "records" / name / shard["name"])
            yield from tf.data.TFRecordDataset(path).as_numpy_iterator()


@pytest.mark.parametrize("name", ["jsonl", "maps", "sort_of_clevr"])
def test_every_feature_of_a_record_is_parsed(name):
    seen = set()
    for serialized in serialized_records(name):
        parsed = parse_example(serialized)
        for feature, value in tf.train.Example.FromString(serialized).features.feature.items():
            kind = value.WhichOneof("kind")
            stored = list(getattr(value, kind).value) if kind else []
            found = parsed[feature]
            found = found.flat_values if isinstance(found, tf.RaggedTensor) else found
            assert np.ravel(found.numpy()).tolist() == stored, feature
            seen |= {feature} if stored else set()
    assert {"image/id", "image/width", "question/text", "question/type", "answer/text"} <= seen
    assert ("image/features" if name == "maps" else "image/encoded") in seen
    assert ({"object/name", "object/x", "object/y"} <= seen) == (name == "sort_of_clevr")


def test_records_hold_the_questions_and_images_of_their_source():
    lines = (STORED / "source/data.jsonl").read_text(encoding="utf-8").splitlines()
    asked = {}
    for line in map(json.loads, lines):
        answers = line["answers"] if "answers" in line else [line.get("answer")]
        answers = [answer for answer in answers if answer is not None]
        asked.setdefault(line["image"], []).append((line["question"], answers))
    found = {}
    for record in map(parse_example, serialized_records("jsonl")):
        image = record["image/id"].numpy().decode()
        assert record["image/encoded"].numpy() == (STORED / "source" / image).read_bytes()
        texts = [text.decode() for text in record["question/text"].numpy()]
        answers = record["answer/text"].to_list()
        found[image] = [
            (text, [a.decode() for a in of_text])
            for text, of_text in zip(texts, answers, strict=True)
        ]
    assert found == asked


# --- Runs.


def test_the_older_run_has_fewer_values_than_a_config_of_today():
    stored, today = stored_json("older", "config.json"), base.get_config()
    assert "mixer" in today.model and "mixer" not in stored["model"]
    assert "steps_per_epoch" in today.train and "steps_per_epoch" not in stored["train"]


@pytest.mark.parametrize("run", make.RUNS)
@pytest.mark.filterwarnings("error::UserWarning")  # Keras's, about weights it did not find.
def test_a_run_computes_what_it_did_and_is_saved_under_the_same_names(folder, run, tmp_path):
    workdir = str(folder / "runs" / run)
    model = runs.load_run(workdir).model
    inputs, outputs = expected(run)
    assert_same(model(inputs, training=False), outputs)
    runs.save_model(str(tmp_path), model)
    assert names_of_weights(tmp_path) == names_of_weights(workdir)


def names_of_weights(workdir):
    """Where the file of a model keeps its arrays."""
    names = []
    with zipfile.ZipFile(os.path.join(workdir, "model.keras")) as archive:
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            file.visititems(lambda name, item: names.append((name, getattr(item, "shape", 0))))
    return names


@pytest.mark.parametrize("run", make.RUNS)
def test_a_run_is_evaluated_to_the_same_numbers(user, folder, run):
    user(mode="evaluate", workdir=f"runs/{run}", split="test")
    for name in ("predictions_test.json", "evaluation_test.json"):
        found = json.loads((folder / "runs" / run / name).read_text(encoding="utf-8"))
        stored = stored_json(run, name)
        if isinstance(stored, dict):  # Measured where cells look now, not in equal parts.
            assert stored.pop("masks").keys() == found["masks"].keys()
        assert_holds(found, stored)


def assert_holds(found, stored, path=""):
    """Everything that was stored is there; a newer version may say more."""
    if isinstance(stored, dict):
        assert stored.keys() <= found.keys(), path
        for key, value in stored.items():
            assert_holds(found[key], value, f"{path}.{key}")
    elif isinstance(stored, list):
        assert len(found) == len(stored), path
        for place, (a, b) in enumerate(zip(found, stored, strict=True)):
            assert_holds(a, b, f"{path}[{place}]")
    elif isinstance(stored, float):
        assert found == pytest.approx(stored, abs=ROUNDING), path
    else:
        assert found == stored, path


@pytest.mark.parametrize("run", ["han", "older"])
def test_a_finished_run_is_found_finished(user, folder, run):
    """By the command that trained it, even where its config lacks values of today's."""
    before = newest_variables(folder / "runs" / run)
    metrics = (folder / "runs" / run / "metrics.jsonl").read_text()
    out = user(mode="train", config=f"configs/{run}.py", workdir=f"runs/{run}")
    assert f"after epoch {json.loads(metrics.splitlines()[-1])['epoch']}" in out
    assert (folder / "runs" / run / "metrics.jsonl").read_text() == metrics
    assert_same(newest_variables(folder / "runs" / run), before, 0)


def test_a_stopped_run_goes_on_to_the_same_weights(folder):
    """To the last bit on the kind of processor that stored it; others round otherwise."""
    flags = ["--mode=train", "--config=configs/stopped.py", "--workdir=runs/resumed"]
    shutil.copytree(folder / "runs/stopped", folder / "runs/resumed")
    done = subprocess.run(
        [sys.executable, str(MAIN), *flags],
        cwd=folder,
        env=os.environ | make.ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    steps = int(newest_variables(folder / "runs/stopped")[STEP])
    assert 0 < steps < make.STEPS
    assert f"after epoch 1 and {steps} steps" in done.stdout
    with np.load(STORED / "expected/stopped_variables.npz") as arrays:
        wanted = dict(arrays)
    found = newest_variables(folder / "runs/resumed")
    assert found[STEP] == wanted[STEP] == 0 and found[EPOCH] == wanted[EPOCH] == 2
    parts = stored_parts()
    if (parts["machine"], parts["tensorflow"]) != (platform.machine(), tf.__version__):
        pytest.skip("Rounding differs here, and Adam makes whole steps of it.")
    assert wanted.keys() <= found.keys()
    for name, value in wanted.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(found[name], value, rtol=0, atol=ROUNDING, err_msg=name)
        else:
            assert found[name].tobytes() == value.tobytes(), name
    predictions = (folder / "runs/resumed/predictions_val.json").read_text(encoding="utf-8")
    stored = (STORED / "expected/stopped_predictions_val.json").read_text(encoding="utf-8")
    assert json.loads(predictions) == json.loads(stored)


EPOCH, STEP = (f"{name}/.ATTRIBUTES/VARIABLE_VALUE" for name in ("epoch", "step"))


def newest_variables(workdir):
    return make.read_variables(str(workdir))


# --- Exports.


@pytest.fixture(scope="module")
def exports(door, folder):
    """{run: signatures of (the stored export, one that is made now of the stored run)}."""
    found, here = {}, os.getcwd()
    os.chdir(folder)
    try:
        for run in make.EXPORTED:
            with flagsaver.as_parsed(mode="export", workdir=f"runs/{run}"):
                door.main(["main.py"])
            versions = [
                tf.saved_model.load(f"runs/{run}/export/{version}") for version in (1, 2)
            ]
            found[run] = tuple(version.signatures for version in versions)
            found[run + " kept"] = versions  # Without them their variables would be freed.
    finally:
        os.chdir(here)
    return found


@pytest.mark.parametrize("signature", ["serving_default", "many_questions"])
@pytest.mark.parametrize("run", make.EXPORTED)
def test_an_export_answers_as_it_did_and_as_a_new_one(exports, run, signature):
    stored, new = (signatures[signature] for signatures in exports[run])
    inputs, outputs = expected(f"{run}_{signature}")
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    answers = {name: value.numpy() for name, value in stored(**inputs).items()}
    assert_same(answers, outputs)
    assert new.structured_input_signature == stored.structured_input_signature
    assert new.structured_outputs == stored.structured_outputs
    # On one machine the same operations give the same bits; a status may be worded otherwise.
    again = {name: value.numpy() for name, value in new(**inputs).items()}
    assert again.keys() == answers.keys()
    for found in (again, answers):
        found["status"] = found["status"] == b"ok"
    for name, value in answers.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)


def test_an_older_run_is_exported(user, folder):
    user(mode="export", workdir="runs/older")
    path = str(folder / "runs/older/export/1")
    loaded = tf.saved_model.load(path)
    image = (STORED / "source/images/23.png").read_bytes()
    answer = loaded.signatures["serving_default"](
        image=tf.constant([image]), question=tf.constant(["How many shapes are there?"])
    )
    predictions = stored_json("older", "predictions_test.json")
    predictions = {p["question_id"]: p["answer"] for p in predictions}
    assert answer["answer"].numpy()[0].decode() == predictions[1023]


# --- What no run has in its model.


def stored_parts():
    return json.loads((STORED / "expected/parts.json").read_text())


def test_registered_names_stay():
    for name in stored_parts()["registered_names"]:
        assert keras.saving.get_registered_object(name) is not None, name


@pytest.mark.filterwarnings("error::UserWarning")
def test_other_layers_are_loaded_and_compute_what_they_did():
    model = keras.models.load_model(STORED / "expected/parts.keras", compile=False)
    inputs, outputs = expected("parts")
    assert_same(model(inputs, training=False), outputs)


def test_schedules_are_loaded_and_give_the_same_rates():
    for stored in stored_parts()["schedules"]:
        schedule = keras.saving.deserialize_keras_object(stored["schedule"])
        for step, rate in stored["rates"].items():
            assert float(schedule(int(step))) == pytest.approx(rate, rel=1e-6), step
