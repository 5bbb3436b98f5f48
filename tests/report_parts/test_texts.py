"""What captions say about the spread of numbers."""

from hardvqa_tf.report_parts.groups import group_by_seed
from hardvqa_tf.report_parts.texts import range_note, spread_note
from tests.report.made_runs import reported


def test_runs_of_the_same_seed_are_not_called_seeds():
    def note(*seeds, of=spread_note):
        runs = [reported(f"run{i}", "han", "sum", 0.5, 5, seed=s) for i, s in enumerate(seeds)]
        return of(group_by_seed(runs))

    assert note(0) == ""
    assert "over seeds" in note(0, 1)
    assert "over runs" in note(0, 1, 1) and "of the same seed are run1, run2." in note(0, 1, 1)

    assert note(0, of=range_note) == ""
    assert note(0, 1, of=range_note).endswith("the greatest of the seeds.")
    same = note(0, 1, 1, of=range_note)
    assert same.endswith("the greatest of the runs; of the same seed are run1, run2.")
