"""One finished run as a report sees it; tasks say more about theirs."""

import dataclasses
from typing import ClassVar


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """One finished run.

    `name` is its folder's, `config` its config.json with the values that held where it lacks a
    key, `flat` the same by dotted keys, `epochs` the lines of metrics.jsonl, and `evaluation`
    what `evaluate.evaluate_run` wrote about the report's split. A task's own has the name of
    the value that chooses the best epoch as BEST.
    """

    BEST: ClassVar[str]

    workdir: str
    name: str
    config: dict
    flat: dict
    epochs: list
    evaluation: dict

    @property
    def minutes(self):
        """Of training steps on the clock, over all epochs."""
        return sum(epoch.get("seconds", 0.0) for epoch in self.epochs) / 60

    @property
    def best_val(self):
        """The value of the epoch that was kept, by which it was chosen."""
        return max((epoch.get(self.BEST, 0.0) for epoch in self.epochs), default=None)

    def curve(self):
        """[(minutes of training steps so far, the value that chooses the best epoch)]."""
        points, seconds = [], 0.0
        for epoch in self.epochs:
            seconds += epoch.get("seconds", 0.0)
            if self.BEST in epoch:
                points.append((seconds / 60, epoch[self.BEST]))
        return points

    def settings(self):
        """{dotted key: value} of all that made this model."""
        return dict(self.flat)

    @property
    def order(self):
        """By which runs stand below each other: a tuple."""
        return (self.name,)

    @staticmethod
    def labels(runs):
        """What each of some runs is called beside the others, in a few words."""
        return [run.name for run in runs]
