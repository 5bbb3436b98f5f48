"""The benchmark of a step at full size, on a small model."""

import argparse

import pytest

from benchmarks import full_size
from hardvqa_tf.localize.model import build_localizer
from tests.localize import small
from tests.localize.test_map_model import MAPS


@pytest.mark.slow
def test_a_few_steps_are_measured(capsys):
    config = small.config(**MAPS)
    arguments = argparse.Namespace(images=1, queries=2, steps=2, pixels=32, precision="float32")
    found = full_size.measure(config, arguments)
    assert found["parameters"] == build_localizer(config).count_params()
    assert found["cells"] == 8 * 8 + 4 * 4 + 2 * 2
    assert len(found["seconds"]) == len(found["processor"]) == 2
    assert all(seconds > 0 for seconds in (found["first"], *found["seconds"]))
    assert 0.1 < found["gib"] < 1000 and found["gpu_gib"] is None
    printed = capsys.readouterr().out
    assert "84 cells, 32 pixels" in printed and "GiB" in printed
    one = argparse.Namespace(**vars(arguments) | {"queries": 1, "steps": 0})
    counted = full_size.measure(config, one)
    assert set(counted) == {"parameters", "cells", "operations"}
    # The image is encoded once for both queries, and all else for each.
    assert counted["operations"] < found["operations"] < 2 * counted["operations"]


def test_an_unknown_config_is_refused(capsys):
    with pytest.raises(SystemExit):
        full_size.main(["--config=lost"])
    assert "invalid choice: 'lost'" in capsys.readouterr().err
