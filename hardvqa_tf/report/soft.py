"""Soft attention beside hard attention: its weights cut to as many cells as each HAN keeps."""

import dataclasses

import keras

from hardvqa_tf.evaluate import Judge, answer_split, make_ask
from hardvqa_tf.report.groups import Group
from hardvqa_tf.runs import load_run
from hardvqa_tf.vqa.experiment import open_split
from hardvqa_tf.vqa.judging.faithfulness import measure_faithfulness
from hardvqa_tf.vqa.judging.mask_quality import measure_masks


def cut_like_han(groups, split, records_dir):
    """Takes each group of soft attention apart, into one for each number of cells of a HAN.

    Args:
      groups: list of `Group` on one data set.
      split: "test", ...
      records_dir: its records.

    Returns:
      list of `Group`; those of other attentions, and all if there is no HAN, as they are.
    """
    hans = [group.first for group in groups if group.first.attention == "han"]
    counts = sorted({round(run.num_cells) for run in hans})
    found = []
    for group in groups:
        if group.first.attention != "soft" or not counts:
            found.append(group)
            continue
        measured = [_cut(run, counts, split, records_dir) for run in group.runs]
        found += [
            Group(f"{group.label}, cut to {count}", runs)
            for count, runs in zip(counts, zip(*measured, strict=True), strict=True)
        ]
    return found


def _cut(reported, counts, split, records_dir):
    """A `ReportedRun` for each number of cells, with masks measured so."""
    run = load_run(reported.workdir)
    run.config.records_dir = records_dir
    data = open_split(run.config, split, run.vocabularies, with_strings=True)
    judge = Judge(run.config, run.vocabularies.answers.answers, records_dir, split)
    answers = judge(answer_split(make_ask(run.model), data))
    measured = [
        {
            "mask_cells": count,
            "masks": measure_masks(answers, records_dir, split, count),
            "faithfulness": measure_faithfulness(run.model, data, answers, judge, count),
        }
        for count in counts
    ]
    del run
    keras.backend.clear_session()  # Else every model stays in memory.
    return [dataclasses.replace(reported, evaluation=reported.evaluation | m) for m in measured]
