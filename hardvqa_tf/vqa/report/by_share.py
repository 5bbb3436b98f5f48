"""What is drawn against the share of cells that models look at: points, series and ticks."""

from hardvqa_tf.report_parts.plots import Series

SHARE_LABEL = "share of cells looked at"


def _share(run):
    return run.share


def series_by_share(groups, aggregator, of_run, share=_share):
    """HAN and all cells joined, soft attention and AdaHAN beside them.

    Args:
      groups: list of `Group`.
      aggregator: of the groups that are drawn.
      of_run, share: functions of a run, of what is drawn against what.

    Returns:
      list of `Series`.
    """
    kinds = (
        (("han", "none"), "HAN, all cells", True, 0),
        (("adahan",), "AdaHAN", False, 1),
        (("soft",), "soft attention", True, 2),
    )
    series = []
    for attentions, label, joined, style in kinds:
        found = [
            group
            for group in groups
            if group.first.attention in attentions
            and group.first.aggregator == aggregator
            and group.mean(of_run) is not None
        ]
        if found:
            drawn = points(found, of_run, share)
            # Several models with as many cells are no curve.
            joined = joined and len({x for x, *_ in drawn}) == len(drawn)
            series.append(Series(label, drawn, style, joined))
    return series


def points(groups, of_run, share=_share):
    """[(share, mean over the seeds, their spread)], a point for each group, by their shares."""
    found = [(group.mean(share), group.mean(of_run), group.spread(of_run)) for group in groups]
    return sorted(found, key=lambda point: point[0])


def share_ticks(groups, share=_share):
    """Where HAN and all cells are: labels of adaptive shares would stand on top of them."""
    shares = {share(group.first) for group in groups if group.first.attention != "adahan"}
    shares = sorted(shares or {share(group.first) for group in groups})
    return [(share, f"{100 * share:.0f} %") for share in shares]
