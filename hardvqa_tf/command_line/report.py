"""--mode=report: finished runs side by side; with --grid, trains them first."""

import os
import sys

from absl import logging

from hardvqa_tf.command_line import flags, paths
from hardvqa_tf.command_line.say import say


def run(_):
    if bool(flags.RUNS.value) == bool(flags.GRID.value):
        raise ValueError(
            "--mode=report needs either --runs=FOLDER,FOLDER,... (finished runs, or 'runs/*') "
            "or --grid=NAME (runs to train first, e.g. sort_of_clevr_tables)."
        )
    paths.check_new_folder("report_dir", _report_dir())
    from hardvqa_tf.stopping import stopping

    if flags.FLAGS.verbosity <= 0:  # TensorFlow warns that it traces every model's functions.
        logging.set_verbosity(logging.ERROR)
    with stopping():
        page = _report_on_grid() if flags.GRID.value else _report(flags.RUNS.value, None)
    say(f"{page}, and report.md beside it")


def _report(folders, title):
    from hardvqa_tf.report.write import write_report

    return write_report(
        folders,
        _report_dir(),
        flags.SPLIT.value or "test",
        flags.RECORDS_DIR.value,
        title,
        say=say,
    )


def _report_dir():
    return flags.REPORT_DIR.value or os.path.join(_workdir(), "report")


def _workdir():
    """Of a grid; "" where runs are named."""
    if not flags.GRID.value:
        return ""
    return flags.WORKDIR.value or os.path.join("runs", _title())


def _title():
    """That of a grid."""
    return os.path.splitext(os.path.basename(flags.GRID.value))[0]


def _report_on_grid():
    return _report(_run_grid(_workdir()), _title())


def _run_grid(workdir):
    from hardvqa_tf.command_line.records import building
    from hardvqa_tf.report.grid import load_grid, run_grid

    changed = flags.changed_config_keys()
    if changed:
        raise ValueError(
            f"A grid has values of its own. Received: --config.{changed[0]} with --grid="
            f"{flags.GRID.value}. Copy its file from hardvqa_tf/configs/grids, change it "
            "there, and give the copy's path as --grid."
        )
    configs = load_grid(flags.GRID.value, flags.RECORDS_DIR.value)
    for config in configs.values():
        building(config).build_missing(config)
    return run_grid(configs, workdir, say, progress=sys.stderr.isatty())
