"""An evaluation as a table for a terminal."""

from hardvqa_tf.evaluate import format_evaluation


def test_the_table():
    row = {"accuracy": 0.51, "blind_by_text": 0.5, "blind_by_type": 0.25}
    seen = {"accuracy": 0.75, "same_answer": 0.5}
    result = {
        "split": "val",
        "num_cells": 6.25,
        "num_cells_std": 1.55,
        "total_cells": 25,
        "mask_cells": None,
        "masks_dir": "run/masks_val",
        "metric": "exact",
        "num_classes": 10,
        "masks": {"objects_kept": {"share": 0.875, "chance": 0.25}},
        "mask_dependence": {
            "num_questions": 1000,
            "other_question": {"overlap": 0.77, "chance": 0.145},
            "other_image": {"overlap": 0.32, "chance": 0.145},
        },
        "faithfulness": {"num_questions": 1000}
        | dict.fromkeys(("model", "kept", "removed", "random"), seen),
        "coverage": {"answers": 1.0, "questions": 1.0},
        "rows": [
            {"type": "all", "num_questions": 1234, **row, "accuracy": 1.0},
            {"type": "relational", "num_questions": 600, **row},
            {"type": "relational: count", "num_questions": 34, **row, "accuracy": 0.09},
        ],
    }
    assert format_evaluation(result).splitlines() == [
        "val         questions  accuracy  blind by question  blind by type",
        "all             1,234  100.00 %            50.00 %        25.00 %",
        "relational        600   51.00 %            50.00 %        25.00 %",
        "  count            34    9.00 %            50.00 %        25.00 %",
        "Looked at 6.2 of 25 cells on average (standard deviation 1.6); "
        "pictures in run/masks_val",
        "",
        "masks                              share  random cells",
        "objects in a kept cell           87.50 %       25.00 %",
        "",
        "overlap of masks, 1,000 pairs      overlap  random cells",
        "another question, the same image   77.00 %       14.50 %",
        "the same question, another image   32.00 %       14.50 %",
        "",
        "seen, in 1,000 questions  accuracy  same answer",
        "what the model sees        75.00 %      50.00 %",
        "the kept cells             75.00 %      50.00 %",
        "all but these              75.00 %      50.00 %",
        "random ones, as many       75.00 %      50.00 %",
    ]
    hidden = format_evaluation(result | {"rows": [], "split": "test"})
    assert hidden.splitlines()[0] == "test: the answers are hidden, so there is no accuracy."


def test_the_table_of_the_vqa_metric():
    row = {"num_questions": 7, "accuracy": 0.3298, "blind_by_text": 0.5, "blind_by_type": 0.25}
    names = ["all", "yes/no", "question type: how many", "question type: is it"]
    result = {
        "split": "val2014",
        "num_cells": 8.0,
        "num_cells_std": 0.0,
        "total_cells": 100,
        "mask_cells": None,
        "masks_dir": "masks",
        "metric": "vqa",
        "evaluator": 2018,
        "num_classes": 1000,
        "masks": {},
        "mask_dependence": {},
        "faithfulness": {},
        "coverage": {"answers": 0.75, "questions": 0.5, "best_score": 0.625},
        "rows": [row | {"type": name} for name in names],
    }
    lines = format_evaluation(result).splitlines()
    assert [line.split("  ")[0] for line in lines[:4]] == [
        "val2014",
        "all",
        "yes/no",
        "question type",
    ]
    assert lines[4].startswith("  how many ") and lines[5].startswith("  is it ")
    assert lines[6:8] == [
        "VQA accuracy as the official evaluator of 2018 has it.",
        "The 1,000 answers of the model are 75.0 % of all that people gave, and hold one to "
        "50.0 % of the questions; the best score they allow is 62.50 %.",
    ]
    assert lines[8:] == ["Looked at 8.0 of 100 cells on average; pictures in masks"]
