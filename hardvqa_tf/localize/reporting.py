"""Finished runs of localizers, as a report sees them: a table of average precision."""

import dataclasses

from hardvqa_tf.localize.judging.judge import BEST, RANDOM, RIGHT, WRONG
from hardvqa_tf.localize.judging.tables import percent
from hardvqa_tf.report_parts.finished_run import FinishedRun
from hardvqa_tf.report_parts.pages import Section, Table

_COLUMNS = (("AP50", RIGHT, "AP50"), ("AP", RIGHT, "AP"), ("AP75", RIGHT, "AP75")) + tuple(
    (f"AP50, {row}", row, "AP50") for row in ("3 drawings", "5 drawings", WRONG, RANDOM)
)


@dataclasses.dataclass(frozen=True)
class ReportedRun(FinishedRun):
    """One finished run."""

    BEST = BEST

    def precision(self, row, name):
        """A value of a row of the evaluation; None where there is no object."""
        value = self.evaluation["rows"].get(row, {}).get(name, -1.0)
        return value if value >= 0 else None


def report_intro(runs, split):
    """What the numbers are, a sentence."""
    del runs
    return (
        f"Average precision, in per cent, is that of queries of the split {split}: scenes that "
        "are each asked for one class."
    )


def report_sections(groups, split, records_dir, prefix, load_run):
    """One section, a table of all groups of runs."""
    del split, records_dir, prefix, load_run  # No model is asked anything.
    rows = []
    for group in groups:
        values = (
            percent(group.mean(lambda run, r=row, n=name: run.precision(r, n)))
            for _, row, name in _COLUMNS
        )
        minutes = group.mean(lambda run: run.minutes)
        rows.append([group.label, *values, f"{minutes:.1f}"])
    header = ["run", *(title for title, _, _ in _COLUMNS), "minutes"]
    caption = "Means over the seeds of a run; minutes of training steps on the clock."
    return [Section("What was found", "", [Table(caption, header, rows)])]
