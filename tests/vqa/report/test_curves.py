"""The curves, from hand-made runs."""

import pytest

from hardvqa_tf.report_parts.groups import group_by_seed
from hardvqa_tf.vqa import slots
from hardvqa_tf.vqa.report.by_share import points, series_by_share, share_ticks
from hardvqa_tf.vqa.report.curves import accuracy_by_share, figure_5
from hardvqa_tf.vqa.slots import Keeps
from tests.report.made_runs import labels, reported


def accuracy(run):
    return run.accuracy


def runs_of_all_kinds():
    return [
        reported("a", "none", "sum", 0.75),
        reported("b", "han", "sum", 0.50, 5),
        reported("c", "han", "sum", 0.60, 5, seed=1),
        reported("d", "han", "sum", 0.65, 10),
        reported("e", "adahan", "sum", 0.55, 6),
        reported("f", "han", "relation", 0.95, 10),
    ]


def test_minutes_add_up_along_a_curve():
    run = reported("a", "none", "sum", 0.75)
    assert run.curve() == [(0.5, pytest.approx(0.55)), (2.0, pytest.approx(0.76))]


def test_han_and_all_cells_are_joined_by_their_shares():
    groups = group_by_seed(runs_of_all_kinds())
    joined, apart = series_by_share(groups, "sum", accuracy)
    assert (joined.label, joined.joined) == ("HAN, all cells", True)
    # (0.5 + 0.6) / 2, and the root of 2 x 0.05².
    assert joined.points == [
        (0.25, pytest.approx(0.55), pytest.approx(0.0707, abs=1e-4)),
        (0.5, 0.65, None),
        (1.0, 0.75, None),
    ]
    assert (apart.label, apart.joined) == ("AdaHAN", False)
    assert apart.points == points([groups[-1]], accuracy) == [(0.3, 0.55, None)]
    assert share_ticks(groups) == [(0.25, "25 %"), (0.5, "50 %"), (1.0, "100 %")]


def test_a_new_attention_is_drawn_by_what_it_keeps(monkeypatch):
    for name, keeps in (("top", Keeps.FIXED), ("free", Keeps.ADAPTIVE)):
        new = slots.Attention("HardAttention", name, name, keeps, name.upper())
        monkeypatch.setitem(slots.ATTENTIONS, name, new)
    runs = [*runs_of_all_kinds(), reported("g", "top", "sum", 0.4, 5)]
    runs.append(reported("h", "free", "sum", 0.3, 5))
    groups = group_by_seed(runs)
    assert {"top 5 + sum", "free + sum"} < {*labels(groups)}
    found = series_by_share(groups, "sum", accuracy)
    assert [(one.label, one.joined) for one in found] == [
        ("HAN, all cells", True),
        ("TOP, all cells", True),
        ("AdaHAN", False),
        ("FREE", False),
    ]
    assert [x for x, *_ in found[1].points] == [0.25, 1.0]


def test_all_cells_stand_alone_where_nothing_else_has_a_set_number():
    groups = group_by_seed(
        [reported("a", "none", "sum", 0.75), reported("b", "soft", "sum", 0.7)]
    )
    found = series_by_share(groups, "sum", accuracy)
    assert [one.label for one in found] == ["all cells", "soft attention"]


def test_several_models_with_as_many_cells_are_no_curve():
    runs = [reported("a", "han", "sum", 0.5, 5), reported("b", "han", "sum", 0.6, 5, epochs=9)]
    (series,) = series_by_share(group_by_seed(runs), "sum", accuracy)
    assert not series.joined and len(series.points) == 2


def test_figures_are_named_and_say_what_they_show():
    groups = group_by_seed(runs_of_all_kinds())
    (time,), (share,) = figure_5(groups, "x_"), accuracy_by_share(groups, "x_")
    assert (time.name, share.name) == ("x_time", "x_share")
    assert "Of several seeds the first is drawn." in time.caption
    assert "with 1 fused layer before attention" in share.caption
    assert all(figure.png.startswith(b"\x89PNG") for figure in (time, share))
    alone = group_by_seed([reported("a", "none", "sum", 0.75)])
    assert accuracy_by_share(alone, "") == []
    assert "seeds" not in figure_5(alone, "")[0].caption
