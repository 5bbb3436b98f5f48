"""metrics.jsonl of a run: a line for each epoch, read with care, as people edit and copy it."""

import json
import math
import os

from records import damage, info_shape, strict_json

_COPY_AGAIN = "Copy the run's folder again"
_VALUE = info_shape.Kind(
    "a number",
    lambda value: value is None or info_shape.NUMBER.allows(value) or isinstance(value, bool),
)
_LINE = {"epoch": info_shape.SIZE, info_shape.any_key: _VALUE}


def path_of(workdir):
    return os.path.join(workdir, "metrics.jsonl")


def read_metrics(workdir):
    """The lines of metrics.jsonl, list of dicts.

    Raises:
      ValueError: if the file is missing or damaged, or its epochs do not ascend, naming the
        line.
    """
    path = path_of(workdir)
    wrong = damage.what_is_wrong(path)
    if wrong and wrong != "is empty":  # before the first epoch of a run of before
        raise ValueError(f"{path} {wrong}. {_COPY_AGAIN}.")
    metrics = []
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                metrics.append(_read_line(path, number, line))
                _check_order(path, number, metrics)
    return metrics


def _read_line(path, number, line):
    try:
        content = strict_json.loads(line)
        info_shape.check(content, _LINE)
    except info_shape.WrongShape as error:
        raise _not_metrics(path, number, f"it {error}") from None
    except ValueError as error:
        raise _not_metrics(path, number, error) from None
    return content


def _not_metrics(path, number, why):
    return ValueError(
        f"{path}, line {number}: this is no epoch's metrics ({why}). {_COPY_AGAIN}, or delete "
        "that line."
    )


def _check_order(path, number, metrics):
    *before, last = [line["epoch"] for line in metrics]
    if before and last <= before[-1]:
        raise ValueError(
            f"{path}, line {number}: epoch {last} stands behind epoch {before[-1]}. Delete "
            f"the line that is not of this run, or {_COPY_AGAIN.lower()}."
        )


def to_line(metrics):
    """An epoch's line. It is standard JSON, which has no NaN: older programs wrote such."""
    line = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }
    return json.dumps(line, allow_nan=False) + "\n"


def notices(workdir, num_epochs, name=None):
    """What a run that is resumed should say of its metrics.jsonl, a list of sentences.

    Args:
      num_epochs: that are done, by the checkpoint that is resumed.
      name: of the value that every epoch has which can be the best; None: no epoch has it.
    """
    path = path_of(workdir)
    metrics = read_metrics(workdir) if os.path.exists(path) else []
    there = {line["epoch"]: line for line in metrics}
    missing = [n for n in range(1, num_epochs + 1) if n not in there]
    # An epoch's line is written before its checkpoint.
    later = [n for n in there if n > num_epochs + 1]
    without = [n for n, line in there.items() if name and line.get(name) is None]
    of_checkpoint = f"the checkpoint is of epoch {num_epochs}"
    said = []
    if missing:
        said.append(
            f"{path} has no line of epoch {_list(missing)}, but {of_checkpoint}. Reports will "
            f"lack them. {_COPY_AGAIN} if it has them elsewhere."
        )
    if later:
        said.append(
            f"{path} has a line of epoch {_list(later)}, but {of_checkpoint}: such lines are "
            "replaced. Stop and copy the run's folder again if its checkpoints are elsewhere."
        )
    if without:
        said.append(
            f"{path} has no {name!r} in the line of epoch {_list(without)}, by which the best "
            f"epoch is found. {_COPY_AGAIN} if it has it elsewhere."
        )
    return said


def _list(numbers, limit=5):
    return ", ".join(map(str, numbers[:limit])) + (", ..." if numbers[limit:] else "")
