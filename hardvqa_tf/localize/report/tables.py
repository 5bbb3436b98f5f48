"""A report's tables of localizers.

Every function takes the `Group`s of one data set, and returns blocks of `pages`, none where
there is nothing to show.
"""

from hardvqa_tf.localize.judging.by_cells import AT_RANDOM, DENSE, NORM, OWN
from hardvqa_tf.localize.judging.coco import COCO_AREAS
from hardvqa_tf.localize.judging.faithfulness import ROWS
from hardvqa_tf.localize.judging.judge import RANDOM, RIGHT, SEVERAL, WRONG
from hardvqa_tf.localize.judging.kept_cells import OVERLAPS, SHARES
from hardvqa_tf.localize.judging.tables import area_name
from hardvqa_tf.report_parts.pages import Table
from hardvqa_tf.report_parts.texts import percent_and_range, range_note

_COLUMNS = (("AP50", RIGHT, "AP50"), ("AP", RIGHT, "AP"), ("AP75", RIGHT, "AP75")) + tuple(
    (f"AP50, {row}", row, "AP50")
    for row in (*(f"{n} drawings" for n in SEVERAL), WRONG, RANDOM)
)

_VOC_COLUMNS = (("AP of VOC 2007", "AP07"), ("AP of VOC 2010", "AP10"))


def found(groups):
    """Average precision, beside what tells whether the drawing is read; and by area."""
    rows = _rows(
        groups,
        {
            title: lambda run, r=row, n=name: run.precision(r, n)
            for title, row, name in _COLUMNS
        },
    )
    if all(group.first.evaluation.get("voc") for group in groups):
        rows += _rows(
            groups,
            {title: lambda run, k=key: run.voc(RIGHT, k) for title, key in _VOC_COLUMNS},
        )
    rows += [
        ["cells kept", *(f"{group.mean(lambda run: run.num_cells):.4g}" for group in groups)],
        ["seeds", *(str(len(group.runs)) for group in groups)],
        ["minutes", *(f"{group.mean(lambda run: run.minutes):.1f}" for group in groups)],
    ]
    caption = (
        "Average precision in per cent. Minutes are those of training steps on the clock, the "
        "mean of the seeds."
    )
    areas = groups[0].first.evaluation["areas"]
    by_area = {
        area_name(area): lambda run, a=area: run.precision(RIGHT, f"AP50{a}") for area in areas
    }
    kind = "COCO's sizes" if areas.keys() == COCO_AREAS.keys() else "thirds"
    about_areas = (
        f"AP50 in per cent by {kind} of the split's objects by area. Boxes whose own area is "
        "out of such a range are not counted against it."
    )
    tables = [_table(groups, caption, "", rows)]
    if areas:
        tables.append(_table(groups, about_areas, "objects", _rows(groups, by_area)))
    return tables


def shown(groups):
    """What is shown from the threshold on that the validation split chose."""
    groups = [group for group in groups if group.first.evaluation["threshold"]]
    if not groups:
        return []
    names = {"precision": "precision", "recall": "recall", "F1": "f1"}
    columns = {t: lambda run, n=n: _shown(run, "threshold", n) for t, n in names.items()}
    columns["alarms"] = lambda run: _shown(run, "alarms", "alarmed")
    rows = _rows(groups, columns)
    thresholds = (
        group.mean(lambda run: _shown(run, "threshold", "threshold")) for group in groups
    )
    rows.append(["threshold", *(f"{threshold:.3f}" for threshold in thresholds)])
    caption = (
        "Boxes with a score of the threshold at least, which is that of the best F1 on the "
        "validation split, at an IoU of .50. Alarms: queries of a class that is not there, to "
        "which a box is shown. In per cent, but for the threshold."
    )
    return [_table(groups, caption, "", rows)]


def by_cells(groups):
    """AP50 of the same models with other cells."""
    groups = [group for group in groups if group.first.evaluation.get("by_cells")]
    if not groups:
        return []
    numbers = sorted({n for group in groups for n in numbers_of(group.first)})
    columns = {"its own choice": (OWN, None)}
    columns |= {f"by norm, {number:g}": (NORM, number) for number in numbers}
    columns |= {"as many by dense score": (DENSE, None), "as many at random": (AT_RANDOM, None)}
    rows = _rows(
        groups,
        {title: lambda run, w=w, k=k: run.by_cells(w, k) for title, (w, k) in columns.items()},
    )
    caption = (
        "AP50 in per cent of the same models, whose decoder is given other cells: those of the "
        "greatest norm; or, of the number that the model keeps, those of the greatest score of "
        "the dense head, and random ones."
    )
    return [_table(groups, caption, "cells", rows)]


def numbers_of(run):
    """The numbers of cells that a run was asked with by norm, ascending."""
    rows = run.evaluation.get("by_cells", {}).get("rows", ())
    return [row["num_cells"] for row in rows if row["by"] == NORM]


def kept_cells(groups):
    """Where kept cells lie; and how much they overlap with those of other drawings."""
    groups = [group for group in groups if group.first.evaluation.get("kept_cells")]
    if not groups:
        return []
    captions = (
        "In per cent, beside random cells of the same number. A cell is where it looks, an "
        "object is its box.",
        "Overlap (intersection over union) in per cent of the kept cells of two drawings in "
        "one scene, beside random cells. If cells follow the drawing, the first is great and "
        "the others are small.",
    )
    drawings = groups[0].first.evaluation["kept_cells"]["num_drawings"]
    header = [title for group in groups for title in (group.label, "random cells")]
    tables = []
    for names, caption in zip((SHARES, OVERLAPS), captions, strict=True):
        rows = []
        for name, title in names.items():
            title = title.format(num_drawings=drawings).removeprefix("overlap: ")
            values = (
                _percent(group, lambda run, n=name, k=key: run.kept(n, k))
                for group in groups
                for key in ("share", "chance")
            )
            rows.append([title, *values])
        tables.append(Table(_caption(groups, caption), ["", *header], rows))
    return tables


def faithfulness(groups):
    """AP50, and boxes that are found again, of models that see less."""
    groups = [group for group in groups if group.first.evaluation.get("faithfulness")]
    if not groups:
        return []
    measured = {
        "AP50": "AP50 in per cent of models that see less",
        "found_again": "Of the boxes that a model shows, those that it still shows at an IoU "
        "of .50 if it sees less, in per cent",
    }
    number = groups[0].first.evaluation["faithfulness"]["num_queries"]
    tables = []
    for name, caption in measured.items():
        columns = {
            title: lambda run, r=row, n=name: run.faithful(r, n)
            for row, title in ROWS.items()
            if (row, name) != ("model", "found_again")
        }
        rows = _rows(groups, columns)
        tables.append(_table(groups, f"{caption}; {number:,} queries.", "seen", rows))
    return tables


def _rows(groups, columns):
    """A row for each of {title: function of a run}, a column a group."""
    return [
        [title, *(_percent(group, of_run) for group in groups)]
        for title, of_run in columns.items()
    ]


def _table(groups, caption, corner, rows):
    header = [corner, *(group.label for group in groups)]
    return Table(_caption(groups, caption), header, rows)


def _percent(group, of_run):
    return percent_and_range(group, of_run, digits=1)


def _shown(run, key, name):
    return (run.evaluation[key] or {}).get(name)


def _caption(groups, text):
    return f"{text} {range_note(groups)}".strip()
