"""Runs that differ in their seed alone, together; and what tells groups apart."""

import collections
import dataclasses
import json
import statistics


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone, and what to call them."""

    label: str
    runs: tuple

    @property
    def first(self):
        """The one with the smallest seed, for what can be shown of one run only."""
        return self.runs[0]

    def values(self, of_run):
        """What `of_run` gives for each run; those that are None are left out."""
        return [value for value in map(of_run, self.runs) if value is not None]

    def mean(self, of_run):
        values = self.values(of_run)
        return statistics.fmean(values) if values else None

    def spread(self, of_run):
        """Sample standard deviation over the seeds; None for a single one."""
        values = self.values(of_run)
        return statistics.stdev(values) if len(values) > 1 else None

    def to_ends(self, of_run):
        """How far the least and the greatest value are from the mean; None for a single one."""
        values = self.values(of_run)
        if len(values) < 2:
            return None
        mean = statistics.fmean(values)
        return mean - min(values), max(values) - mean


def group_by_seed(runs):
    """Puts runs together that differ in nothing but the seed.

    Args:
      runs: list of `FinishedRun`, of one task.

    Returns:
      list of `Group`, in the order that the task gives them, with the labels that it gives;
      where two would have the same, the name of the first run is added.
    """
    by_settings = collections.defaultdict(list)
    for run in runs:
        settings = run.settings()
        settings.pop("seed")
        by_settings[json.dumps(settings, sort_keys=True)].append(run)
    together = [
        tuple(sorted(members, key=lambda run: (run.config["seed"], run.name)))
        for members in by_settings.values()
    ]
    together.sort(key=lambda members: members[0].order)
    first = [members[0] for members in together]
    labels = first[0].labels(first) if first else []
    counts = collections.Counter(labels)
    return [
        Group(label if counts[label] == 1 else f"{label} ({members[0].name})", members)
        for label, members in zip(labels, together, strict=True)
    ]


def differing_settings(runs, shown_elsewhere=()):
    """What tells runs apart, besides their seeds.

    Args:
      runs: list of `FinishedRun`.
      shown_elsewhere: keys to leave out.

    Returns:
      For each run a dict of the settings in which it is not like most of those that have them.
    """
    skipped = {"seed", *shown_elsewhere}
    settings = [
        {key: value for key, value in run.settings().items() if key not in skipped}
        for run in runs
    ]
    usual = {
        key: most_common([json.dumps(of[key]) for of in settings if key in of])
        for of in settings
        for key in of
    }
    return [
        {key: value for key, value in of.items() if json.dumps(value) != usual[key]}
        for of in settings
    ]


def most_common(values):
    """The most frequent value; of equally frequent ones the first."""
    return collections.Counter(values).most_common(1)[0][0]


def has_seeds(groups):
    """Whether a model was trained with several seeds."""
    return any(len(group.runs) > 1 for group in groups)


def same_seeds(groups):
    """Names of runs whose seed another run of their model has, too."""
    return [
        run.name
        for group in groups
        for run in group.runs
        if [other.config["seed"] for other in group.runs].count(run.config["seed"]) > 1
    ]
