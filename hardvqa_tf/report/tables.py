"""A report's tables and curves: the paper's tables 1 to 3, figure 5, and what masks are worth.

Which run belongs where is read from its config, never from its name. Every function takes the
`Group`s of one data set and returns blocks of `report.pages`, none where there is nothing to
show.
"""

from hardvqa_tf.report.pages import Figure, Table
from hardvqa_tf.report.plots import Series, draw_panels
from hardvqa_tf.report.runs import AGGREGATORS, ATTENTIONS, differing_settings, most_common

NOTHING = "–"
MASK_SHARES = {
    "cells_with_object": "kept cells that hold an object",
    "objects_kept": "objects in a kept cell",
    "asked_objects_kept": "asked objects in a kept cell",
}
SEEN = {
    "model": "what the model sees",
    "kept": "kept cells alone",
    "random": "random cells, as many",
    "removed": "all but the kept cells",
}
# Keys of the config that tables show in columns of their own.
_SHOWN = ("model.attention", "model.aggregator", "model.han.num_cells", "model.han.fraction")


def table_1(groups):
    """Accuracy by share of cells and aggregator: all cells, soft attention, HAN."""
    groups, layers = _usual_depth([g for g in groups if g.first.attention != "adahan"])
    if len(groups) < 2:
        return []
    aggregators = _aggregators(groups)
    rows = {}
    for group in groups:
        run = group.first
        key = (run.attention, round(run.num_cells, 1))
        cells = rows.setdefault(key, (run, {name: [] for name in aggregators}))[1]
        cells[run.aggregator].append(group)
    table = Table(
        f"Accuracy in per cent, with {_count(layers, 'fused layer')} before attention. "
        f"{_spread_note(groups)}{_differences_note(groups)}",
        ["attention", "cells", "share", *(AGGREGATORS.get(n, n) for n in aggregators)],
        [
            [
                {"none": "none, all cells", "soft": "soft (weights)"}.get(
                    run.attention, ATTENTIONS.get(run.attention, run.attention)
                ),
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
    groups = [group for group in groups if group.first.attention == "adahan"]
    if not groups:
        return []
    table = Table(
        "AdaHAN: how many cells it looks at on average, the standard deviation over the "
        f"questions, and accuracy in per cent. {_spread_note(groups)}"
        f"{_differences_note(groups)}",
        ["model", "cells used", "of", "share (%)", "deviation", "accuracy"],
        [
            [
                group.label,
                _value(group, lambda run: run.num_cells, "{:.2f}"),
                f"{group.first.evaluation['total_cells']}",
                _percent(group, lambda run: run.share, 1),
                _value(group, lambda run: run.evaluation.get("num_cells_std"), "{:.2f}"),
                _percent(group, lambda run: run.accuracy),
            ]
            for group in groups
        ],
    )
    return [table]


def table_3(groups):
    """Accuracy by the number of fused layers before attention."""
    columns = {}
    for group in groups:
        run = group.first
        model = run.attention, round(run.num_cells, 1), run.aggregator
        if run.attention == "adahan":  # Its number of cells is a result, not a setting.
            model = run.attention, None, run.aggregator
        columns.setdefault(model, []).append(group)
    columns = {
        model: found
        for model, found in columns.items()
        if len({group.first.fused_layers for group in found}) > 1
    }
    if not columns:
        return []
    found = [group for of_model in columns.values() for group in of_model]
    depths = sorted({group.first.fused_layers for group in found})
    labels = [
        min((group.label for group in of_model), key=len).split(",")[0]
        for of_model in columns.values()
    ]
    table = Table(
        "Accuracy in per cent by the number of fused layers (1x1, over image and question) "
        f"before attention. {_spread_note(found)}"
        f"{_differences_note(found, 'model.fusion.units')}",
        ["fused layers", *labels],
        [
            [
                str(depth),
                *(
                    _accuracies([g for g in of_model if g.first.fused_layers == depth])
                    for of_model in columns.values()
                ),
            ]
            for depth in depths
        ],
    )
    return [table]


def figure_5(groups, name):
    """Accuracy on the validation split against minutes of training."""
    groups = [group for group in groups if group.first.curve()]
    if not groups:
        return []
    panels = []
    for aggregator in _aggregators(groups):
        of_panel = [g for g in groups if g.first.aggregator == aggregator]
        panels.append(
            (
                AGGREGATORS.get(aggregator, aggregator),
                [
                    Series(_without_aggregator(group), group.first.curve(), style)
                    for group, style in zip(of_panel, _styles(of_panel, groups), strict=True)
                ],
            )
        )
    png = draw_panels(panels, "minutes of training steps", "accuracy on the validation split")
    seeds = " Of several seeds the first is drawn." if _has_seeds(groups) else ""
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
    groups, layers = _usual_depth([g for g in groups if g.mean(_accuracy) is not None])
    if len({round(group.first.share, 3) for group in groups}) < 2:
        return []
    panels = [
        (AGGREGATORS.get(a, a), _by_share(groups, a, _accuracy, _share))
        for a in _aggregators(groups)
    ]
    png = draw_panels(panels, _SHARE, "accuracy", _share_ticks(groups, _share))
    return [
        Figure(
            f"{name}share",
            "Accuracy against the share of cells that the model looks at, with "
            f"{_count(layers, 'fused layer')} before attention; the line joins HAN and all "
            f"cells. {_spread_note(groups)}",
            "Accuracy against share of cells, a panel for each aggregator.",
            png,
        )
    ]


def mask_quality(groups, name):
    """Whether masks hold the objects: a table, and the asked objects against share of cells."""
    groups = [g for g in groups if g.first.evaluation.get("masks") and _selects(g.first)]
    if not groups:
        return []
    names = [n for n in MASK_SHARES if any(n in g.first.evaluation["masks"] for g in groups)]
    blocks = [
        Table(
            "Shares in per cent, in brackets what random cells of the same number would have. "
            "An object is where its centre is. " + _cut_note(groups) + _spread_note(groups),
            ["model", "cells", *(MASK_SHARES[n] for n in names)],
            [
                [
                    group.label,
                    _mask_cells(group.first),
                    *(_beside_chance(group, n) for n in names),
                ]
                for group in groups
            ],
        )
    ]
    shown = names[-1]
    groups, _ = _usual_depth(groups)
    if len({round(_mask_share(group.first), 3) for group in groups}) < 2:
        return blocks
    panels = []
    for aggregator in _aggregators(groups):
        series = _by_share(
            groups, aggregator, lambda run: _of_masks(run, shown, "share"), _mask_share
        )
        chance = sorted(
            (_mask_share(g.first), g.mean(lambda run: _of_masks(run, shown, "chance")))
            for g in groups
            if g.first.aggregator == aggregator
        )
        series.append(Series("random cells", chance, faint=True))
        panels.append((AGGREGATORS.get(aggregator, aggregator), series))
    png = draw_panels(panels, _SHARE, MASK_SHARES[shown], _share_ticks(groups, _mask_share))
    caption = f"{MASK_SHARES[shown].capitalize()}, against the share of cells. "
    alt = f"{MASK_SHARES[shown].capitalize()} against share of cells, by aggregator."
    return [*blocks, Figure(f"{name}masks", caption + _cut_note(groups), alt, png)]


def faithfulness(groups, name):
    """Accuracy if the model sees its kept cells alone, all others, or random ones."""
    groups = [g for g in groups if g.first.evaluation.get("faithfulness")]
    if not groups:
        return []
    blocks = [
        Table(
            "Accuracy in per cent if the aggregator sees only some cells, and in brackets how "
            "often the model's answer stays. The aggregator seldom met such sets of cells in "
            "training, and those that are left are mostly more: random cells, of the same "
            f"number, are the fairer comparison. {_cut_note(groups)}{_spread_note(groups)}",
            ["model", "cells", *SEEN.values()],
            [
                [
                    group.label,
                    _mask_cells(group.first),
                    *(_seen_cell(group, seen) for seen in SEEN),
                ]
                for group in groups
            ],
        )
    ]
    groups, _ = _usual_depth([g for g in groups if g.first.attention == "han"])
    groups = [g for g in groups if g.mean(lambda run: _when(run, "kept")) is not None]
    if len({round(group.first.share, 3) for group in groups}) < 2:
        return blocks
    panels = []
    for aggregator in _aggregators(groups):
        of_panel = [group for group in groups if group.first.aggregator == aggregator]
        series = []
        for style, (seen, label) in enumerate(SEEN.items()):
            points = [_point(g, lambda run, s=seen: _when(run, s), _share) for g in of_panel]
            # The kept cells are all that HAN sees: one line for both.
            if seen != "model":
                series.append(Series(label, sorted(points, key=_first), style))
        panels.append((AGGREGATORS.get(aggregator, aggregator), series))
    png = draw_panels(panels, _SHARE, "accuracy", _share_ticks(groups, _share))
    caption = "Accuracy of HAN if it sees its kept cells, random ones, or the rest."
    alt = "Accuracy with kept, random and removed cells against share of cells, by aggregator."
    return [*blocks, Figure(f"{name}faithfulness", caption, alt, png)]


def by_question_type(groups):
    """Accuracy by question type, and what the question alone gives."""
    types = list(dict.fromkeys(t for group in groups for t in group.first.question_types))
    if not types:
        return []
    rows = [
        [group.label, *(_percent(group, lambda run, t=t: run.accuracy_of(t), 1) for t in types)]
        for group in groups
    ]
    blind = max(groups, key=lambda group: len(group.first.question_types)).first
    rows.append(
        ["blind, by question"]
        + [_one_percent(blind.accuracy_of(t, "blind_by_text"), 1) for t in types]
    )
    caption = (
        "Accuracy in per cent. Blind: the most frequent training answer to the same question. "
    )
    return [Table(caption + _spread_note(groups), ["model", *types], rows)]


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
    header = ["run", "model", "seed", "accuracy", "val", "cells", "epochs", "minutes"]
    header += ["parameters"]
    rows = [
        [
            run.name,
            group_of[run.workdir].label,
            str(run.config["seed"]),
            _one_percent(run.accuracy),
            _one_percent(run.best_val),
            f"{run.num_cells:.1f} of {run.evaluation['total_cells']}",
            f"{len(run.epochs)}",
            f"{run.minutes:.1f}",
            f"{parameters[group_of[run.workdir].first.workdir]:,}",
            _settings(different),
        ]
        for run, different in zip(runs, differences, strict=True)
    ]
    return Table(caption, [*header, "settings of its own"], rows)


# Shares of cells.

_SHARE = "share of cells looked at"


def _accuracy(run):
    return run.accuracy


def _share(run):
    return run.share


def _selects(run):
    return run.attention != "none"


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


def _by_share(groups, aggregator, of_run, share):
    """HAN and all cells joined, soft attention and AdaHAN beside them.

    Args:
      of_run, share: functions of a run, of what is drawn against what.
    """
    kinds = (
        (("han", "none"), "HAN, all cells", True, 0),
        (("adahan",), "AdaHAN", False, 1),
        (("soft",), "soft attention", True, 2),
    )
    series = []
    for attentions, label, joined, style in kinds:
        points = [
            _point(group, of_run, share)
            for group in groups
            if group.first.attention in attentions
            and group.first.aggregator == aggregator
            and group.mean(of_run) is not None
        ]
        if points:
            # Several models with as many cells are no curve.
            joined = joined and len({x for x, *_ in points}) == len(points)
            series.append(Series(label, sorted(points, key=_first), style, joined))
    return series


def _first(point):
    return point[0]


def _point(group, of_run, share):
    return group.mean(share), group.mean(of_run), group.spread(of_run)


def _share_ticks(groups, share):
    """Where HAN and all cells are: labels of adaptive shares would stand on top of them."""
    shares = {share(group.first) for group in groups if group.first.attention != "adahan"}
    shares = sorted(shares or {share(group.first) for group in groups})
    return [(share, f"{100 * share:.0f} %") for share in shares]


# Groups.


def _usual_depth(groups):
    """The groups with as many fused layers as most; the others are table 3's."""
    if not groups:
        return [], None
    layers = most_common([group.first.fused_layers for group in groups])
    return [group for group in groups if group.first.fused_layers == layers], layers


def _aggregators(groups):
    """Their names, in the order of tables."""
    found = {group.first.aggregator for group in groups}
    return [name for name in AGGREGATORS if name in found] + sorted(found - set(AGGREGATORS))


def _without_aggregator(group):
    aggregator = group.first.aggregator
    return group.label.replace(f" + {AGGREGATORS.get(aggregator, aggregator)}", "")


def _styles(of_panel, groups):
    """A number for each label, the same in every panel."""
    labels = list(dict.fromkeys(_without_aggregator(group) for group in groups))
    return [labels.index(_without_aggregator(group)) for group in of_panel]


def _has_seeds(groups):
    return any(len(group.runs) > 1 for group in groups)


def _spread_note(groups):
    if not _has_seeds(groups):
        return ""
    return "± is the standard deviation over seeds, their number in brackets. "


def _differences_note(groups, *shown):
    """Says in what else the runs of a table differ, so that nobody takes them for equal."""
    runs = [run for group in groups for run in group.runs]
    keys = sorted({key for own in differing_settings(runs, (*_SHOWN, *shown)) for key in own})
    return f"Not equal in all runs: {', '.join(keys)}." if keys else ""


# Text.


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _value(group, of_run, pattern):
    mean, spread = group.mean(of_run), group.spread(of_run)
    if mean is None:
        return NOTHING
    if spread is None:
        return pattern.format(mean)
    return f"{pattern.format(mean)} ± {pattern.format(spread)} ({len(group.values(of_run))})"


def _percent(group, of_run, digits=2):
    def in_percent(run):
        value = of_run(run)
        return None if value is None else 100 * value

    return _value(group, in_percent, f"{{:.{digits}f}}")


def _one_percent(value, digits=2):
    return NOTHING if value is None else f"{100 * value:.{digits}f}"


def _accuracies(groups):
    """A cell of a table; several groups that belong in it each with a name of a run."""
    if len(groups) == 1:
        return _percent(groups[0], _accuracy)
    texts = [f"{_percent(group, _accuracy)} ({group.first.name})" for group in groups]
    return "; ".join(texts) or NOTHING


def _beside_chance(group, name):
    share = _percent(group, lambda run: _of_masks(run, name, "share"), 1)
    chance = group.mean(lambda run: _of_masks(run, name, "chance"))
    return share if chance is None else f"{share} [{_one_percent(chance, 1)}]"


def _seen_cell(group, seen):
    accuracy = _percent(group, lambda run: _when(run, seen), 1)
    same = group.mean(lambda run: _when(run, seen, "same_answer"))
    if seen == "model" or same is None:
        return accuracy
    return f"{accuracy} [{_one_percent(same, 1)}]"


def _cut_note(groups):
    if not any(group.first.attention == "soft" for group in groups):
        return ""
    return "Weights of soft attention are cut to the greatest, as many as the table says. "


def _settings(settings):
    return ", ".join(f"{key}={_plain(value)}" for key, value in sorted(settings.items()))


def _plain(value):
    return f"({', '.join(map(str, value))})" if isinstance(value, list) else str(value)
