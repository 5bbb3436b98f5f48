"""A report's tables: the paper's 1 to 3, accuracy by question type, and every run.

Which run belongs where is read from its config, never from its name. Every function takes the
`Group`s of one data set and returns blocks of `pages`, none where there is nothing to show.
"""

from hardvqa_tf.report_parts.groups import differing_settings
from hardvqa_tf.report_parts.pages import Table
from hardvqa_tf.report_parts.texts import (
    NOTHING,
    mean_and_spread,
    one_percent,
    percent,
    spread_note,
)
from hardvqa_tf.vqa import slots
from hardvqa_tf.vqa.report.run import aggregator_title, aggregators_of, usual_depth
from hardvqa_tf.vqa.slots import Keeps
from records.source import counted

# Keys of the config that tables show in columns of their own.
_SHOWN = ("model.attention", "model.aggregator", "model.han.num_cells", "model.han.fraction")


def table_1(groups):
    """Accuracy by share of cells and aggregator: all cells, soft attention, HAN."""
    groups, layers = usual_depth([g for g in groups if g.first.keeps is not Keeps.ADAPTIVE])
    if len(groups) < 2:
        return []
    aggregators = aggregators_of(groups)
    rows = {}
    for group in groups:
        run = group.first
        key = (run.attention, round(run.num_cells, 1))
        cells = rows.setdefault(key, (run, {name: [] for name in aggregators}))[1]
        cells[run.aggregator].append(group)
    table = Table(
        f"Accuracy in per cent, with {counted(layers, 'fused layer')} before attention. "
        f"{spread_note(groups)}{_differences_note(groups)}",
        ["attention", "cells", "share", *(aggregator_title(n) for n in aggregators)],
        [
            [
                _title_beside_cells(run),
                f"{run.num_cells:.0f} of {run.evaluation['total_cells']}",
                f"{100 * run.share:.0f} %",
                *(_accuracies(cells[name]) for name in aggregators),
            ]
            for run, cells in rows.values()
        ],
    )
    return [table]


def table_2(groups):
    """Accuracy and cells used of adaptive hard attention, by aggregator."""
    groups = [group for group in groups if group.first.keeps is Keeps.ADAPTIVE]
    if not groups:
        return []
    table = Table(
        "AdaHAN: how many cells it looks at on average, the standard deviation over the "
        f"questions, and accuracy in per cent. {spread_note(groups)}"
        f"{_differences_note(groups)}",
        ["model", "cells used", "of", "share (%)", "deviation", "accuracy"],
        [
            [
                group.label,
                mean_and_spread(group, lambda run: run.num_cells, "{:.2f}"),
                f"{group.first.evaluation['total_cells']}",
                percent(group, lambda run: run.share, 1),
                mean_and_spread(
                    group, lambda run: run.evaluation.get("num_cells_std"), "{:.2f}"
                ),
                percent(group, lambda run: run.accuracy),
            ]
            for group in groups
        ],
    )
    return [table]


def table_3(groups):
    """Accuracy by the number of fused layers before attention."""
    columns = _models_of_several_depths(groups)
    if not columns:
        return []
    found = [group for column in columns for group in column]
    depths = sorted({group.first.fused_layers for group in found})
    labels = [min((g.label for g in column), key=len).split(",")[0] for column in columns]
    table = Table(
        "Accuracy in per cent by the number of fused layers (1x1, over image and question) "
        f"before attention. {spread_note(found)}"
        f"{_differences_note(found, 'model.fusion.units')}",
        ["fused layers", *labels],
        [
            [
                str(depth),
                *(
                    _accuracies([g for g in column if g.first.fused_layers == depth])
                    for column in columns
                ),
            ]
            for depth in depths
        ],
    )
    return [table]


def by_question_type(groups):
    """Accuracy by question type, and what the question alone gives."""
    types = list(dict.fromkeys(t for group in groups for t in group.first.question_types))
    if not types:
        return []
    rows = [
        [group.label, *(percent(group, lambda run, t=t: run.accuracy_of(t), 1) for t in types)]
        for group in groups
    ]
    blind = max(groups, key=lambda group: len(group.first.question_types)).first
    rows.append(
        ["blind, by question"]
        + [one_percent(blind.accuracy_of(t, "blind_by_text"), 1) for t in types]
    )
    caption = (
        "Accuracy in per cent. Blind: the most frequent training answer to the same question. "
    )
    return [Table(caption + spread_note(groups), ["model", *types], rows)]


def every_run(groups, parameters):
    """A row a run, with what tells its config from the others'.

    Args:
      groups: list of `Group`.
      parameters: {workdir: number} of each group's first run.
    """
    runs = [run for group in groups for run in group.runs]
    group_of = {run.workdir: group for group in groups for run in group.runs}
    differences = differing_settings(runs, _SHOWN)
    caption = (
        "Every run; accuracy in per cent, val: of the best epoch. Minutes: of the training "
        "steps, on the clock. The last column has the settings in which a run is not like "
        "most others."
    )
    header = [
        *("run", "model", "seed", "accuracy", "val", "cells", "epochs", "minutes"),
        *("parameters", "settings of its own"),
    ]
    rows = [
        [
            run.name,
            group_of[run.workdir].label,
            str(run.config["seed"]),
            one_percent(run.accuracy),
            one_percent(run.best_val),
            f"{run.num_cells:.1f} of {run.evaluation['total_cells']}",
            f"{len(run.epochs)}",
            f"{run.minutes:.1f}",
            f"{parameters[group_of[run.workdir].first.workdir]:,}",
            _settings(different),
        ]
        for run, different in zip(runs, differences, strict=True)
    ]
    return [Table(caption, header, rows)]


def _title_beside_cells(run):
    """What attends, where the number of cells stands in the next column."""
    title = slots.ATTENTIONS[run.attention].title
    if run.keeps is Keeps.ALL:
        return f"{run.attention}, {title}"
    return f"{title} (weights)" if run.keeps is Keeps.WEIGHTS else title


def _models_of_several_depths(groups):
    """Groups of one model in lists, of those models that there are in several depths."""
    columns = {}
    for group in groups:
        run = group.first
        model = run.attention, round(run.num_cells, 1), run.aggregator
        if run.keeps is Keeps.ADAPTIVE:  # Its number of cells is a result, not a setting.
            model = run.attention, None, run.aggregator
        columns.setdefault(model, []).append(group)
    return [
        column
        for column in columns.values()
        if len({group.first.fused_layers for group in column}) > 1
    ]


def _accuracies(groups):
    """A cell of a table; several groups that belong in it each with a name of a run."""
    texts = [percent(group, lambda run: run.accuracy) for group in groups]
    if len(groups) > 1:
        names = [group.first.name for group in groups]
        texts = [f"{text} ({name})" for text, name in zip(texts, names, strict=True)]
    return "; ".join(texts) or NOTHING


def _differences_note(groups, *shown):
    """Says in what else the runs of a table differ, so that nobody takes them for equal."""
    runs = [run for group in groups for run in group.runs]
    keys = sorted({key for own in differing_settings(runs, (*_SHOWN, *shown)) for key in own})
    return f"Not equal in all runs: {', '.join(keys)}." if keys else ""


def _settings(settings):
    return ", ".join(f"{key}={_plain(value)}" for key, value in sorted(settings.items()))


def _plain(value):
    return f"({', '.join(map(str, value))})" if isinstance(value, list) else str(value)
