"""Numbers with their spread as tables show them, and how captions say so."""

from hardvqa_tf.report_parts.groups import has_seeds, same_seeds

NOTHING = "–"


def mean_and_spread(group, of_run, pattern):
    """`mean ± spread (number of seeds)` of what `of_run` gives, each in the pattern."""
    mean, spread = group.mean(of_run), group.spread(of_run)
    if mean is None:
        return NOTHING
    if spread is None:
        return pattern.format(mean)
    return f"{pattern.format(mean)} ± {pattern.format(spread)} ({len(group.values(of_run))})"


def percent(group, of_run, digits=2):
    """As `mean_and_spread`, of shares in 0..1."""

    def in_percent(run):
        value = of_run(run)
        return None if value is None else 100 * value

    return mean_and_spread(group, in_percent, f"{{:.{digits}f}}")


def percent_and_range(group, of_run, digits=2):
    """`mean (least – greatest)` of shares in 0..1 over the seeds; of one seed its number."""
    values = [100 * value for value in group.values(of_run)]
    if not values:
        return NOTHING
    mean, *ends = (
        f"{value:.{digits}f}" for value in (group.mean(of_run) * 100, min(values), max(values))
    )
    return mean if len(values) == 1 else f"{mean} ({NOTHING.join(ends)})"


def range_note(groups, where="In brackets"):
    """What stands in brackets, or what bars show, where they do."""
    if not has_seeds(groups):
        return ""
    return f"{where}: the least and the greatest of the {_several(groups)}."


def no_records_note(records_dir):
    """Why a page does not show what models look at."""
    return (
        f"Not shown: there are no records in {records_dir}, so that no model could be asked. "
        "Give their folder as --records_dir, and write the report again."
    )


def one_percent(value, digits=2):
    return NOTHING if value is None else f"{100 * value:.{digits}f}"


def spread_note(groups):
    """What ± means, where it stands."""
    if not has_seeds(groups):
        return ""
    number = ", their number in brackets"
    return f"± is the standard deviation over {_several(groups, number)}. "


def _several(groups, then=""):
    """Seeds, or runs and which of them have the same one; `then` stands behind that noun."""
    if same := same_seeds(groups):
        return f"runs{then}; of the same seed are {', '.join(same)}"
    return f"seeds{then}"
