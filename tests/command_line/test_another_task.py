"""Modes serve a second task of TASKS through the door: its config, its options, its words."""

import dataclasses
import json
import re

import pytest
from absl.testing import flagsaver

from hardvqa_tf import tasks
from hardvqa_tf.command_line import flags, program
from hardvqa_tf.configs import base
from hardvqa_tf.configs.table import values
from hardvqa_tf.configs.table.kinds import merge
from tests.training import brightness


@pytest.fixture
def user(records_dir, tmp_path, monkeypatch, capsys):
    """Runs a mode in a folder of the user's; returns what it printed, and how it ended."""
    names = (*tasks.TASKS, "brightness")
    monkeypatch.setitem(tasks.TASKS, "brightness", brightness.__name__)
    allowed = {"choices": names, "allows": names.__contains__}
    task = dataclasses.replace(base.COMMON["task"], **allowed)
    monkeypatch.setitem(base.COMMON, "task", task)
    for name in base.TABLES:
        monkeypatch.setitem(base.TABLES[name], "task", task)
    monkeypatch.setitem(base.TABLES, "brightness", merge(base.COMMON, brightness.TABLE))
    config = base.get_config("brightness")
    config.records_dir, config.image_size = records_dir, (20, 24)
    config.train.epochs = 1
    flags.define_config()
    flags.FLAGS.mark_as_parsed()

    def given_config():
        values.check(config)
        return config

    monkeypatch.setattr(flags, "config", given_config)
    monkeypatch.setattr(flags, "records_dir", lambda: records_dir)
    monkeypatch.chdir(tmp_path)

    def run(**given):
        with flagsaver.as_parsed(**{"workdir": "run", **given}):
            try:
                program.main(["main.py"])
            except SystemExit as ended:
                return str(ended.code)
        return capsys.readouterr().out

    run.config = config
    return run


def test_it_is_trained_evaluated_and_reported(user, tmp_path):
    out = user(mode="train")
    assert out.startswith("a mean, 21 parameters; some images;")
    assert re.search(r"^epoch 1/1 .*\| closeness 0\.", out, re.MULTILINE)
    assert '"val/closeness": ' in out  # how the task formats an evaluation
    assert "--mode=predict --workdir=run --image=any.png" in out
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (stored["task"], stored["bright"]) == ("brightness", 1.0)
    assert "max_words" not in stored

    found = json.loads(user(mode="evaluate", split="test"))
    assert (found["task"], found["num_images"]) == ("brightness", 5)

    out = user(mode="report", runs="run", report_dir="page")
    assert "Drawing the report of 1 runs" in out
    page = (tmp_path / "page" / "report.md").read_text()
    assert "Closeness is on the split test." in page and "How close" in page


def test_what_is_of_another_task_is_refused_in_a_line(user, tmp_path):
    user.config.train.epochs = 0
    assert user(mode="train").startswith("Error: config.train.epochs=0: ")
    user.config.train.epochs = 1
    user(mode="train")
    said = user(mode="evaluate", mask_cells="3")
    assert said.startswith("Error: A run of the task brightness has no option mask_cells.")
    user.config.task = "vqa"  # The config of one task, called that of another.
    assert user(mode="train", workdir="other").startswith("Error: ")
    assert not (tmp_path / "other").exists()
