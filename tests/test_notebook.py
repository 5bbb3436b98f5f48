"""The documentation's example of Keras's own `fit()`, run as it stands there."""

import pathlib
import re

import numpy as np
import pytest

DOCS = pathlib.Path(__file__).parent.parent / "docs"


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
def test_the_example_of_fit(records_dir):
    text = (DOCS / "training.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    assert code.count('"data/sort_of_clevr"') == 1
    names = {}
    exec(code.replace("data/sort_of_clevr", records_dir), names)  # noqa: S102
    model = names["classifier"]
    assert model.optimizer.iterations.numpy() == 2 * 3  # 24 images, 8 a batch, 2 epochs
    history = model.history.history
    assert np.isfinite(history["loss"]).all() and 0 <= history["accuracy"][0] <= 1
