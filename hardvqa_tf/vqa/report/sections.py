"""A report's sections on one data set: the paper's tables and figures, and the masks' worth."""

from hardvqa_tf.report_parts.pages import Section
from hardvqa_tf.report_parts.texts import no_records_note
from hardvqa_tf.vqa.report import curves, masks, tables
from hardvqa_tf.vqa.report.gallery import ask_models, choose_questions, galleries
from hardvqa_tf.vqa.report.soft import cut_like_han
from records.folder import has_records

_LOOKS = "What the models look at"


def report_sections(groups, split, records_dir, prefix, load_run):
    """The sections, see `tasks.NAMES`; those that have nothing to show are left out."""
    questions, cut = [], groups
    can_ask = has_records(records_dir)
    if can_ask:
        questions = choose_questions(records_dir, split)
        cut = cut_like_han(groups, split, records_dir, load_run)
    asked = ask_models(groups, questions, load_run)
    parameters = {workdir: number for workdir, (number, _) in asked.items()}
    found = [
        (
            "Share of cells and aggregator",
            "As the paper's table 1: what is lost if the model looks at few cells, and what "
            "soft attention gains.",
            tables.table_1(groups) + curves.accuracy_by_share(groups, prefix),
        ),
        (
            "Adaptive hard attention",
            "As the paper's table 2: the number of cells is the model's own choice.",
            tables.table_2(groups),
        ),
        (
            "Depth before attention",
            "As the paper's table 3: layers between the encoders and the selection.",
            tables.table_3(groups),
        ),
        (
            "Accuracy against time",
            "As the paper's figure 5.",
            curves.figure_5(groups, prefix),
        ),
        (
            "Do the masks hold the objects?",
            "",
            masks.mask_quality(cut, prefix),
        ),
        (
            "Do the masks follow the question?",
            "The same models, asked other questions about the same images, and the same about "
            "others.",
            masks.mask_dependence(cut),
        ),
        (
            "Do the answers come from the masks?",
            "The same models, asked again with other cells than those that they chose.",
            masks.faithfulness(cut, prefix),
        ),
        (
            _LOOKS,
            "As the paper's figures 3 and 4: the same questions to every model."
            if can_ask
            else no_records_note(records_dir),
            galleries(groups, questions, asked, prefix),
        ),
        ("Accuracy by question type", "", tables.by_question_type(groups)),
        ("All runs", "", tables.every_run(groups, parameters)),
    ]
    unasked = [] if can_ask else [_LOOKS]
    return [Section(*of) for of in found if of[2] or of[0] in unasked]


def report_intro(runs, split):
    """What accuracy means in a report of these runs: a sentence."""
    numbers = sorted({run.evaluation["num_questions"] for run in runs})
    questions = " or ".join(f"{number:,}" for number in numbers)
    official = any(run.evaluation.get("metric") == "vqa" for run in runs)
    metric = ", the official VQA accuracy where a run's config asks for it," if official else ""
    return (
        f"Accuracy{metric} is on the split {split}, {questions} questions, of the epoch that "
        "was best on the validation split."
    )
