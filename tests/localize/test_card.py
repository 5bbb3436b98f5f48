"""A localizer leaves as a SavedModel with its card and examples, and works without us."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.localize.card import Card
from hardvqa_tf.localize.predicting import predict
from hardvqa_tf.runs import load_run
from tests.serving_ops import CORE, operations_of


@pytest.fixture(scope="module")
def workdir(exported_localizer):
    return exported_localizer


@pytest.fixture(scope="module")
def version(workdir):
    return pathlib.Path(workdir, "export", "1")


@pytest.fixture(scope="module")
def facts(version):
    return json.loads((version / "assets.extra" / "model.json").read_text())


def test_what_it_says_of_itself(version, facts):
    assert (facts["name"], facts["task"], facts["input"]) == ("my_run", "localize", "image")
    assert (facts["image_size"], facts["grid"]) == ([24, 32], [3, 4])
    assert (facts["num_boxes"], facts["threshold"]) == (5, 0.0625)
    assert Fields.from_json(facts["fields"]).grid == (3, 4)
    assert json.loads((version / "assets" / "config.json").read_text())["task"] == "localize"
    assert json.loads((version / "assets" / "classes.json").read_text())["unseen"]
    assert operations_of(version) <= CORE  # without tensorflow-text


def test_examples_are_scenes_with_a_drawing_of_each_class(version, facts):
    assert len(facts["examples"]) == 4
    for example in facts["examples"]:
        assert (version / "assets.extra" / example["image"]).read_bytes()[:4] == b"\x89PNG"
        assert len({query["class"] for query in example["queries"]}) == 3
        for query in example["queries"]:
            strokes = json.loads((version / "assets.extra" / query["sketch"]).read_text())
            assert np.shape(strokes[0])[1:] == (2,)
            boxes = np.array(query["boxes"])
            assert boxes.shape[1:] == (4,) and (boxes[:, :2] < boxes[:, 2:]).all()
            assert boxes.max() > 1


def test_the_card_has_the_numbers(version, workdir):
    card = (version / "README.md").read_text()
    assert "it needs TensorFlow, or TensorFlow Serving, and nothing else" in card
    assert "| AP50 | 50.00 % |\n| AP | 25.00 % |" in card
    assert "| `boxes` | float32[5, 4] | left, top, right, bottom" in card
    assert "from a score of 0.0625 on" in card and "- `val`: " in card
    result = {"split": "test", "num_queries": 1200, "num_scenes": 400, "num_cells": 5.0}
    row = {"num_images": 1200, "AP50": 0.75, "AP": 0.5, "AR100": -1}
    result |= {"total_cells": 12, "rows": {"right drawing": row}}
    result["threshold"] = {"threshold": 0.25, "precision": 0.5, "recall": 0.125}
    result["alarms"] = {"num_queries": 400, "alarmed": 0.625}
    text = Card(load_run(workdir), {}).evaluation(result)
    assert "| right drawing | 1,200 | 75.00 % | 50.00 % | - |" in text
    assert "precision 50.00 %, recall 12.50 %. It looked at 5.0 of 12 cells" in text
    assert "62.50 % of the 400 queries of a class" in text


ALONE = """
import importlib.util, json, sys
for name in ("hardvqa_tf", "records"):
    assert importlib.util.find_spec(name) is None, sys.path
exec(open("as_in_the_card.py").read())
assert not {"hardvqa_tf", "records", "tensorflow_text"} & set(sys.modules)
print(json.dumps({name: value[0].numpy().tolist() for name, value in found.items()
                  if value.dtype != tf.string}))
"""


def test_the_card_says_how_to_call_it_and_that_works_without_us(
    workdir, version, facts, tmp_path
):
    """It finds what --mode=predict finds to the same drawing in the same image."""
    shutil.copytree(version, tmp_path / "elsewhere")
    card = (version / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    (tmp_path / "elsewhere" / "as_in_the_card.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        cwd=tmp_path / "elsewhere",
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    extra, example = version / "assets.extra", facts["examples"][0]
    image, sketch = example["image"], example["queries"][0]["sketch"]
    assert f'open("assets.extra/{image}", "rb")' in code
    expected, _ = predict(
        load_run(workdir), (extra / image).read_bytes(), sketch=[str(extra / sketch)]
    )
    assert expected["threshold"] == 0.0625
    assert found["num_found"] == len(expected["found"]) > 0
    assert found["num_cells"] == expected["num_cells"] == np.sum(found["mask"])
    for i, wanted in enumerate(expected["found"]):
        left, top, width, height = wanted["box"]
        corners = [left, top, left + width, top + height]
        np.testing.assert_allclose(found["boxes"][i], corners, atol=5e-4)
        assert found["scores"][i] == pytest.approx(wanted["score"], abs=1e-5)


def test_the_rest_call_of_the_card_is_json(version, facts):
    """Up to curl, as a shell runs it."""
    command = (version / "README.md").read_text().split("```bash\n")[1].split("| curl")[0]
    done = subprocess.run(["bash", "-c", command], cwd=version, capture_output=True)
    (row,) = json.loads(done.stdout)["instances"]
    example = facts["examples"][0]
    paths = {"image": example["image"], "sketch": example["queries"][0]["sketch"]}
    assert row.keys() == paths.keys()
    for name, path in paths.items():
        content = (version / "assets.extra" / path).read_bytes()
        assert base64.b64decode(row[name]["b64"]) == content
