"""Which runs belong together, and what tells them apart."""

import dataclasses

import pytest

from hardvqa_tf.report_parts.groups import differing_settings, group_by_seed
from hardvqa_tf.vqa import slots
from tests.report.made_runs import change, labels, reported


def test_runs_that_differ_in_their_seed_alone_are_one_group():
    runs = [
        reported("c", "han", "sum", 0.80, 5, seed=7),
        reported("a", "han", "sum", 0.70, 5, seed=2),
        reported("b", "han", "sum", 0.90, 10),
        reported("d", "han", "pairwise", 0.60, 5),
    ]
    groups = group_by_seed(runs)
    assert labels(groups) == ["HAN 10 + sum", "HAN 5 + sum", "HAN 5 + pairwise"]
    assert [run.name for run in groups[1].runs] == ["a", "c"]
    assert groups[1].mean(lambda run: run.accuracy) == pytest.approx(0.75)
    # ((0.70 - 0.75)² + (0.80 - 0.75)²) / (2 - 1) = 0.005, and its root.
    assert groups[1].spread(lambda run: run.accuracy) == pytest.approx(0.07071, abs=1e-5)
    assert groups[0].spread(lambda run: run.accuracy) is None


def test_a_setting_of_a_part_that_is_not_used_makes_no_other_model():
    one, other = reported("a", "none", "sum", 0.5), reported("b", "none", "sum", 0.6, seed=1)
    change(other, "model.relation.units", [3])
    change(other, "model.adahan.norm", "squared")
    assert len(group_by_seed([one, other])) == 1
    change(other, "model.classifier.units", [3])
    assert labels(group_by_seed([one, other])) == ["all cells + sum (a)", "all cells + sum (b)"]


def test_an_older_run_that_lacks_a_setting_has_the_default():
    one = reported("a", "none", "sum", 0.5)
    other = reported("b", "none", "sum", 0.6, seed=1, lacks="weight_decay")
    assert len(group_by_seed([one, other])) == 1


def test_what_tells_a_run_from_the_others():
    runs = [reported(name, "none", "sum", 0.5) for name in "abc"]
    change(runs[1], "train.epochs", 9)
    change(runs[2], "model.fusion.how", "add")
    assert differing_settings(runs) == [{}, {"train.epochs": 9}, {"model.fusion.how": "add"}]
    assert differing_settings(runs, ["train.epochs"])[1] == {}


@pytest.mark.parametrize("slot", slots.SLOTS)
def test_a_new_part_of_a_slot_counts_where_it_is_used(slot, monkeypatch):
    """A part that is not in vqa/slots.py would count in every run, used or not."""
    known = next(iter(slots.SLOTS[slot].values()))
    part = dataclasses.replace(known, title="spinning")
    monkeypatch.setitem(slots.SLOTS[slot], "spinning", part)
    one, other = reported("a", "none", "sum", 0.5), reported("b", "none", "sum", 0.6, seed=1)
    for run, speed in ((one, 1), (other, 2)):
        run.config["model"]["spinning"] = {"speed": speed}
        run.flat["model.spinning.speed"] = speed
    assert len(group_by_seed([one, other])) == 1
    for run in (one, other):
        run.config["model"][slot] = run.flat[f"model.{slot}"] = "spinning"
    assert len(group_by_seed([one, other])) == 2
