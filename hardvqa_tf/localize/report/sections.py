"""A report's sections on localizers of one data set."""

from hardvqa_tf.localize.report import figures, tables
from hardvqa_tf.localize.report.gallery import galleries
from hardvqa_tf.report_parts.pages import Section
from hardvqa_tf.report_parts.texts import no_records_note
from records.class_set import in_words
from records.folder import has_records

_LOOKS = "What the models look at"


def report_intro(runs, split):
    """What the numbers are, a sentence."""
    numbers = sorted({run.evaluation["num_queries"] for run in runs})
    queries = " or ".join(f"{number:,}" for number in numbers)
    text = (
        f"Average precision, in per cent, is that of the {queries} queries of the split "
        f"{split}: scenes that are each asked for one class. It is that of the epoch that was "
        "best on the validation split."
    )
    sets = [in_words(run.evaluation.get("class_set")) for run in runs]
    return " ".join([text, *filter(None, dict.fromkeys(sets))])


def report_sections(groups, split, records_dir, prefix, load_run):
    """The sections, see `tasks.NAMES`; those that have nothing to show are left out."""
    can_ask = has_records(records_dir)
    shown = galleries(groups, split, records_dir, load_run, prefix) if can_ask else []
    found = [
        (
            "What was found",
            "Beside the right drawing: several of them, a drawing of a class that the scene "
            "does not show, and the perfect boxes of all objects with random scores. Who does "
            "not read the drawing is no better than the last.",
            tables.found(groups),
        ),
        ("Precision and recall", "", figures.precision_recall(groups, prefix)),
        ("What is shown", "", tables.shown(groups)),
        (
            "How many cells does it take?",
            _about_cells(groups),
            figures.by_cells(groups, prefix) + tables.by_cells(groups),
        ),
        ("Where do the kept cells lie?", "", tables.kept_cells(groups)),
        (
            "Do the boxes come from the kept cells?",
            "The same models, asked again: their decoder is given other cells, or the whole "
            "model a part of the image, the rest in its mean colour.",
            tables.faithfulness(groups),
        ),
        (
            _LOOKS,
            "The same queries to every model." if can_ask else no_records_note(records_dir),
            shown,
        ),
        ("Learning", "", figures.learning(groups, prefix)),
    ]
    unasked = [] if can_ask else [_LOOKS]
    return [Section(*of) for of in found if of[2] or of[0] in unasked]


def _about_cells(groups):
    """What the numbers mean for models that do not keep a fixed number."""
    text = [
        "The same trained models, asked again; a model learnt with its own number of cells."
    ]
    if any(group.first.is_adaptive for group in groups):
        text.append(
            "AdaHAN keeps as many cells of a query as it chooses: beside its own choice stand "
            "fixed numbers, and other cells of the same numbers."
        )
    if any(group.first.leaves_none_out for group in groups):
        text.append(
            "A model of all cells never learnt to leave any out: it has a curve by norm, and "
            "nothing beside it."
        )
    return " ".join(text)
