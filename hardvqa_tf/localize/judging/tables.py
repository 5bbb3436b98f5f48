"""Average precision and recall as a table for a terminal."""

_COLUMNS = ("AP", "AP50", "AP75", "AR1", "AR10", "AR100")
_AREA_COLUMNS = {"AP": "AP", "AP50": "AP50", "AR100": "AR"}  # of the values with a suffix
_NAMES = {"s": "small", "m": "medium", "l": "large"}
_ENDLESS = 1e10


def format_rows(rows, areas):
    """Lines of a table.

    Args:
      rows: {name: what `rows.score_row` returned}.
      areas: {suffix: (least, greatest area)} of those rows.

    Returns:
      list of str: a title, each row with its areas under it, and what the areas are.
    """
    names = {suffix: f"  {area_name(suffix)}" for suffix in areas}
    width = max(map(len, [*rows, *names.values()]))
    counts = f"{'images':>7}  {'objects':>8}"
    lines = [f"{'':{width}}  {counts}  " + "  ".join(f"{c:>6}" for c in _COLUMNS)]
    for name, row in rows.items():
        numbers = f"{row['num_images']:7,}  {row['num_objects']:8,}"
        lines.append(f"{name:{width}}  {numbers}  {_percents(row, _COLUMNS)}")
        for suffix, own_name in names.items():
            values = [
                f"{_AREA_COLUMNS[column]}{suffix}" if column in _AREA_COLUMNS else ""
                for column in _COLUMNS
            ]
            numbers = f"{'':7}  {row[f'num_objects{suffix}']:8,}"
            lines.append(f"{own_name:{width}}  {numbers}  {_percents(row, values)}")
    if areas:
        bounds = ", ".join(f"{area_name(s)} {_bounds(*pair)}" for s, pair in areas.items())
        lines += ["", f"Areas in square pixels: {bounds}."]
    return lines


def format_threshold(point, alarms, split):
    """Lines on what is shown from a threshold on.

    Args:
      point: of `thresholds.at_threshold`.
      alarms: of `thresholds.alarms`.
      split: that chose the threshold.
    """
    shares = ", ".join(f"{n} {percent(point[n])}" for n in ("precision", "recall"))
    lines = [
        f"At the threshold {point['threshold']:.4g}, of the best F1 on {split}: {shares}, "
        f"F1 {percent(point['f1'])} per cent, of {point['num_shown']:,} boxes."
    ]
    if alarms["num_queries"]:
        lines.append(
            f"Alarms: {percent(alarms['alarmed'])} per cent of the {alarms['num_queries']:,} "
            f"queries of nothing; {alarms['boxes']:.2f} boxes a query."
        )
    return lines


def percent(value):
    """Of a value in [0, 1]; a minus sign for -1, which stands for no object, and for None."""
    return "-" if value is None or value < 0 else f"{100 * value:.2f}"


def _percents(row, names):
    return "  ".join(f"{percent(row[n]) if n else '':>6}" for n in names).rstrip()


def area_name(suffix):
    """How an area is called, by the suffix of its values."""
    return _NAMES.get(suffix, suffix.lstrip("_").replace("_", " "))


def _bounds(least, greatest):
    if greatest >= _ENDLESS:
        return f"from {least:,.10g}"
    return f"to {greatest:,.10g}" if least <= 0 else f"{least:,.10g} to {greatest:,.10g}"
