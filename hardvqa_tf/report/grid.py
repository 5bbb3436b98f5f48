"""A named grid of runs, trained one after another; stopped at any moment, it goes on."""

import gc
import importlib
import os
import runpy

import keras

from hardvqa_tf.configs import grids
from hardvqa_tf.configs.table import values
from hardvqa_tf.report.runs import why_unfinished
from hardvqa_tf.runs import read_config, read_metrics
from hardvqa_tf.training.loop import train_model

_GRIDS = os.path.dirname(grids.__file__)


def load_grid(name, records_dir=None):
    """Loads a grid.

    Args:
      name: of a file in configs/grids, or the path of one elsewhere. It has a function
        `get_grid()` that returns the config that all runs begin with, and a dict from table to
        {run name: {dotted key: value}}.
      records_dir: in the place of the config's.

    Returns:
      {run name: config}.

    Raises:
      ValueError: for an unknown name, a run that is named twice, and one with a value that
        cannot be.
    """
    base, tables = _get_grid(name)
    configs = {}
    for runs in tables.values():
        for run_name, settings in runs.items():
            if run_name in configs:
                raise ValueError(
                    f"The grid {name} has two runs of the name {run_name!r}, which would share "
                    "a folder. Name one of them otherwise."
                )
            config = base.copy_and_resolve_references()
            config.update_from_flattened_dict(settings)
            config.records_dir = records_dir or config.records_dir
            config.lock()
            _check_values(run_name, config)
            configs[run_name] = config
    return configs


def run_grid(configs, workdir, say=print, progress=False):
    """Trains the runs of a grid that are not finished.

    Args:
      configs: {run name: config}, from `load_grid`.
      workdir: each run is in `<workdir>/<run name>`.
      say: called with each line that the user should see.
      progress: show a bar while an epoch runs.

    Returns:
      list of the runs' folders.

    Raises:
      ValueError: if a folder holds a run with another config.
      Stopped: after SIGTERM or Ctrl-C; what was trained is saved.
    """
    folders = {name: os.path.join(workdir, name) for name in configs}
    for name, config in configs.items():
        _check_config(folders[name], config)
    for number, (name, config) in enumerate(configs.items(), 1):
        heading = f"{name} ({number} of {len(configs)})"
        if why_unfinished(folders[name]) is None:
            seconds = sum(epoch.get("seconds", 0.0) for epoch in read_metrics(folders[name]))
            say(f"{heading}: done, {seconds / 60:.1f} minutes of training steps")
            continue
        say(heading)
        keras.backend.clear_session()  # Else every run's model and functions stay in memory.
        gc.collect()
        train_model(config, folders[name], report=say, progress=progress)
    return list(folders.values())


def _get_grid(name):
    known = sorted(f[:-3] for f in os.listdir(_GRIDS) if f.endswith(".py") and f[0] != "_")
    if name in known:
        return importlib.import_module(f"hardvqa_tf.configs.grids.{name}").get_grid()
    if name.endswith(".py") and os.path.isfile(name):
        return runpy.run_path(name)["get_grid"]()
    raise ValueError(
        f"There is no such grid. Received: {name!r}. Use one of: {', '.join(known)}; or the "
        "path of a file like those in hardvqa_tf/configs/grids."
    )


def _check_values(run_name, config):
    try:
        values.check(config)
    except ValueError as error:
        raise ValueError(f"In the grid's run {run_name}: {error}") from None


def _check_config(workdir, config):
    """Checks that what is in a folder began with the grid's config, trained or not."""
    path = os.path.join(workdir, "config.json")
    if not os.path.exists(path):
        return
    differing = values.differences(values.as_json(read_config(workdir)), config)
    if differing:
        raise ValueError(
            f"{workdir} holds a run with another config than the grid's: "
            f"{', '.join(differing)} differ. Use another --workdir for a new grid, or delete "
            "the folder to train this run anew."
        )
