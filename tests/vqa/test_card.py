"""What the card of an export says about cells is where they are drawn."""

import dataclasses
import json
import pathlib
import re
import types

import pytest

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.vqa.card import Card, describe_export
from hardvqa_tf.vqa.model import grid_fields
from hardvqa_tf.vqa.text import MAX_QUESTION_BYTES, question_status
from tests.small_models import build

FIELDS = Fields((10.5, 9.25), (16.0, 15.5), (31.0, 33.0), (75, 64), (5, 4))
DRAWN = dataclasses.replace(FIELDS, extent=None)  # boxes as large as the cells' pitch


def run_of(model):
    parts = types.SimpleNamespace(mixer="none", attention="han", aggregator="sum")
    config = types.SimpleNamespace(model=parts, records_dir="nowhere")
    return types.SimpleNamespace(
        model=model, config=config, assets=types.SimpleNamespace(answers=[1, 2])
    )


def test_the_formula_gives_the_boxes():
    text = Card(None, {"fields": FIELDS.to_json(), "grid": [5, 4]}).cells()
    lines = re.findall(r"([-\d.]+) \+ ([\d.]+)·([ij])", text)
    assert [letter for *_, letter in lines] == ["i", "i", "j", "j"]
    starts, steps = zip(*((float(start), float(step)) for start, step, _ in lines), strict=True)
    for row, column in ((0, 0), (2, 1), (4, 3)):
        top, bottom, left, right = (
            start + step * index
            for start, step, index in zip(
                starts, steps, (row, row, column, column), strict=True
            )
        )
        box = max(top, 0), max(left, 0), min(bottom, 75), min(right, 64)
        assert DRAWN.field_box(row, column) == box
    assert "75 high and\n64 wide" in text and "31 x 33 pixels around its middle" in text


def test_without_fields_the_image_is_divided():
    text = Card(None, {"fields": None, "grid": [5, 4]}).cells()
    assert "equally: 5 rows, 4 columns" in text


def test_the_questions_that_the_graph_refuses_are_named():
    """`text.question_status` has a status for each of these."""
    kinds = {
        "empty": "",
        "invisible": "\u200b",
        "NUL": "a\0",
        "UTF-8": b"\xff",
        f"{MAX_QUESTION_BYTES:,} bytes": "a" * (MAX_QUESTION_BYTES + 1),
    }
    assert all(status != b"ok" for status in question_status(list(kinds.values())).numpy())
    (sentence,) = Card(None, {}).refused()
    assert all(kind in sentence for kind in kinds)


@pytest.mark.parametrize("of_maps", [False, True])
def test_an_export_keeps_the_fields_that_are_known(of_maps):
    maps = {"image_size": (2, 4, 3), "image_encoder": "features", "image_encoder_args": {}}
    model = build(**maps) if of_maps else build()
    expected = None if of_maps else grid_fields(model).to_json()
    assert describe_export(run_of(model))["fields"] == expected


def test_the_docs_draw_a_cell_where_it_is(tmp_path, monkeypatch):
    """The code of docs/serving.md, run."""
    path = pathlib.Path(__file__).parents[2] / "docs" / "serving.md"
    (code,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
        if "def cell_box" in block
    )
    folder = tmp_path / "runs/sort_of_clevr/export/1/assets.extra"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps({"fields": FIELDS.to_json()}))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    for row, column in ((0, 0), (2, 1), (4, 3)):
        top, left, bottom, right = DRAWN.field_box(row, column)
        expected = [2 * top, 3 * left, 2 * bottom, 3 * right]
        assert names["cell_box"](row, column, 150, 192) == pytest.approx(expected)
