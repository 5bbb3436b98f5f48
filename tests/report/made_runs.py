"""Runs for the tests of the report: made by hand, and untrained ones on disk."""

import json
import os

from hardvqa_tf.configs.table import values
from hardvqa_tf.runs import append_metrics, save_model, start_run
from hardvqa_tf.vqa import Vocabularies
from hardvqa_tf.vqa.report.run import ReportedRun
from hardvqa_tf.vqa.task import MEASURES, build_model
from tests.conftest import tiny_config

CELLS = 20  # of the hand-made runs' grids


def reported(
    name,
    attention,
    aggregator,
    accuracy,
    num_cells=CELLS,
    *,
    seed=0,
    units=(8,),
    lacks=None,
    **train,
):
    """A run as it would have been read, of two epochs of 30 and 90 seconds."""
    config = json.loads(tiny_config("records").to_json())
    config["seed"] = seed
    config["model"] |= {"attention": attention, "aggregator": aggregator}
    config["model"]["fusion"]["units"] = list(units)
    config["model"]["han"] = {"num_cells": num_cells, "fraction": None}
    config["train"] |= train
    if lacks:
        del config["train"][lacks]
    config = values.complete(config)  # as reading a run does
    epochs = [
        {"epoch": 1, "seconds": 30.0, "val/all": accuracy - 0.2},
        {"epoch": 2, "seconds": 90.0, "val/all": accuracy + 0.01},
    ]
    rows = [
        {"type": "all", "accuracy": accuracy, "blind_by_text": 0.4},
        {"type": "count", "accuracy": accuracy - 0.1, "blind_by_text": 0.3},
    ]
    evaluation = {"num_cells": num_cells, "total_cells": CELLS, "rows": rows}
    evaluation |= {"num_questions": 50, "metric": "exact"}
    flat = values.flatten(config)
    return ReportedRun(f"runs/{name}", name, config, flat, epochs, evaluation)


def change(run, key, value):
    """Sets a value of a run's config, by its dotted key."""
    *sections, name = key.split(".")
    section = run.config
    for part in sections:
        section = section[part]
    section[name] = run.flat[key] = value


def labels(groups):
    return [group.label for group in groups]


def build_run(workdir, config):
    """An untrained model that says it was trained for its epochs."""
    vocabularies = Vocabularies.from_records(config.records_dir)
    start_run(workdir, config, vocabularies)
    save_model(workdir, build_model(config, vocabularies))
    for epoch in range(1, config.train.epochs + 1):
        append_metrics(workdir, {"epoch": epoch, "seconds": 60.0, "val/all": 0.2 * epoch})


def write_evaluation(workdir, split, records_dir=None, num_cells=9):
    """In the place of the real one, which takes seconds."""
    rows = [{"type": "all", "accuracy": 0.625, "blind_by_text": 0.5}]
    evaluation = {"num_cells": num_cells, "total_cells": 9, "rows": rows, "num_questions": 30}
    evaluation["measures"] = MEASURES
    with open(os.path.join(workdir, f"evaluation_{split}.json"), "w") as file:
        json.dump(evaluation, file)
