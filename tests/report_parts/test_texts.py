"""What captions say about the spread of numbers."""

from hardvqa_tf.report_parts.groups import group_by_seed
from hardvqa_tf.report_parts.texts import spread_note
from tests.report.made_runs import reported


def test_runs_of_the_same_seed_are_not_called_seeds():
    def note(*seeds):
        runs = [reported(f"run{i}", "han", "sum", 0.5, 5, seed=s) for i, s in enumerate(seeds)]
        return spread_note(group_by_seed(runs))

    assert note(0) == ""
    assert "over seeds" in note(0, 1)
    assert "over runs" in note(0, 1, 1) and "of the same seed are run1, run2." in note(0, 1, 1)
