"""metrics.jsonl that was edited, cut or copied by halves is told, by file and line."""

import json

import pytest

from hardvqa_tf import epochs

ONE = {"epoch": 1, "val/all": 0.5, "seconds": 2}
TWO = {"epoch": 2, "val/all": 0.75, "seconds": 2}


def write(folder, *lines):
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1, 2]\n", "it says the whole = [1, 2], which should be an object"),
        ("7\n", "it says the whole = 7, which should be an object"),
        ("{}\n", "it has no epoch"),
        (ONE | {"epoch": "2"}, 'it says epoch = "2", which should be a whole number of at'),
        (ONE | {"epoch": 0}, "it says epoch = 0, which should be a whole number of at least 1"),
        (TWO | {"val/all": "x"}, 'it says val/all = "x", which should be a number'),
        (TWO | {"val/all": [1]}, "it says val/all = [1], which should be a number"),
        ('{"epoch": 2, "epoch": 3}\n', "the key 'epoch' is there twice"),
        ('{"epoch": 2, "val', "Unterminated string"),
    ],
)
def test_a_line_that_is_no_epochs(tmp_path, line, said):
    with pytest.raises(ValueError) as error:
        epochs.read_metrics(write(tmp_path, ONE, line))
    message = str(error.value)
    assert message.startswith(f"{tmp_path}/metrics.jsonl, line 2: this is no epoch's metrics (")
    assert said in message and message.endswith("folder again, or delete that line.")


@pytest.mark.parametrize("lines", [(ONE, TWO, TWO), (ONE, TWO, ONE)])
def test_a_line_that_is_doubled(tmp_path, lines):
    with pytest.raises(
        ValueError, match="jsonl, line 3: epoch . stands behind epoch 2. Delete"
    ):
        epochs.read_metrics(write(tmp_path, *lines))


def test_what_is_written_is_standard_json(tmp_path):
    line = epochs.to_line(ONE | {"a": float("nan"), "b": float("inf"), "c": None})
    assert json.loads(line) == ONE | dict.fromkeys("abc")
    assert epochs.read_metrics(write(tmp_path, line)) == [json.loads(line)]


def test_what_a_resumed_run_says(tmp_path):
    def said(*lines, num_epochs=2):
        return " ".join(epochs.notices(write(tmp_path, *lines), num_epochs, "val/all"))

    assert said(ONE, TWO) == said(ONE, TWO, num_epochs=1) == ""
    assert said(ONE, TWO | {"epoch": 3}, num_epochs=3).startswith(
        f"{tmp_path}/metrics.jsonl has no line of epoch 2, but the checkpoint is of epoch 3."
    )
    assert "has no line of epoch 1, 2, but" in said()
    (tmp_path / "metrics.jsonl").unlink()
    assert "has no line of epoch 1, 2, but" in epochs.notices(str(tmp_path), 2)[0]
    assert "has a line of epoch 7, but the checkpoint is of epoch 2" in said(
        ONE, TWO, TWO | {"epoch": 7}
    )
    renamed = {"epoch": 2, "val/al": 0.75}
    assert "has no 'val/all' in the line of epoch 2, by which" in said(ONE, renamed)
