"""A report's curves of localizers.

Every function takes the `Group`s of one data set and what the pictures' names begin with, and
returns blocks of `pages`, none where there is nothing to show.
"""

from hardvqa_tf.localize.judging.by_cells import AT_RANDOM, DENSE, NORM, OWN
from hardvqa_tf.localize.pictures.curves import draw_precision_recall
from hardvqa_tf.localize.report.tables import numbers_of
from hardvqa_tf.report_parts.groups import has_seeds
from hardvqa_tf.report_parts.pages import Figure
from hardvqa_tf.report_parts.plots import Series, draw_panels
from hardvqa_tf.report_parts.texts import range_note

_BY_NORM, _BY_SCORE, _AT_RANDOM, _ITS_OWN = (
    "cells of the greatest norm",
    "as many by dense score",
    "as many at random",
    "AdaHAN's own choice",
)


def precision_recall(groups, name):
    """Precision over recall of each group's first run, beside a wrong drawing and chance."""
    panels = [
        (group.label, [*group.first.evaluation["precision_recall"].items()]) for group in groups
    ]
    caption = (
        "Precision over recall at an IoU of .50, as average precision counts it: the best "
    )
    caption += "precision at a recall or beyond. Random scores are those of the perfect boxes "
    caption += f"of all objects.{_of_first(groups)}"
    alt = "Curves of precision over recall, a panel for each model."
    return [Figure(f"{name}precision_recall", caption, alt, draw_precision_recall(panels))]


def by_cells(groups, name):
    """AP50 against the number of cells that the decoder is given."""
    groups = [group for group in groups if len(numbers_of(group.first)) > 1]
    if not groups:
        return []
    panels = [(group.label, _by_cells(group)) for group in groups]
    numbers = sorted({n for group in groups for n in numbers_of(group.first)})
    ticks = [(n, f"{n:g}") for n in _apart(numbers)]
    png = draw_panels(panels, "cells given to the decoder", "AP50", ticks)
    caption = "AP50 of the same trained models against the number of cells that the decoder is "
    caption += f"given. Each was trained with its own number. {range_note(groups, 'Bars')}"
    alt = "AP50 against the number of cells, a panel for each model."
    return [Figure(f"{name}cells", caption.strip(), alt, png)]


def learning(groups, name):
    """AP50 on the validation split against minutes of training."""
    groups = [group for group in groups if group.first.curve()]
    if not groups:
        return []
    series = [Series(group.label, group.first.curve(), i) for i, group in enumerate(groups)]
    png = draw_panels(
        [("", series)], "minutes of training steps", "AP50 on the validation split"
    )
    caption = "AP50 on the validation split after each epoch, against the minutes that the "
    caption += "training steps took on the clock until then. Runs that shared the machine with "
    caption += f"other work took longer than they need.{_of_first(groups)}"
    alt = "Curves of validation AP50 against minutes of training, a line for each model."
    return [Figure(f"{name}time", caption, alt, png)]


def _by_cells(group):
    """The series of one panel; a way has the same style in all."""
    numbers = numbers_of(group.first)
    usual = group.mean(lambda run: run.num_cells)
    ways = [(_BY_NORM, NORM, numbers, numbers), (_BY_SCORE, DENSE, [None], [usual])]
    ways.append((_AT_RANDOM, AT_RANDOM, [None], [usual]))
    if group.first.is_adaptive:
        ways.append((_ITS_OWN, OWN, [None], [usual]))
    series = []
    for style, (label, way, asked, places) in enumerate(ways):
        points = [_point(group, way, *pair) for pair in zip(asked, places, strict=True)]
        points = [point for point in points if point[1] is not None]
        if points:
            series.append(Series(label, points, style, joined=way == NORM))
    return series


def _point(group, way, number, place):
    def of_run(run):
        return run.by_cells(way, number)

    return place, group.mean(of_run), group.to_ends(of_run)


def _apart(numbers):
    """Those whose labels do not stand on one another on a logarithmic scale, the last first."""
    apart = []
    for number in reversed(numbers):
        if not apart or apart[0] / number > 1.4:
            apart.insert(0, number)
    return apart


def _of_first(groups):
    return " Of several seeds the first is drawn." if has_seeds(groups) else ""
