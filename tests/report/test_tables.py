"""The report: tables from hand-made runs, both pages, and a grid that stops and goes on."""

import html.parser
import inspect
import json
import os
import re
import signal
from functools import partial

import numpy as np
import pytest
from absl.testing import flagsaver

import main
from hardvqa_tf.experiment import model_from_config
from hardvqa_tf.report import grid as report_grid
from hardvqa_tf.report import tables
from hardvqa_tf.report.gallery import choose_questions
from hardvqa_tf.report.grid import load_grid, run_grid
from hardvqa_tf.report.pages import Figure, Gallery, Section, Table, Tile, to_html, to_markdown
from hardvqa_tf.report.plots import Series, draw_panels
from hardvqa_tf.report.runs import (
    ReportedRun,
    differing_settings,
    find_runs,
    group_by_seed,
    read_runs,
    why_unfinished,
)
from hardvqa_tf.report.write import write_report
from hardvqa_tf.runs import Vocabularies, append_metrics, save_model, start_run
from hardvqa_tf.train import train
from tests.conftest import tiny_config

CELLS = 20  # of the hand-made runs' grids


def reported(
    name, attention, aggregator, accuracy, num_cells=CELLS, *, seed=0, units=(8,), **train
):
    """A run as it would have been read, of two epochs of 30 and 90 seconds."""
    config = json.loads(tiny_config("records").to_json())
    config["seed"] = seed
    config["model"] |= {"attention": attention, "aggregator": aggregator}
    config["model"]["fusion"]["units"] = list(units)
    config["model"]["han"] = {"num_cells": num_cells, "fraction": None}
    config["train"] |= train
    epochs = [
        {"epoch": 1, "seconds": 30.0, "val/all": accuracy - 0.2},
        {"epoch": 2, "seconds": 90.0, "val/all": accuracy + 0.01},
    ]
    rows = [
        {"type": "all", "accuracy": accuracy, "blind_by_text": 0.4},
        {"type": "count", "accuracy": accuracy - 0.1, "blind_by_text": 0.3},
    ]
    evaluation = {"num_cells": num_cells, "total_cells": CELLS, "rows": rows}
    evaluation |= {"num_questions": 50, "metric": "exact"}
    return ReportedRun(f"runs/{name}", name, config, epochs, evaluation)


def labels(groups):
    return [group.label for group in groups]


# What belongs together.


def test_runs_that_differ_in_their_seed_alone_are_one_group():
    runs = [
        reported("c", "han", "sum", 0.80, 5, seed=7),
        reported("a", "han", "sum", 0.70, 5, seed=2),
        reported("b", "han", "sum", 0.90, 10),
        reported("d", "han", "pairwise", 0.60, 5),
    ]
    groups = group_by_seed(runs)
    assert labels(groups) == ["HAN 10 + sum", "HAN 5 + sum", "HAN 5 + pairwise"]
    assert [run.name for run in groups[1].runs] == ["a", "c"]
    assert groups[1].mean(lambda run: run.accuracy) == pytest.approx(0.75)
    # ((0.70 - 0.75)² + (0.80 - 0.75)²) / (2 - 1) = 0.005, and its root.
    assert groups[1].spread(lambda run: run.accuracy) == pytest.approx(0.07071, abs=1e-5)
    assert groups[0].spread(lambda run: run.accuracy) is None


def test_a_setting_of_a_part_that_is_not_used_makes_no_other_model():
    one, other = reported("a", "none", "sum", 0.5), reported("b", "none", "sum", 0.6, seed=1)
    other.config["model"]["relation"]["units"] = [3]
    other.config["model"]["adahan"]["norm"] = "squared"
    assert len(group_by_seed([one, other])) == 1
    other.config["model"]["classifier"]["units"] = [3]
    assert labels(group_by_seed([one, other])) == ["all cells + sum (a)", "all cells + sum (b)"]


def test_an_older_run_that_lacks_a_setting_has_the_default():
    one, other = reported("a", "none", "sum", 0.5), reported("b", "none", "sum", 0.6, seed=1)
    del other.config["train"]["weight_decay"]
    assert len(group_by_seed([one, other])) == 1


def test_what_tells_a_run_from_the_others():
    runs = [reported(name, "none", "sum", 0.5) for name in "abc"]
    runs[1].config["train"]["epochs"] = 9
    runs[2].config["model"]["fusion"]["how"] = "add"
    assert differing_settings(runs) == [{}, {"train.epochs": 9}, {"model.fusion.how": "add"}]
    assert differing_settings(runs, ["train.epochs"])[1] == {}


# Tables.


def test_table_1():
    runs = [
        reported("a", "none", "sum", 0.75),
        reported("b", "none", "relation", 0.905),
        reported("c", "soft", "sum", 0.5),
        reported("d", "han", "sum", 0.60, 5),
        reported("e", "han", "sum", 0.62, 5, seed=1),
        reported("f", "han", "sum", 0.64, 5, seed=2),
        reported("g", "han", "relation", 0.8125, 10),
        reported("h", "adahan", "sum", 0.3, 4.4),  # table 2's
        reported("i", "han", "sum", 0.2, 5, units=(8, 8)),  # table 3's
    ]
    (table,) = tables.table_1(group_by_seed(runs))
    assert table.header == ["attention", "cells", "share", "sum", "relation"]
    assert table.rows == [
        ["none, all cells", "20 of 20", "100 %", "75.00", "90.50"],
        ["soft (weights)", "20 of 20", "100 %", "50.00", "–"],
        ["HAN", "10 of 20", "50 %", "–", "81.25"],
        ["HAN", "5 of 20", "25 %", "62.00 ± 2.00 (3)", "–"],
    ]
    assert "with 1 fused layer before" in table.caption
    assert "± is the standard deviation over seeds" in table.caption


def test_unequal_runs_are_told_apart():
    runs = [
        reported("a", "none", "sum", 0.75),
        reported("b", "none", "sum", 0.80, epochs=9),
        reported("c", "soft", "sum", 0.70),
    ]
    (table,) = tables.table_1(group_by_seed(runs))
    assert table.rows[0][-1] == "75.00 (a); 80.00 (b)"
    assert "Not equal in all runs: train.epochs." in table.caption


def test_table_2():
    runs = [
        reported("a", "adahan", "sum", 0.50, 4.0),
        reported("b", "adahan", "sum", 0.60, 6.0, seed=1),
        reported("c", "adahan", "pairwise", 0.70, 7.25),
    ]
    runs[2].evaluation["num_cells_std"] = 1.5
    for run in runs:  # num_cells belongs to HAN: here it is a result.
        run.config["model"]["han"]["num_cells"] = None
    (table,) = tables.table_2(group_by_seed(runs))
    by_model = {row[0]: row[1:] for row in table.rows}
    sum_row = ["5.00 ± 1.41 (2)", "20", "25.0 ± 7.1 (2)", "–", "55.00 ± 7.07 (2)"]
    assert by_model["AdaHAN + sum"] == sum_row
    assert by_model["AdaHAN + pairwise"] == ["7.25", "20", "36.2", "1.50", "70.00"]
    assert tables.table_2(group_by_seed([reported("d", "none", "sum", 0.5)])) == []


def test_table_3():
    runs = [
        reported("a", "han", "sum", 0.5, 5, units=()),
        reported("b", "han", "sum", 0.6, 5),
        reported("c", "han", "sum", 0.7, 5, units=(8, 8)),
        reported("d", "han", "sum", 0.8, 10),  # nothing to compare it with
        reported("e", "none", "sum", 0.65),
        reported("f", "none", "sum", 0.55, units=()),
    ]
    (table,) = tables.table_3(group_by_seed(runs))
    assert table.header == ["fused layers", "all cells + sum", "HAN 5 + sum"]
    assert table.rows == [
        ["0", "55.00", "50.00"],
        ["1", "65.00", "60.00"],
        ["2", "–", "70.00"],
    ]
    assert "Not equal" not in table.caption


def test_no_table_without_its_runs():
    groups = group_by_seed([reported("a", "none", "sum", 0.5)])
    for table in (tables.table_1, tables.table_2, tables.table_3):
        assert table(groups) == []
    assert tables.mask_quality(groups, "") == tables.faithfulness(groups, "") == []


def test_masks_and_faithfulness_are_read_where_they_are():
    runs = [
        reported("a", "han", "sum", 0.5, 5),
        reported("b", "han", "sum", 0.6, 10),
        reported("c", "soft", "sum", 0.6),
        reported("d", "han", "sum", 0.6, 15),  # of an older program: without
    ]
    for run, share, chance in zip(runs, (0.5, 0.75, 0.625), (0.25, 0.5, 0.3), strict=False):
        run.evaluation["masks"] = {"objects_kept": {"share": share, "chance": chance}}
        run.evaluation["faithfulness"] = {
            "kept": {"accuracy": share, "same_answer": 1.0},
            "random": {"accuracy": chance, "same_answer": 0.4},
        }
    runs[2].evaluation["mask_cells"] = 6
    groups = group_by_seed(runs)
    table, figure = tables.mask_quality(groups, "x_")
    assert table.header == ["model", "cells", "objects in a kept cell"]
    assert table.rows == [
        ["soft + sum", "6 (cut)", "62.5 [30.0]"],
        ["HAN 10 + sum", "10.0", "75.0 [50.0]"],
        ["HAN 5 + sum", "5.0", "50.0 [25.0]"],
    ]
    assert figure.name == "x_masks" and figure.png.startswith(b"\x89PNG")
    table, figure = tables.faithfulness(groups, "x_")
    assert table.rows[1] == [
        "HAN 10 + sum",
        "10.0",
        "–",
        "75.0 [100.0]",
        "50.0 [40.0]",
        "–",
    ]


def test_question_types_stand_beside_the_blind_baseline():
    runs = [reported("a", "none", "sum", 0.75), reported("b", "none", "sum", 0.85, seed=1)]
    (table,) = tables.by_question_type(group_by_seed(runs))
    assert table.header == ["model", "all", "count"]
    assert table.rows == [
        ["all cells + sum", "80.0 ± 7.1 (2)", "70.0 ± 7.1 (2)"],
        ["blind, by question", "40.0", "30.0"],
    ]


def test_every_run_and_its_minutes():
    runs = [reported("a", "none", "sum", 0.75), reported("b", "soft", "sum", 0.5, epochs=2)]
    runs[0].config["train"]["epochs"] = 2
    runs[1].config["train"]["batch_size"] = 7
    groups = group_by_seed(runs)
    table = tables.every_run(groups, {"runs/a": 1234, "runs/b": 56})
    assert table.rows[0][:9] == [
        *("a", "all cells + sum", "0", "75.00", "76.00", "20.0 of 20", "2", "2.0", "1,234")
    ]
    assert table.rows[1][-1].endswith("train.batch_size=7")
    assert runs[0].curve() == [(0.5, pytest.approx(0.55)), (2.0, pytest.approx(0.76))]


def test_hidden_answers_leave_no_accuracy():
    runs = [reported("a", "none", "sum", 0.75), reported("b", "soft", "sum", 0.5)]
    for run in runs:
        run.evaluation["rows"] = []
    groups = group_by_seed(runs)
    (table,) = tables.table_1(groups)
    assert [row[-1] for row in table.rows] == ["–", "–"]
    assert tables.by_question_type(groups) == tables.accuracy_by_share(groups, "") == []


# Pages.


class Page(html.parser.HTMLParser):
    """Checks that elements are closed in their order, and keeps what tests ask for."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def check_page(path):
    """A page on disk: well-formed, alone, and its pictures named. Returns it."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert all(image["alt"] for image in page.all("img"))
    assert not re.search(r'(?:src|href)="(?!data:|#)', text) and "url(" not in text
    assert len(page.all("caption")) == len(page.all("table"))
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert all(link["href"].removeprefix("#") in ids for link in page.all("a"))
    assert {"width=device-width, initial-scale=1"} <= {
        m.get("content") for m in page.all("meta")
    }
    return page


def check_markdown(path):
    """Every picture is there. Returns the text."""
    text = path.read_text(encoding="utf-8")
    linked = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert linked and all((path.parent / name).is_file() for name in linked)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1
    return text


def test_text_from_outside_is_shown_as_it_is(tmp_path):
    png = draw_panels([("a $1", [Series("b", [(1, 0.5)])])], "x", "y")
    pixels = np.zeros((4, 6, 3), np.uint8)
    blocks = [
        Table("<caption>", ["run", "a|b"], [["<b>x</b>", "1 & 2"]]),
        Figure("plot", "c", 'the "plot"', png),
        Gallery("tiles", "d", ["q", "m"], [("<q>?", [Tile(pixels, "<alt>", "<yes>")])], png),
    ]
    sections = [Section("One <two>", "", blocks)]
    (tmp_path / "page.html").write_text(to_html("<t>", "i", sections), encoding="utf-8")
    page = check_page(tmp_path / "page.html")
    assert {"<t>", "<caption>", "<b>x</b>", "1 & 2", "<q>?", "<yes>"} <= set(page.texts)
    assert [image["alt"] for image in page.all("img")] == ['the "plot"', "<alt>"]
    markdown, files = to_markdown("<t>", "i", sections)
    assert "| run | a\\|b |\n|---|---:|\n" in markdown
    assert set(files) == {"plot.png", "tiles.png"}


def test_equal_values_draw_equal_bytes():
    panels = [
        (title, [Series("HAN", [(0.1, 0.5, 0.02), (1, 0.7, None)]), Series("b", [(1, 0.1)], 1)])
        for title in ("sum", "more")
    ]
    first = draw_panels(panels, "share", "accuracy", [(0.1, "10 %"), (1, "100 %")])
    assert first == draw_panels(panels, "share", "accuracy", [(0.1, "10 %"), (1, "100 %")])
    assert len(first) < 100_000


def test_the_same_questions_are_chosen_again(records_dir):
    chosen = choose_questions(records_dir, "test", 4)
    assert chosen == choose_questions(records_dir, "test", 4)
    assert len({question.type for question in chosen}) == 4  # of six types, each once
    assert len({question.question_id for question in chosen}) == 4
    assert all(question.answer and question.text.endswith("?") for question in chosen)
    assert len(choose_questions(records_dir, "test", 99)) == 5  # one an image


# Finished runs on disk.


def build_run(workdir, config):
    """An untrained model that says it was trained for its epochs."""
    vocabularies = Vocabularies.from_records(config.records_dir)
    start_run(workdir, config, vocabularies)
    save_model(workdir, model_from_config(config, vocabularies))
    for epoch in range(1, config.train.epochs + 1):
        append_metrics(workdir, {"epoch": epoch, "seconds": 60.0, "val/all": 0.2 * epoch})


def write_evaluation(workdir, split, records_dir=None, num_cells=9):
    """In the place of the real one, which takes seconds."""
    rows = [{"type": "all", "accuracy": 0.625, "blind_by_text": 0.5}]
    evaluation = {"num_cells": num_cells, "total_cells": 9, "rows": rows, "num_questions": 30}
    with open(os.path.join(workdir, f"evaluation_{split}.json"), "w") as file:
        json.dump(evaluation, file)


@pytest.fixture(scope="module")
def runs_dir(records_dir, tmp_path_factory):
    """HAN with 3 of 9 cells, and soft attention, which has been evaluated."""
    folder = tmp_path_factory.mktemp("runs")
    for name, attention in (("hard", "han"), ("weights", "soft")):
        config = tiny_config(records_dir)
        config.model.attention = attention
        config.model.han.num_cells = 3
        build_run(str(folder / name), config)
    write_evaluation(folder / "weights", "test")
    (folder / "report").mkdir()  # no run
    return folder


def test_report(runs_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("hardvqa_tf.evaluate.evaluate", partial(write_evaluation, num_cells=3))
    lines, folder = [], tmp_path / "new" / "report"
    path = write_report([str(runs_dir / "*")], str(folder), title="Two runs", say=lines.append)
    assert path == str(folder / "report.html")
    assert lines[0] == f"{runs_dir / 'hard'}: evaluating on test (1 of 2)" and len(lines) == 2
    page, text = check_page(folder / "report.html"), check_markdown(folder / "report.md")
    assert "Two runs" in page.texts and text.startswith("# Two runs\n")
    assert "2 runs, 4 minutes of training steps" in text
    assert "| HAN | 3 of 9 | 33 % | 62.50 |" in text
    assert "| soft (weights) | 9 of 9 | 100 % | 62.50 |" in text
    for heading in ("Share of cells", "time", "masks hold", "from the masks", "look at", "All"):
        assert re.search(rf"^## .*{heading}", text, re.MULTILINE), heading
    assert "| soft + sum, cut to 3 | 3 (cut) |" in text  # as many as HAN
    # Of five images a question each: the image, HAN's mask and soft attention's weights.
    tiles = [image for image in page.all("img") if "width" not in image]
    assert len(tiles) == 5 * 3
    assert sum("looked at 3 of 9 cells" in tile["alt"] for tile in tiles) == 5


def test_an_evaluation_of_an_older_model_is_made_anew(runs_dir, monkeypatch):
    asked = []
    monkeypatch.setattr("hardvqa_tf.evaluate.evaluate", lambda *args: asked.append(args))
    workdir = str(runs_dir / "hard")
    evaluation, model = (
        os.path.join(workdir, n) for n in ("evaluation_val.json", "model.keras")
    )
    with open(evaluation, "w", encoding="utf-8") as file:
        file.write("{}")
    os.utime(evaluation, (os.path.getmtime(model) + 5,) * 2)
    read_runs([workdir], "val", say=str)
    assert asked == []
    os.utime(evaluation, (os.path.getmtime(model) - 5,) * 2)
    read_runs([workdir], "val", records_dir="not there", say=str)
    assert asked == []
    read_runs([workdir], "val", say=str)
    assert asked == [(workdir, "val", None)]


def write_epochs(workdir, accuracies, patience=0, epochs=4):
    workdir.mkdir(exist_ok=True)
    config = {"train": {"epochs": epochs, "patience": patience}}
    (workdir / "config.json").write_text(json.dumps(config))
    (workdir / "model.keras").touch()
    lines = [json.dumps({"epoch": i, "val/all": a}) for i, a in enumerate(accuracies, 1)]
    (workdir / "metrics.jsonl").write_text("\n".join(lines))


@pytest.mark.parametrize(
    "accuracies, patience, reason",
    [
        ([0.1, 0.2, 0.3, 0.4], 0, None),
        ([0.1, 0.2, 0.3], 0, "it has done 3 of 4 epochs"),
        ([], 0, "it has done 0 of 4 epochs"),
        ([0.3, 0.2, 0.3], 2, None),  # an equal epoch is no better one
        ([0.3, 0.2, 0.31], 2, "it has done 3 of 4 epochs"),
        ([0.3, 0.2], 2, "it has done 2 of 4 epochs"),
    ],
)
def test_finished_or_not(accuracies, patience, reason, tmp_path):
    write_epochs(tmp_path, accuracies, patience)
    assert why_unfinished(tmp_path) == reason


def test_an_unfinished_run_is_named(tmp_path):
    write_epochs(tmp_path / "half", [0.1])
    with pytest.raises(
        ValueError, match="half is not finished: it has done 1 of 4 epochs.*or l"
    ):
        read_runs([str(tmp_path / "half")], "test")
    (tmp_path / "half" / "model.keras").unlink()
    assert why_unfinished(tmp_path / "half") == "model.keras is missing"
    with pytest.raises(ValueError, match="no run to report. Received: '.*nothing'.*--runs="):
        find_runs([str(tmp_path / "nothing")])
    # Once, however often it is named.
    half = str(tmp_path / "half")
    assert find_runs([half, half + os.sep, str(tmp_path / "h*")]) == [half]


# Grids.

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


@pytest.fixture(scope="module")
def door():
    if "config" not in main.FLAGS:  # Another file's tests may have defined it.
        main._define_config()
    main.FLAGS.mark_as_parsed()
    return main


def test_a_grid_is_stopped_and_goes_on_to_its_report(door, grid, tmp_path, monkeypatch, capsys):
    trained, before = [], signal.getsignal(signal.SIGTERM)

    def pretend(*args, **kwargs):
        given = inspect.signature(train).bind(*args, **kwargs).arguments
        trained.append(os.path.basename(given["workdir"]))
        if trained == ["all", "two"]:
            os.kill(os.getpid(), signal.SIGTERM)  # As a user or a batch queue would.
        build_run(given["workdir"], given["config"])

    monkeypatch.setattr(report_grid, "train", pretend)
    monkeypatch.setattr("hardvqa_tf.evaluate.evaluate", write_evaluation)
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
    monkeypatch.setattr(report_grid, "train", lambda *args, **kwargs: pytest.fail("trained"))
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


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "needs either --runs=FOLDER,FOLDER"),
        ({"runs": "a", "grid": "b"}, "needs either --runs=FOLDER,FOLDER"),
        ({"grid": "sort_of_clevr_table"}, "Use one of: sort_of_clevr_tables; or the path"),
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
