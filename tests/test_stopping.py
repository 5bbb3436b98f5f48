"""Ctrl-C and SIGTERM end every mode with a sentence, wherever they come."""

import pathlib
import signal
import subprocess
import sys

import pytest

MAIN = pathlib.Path(__file__).parents[1] / "main.py"
STOPPED = "Stopped by {}. The same command goes on from what is saved.\n"

# As on a terminal: in a job in the background, which these tests may be, Ctrl-C is ignored.
NOT_IGNORED = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"

RUN = "\nfrom hardvqa_tf.command_line.program import run_program\nrun_program()"

# Raises the signal when a module is looked for, or in the place of a function.
AT_IMPORT = """
import signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal({number})
sys.meta_path.insert(0, Finder())
"""
AT_CALL = """
import importlib, signal, sys, threading
def stop(*arguments, **options):
    threading.Thread(target=threading.Event().wait).start()  # It is not waited for.
    try:
        signal.raise_signal({number})
    finally:
        print("Tidied up.")
module, _, name = {function!r}.rpartition(".")
setattr(importlib.import_module(module), name, stop)
"""


def run(code, *arguments, cwd):
    program = f"{NOT_IGNORED}{code}{RUN}"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        env={"PYTHONPATH": str(MAIN.parent), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def check(done, number):
    name = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    assert done.stderr.endswith(STOPPED.format(name)) and "Traceback" not in done.stderr
    assert done.returncode == 128 + number


@pytest.mark.parametrize(
    "module, number",
    [
        ("tensorflow", signal.SIGTERM),  # While the program's standard error leads nowhere.
        ("numpy._core._multiarray_umath", signal.SIGINT),  # Which makes other errors of it.
        ("hardvqa_tf.command_line.build", signal.SIGINT),
    ],
)
def test_while_modules_are_loaded(module, number, tmp_path):
    code = AT_IMPORT.format(module=module, number=int(number))
    check(run(code, "--mode=build", "--dataset=easy_vqa", cwd=tmp_path), number)


@pytest.mark.parametrize(
    "arguments, function, number",
    [
        (["--mode=train"], "records.build.build", signal.SIGINT),
        (
            ["--mode=evaluate", "--workdir=w"],
            "hardvqa_tf.evaluate.evaluate_run",
            signal.SIGTERM,
        ),
        (
            ["--mode=predict", "--workdir=w", f"--image={MAIN}"],  # which is a file
            "hardvqa_tf.predict.predict_image",
            signal.SIGINT,
        ),
        (
            ["--mode=export", "--workdir=w"],
            "hardvqa_tf.export.savedmodel.export",
            signal.SIGINT,
        ),
    ],
)
def test_while_a_mode_works(arguments, function, number, tmp_path):
    code = AT_CALL.format(function=function, number=int(number))
    done = run(code, *arguments, cwd=tmp_path)
    check(done, number)
    assert done.stdout.endswith("Tidied up.\n")


def test_in_the_background_ctrl_c_is_ignored(tmp_path):
    at_start = """
from hardvqa_tf.command_line import flags
define = flags.define_config
flags.define_config = lambda: (signal.raise_signal(signal.SIGINT), define())
"""
    check(run(at_start, "--help", cwd=tmp_path), signal.SIGINT)
    ignored = f"signal.signal(signal.SIGINT, signal.SIG_IGN)\n{at_start}"
    done = run(ignored, "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and "--mode" in done.stdout
