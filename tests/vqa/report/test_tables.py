"""The tables, from hand-made runs."""

from hardvqa_tf.report_parts.groups import group_by_seed
from hardvqa_tf.vqa.report import curves, tables
from tests.report.made_runs import change, reported


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
        change(run, "model.han.num_cells", None)
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
    change(runs[0], "train.epochs", 2)
    change(runs[1], "train.batch_size", 7)
    groups = group_by_seed(runs)
    (table,) = tables.every_run(groups, {"runs/a": 1234, "runs/b": 56})
    assert table.rows[0][:9] == [
        *("a", "all cells + sum", "0", "75.00", "76.00", "20.0 of 20", "2", "2.0", "1,234")
    ]
    assert table.rows[1][-1].endswith("train.batch_size=7")


def test_hidden_answers_leave_no_accuracy():
    runs = [reported("a", "none", "sum", 0.75), reported("b", "soft", "sum", 0.5)]
    for run in runs:
        run.evaluation["rows"] = []
    groups = group_by_seed(runs)
    (table,) = tables.table_1(groups)
    assert [row[-1] for row in table.rows] == ["–", "–"]
    assert tables.by_question_type(groups) == curves.accuracy_by_share(groups, "") == []
