"""Answers in the official result format; masks are measured where cells look."""

import json
import types

from hardvqa_tf.vqa.judging import judge
from hardvqa_tf.vqa.judging.judge import to_result_format
from tests.vqa.judging.test_metrics import answers_of


def test_the_vqa_result_format():
    """Whole numbers as numbers, everything else as it is: the ids must be found again."""
    ids = ["12", "0", "007", "-5", "train-3", "1.5", "", "٣", "²", "12345678901234567890"]
    answers = answers_of(*((id_, "", i % 3, 0, True) for i, id_ in enumerate(ids)))
    found = to_result_format(answers, ["yes", "no", "größer"])
    assert [row["question_id"] for row in found] == [
        12,
        0,
        "007",
        "-5",
        "train-3",
        "1.5",
        "",
        "٣",
        "²",
        12345678901234567890,
    ]
    assert [row["answer"] for row in found[:4]] == ["yes", "no", "größer", "yes"]
    assert [set(row) for row in found] == [{"question_id", "answer"}] * len(ids)
    json.dumps(found)


def test_masks_are_measured_where_the_cells_of_the_model_look(monkeypatch):
    for name in ("make_ask", "cells_after_cut", "Metric", "measure_faithfulness"):
        monkeypatch.setattr(judge, name, lambda *_: None)
    monkeypatch.setattr(judge, "measure_dependence", lambda *_, **__: None)
    monkeypatch.setattr(judge, "cell_fields", lambda model, folder: ("fields", model, folder))
    monkeypatch.setattr(judge, "measure_masks", lambda *given: given[-1])
    model = types.SimpleNamespace(output={"mask": None})
    assets = types.SimpleNamespace(answers=types.SimpleNamespace(answers=[]), tokenizer=None)
    judged = judge.Judge(model, None, assets, "val", records_dir="maps")
    assert judged.masks(None, None, 2)["masks"] == ("fields", model, "maps")
