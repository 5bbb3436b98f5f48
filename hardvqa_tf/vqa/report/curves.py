"""A report's curves: figure 5, and accuracy by the share of cells.

Every function takes the `Group`s of one data set and what the pictures' names begin with, and
returns blocks of `pages`, none where there is nothing to show.
"""

from hardvqa_tf.report_parts.groups import has_seeds
from hardvqa_tf.report_parts.pages import Figure
from hardvqa_tf.report_parts.plots import Series, draw_panels
from hardvqa_tf.report_parts.texts import spread_note
from hardvqa_tf.vqa.report.by_share import SHARE_LABEL, series_by_share, share_ticks
from hardvqa_tf.vqa.report.run import (
    aggregator_title,
    aggregators_of,
    usual_depth,
    without_aggregator,
)
from records.source import counted


def figure_5(groups, name):
    """Accuracy on the validation split against minutes of training."""
    groups = [group for group in groups if group.first.curve()]
    if not groups:
        return []
    panels = []
    for aggregator in aggregators_of(groups):
        of_panel = [g for g in groups if g.first.aggregator == aggregator]
        panels.append(
            (
                aggregator_title(aggregator),
                [
                    Series(without_aggregator(group), group.first.curve(), style)
                    for group, style in zip(of_panel, _styles(of_panel, groups), strict=True)
                ],
            )
        )
    png = draw_panels(panels, "minutes of training steps", "accuracy on the validation split")
    seeds = " Of several seeds the first is drawn." if has_seeds(groups) else ""
    return [
        Figure(
            f"{name}time",
            "Accuracy on the validation split after each epoch, against the minutes that the "
            "training steps took on the clock until then. Runs that shared the machine with "
            f"other work took longer than they need.{seeds}",
            "Curves of validation accuracy against minutes of training, a panel for each "
            "aggregator, a line for each model.",
            png,
        )
    ]


def accuracy_by_share(groups, name):
    """Accuracy against the share of cells looked at."""
    groups, layers = usual_depth([g for g in groups if g.mean(_accuracy) is not None])
    if len({round(group.first.share, 3) for group in groups}) < 2:
        return []
    panels = [
        (aggregator_title(a), series_by_share(groups, a, _accuracy))
        for a in aggregators_of(groups)
    ]
    png = draw_panels(panels, SHARE_LABEL, "accuracy", share_ticks(groups))
    return [
        Figure(
            f"{name}share",
            "Accuracy against the share of cells that the model looks at, with "
            f"{counted(layers, 'fused layer')} before attention; the line joins HAN and all "
            f"cells. {spread_note(groups)}",
            "Accuracy against share of cells, a panel for each aggregator.",
            png,
        )
    ]


def _styles(of_panel, groups):
    """A number for each label, the same in every panel."""
    labels = list(dict.fromkeys(without_aggregator(group) for group in groups))
    return [labels.index(without_aggregator(group)) for group in of_panel]


def _accuracy(run):
    return run.accuracy
