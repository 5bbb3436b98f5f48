"""What a report says of localizers, of runs made by hand."""

import json

import pytest

from hardvqa_tf.configs.table import values
from hardvqa_tf.localize.judging.faithfulness import ROWS
from hardvqa_tf.localize.judging.judge import RANDOM, RIGHT, WRONG
from hardvqa_tf.localize.report import figures
from hardvqa_tf.localize.report.run import ReportedRun
from hardvqa_tf.localize.report.sections import report_intro, report_sections
from hardvqa_tf.report_parts.groups import group_by_seed
from tests.localize import small


def reported(name, ap50, *, seed=0, attention="han", num_cells=5, **model):
    """A run as it would have been read; `model` as of `small.config`."""
    config = small.config(attention=attention, **model)
    config.seed = seed
    config = values.complete(json.loads(config.to_json()))
    row = {"AP50": ap50, "AP": ap50 / 2, "AP75": -1.0, "AP50_small": ap50}
    share = {"share": ap50, "chance": 0.25}
    by_cells = [("own", num_cells), ("norm", 4), ("norm", num_cells), ("norm", 12)]
    evaluation = {
        "num_queries": 30,
        "num_cells": num_cells,
        "total_cells": 12,
        "areas": {"_small": [0, 9]},
        "rows": {way: row for way in (RIGHT, WRONG, RANDOM)},
        "precision_recall": {way: [ap50] * 101 for way in (RIGHT, WRONG)}
        | {RANDOM: [-1] * 101},
        "threshold": {"threshold": 0.3, "precision": 0.5, "recall": ap50, "f1": None},
        "alarms": {"num_queries": 0, "alarmed": None},
        "by_cells": {
            "rows": [{"by": by, "num_cells": k, "AP50": ap50, "AP": 0.1} for by, k in by_cells]
        },
        "kept_cells": {"on_asked": share, "absent_class": share, "num_drawings": 3},
        "faithfulness": {
            "num_queries": 20,
            "rows": {r: {"AP50": ap50, "AP": 0.1, "found_again": ap50} for r in ROWS},
        },
    }
    if attention == "none":
        evaluation |= {"kept_cells": {}, "faithfulness": {}}
    epochs = [{"epoch": 1, "seconds": 60.0, "val/AP50": ap50}]
    flat = values.flatten(config)
    return ReportedRun(f"runs/{name}", name, config, flat, epochs, evaluation)


def sections_of(runs):
    found = report_sections(group_by_seed(runs), "test", "no records", "", None)
    return {section.title: section for section in found}


def rows_of(table):
    return {row[0]: row[1:] for row in table.rows}


def test_seeds_are_a_mean_with_the_least_and_the_greatest():
    runs = [reported(f"seed_{i}", v, seed=i) for i, v in enumerate((0.5, 0.64, 0.6))]
    sections = sections_of(runs)
    assert list(sections) == [
        "What was found",
        "Precision and recall",
        "What is shown",
        "How many cells does it take?",
        "Where do the kept cells lie?",
        "Do the boxes come from the kept cells?",
        "What the models look at",
        "Learning",
    ]
    assert not sections["What the models look at"].blocks
    assert "there are no records in no records" in sections["What the models look at"].text
    table, by_area = sections["What was found"].blocks
    assert table.header == ["", "HAN 5"] and "the greatest of the seeds" in table.caption
    rows = rows_of(table)
    assert rows["AP50"] == ["58.0 (50.0–64.0)"] and rows["AP75"] == ["–"]
    assert (rows["seeds"], rows["minutes"], rows["cells kept"]) == (["3"], ["1.0"], ["5"])
    assert rows_of(by_area) == {"small": ["58.0 (50.0–64.0)"]}
    curve, cells = sections["How many cells does it take?"].blocks
    assert curve.caption.endswith("Bars: the least and the greatest of the seeds.")
    (group,) = group_by_seed(runs)
    ends = figures._by_cells(group)[0].points[0]
    assert ends[1:] == (pytest.approx(0.58), (pytest.approx(0.08), pytest.approx(0.06)))
    assert rows_of(cells)["by norm, 12"] == ["58.0 (50.0–64.0)"]
    assert rows_of(cells)["as many at random"] == ["–"]
    lie, overlaps = sections["Where do the kept cells lie?"].blocks
    assert lie.header == ["", "HAN 5", "random cells"]
    assert rows_of(lie)["kept cells on an asked object"][1] == "25.0 (25.0–25.0)"
    assert "a class that is not there" in rows_of(overlaps)
    less, again = sections["Do the boxes come from the kept cells?"].blocks
    assert (len(less.rows), len(again.rows)) == (len(ROWS), len(ROWS) - 1)
    assert "30 queries of the split test" in report_intro(runs, "test")


@pytest.mark.parametrize(
    ("attention", "num_cells", "label", "said"),
    [
        ("adahan", 3.5, "AdaHAN", "as many cells of a query as it chooses"),
        ("none", 12, "all cells", "never learnt to leave any out"),
    ],
)
def test_models_without_a_number_of_cells(attention, num_cells, label, said):
    runs = [
        reported("one", 0.5),
        reported("other", 0.6, attention=attention, num_cells=num_cells),
    ]
    sections = sections_of(runs)
    header = sections["What was found"].blocks[0].header
    assert sorted(header[1:]) == sorted(["HAN 5", label])
    assert said in sections["How many cells does it take?"].text
    lie = sections["Where do the kept cells lie?"].blocks[0]
    assert (label in lie.header) == (attention == "adahan")


def test_labels_tell_selections_and_encoders_apart():
    runs = [
        reported("one", 0.5),
        reported("two", 0.5, selection="dense_score"),
        reported("three", 0.5, image_encoder="small_cnn"),
        reported("four", 0.5, embedding_dim=5),
    ]
    assert sorted(group.label for group in group_by_seed(runs)) == [
        "edge CNN + HAN 5 (four)",
        "edge CNN + HAN 5 (one)",
        "edge CNN + HAN 5 by dense score",
        "small CNN + HAN 5",
    ]


def test_ticks_of_numbers_that_are_near_have_no_labels():
    assert figures._apart([4, 8, 10, 16, 32, 144]) == [4, 10, 16, 32, 144]


def test_an_evaluation_of_before_cells_were_asked_for():
    """It is shown beside newer ones, without what it does not know."""
    older, newer = reported("older", 50.0), reported("newer", 60.0, seed=1)
    for key in ("by_cells", "kept_cells", "faithfulness"):
        del older.evaluation[key]
    for runs in ([older, newer], [newer, older], [older]):
        assert sections_of(runs)
