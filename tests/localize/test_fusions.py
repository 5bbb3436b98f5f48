"""The benchmark of fusions: each run's weights in a model of each."""

import itertools

import keras
import numpy as np
import pytest

from benchmarks import fusions
from hardvqa_tf.localize import slots
from hardvqa_tf.localize.classes import Classes
from hardvqa_tf.localize.judging.judge import Judge
from hardvqa_tf.runs import Run
from tests.localize import small
from tests.localize.judging.answered import answer


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
def test_runs_are_asked_with_each_fusion(scene_records, scene_config, monkeypatch, capsys):
    model, data, answers = answer(scene_records)
    run = Run(model, scene_config, Classes.from_records(scene_config))
    monkeypatch.setattr(fusions, "load_run", {"a": run, "b": run}.get)
    found = fusions.main(["a", "b", "--drawings", "1", "2"])
    assert found.keys() == {(fusion, n) for fusion in slots.FUSIONS for n in (1, 2)}
    assert all(len(values) == 2 and len(set(values)) == 1 for values in found.values())
    # One drawing is the same model, and is asked as an evaluation asks.
    judge = Judge(model, scene_config, run.assets, "test")
    expected = judge.values(answers, data)["val/AP50"]
    for fusion in slots.FUSIONS:
        np.testing.assert_allclose(found[fusion, 1], 100 * expected, atol=1e-3)
    # Of several each is another: their logits, where AP of few queries may be the same.
    batch = small.inputs()
    batch["sketch_valid"][:] = True
    logits = [
        keras.ops.convert_to_numpy(fusions.with_fusion(run, fusion)(batch)["dense_logits"])
        for fusion in slots.FUSIONS
    ]
    for one, other in itertools.combinations(logits, 2):
        assert np.abs(one - other).max() > 1e-5
    assert capsys.readouterr().out.count("\n| ") == 3
