"""Finished runs as a report sees them: what each is, how it went, and how right it is."""

import dataclasses
import glob
import os

from hardvqa_tf import evaluate
from hardvqa_tf.configs.table import values
from hardvqa_tf.runs import has_epochs_left, read_config, read_json, read_metrics
from hardvqa_tf.vqa import slots
from records.folder import INFO_NAME

# {name: what tables and plots call it}, in the order that tables have them.
ATTENTIONS = {name: part.title for name, part in slots.ATTENTIONS.items()}
AGGREGATORS = {name: part.title for name, part in slots.AGGREGATORS.items()}


@dataclasses.dataclass(frozen=True)
class ReportedRun:
    """One finished run.

    `name` is its folder's, `config` its config.json, `epochs` the lines of metrics.jsonl, and
    `evaluation` what `evaluate.evaluate_run` wrote about the report's split.
    """

    workdir: str
    name: str
    config: dict
    epochs: list
    evaluation: dict

    @property
    def attention(self):
        return self.config["model"]["attention"]

    @property
    def aggregator(self):
        return self.config["model"]["aggregator"]

    @property
    def fused_layers(self):
        return len(self.config["model"]["fusion"]["units"])

    @property
    def num_cells(self):
        """Cells looked at, on average over the split's questions."""
        return self.evaluation["num_cells"]

    @property
    def share(self):
        """Share of the cells that was looked at, in 0..1."""
        return self.num_cells / self.evaluation["total_cells"]

    @property
    def accuracy(self):
        """In 0..1; None where the data set hides the answers."""
        return self.accuracy_of("all")

    def accuracy_of(self, question_type, name="accuracy"):
        """`name`: accuracy, or blind_by_text or blind_by_type, which needed no image."""
        for row in self.evaluation.get("rows", []):
            if row["type"] == question_type:
                return row.get(name)
        return None

    @property
    def question_types(self):
        return [row["type"] for row in self.evaluation.get("rows", [])]

    @property
    def minutes(self):
        """Of training steps on the clock, over all epochs."""
        return sum(epoch.get("seconds", 0.0) for epoch in self.epochs) / 60

    @property
    def best_val(self):
        return max((epoch.get("val/all", 0.0) for epoch in self.epochs), default=None)

    def curve(self):
        """[(minutes of training steps so far, accuracy on the validation split)]."""
        points, seconds = [], 0.0
        for epoch in self.epochs:
            seconds += epoch.get("seconds", 0.0)
            if "val/all" in epoch:
                points.append((seconds / 60, epoch["val/all"]))
        return points

    def settings(self):
        """{dotted key: value} of all that made this model; nothing of parts it does not use.

        A key that an older run lacks has the value that held before there was the key.
        """
        config = values.complete(self.config)
        model = config["model"]
        unused = slots.all_names() - slots.names_in_use(model)
        used = {
            name: slots.arguments_that_count(part) if isinstance(part, dict) else part
            for name, part in model.items()
            if name not in unused
        }
        return values.flatten(config | {"model": used})


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
      list of `ReportedRun`.

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
        if _must_be_evaluated(workdir, split, records_dir or config["records_dir"]):
            say(f"{workdir}: evaluating on {split} ({number} of {len(workdirs)})")
            evaluate.evaluate_run(workdir, split, records_dir)
        evaluation = _read_json(workdir, f"evaluation_{split}.json")
        name = os.path.basename(os.path.abspath(workdir))
        runs.append(ReportedRun(workdir, name, config, read_metrics(workdir), evaluation))
    return runs


def why_unfinished(workdir):
    """What a run lacks to be finished, in words; None if it is."""
    for name in ("config.json", "metrics.jsonl", "model.keras"):
        if not os.path.isfile(os.path.join(workdir, name)):
            return f"{name} is missing"
    train, epochs = read_config(workdir).train, read_metrics(workdir)
    done = epochs[-1]["epoch"] if epochs else 0
    # The first of equally good ones.
    best = max(epochs, key=lambda epoch: epoch.get("val/all", 0.0), default={"epoch": 0})
    if not has_epochs_left(train, done, best["epoch"]):
        return None
    return f"it has done {done} of {train['epochs']} epochs"


def _must_be_evaluated(workdir, split, records_dir):
    """Whether there is no evaluation, or one of a model that was trained further since.

    A copied run's times say nothing; without records, what it says is taken as it is.
    """
    path = os.path.join(workdir, f"evaluation_{split}.json")
    if not os.path.exists(path):
        return True
    older = os.path.getmtime(path) < os.path.getmtime(os.path.join(workdir, "model.keras"))
    return older and has_records(records_dir)


def has_records(records_dir):
    return os.path.isfile(os.path.join(records_dir, INFO_NAME))


def _read_json(workdir, name):
    return read_json(
        os.path.join(workdir, name),
        "Copy the run's folder again, or delete the file if it is an evaluation: the report "
        "then makes it anew.",
    )
