"""What is drawn against the share of cells that models look at: points, series and ticks."""

from hardvqa_tf.report_parts.plots import Series
from hardvqa_tf.vqa import slots
from hardvqa_tf.vqa.slots import Keeps

SHARE_LABEL = "share of cells looked at"


def _share(run):
    return run.share


def series_by_share(groups, aggregator, of_run, share=_share):
    """HAN and all cells joined, AdaHAN and soft attention beside them.

    A series for each attention. All cells are the end of the curve of one whose number of cells
    is a setting; if no group has such a one, they stand alone.

    Args:
      groups: list of `Group`, of all panels: a series has the same name in each.
      aggregator: of the groups that are drawn.
      of_run, share: functions of a run, of what is drawn against what.

    Returns:
      list of `Series`.
    """
    found = {name: [] for name in slots.ATTENTIONS}
    for group in groups:
        if group.first.aggregator == aggregator and group.mean(of_run) is not None:
            found[group.first.attention].append(group)
    there = {group.first.attention for group in groups}
    fixed = [name for name in _that_keep(Keeps.FIXED) if name in there]
    series = []
    for style, name in enumerate(_that_keep(Keeps.FIXED, Keeps.ADAPTIVE, Keeps.WEIGHTS)):
        drawn = [name, *_that_keep(Keeps.ALL)] if name in fixed else [name]
        series.append(_series(drawn, found, style, of_run, share))
    if not fixed:
        series.insert(0, _series(_that_keep(Keeps.ALL), found, 0, of_run, share))
    return [one for one in series if one.points]


def _that_keep(*kinds):
    """Names of the attentions that keep cells so, kind by kind."""
    return [name for kind in kinds for name, a in slots.ATTENTIONS.items() if a.keeps is kind]


def _series(names, found, style, of_run, share):
    drawn = points([group for name in names for group in found[name]], of_run, share)
    # Several models with as many cells are no curve, nor is what each model chose by itself.
    chosen = any(slots.ATTENTIONS[name].keeps is Keeps.ADAPTIVE for name in names)
    joined = not chosen and len({x for x, *_ in drawn}) == len(drawn)
    label = ", ".join(slots.ATTENTIONS[name].alone for name in names)
    return Series(label, drawn, style, joined)


def points(groups, of_run, share=_share):
    """[(share, mean over the seeds, their spread)], a point for each group, by their shares."""
    found = [(group.mean(share), group.mean(of_run), group.spread(of_run)) for group in groups]
    return sorted(found, key=lambda point: point[0])


def share_ticks(groups, share=_share):
    """Where HAN and all cells are: labels of adaptive shares would stand on top of them."""
    shares = {share(group.first) for group in groups if group.first.keeps is not Keeps.ADAPTIVE}
    shares = sorted(shares or {share(group.first) for group in groups})
    return [(share, f"{100 * share:.0f} %") for share in shares]
