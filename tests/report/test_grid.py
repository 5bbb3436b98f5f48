"""A grid that stops and goes on to its report, and mistakes at the door."""

import importlib
import inspect
import os
import signal

import pytest
from absl.testing import flagsaver

from hardvqa_tf.report.grid import load_grid, run_grid
from hardvqa_tf.training.loop import train_model
from tests.report.made_runs import build_run, write_evaluation
from tests.report.written_pages import check_markdown

GRID = """
from tests.conftest import tiny_config

def get_grid():
    config = tiny_config({records_dir!r})
    config.train.epochs = 1
    return config, {{
        "table 1": {{
            "all": {{"model.attention": "none"}},
            "two": {{"model.attention": "han", "model.han.num_cells": 2}},
        }},
    }}
"""


@pytest.fixture
def grid(records_dir, tmp_path):
    path = tmp_path / "tiny_grid.py"
    path.write_text(GRID.format(records_dir=records_dir))
    return str(path)


def test_a_grid_is_stopped_and_goes_on_to_its_report(door, grid, tmp_path, monkeypatch, capsys):
    trained, before = [], signal.getsignal(signal.SIGTERM)

    def pretend(*args, **kwargs):
        given = inspect.signature(train_model).bind(*args, **kwargs).arguments
        trained.append(os.path.basename(given["workdir"]))
        if trained == ["all", "two"]:
            os.kill(os.getpid(), signal.SIGTERM)  # As a user or a batch queue would.
        build_run(given["workdir"], given["config"])

    monkeypatch.setattr("hardvqa_tf.report.grid.train_model", pretend)
    monkeypatch.setattr("hardvqa_tf.evaluate.evaluate_run", write_evaluation)
    monkeypatch.chdir(tmp_path)
    with flagsaver.as_parsed(mode="report", grid=grid):
        with pytest.raises(SystemExit) as exit_:
            door.main(["main.py"])
        out = capsys.readouterr()
        assert exit_.value.code == 75 and "The same command goes on" in out.err
        assert out.out.splitlines()[-2:] == ["all (1 of 2)", "two (2 of 2)"]
        assert signal.getsignal(signal.SIGTERM) == before
        assert not (tmp_path / "runs/tiny_grid/two").exists()
        door.main(["main.py"])
    out = capsys.readouterr().out
    assert trained == ["all", "two", "two"]
    assert "all (1 of 2): done, 1.0 minutes of training steps\ntwo (2 of 2)\n" in out
    assert "runs/tiny_grid/report/report.html, and report.md beside it" in out
    text = check_markdown(tmp_path / "runs/tiny_grid/report/report.md")
    assert text.startswith("# tiny_grid\n") and "| none, all cells | 9 of 9 | 100 % |" in text


@pytest.mark.slow
def test_a_grid_is_really_trained_and_evaluated(door, grid, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with flagsaver.as_parsed(mode="report", grid=grid):
        door.main(["main.py"])
    assert capsys.readouterr().out.count("epoch 1/1") == 2
    text = check_markdown(tmp_path / "runs/tiny_grid/report/report.md")
    assert "| HAN | 2 of 9 | 22 % |" in text


def test_a_folder_with_another_config_is_no_part_of_the_grid(grid, tmp_path, monkeypatch):
    configs = load_grid(grid)
    assert list(configs) == ["all", "two"] and configs["two"].is_locked
    assert configs["two"].model.han.num_cells == 2 and configs["all"].train.epochs == 1
    monkeypatch.setattr(
        "hardvqa_tf.report.grid.train_model", lambda *args, **kwargs: pytest.fail("trained")
    )
    (tmp_path / "two").mkdir()
    configs["two"].train.epochs = 3
    (tmp_path / "two" / "config.json").write_text(configs["two"].to_json())
    with pytest.raises(
        ValueError, match="another config.*: train.epochs differ.*another --workd"
    ):
        run_grid(load_grid(grid), str(tmp_path))


def test_the_grid_of_the_papers_tables():
    configs = load_grid("sort_of_clevr_tables", records_dir="elsewhere")
    assert len(configs) == 23 and {c.records_dir for c in configs.values()} == {"elsewhere"}
    models = {(c.model.attention, c.model.aggregator) for c in configs.values()}
    assert models >= {
        (a, b) for a in ("none", "han", "adahan") for b in ("sum", "pairwise", "relation")
    }
    assert [configs[f"han8_sum{n}"].seed for n in ("", "_seed1", "_seed2")] == [0, 1, 2]
    assert len({c.to_json() for c in configs.values()}) == 23  # none twice


@pytest.mark.parametrize("name", ["attention_family", "attention_family_easy_vqa"])
def test_the_grids_of_the_attention_family_give_equal_time(name):
    configs = load_grid(name)
    slots = [
        (c.model.image_encoder, c.model.mixer, c.model.attention) for c in configs.values()
    ]
    assert len(set(slots)) == len(slots) == 12
    module = importlib.import_module(f"hardvqa_tf.configs.grids.{name}")
    for run, config in configs.items():
        minutes = (
            config.train.epochs * config.train.steps_per_epoch * module.STEP_MS[run] / 60e3
        )
        assert minutes == pytest.approx(module.MINUTES, rel=0.05)


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "needs either --runs=FOLDER,FOLDER"),
        ({"runs": "a", "grid": "b"}, "needs either --runs=FOLDER,FOLDER"),
        ({"grid": "sort_of_clevr_table"}, "Use one of: attention_family, "),
        ({"runs": "nothing"}, "There is no run to report. Received: 'nothing'"),
    ],
    ids=str,
)
def test_mistakes_at_the_door(door, given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with flagsaver.as_parsed(mode="report", **given), pytest.raises(SystemExit) as exit_:
        door.main(["main.py"])
    assert exit_.value.code.startswith("Error: ") and message in exit_.value.code
    assert not list(tmp_path.iterdir())
