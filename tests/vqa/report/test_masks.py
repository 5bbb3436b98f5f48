"""What masks are worth, from hand-made runs."""

from hardvqa_tf.report_parts.groups import group_by_seed
from hardvqa_tf.vqa.report import masks
from tests.report.made_runs import reported


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
    table, figure = masks.mask_quality(groups, "x_")
    assert table.header == ["model", "cells", "objects in a kept cell"]
    assert table.rows == [
        ["soft + sum", "6 (cut)", "62.5 [30.0]"],
        ["HAN 10 + sum", "10.0", "75.0 [50.0]"],
        ["HAN 5 + sum", "5.0", "50.0 [25.0]"],
    ]
    assert figure.name == "x_masks" and figure.png.startswith(b"\x89PNG")
    table, figure = masks.faithfulness(groups, "x_")
    assert table.rows[1] == [
        "HAN 10 + sum",
        "10.0",
        "–",
        "75.0 [100.0]",
        "50.0 [40.0]",
        "–",
    ]


def test_overlaps_are_beside_chance():
    runs = [
        reported("a", "han", "sum", 0.5, 5),
        reported("b", "han", "sum", 0.5, 5, seed=1),
        reported("c", "none", "sum", 0.5),  # looks at all
    ]
    for run, overlap in zip(runs, (0.5, 0.75), strict=False):
        run.evaluation["mask_dependence"] = {
            "num_questions": 40,
            "other_question": {"overlap": overlap, "chance": 0.145},
            "other_image": {"overlap": 0.25, "chance": 0.125},
        }
    (table,) = masks.mask_dependence(group_by_seed(runs))
    assert table.header[2:] == [
        "another question, the same image",
        "the same question, another image",
    ]
    # The spread of 50 and 75 is 25 / sqrt(2).
    assert table.rows == [
        ["HAN 5 + sum", "5.0", "62.5 ± 17.7 (2) [14.5]", "25.0 ± 0.0 (2) [12.5]"]
    ]
    assert masks.mask_dependence(group_by_seed(runs[2:])) == []


def test_nothing_is_shown_of_masks_that_were_not_measured():
    groups = group_by_seed(
        [reported("a", "none", "sum", 0.5), reported("b", "han", "sum", 0.5, 5)]
    )
    assert masks.mask_quality(groups, "") == masks.faithfulness(groups, "") == []
