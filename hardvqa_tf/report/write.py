"""A report of finished runs: the paper's tables and figures, as one HTML page and as Markdown.

report.html   everything in one file, pictures included
report.md     the same with its pictures beside it, for a repository's docs
"""

import collections
import dataclasses
import os

from hardvqa_tf.report.runs import find_runs, read_runs
from hardvqa_tf.report_parts.groups import group_by_seed
from hardvqa_tf.report_parts.pages import to_html, to_markdown
from hardvqa_tf.runs import load_run
from hardvqa_tf.tasks import name_of_task, task_of
from hardvqa_tf.written import write_file


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
    datasets = collections.defaultdict(list)
    for run in runs:
        datasets[name_of_task(run.config), run.config["dataset"]].append(run)
    sections = []
    for (_, dataset), of_dataset in datasets.items():
        several = len(datasets) > 1
        found = _sections(of_dataset, split, records_dir, f"{dataset}_" if several else "")
        heading = f"{dataset}: " if several else ""
        sections += [dataclasses.replace(s, title=heading + s.title) for s in found]
    title = title or f"Report of {len(runs)} runs"
    intro = _intro(runs, split)
    markdown, files = to_markdown(title, intro, sections)
    files["report.md"] = markdown.encode()
    files["report.html"] = to_html(title, intro, sections).encode()
    os.makedirs(report_dir, exist_ok=True)
    for name, content in files.items():
        write_file(os.path.join(report_dir, name), content)
    return os.path.join(report_dir, "report.html")


def _sections(runs, split, records_dir, prefix):
    """What the runs' task says about one data set."""
    groups = group_by_seed(runs)
    config = groups[0].first.config
    records_dir = records_dir or config["records_dir"]
    return task_of(config).report_sections(groups, split, records_dir, prefix, load_run)


def _intro(runs, split):
    minutes = sum(run.minutes for run in runs)
    of_task = collections.defaultdict(list)
    for run in runs:
        of_task[name_of_task(run.config)].append(run)
    meant = [task_of(of[0].config).report_intro(of, split) for of in of_task.values()]
    return " ".join([f"{len(runs)} runs, {minutes:,.0f} minutes of training steps.", *meant])
