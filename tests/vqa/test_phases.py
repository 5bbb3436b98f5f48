"""The first steps look at every cell."""

import numpy as np
import pytest

from tests.training.small import make_batch, make_steps, small_model


@pytest.mark.parametrize(
    "attention, arguments, cells",
    [
        ("han", {"num_cells": 3}, [80, 80, 30, 30]),  # of 8 cells and 10 counted questions
        ("adahan", {"max_cells": 1}, [80, 80, 10, 10]),
        ("soft", {"hidden_dim": 5}, [80, 80, 80, 80]),
    ],
)
def test_the_first_steps_look_at_every_cell(eagerly, attention, arguments, cells):
    model = small_model(attention, **arguments)
    steps, batch = make_steps(model, all_cells_steps=2), make_batch()
    found = [steps(number, iter([batch]), 9, False) for number in range(4)]
    assert [sums["num_cells"] for sums, _ in found] == cells
    assert [number for _, number in found] == [1, 1, 1, 1]
    # Whatever comes after a step, e.g. evaluation, selects.
    steps(0, iter([batch]), 9, False)
    inputs = [batch["features"], batch["question_tokens"]]
    assert (np.asarray(model(inputs)["num_cells"]) == cells[-1] // 10).all()
