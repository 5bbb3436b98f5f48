"""Soft attention beside hard attention: its weights cut to as many cells as each HAN keeps."""

import dataclasses

import keras

from hardvqa_tf.report_parts.groups import Group
from hardvqa_tf.vqa.data import open_split
from hardvqa_tf.vqa.judging.judge import Judge
from hardvqa_tf.vqa.slots import Keeps


def cut_like_han(groups, split, records_dir, load_run):
    """Takes each group of soft attention apart, into one for each number of cells of a HAN.

    Args:
      groups: list of `Group` on one data set.
      split: "test", ...
      records_dir: its records.
      load_run: from a run's folder to a `runs.Run`.

    Returns:
      list of `Group`; those of other attentions, and all if there is no HAN, as they are.
    """
    hans = [group.first for group in groups if group.first.keeps is Keeps.FIXED]
    counts = sorted({round(run.num_cells) for run in hans})
    found = []
    for group in groups:
        if group.first.keeps is not Keeps.WEIGHTS or not counts:
            found.append(group)
            continue
        measured = [_cut(run, counts, split, records_dir, load_run) for run in group.runs]
        found += [
            Group(f"{group.label}, cut to {count}", runs)
            for count, runs in zip(counts, zip(*measured, strict=True), strict=True)
        ]
    return found


def _cut(reported, counts, split, records_dir, load_run):
    """A `ReportedRun` for each number of cells, with masks measured so."""
    run = load_run(reported.workdir)
    data = open_split(run.config, split, run.assets, records_dir=records_dir, with_ids=True)
    judge = Judge(run.model, run.config, run.assets, split, records_dir=records_dir)
    answers = judge.ask(data)
    measured = [judge.masks(answers, data, count) for count in counts]
    del run, judge
    keras.backend.clear_session()  # Else every model stays in memory.
    return [dataclasses.replace(reported, evaluation=reported.evaluation | m) for m in measured]
