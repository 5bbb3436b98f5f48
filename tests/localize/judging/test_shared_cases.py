"""The twelve numbers of COCO's own tool, of the cases that lie beside the repository."""

import json

import pytest

from hardvqa_tf.localize.judging.coco import evaluate
from hardvqa_tf.localize.judging.coco_data import check
from tests.shared_data import shared

# `maskApi` adds in double precision, as NumPy does: the means alone may be added otherwise.
TOLERANCE = 1e-12
NAMES = {"APs", "APm", "APl", "ARs", "ARm", "ARl", "AP", "AP50", "AP75", "AR1", "AR10", "AR100"}


def test_every_case_of_the_folder():
    paths = sorted(shared("coco_eval").glob("*.json"))
    assert len(paths) >= 11
    for path in paths:
        case = json.loads(path.read_text())
        data = check(case["ground_truth"], case["detections"])
        found = evaluate(data, **case["options"])
        assert case["stats"].keys() == NAMES
        expected = {n: pytest.approx(v, abs=TOLERANCE) for n, v in case["stats"].items()}
        assert {name: found[name] for name in NAMES} == expected, path.name
        assert found == evaluate(data, **case["options"]), path.name  # to the bit
