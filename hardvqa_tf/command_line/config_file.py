"""Tries the file of --config before ml_collections reads it, whose errors are tracebacks."""

import linecache
import os
import runpy
import traceback

from records.regular import kind_instead

_EXAMPLE = (
    "A config is a Python file with get_config(), which returns that of "
    "hardvqa_tf.configs.base.get_config() with other values; hardvqa_tf/configs has some."
)


def given_in(arguments):
    """What the last --config of these arguments says; None where there is none."""
    given = None
    for flag, following in zip(arguments, [*arguments[1:], None], strict=False):
        if flag == "--":  # What follows is Beam's.
            break
        if flag in ("--config", "-config"):
            given = following
        elif flag.startswith(("--config=", "-config=")):
            given = flag.partition("=")[2]
    return given


def mistake_in(given):
    """What is wrong with the file of --config, in a sentence; None if it makes a config.

    Args:
      given: a path, or path:argument of its get_config.
    """
    from ml_collections import ConfigDict

    path, *argument = given.split(":", 1)
    if not os.path.isfile(path):
        instead = kind_instead(path)
        what = f"it is {instead}" if instead else "there is no such file"
        return f"--config={given}: {what}. {_EXAMPLE}"
    try:
        get_config = runpy.run_path(path).get("get_config")
        if not callable(get_config):
            return f"--config={given}: it has no function get_config. {_EXAMPLE}"
        config = get_config(*argument)
    except Exception as error:  # whatever Python raises in a file that is the user's
        return f"--config={given}: {_where_and_what(path, error)} Correct the file."
    if not isinstance(config, ConfigDict):
        kind = type(config).__name__
        return f"--config={given}: get_config() returns no config, but {kind}. {_EXAMPLE}"
    return None


def task_of(given):
    """The task of the config that a file without a mistake makes, as it says itself."""
    from hardvqa_tf.tasks import name_of_task

    path, *argument = given.split(":", 1)
    return name_of_task(runpy.run_path(path)["get_config"](*argument))


def _where_and_what(path, error):
    what = f"{type(error).__name__}: {error}".rstrip(".")
    if isinstance(error, SyntaxError):  # says its line itself
        return f"{what}."
    lines = [
        line for file, line, *_ in traceback.extract_tb(error.__traceback__) if file == path
    ]
    if not lines:
        return f"{what}."
    source = linecache.getline(path, lines[-1]).strip()
    return f"line {lines[-1]}, {source!r}: {what}."
