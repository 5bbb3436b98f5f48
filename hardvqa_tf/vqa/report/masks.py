"""What masks are worth: whether they hold the objects, whether they depend on the question, and
whether answers come from them.

Its functions take the `Group`s of one data set, soft attention cut to masks (`soft`), and what
the pictures' names begin with, and return blocks of `pages`, none where there is nothing to
show.
"""

from hardvqa_tf.report_parts.pages import Figure, Table
from hardvqa_tf.report_parts.plots import Series, draw_panels
from hardvqa_tf.report_parts.texts import one_percent, percent, spread_note
from hardvqa_tf.vqa.judging.mask_dependence import OVERLAPS
from hardvqa_tf.vqa.judging.mask_quality import MASK_SHARES
from hardvqa_tf.vqa.report.by_share import SHARE_LABEL, points, series_by_share, share_ticks
from hardvqa_tf.vqa.report.run import aggregator_title, aggregators_of, usual_depth
from hardvqa_tf.vqa.slots import Keeps

SEEN = {
    "model": "what the model sees",
    "kept": "kept cells alone",
    "random": "random cells, as many",
    "removed": "all but the kept cells",
}


def mask_quality(groups, name):
    """Whether masks hold the objects: a table, and the asked objects against share of cells."""
    groups = [g for g in groups if g.first.evaluation.get("masks") and _selects(g.first)]
    if not groups:
        return []
    shown = [n for n in MASK_SHARES if any(n in g.first.evaluation["masks"] for g in groups)]
    table = Table(
        "Shares in per cent, in brackets what random cells of the same number would have. "
        f"An object is where its centre is. {_cut_note(groups)}{spread_note(groups)}",
        ["model", "cells", *(MASK_SHARES[n] for n in shown)],
        [
            [group.label, _mask_cells(group.first), *(_beside_chance(group, n) for n in shown)]
            for group in groups
        ],
    )
    return [table, *_quality_by_share(groups, shown[-1], f"{name}masks")]


def mask_dependence(groups):
    """How much masks overlap with those of other questions and of other images."""
    groups = [g for g in groups if g.first.evaluation.get("mask_dependence")]
    if not groups:
        return []
    table = Table(
        "Overlap of two masks (intersection over union) in per cent, in brackets that of "
        "random cells of the same numbers. Masks that do not follow the question overlap fully "
        f"with another question's. {_cut_note(groups)}{spread_note(groups)}",
        ["model", "cells", *OVERLAPS.values()],
        [
            [group.label, _mask_cells(group.first)]
            + [_beside_chance(group, name, _of_overlaps) for name in OVERLAPS]
            for group in groups
        ],
    )
    return [table]


def faithfulness(groups, name):
    """Accuracy if the model sees its kept cells alone, all others, or random ones."""
    groups = [g for g in groups if g.first.evaluation.get("faithfulness")]
    if not groups:
        return []
    table = Table(
        "Accuracy in per cent if the aggregator sees only some cells, and in brackets how "
        "often the model's answer stays. The aggregator seldom met such sets of cells in "
        "training, and those that are left are mostly more: random cells, of the same "
        f"number, are the fairer comparison. {_cut_note(groups)}{spread_note(groups)}",
        ["model", "cells", *SEEN.values()],
        [
            [group.label, _mask_cells(group.first), *(_seen_cell(group, seen) for seen in SEEN)]
            for group in groups
        ],
    )
    return [table, *_faithfulness_by_share(groups, f"{name}faithfulness")]


def _quality_by_share(groups, shown, name):
    """The curves of one of `MASK_SHARES`, if there are different shares of cells."""
    groups, _ = usual_depth(groups)
    if len({round(_mask_share(group.first), 3) for group in groups}) < 2:
        return []
    panels = []
    for aggregator in aggregators_of(groups):
        series = series_by_share(
            groups, aggregator, lambda run: _of_masks(run, shown, "share"), _mask_share
        )
        chance = sorted(
            (_mask_share(g.first), g.mean(lambda run: _of_masks(run, shown, "chance")))
            for g in groups
            if g.first.aggregator == aggregator
        )
        series.append(Series("random cells", chance, faint=True))
        panels.append((aggregator_title(aggregator), series))
    png = draw_panels(panels, SHARE_LABEL, MASK_SHARES[shown], share_ticks(groups, _mask_share))
    caption = f"{MASK_SHARES[shown].capitalize()}, against the share of cells. "
    alt = f"{MASK_SHARES[shown].capitalize()} against share of cells, by aggregator."
    return [Figure(name, caption + _cut_note(groups), alt, png)]


def _faithfulness_by_share(groups, name):
    """The curves of HAN, if there are different shares of cells."""
    groups, _ = usual_depth([g for g in groups if g.first.keeps is Keeps.FIXED])
    groups = [g for g in groups if g.mean(lambda run: _when(run, "kept")) is not None]
    if len({round(group.first.share, 3) for group in groups}) < 2:
        return []
    panels = []
    for aggregator in aggregators_of(groups):
        of_panel = [group for group in groups if group.first.aggregator == aggregator]
        series = [
            Series(label, points(of_panel, lambda run, s=seen: _when(run, s)), style)
            for style, (seen, label) in enumerate(SEEN.items())
            if seen != "model"  # The kept cells are all that HAN sees: one line for both.
        ]
        panels.append((aggregator_title(aggregator), series))
    png = draw_panels(panels, SHARE_LABEL, "accuracy", share_ticks(groups))
    caption = "Accuracy of HAN if it sees its kept cells, random ones, or the rest."
    alt = "Accuracy with kept, random and removed cells against share of cells, by aggregator."
    return [Figure(name, caption, alt, png)]


def _selects(run):
    return run.keeps is not Keeps.ALL


def _mask_share(run):
    """Share of cells in the mask; of soft attention in the mask that its weights are cut to."""
    cut = run.evaluation.get("mask_cells")
    return cut / run.evaluation["total_cells"] if cut else run.share


def _mask_cells(run):
    cut = run.evaluation.get("mask_cells")
    return f"{cut} (cut)" if cut else f"{run.num_cells:.1f}"


def _of_masks(run, name, kind):
    return run.evaluation.get("masks", {}).get(name, {}).get(kind)


def _when(run, seen, kind="accuracy"):
    return run.evaluation.get("faithfulness", {}).get(seen, {}).get(kind)


def _of_overlaps(run, name, kind):
    found = run.evaluation.get("mask_dependence", {}).get(name, {})
    return found.get("overlap" if kind == "share" else kind)


def _beside_chance(group, name, of_run=_of_masks):
    share = percent(group, lambda run: of_run(run, name, "share"), 1)
    chance = group.mean(lambda run: of_run(run, name, "chance"))
    return share if chance is None else f"{share} [{one_percent(chance, 1)}]"


def _seen_cell(group, seen):
    accuracy = percent(group, lambda run: _when(run, seen), 1)
    same = group.mean(lambda run: _when(run, seen, "same_answer"))
    if seen == "model" or same is None:
        return accuracy
    return f"{accuracy} [{one_percent(same, 1)}]"


def _cut_note(groups):
    if not any(group.first.keeps is Keeps.WEIGHTS for group in groups):
        return ""
    return "Weights of soft attention are cut to the greatest, as many as the table says. "
