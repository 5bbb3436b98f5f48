"""Which runs are finished, and what is read of them; those without an evaluation get one."""

import glob
import os

from hardvqa_tf import evaluate
from hardvqa_tf.configs.table import values
from hardvqa_tf.runs import has_epochs_left, read_config, read_json, read_metrics
from hardvqa_tf.tasks import task_of
from records.folder import has_records


def find_runs(patterns):
    """Folders and globs -> the folders of runs among them, each once.

    Raises:
      ValueError: for a folder or a glob that has no run.
    """
    found = {}
    for pattern in patterns:
        matches = [pattern] if os.path.isdir(pattern) else sorted(glob.glob(pattern))
        runs = [m for m in matches if os.path.isfile(os.path.join(m, "config.json"))]
        if not runs:
            raise ValueError(
                f"There is no run to report. Received: {pattern!r}, without a config.json "
                "inside. Give the folders that --mode=train wrote (its --workdir), or a "
                "pattern that they match: --runs='runs/*'"
            )
        found |= {os.path.realpath(run): os.path.normpath(run) for run in runs}
    return list(found.values())


def read_runs(workdirs, split, records_dir=None, say=print):
    """Reads finished runs, and evaluates those that have not been evaluated on the split.

    Args:
      workdirs: list of folders.
      split: "test", ...
      records_dir: the records to evaluate on; default: those that each run was trained on.
      say: called with each line that the user should see.

    Returns:
      list of `ReportedRun`, each as its task makes it.

    Raises:
      ValueError: for a run that is not finished, naming it.
    """
    for workdir in workdirs:  # All first: an evaluation takes a while.
        reason = why_unfinished(workdir)
        if reason:
            raise ValueError(
                f"The run in {workdir} is not finished: {reason}. Start it again with the "
                f"command that began it (python main.py --mode=train --workdir={workdir} ...), "
                "which goes on where it stopped; or leave it out of --runs."
            )
    runs = []
    for number, workdir in enumerate(workdirs, 1):
        config = read_config(workdir).to_dict()
        if _must_be_evaluated(workdir, config, split, records_dir or config["records_dir"]):
            say(f"{workdir}: evaluating on {split} ({number} of {len(workdirs)})")
            evaluate.evaluate_run(workdir, split, records_dir)
        evaluation = _read_json(workdir, f"evaluation_{split}.json")
        name = os.path.basename(os.path.abspath(workdir))
        made, flat = task_of(config).ReportedRun, values.flatten(config)
        runs.append(made(workdir, name, config, flat, read_metrics(workdir), evaluation))
    return runs


def why_unfinished(workdir):
    """What a run lacks to be finished, in words; None if it is."""
    for name in ("config.json", "metrics.jsonl", "model.keras"):
        if not os.path.isfile(os.path.join(workdir, name)):
            return f"{name} is missing"
    config, epochs = read_config(workdir), read_metrics(workdir)
    train, chooses = config.train, task_of(config).BEST
    done = epochs[-1]["epoch"] if epochs else 0
    # The first of equally good ones.
    best = max(epochs, key=lambda epoch: epoch.get(chooses, 0.0), default={"epoch": 0})
    if not has_epochs_left(train, done, best["epoch"]):
        return None
    return f"it has done {done} of {train['epochs']} epochs"


def _must_be_evaluated(workdir, config, split, records_dir):
    """Whether there is no evaluation, or one of a model that was trained further since, or of
    a version that measured otherwise.

    A copied run's times say nothing; without records, what it says is taken as it is.
    """
    name = f"evaluation_{split}.json"
    path = os.path.join(workdir, name)
    if not os.path.exists(path):
        return True
    older = os.path.getmtime(path) < os.path.getmtime(os.path.join(workdir, "model.keras"))
    other = _read_json(workdir, name).get("measures") != task_of(config).MEASURES
    return (older or other) and has_records(records_dir)


def _read_json(workdir, name):
    return read_json(
        os.path.join(workdir, name),
        "Copy the run's folder again, or delete the file if it is an evaluation: the report "
        "then makes it anew.",
    )
