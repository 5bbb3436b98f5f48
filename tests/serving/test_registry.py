"""Folders of models, and what becomes of them while the server runs."""

import os
import shutil

import pytest

from hardvqa_tf.serving import folders
from hardvqa_tf.serving.refusals import Refusal
from hardvqa_tf.serving.registry import Model, Registry, open_models


def make_version(folder, number, content="good"):
    path = folder / str(number)
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_text(content)
    return path


class Loaded:
    def __init__(self, name, number, folder):
        if "broken" in open(os.path.join(folder, "saved_model.pb")).read():
            raise ValueError(f"cannot parse {folder}/saved_model.pb\nsecond line")
        self.name, self.version, self.users, self.card = name, number, 0, None


def make_model(folder, labels=None):
    lines = []
    model = Model("m", str(folder), labels, lines.append, Loaded)
    model.poll()
    return model, lines


# --- Folders.


def test_the_ways_to_name_a_model(tmp_path):
    make_version(tmp_path / "one", 3)
    make_version(tmp_path / "run" / "export", 1)
    make_version(tmp_path / "run" / "export", 12)
    (tmp_path / "nothing").mkdir()
    one, export = str(tmp_path / "one"), str(tmp_path / "run" / "export")
    assert folders.find_models([one]) == {"one": one}
    assert folders.find_models([f"other={one}"]) == {"other": one}
    assert folders.find_models([str(tmp_path / "run")]) == {"run": export}
    assert folders.find_models([export]) == {"run": export}
    assert folders.find_models([str(tmp_path)]) == {"one": one, "run": export}
    assert folders.find_models([f"{export}/12"]) == {"run": f"{export}/12"}
    assert folders.list_versions(f"{export}/12") == {12: f"{export}/12"}
    assert set(folders.list_versions(export)) == {1, 12}
    extra = tmp_path / "run" / "export" / "12" / "assets.extra"
    extra.mkdir()
    (extra / "model.json").write_text('{"name": "its_own"}')
    assert folders.find_models([export]) == {"its_own": export}
    (extra / "model.json").write_text("no JSON")
    assert folders.find_models([export]) == {"run": export}


def test_what_is_no_version_is_left_out(tmp_path):
    make_version(tmp_path, "7")
    make_version(tmp_path, "8.partial")
    make_version(tmp_path, "²")  # a digit to Python, but no number
    (tmp_path / "9").mkdir()
    assert set(folders.list_versions(str(tmp_path))) == {7}
    assert folders.list_versions(str(tmp_path / "nowhere")) == {}


@pytest.mark.parametrize(
    "entries, message",
    [
        ([], "--mode=serve needs --model_dir.*Export one: python main.py --mode=export"),
        (["{}/nowhere"], "There is no folder .*nowhere"),
        (["{}/empty"], "There is no SavedModel in .*empty"),
        (["{}/one", "{}/one"], "Two models have the name 'one'.*--model_dir=one="),
        (["a/b={}/one"], "A model's name has letters.*Received: 'a/b'"),
        (["x={}"], "holds 2 models, for which one name is not enough"),
    ],
)
def test_folders_that_cannot_be_served(tmp_path, entries, message):
    make_version(tmp_path / "one", 1)
    make_version(tmp_path / "two", 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=message):
        folders.find_models([entry.format(tmp_path) for entry in entries])


# --- Versions.


def test_the_newest_version_is_served(tmp_path):
    make_version(tmp_path, 2)
    make_version(tmp_path, 10)
    model, lines = make_model(tmp_path)
    assert model.serving == [10] and model.find().version == 10
    assert lines == ["Serving version 10 of model m"]
    with pytest.raises(Refusal, match="Version 2 of model m is not served. Served: 10") as r:
        model.find(version=2)
    assert r.value.code == 404


def test_a_new_version_replaces_the_old_one_when_its_requests_ended(tmp_path):
    make_version(tmp_path, 1)
    model, _ = make_model(tmp_path)
    old = model.find()
    old.users += 1  # a request
    make_version(tmp_path, 2)
    model.poll()
    assert model.find().version == 2
    assert [entry[:2] for entry in model.states()] == [(2, "AVAILABLE"), (1, "UNLOADING")]
    model.poll()
    assert model.states()[1][1] == "UNLOADING"
    old.users -= 1
    model.poll()
    assert [entry[:2] for entry in model.states()] == [(2, "AVAILABLE"), (1, "END")]


def test_a_broken_version_leaves_the_last_good_one_and_shows_why(tmp_path):
    make_version(tmp_path, 1)
    model, lines = make_model(tmp_path)
    broken = make_version(tmp_path, 2, "broken")
    for _ in range(3):
        model.poll()
    assert model.find().version == 1
    reason = "cannot parse ./saved_model.pb second line"
    assert model.states() == [(2, "END", reason), (1, "AVAILABLE", "")]
    assert len(lines) == 2  # said once, not at every look
    (broken / "saved_model.pb").write_text("mended")
    model.poll()
    assert model.find().version == 2
    assert model.states()[0] == (2, "AVAILABLE", "")


def test_a_broken_newest_version_at_the_start(tmp_path):
    make_version(tmp_path, 1)
    make_version(tmp_path, 2, "broken")
    model, _ = make_model(tmp_path)
    assert model.serving == [1]


def test_a_removed_version_gives_way_to_the_one_before(tmp_path):
    make_version(tmp_path, 1)
    make_version(tmp_path, 2)
    model, _ = make_model(tmp_path)
    shutil.rmtree(tmp_path / "2")
    model.poll()
    assert model.serving == [1] and model.find().version == 1
    assert [entry[0] for entry in model.states()] == [1]
    shutil.rmtree(tmp_path / "1")  # as when a disk is unmounted
    model.poll()
    assert model.find().version == 1


def test_labels_keep_their_versions_beside_the_newest(tmp_path):
    for number in (1, 2, 3):
        make_version(tmp_path, number)
    model, _ = make_model(tmp_path, {"stable": 1, "gone": 7})
    assert model.serving == [1, 3]
    assert model.find(label="stable").version == 1 and model.find().version == 3
    with pytest.raises(Refusal, match="Version 7 of model m is not served") as refusal:
        model.find(label="gone")
    assert refusal.value.code == 404
    with pytest.raises(Refusal, match="has no label 'other'. It has: gone, stable") as refusal:
        model.find(label="other")
    assert refusal.value.code == 400  # as TensorFlow Serving answers


def test_models_are_found_by_name(tmp_path):
    make_version(tmp_path, 1)
    model, _ = make_model(tmp_path)
    registry = Registry({"m": model, "n": Model("n", str(tmp_path / "nowhere"))})
    assert registry.find("m") is model and not registry.is_ready
    with pytest.raises(Refusal, match="There is no model '\\\\n'. There are: m, n.") as refusal:
        registry.find("\n")
    assert refusal.value.code == 404


def test_a_registry_of_real_models(tiny_export, half_export, tmp_path):
    make_version(tmp_path / "junk", 4, "junk")
    lines = []
    entries = [f"tiny={tiny_export}", f"half={half_export}", str(tmp_path / "junk")]
    registry = open_models(entries, ["tiny:stable=3"], lines.append)
    assert registry.find("tiny").labels == {"stable": 3}
    assert registry.find("half").find(5).version == 5
    assert not registry.is_ready
    (number, state, reason) = registry.find("junk").states()[0]
    assert (number, state) == (4, "END") and reason and str(tmp_path) not in reason
    assert any(line.startswith("Version 4 of model junk does not load") for line in lines)
    with pytest.raises(ValueError, match="No model can be served. junk: .* Export it again"):
        open_models([str(tmp_path / "junk")], log=lines.append)


@pytest.mark.parametrize("label", ["stable", "=3", "stable=x", "no:stable=3", "stable="])
def test_labels_that_are_none(tmp_path, label):
    make_version(tmp_path / "m", 3)
    make_version(tmp_path / "n", 3)
    with pytest.raises(ValueError, match="A label is label=VERSION.*Received: "):
        open_models([str(tmp_path)], [label], print)
