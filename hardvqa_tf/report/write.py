"""A report of finished runs: the paper's tables and figures, as one HTML page and as Markdown.

report.html   everything in one file, pictures included
report.md     the same with its pictures beside it, for a repository's docs
"""

import os

from hardvqa_tf.report import curves, masks, tables
from hardvqa_tf.report.gallery import ask_models, choose_questions, galleries
from hardvqa_tf.report.groups import group_by_seed
from hardvqa_tf.report.pages import Section, to_html, to_markdown
from hardvqa_tf.report.runs import find_runs, has_records, read_runs
from hardvqa_tf.report.soft import cut_like_han


def write_report(patterns, report_dir, split="test", records_dir=None, title=None, say=print):
    """Writes a report of runs, evaluating those that have not been.

    Args:
      patterns: list of folders of finished runs, or globs of such.
      report_dir: folder to write into; made if missing.
      split: on which accuracy is shown.
      records_dir: the records of all runs; default: those that each was trained on.
      title: of the report.
      say: called with each line that the user should see.

    Returns:
      Path of the HTML page.

    Raises:
      ValueError: if there is no run, or one is not finished, naming it.
    """
    runs = read_runs(find_runs(patterns), split, records_dir, say)
    say(f"Drawing the report of {len(runs)} runs")
    sections = []
    datasets = list(dict.fromkeys(run.config["dataset"] for run in runs))
    for dataset in datasets:
        groups = group_by_seed([run for run in runs if run.config["dataset"] == dataset])
        prefix = f"{dataset}_" if len(datasets) > 1 else ""
        heading = f"{dataset}: " if len(datasets) > 1 else ""
        sections += _sections(groups, split, records_dir, prefix, heading)
    title = title or f"Report of {len(runs)} runs"
    intro = _intro(runs, split)
    markdown, files = to_markdown(title, intro, sections)
    files["report.md"] = markdown.encode()
    files["report.html"] = to_html(title, intro, sections).encode()
    os.makedirs(report_dir, exist_ok=True)
    for name, content in files.items():
        with open(os.path.join(report_dir, name), "wb") as file:
            file.write(content)
    return os.path.join(report_dir, "report.html")


def _sections(groups, split, records_dir, prefix, heading):
    """The report's sections on one data set; those that have nothing to show are left out."""
    records_dir = records_dir or groups[0].first.config["records_dir"]
    questions, cut = [], groups
    if has_records(records_dir):
        questions = choose_questions(records_dir, split)
        cut = cut_like_han(groups, split, records_dir)
    asked = ask_models(groups, questions)
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
            "Do the answers come from the masks?",
            "The same models, asked again with other cells than those that they chose.",
            masks.faithfulness(cut, prefix),
        ),
        (
            "What the models look at",
            "As the paper's figures 3 and 4: the same questions to every model.",
            galleries(groups, questions, asked, prefix),
        ),
        ("Accuracy by question type", "", tables.by_question_type(groups)),
        ("All runs", "", tables.every_run(groups, parameters)),
    ]
    return [Section(heading + title, text, blocks) for title, text, blocks in found if blocks]


def _intro(runs, split):
    minutes = sum(run.minutes for run in runs)
    numbers = sorted({run.evaluation["num_questions"] for run in runs})
    questions = " or ".join(f"{number:,}" for number in numbers)
    official = any(run.evaluation.get("metric") == "vqa" for run in runs)
    metric = ", the official VQA accuracy where a run's config asks for it," if official else ""
    return (
        f"{len(runs)} runs, {minutes:,.0f} minutes of training steps. Accuracy{metric} is on "
        f"the split {split}, {questions} questions, of the epoch that was best on the "
        "validation split."
    )
