"""One finished run as a report sees it; tasks say more about theirs."""

import dataclasses

from hardvqa_tf.configs.table import values
from hardvqa_tf.tasks import task_of


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
    def minutes(self):
        """Of training steps on the clock, over all epochs."""
        return sum(epoch.get("seconds", 0.0) for epoch in self.epochs) / 60

    @property
    def best_val(self):
        """The value of the epoch that was kept, by which it was chosen."""
        best = task_of(self.config).BEST
        return max((epoch.get(best, 0.0) for epoch in self.epochs), default=None)

    def curve(self):
        """[(minutes of training steps so far, the value that chooses the best epoch)]."""
        best, points, seconds = task_of(self.config).BEST, [], 0.0
        for epoch in self.epochs:
            seconds += epoch.get("seconds", 0.0)
            if best in epoch:
                points.append((seconds / 60, epoch[best]))
        return points

    def settings(self):
        """{dotted key: value} of all that made this model.

        A key that an older run lacks has the value that held before there was the key.
        """
        return values.flatten(values.complete(self.config))

    @property
    def order(self):
        """By which runs stand below each other: a tuple."""
        return (self.name,)

    @staticmethod
    def labels(runs):
        """What each of some runs is called beside the others, in a few words."""
        return [run.name for run in runs]
