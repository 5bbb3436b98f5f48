"""Ctrl-C and SIGTERM end every mode with a sentence, wherever they come."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tests.records.trees import jsonl_tree

MAIN = pathlib.Path(__file__).parents[1] / "main.py"
STOPPED = "Stopped by {}. The same command goes on from what is saved.\n"

# As on a terminal: in a job in the background, which these tests may be, Ctrl-C is ignored.
NOT_IGNORED = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"

# In the place of what a writing process does.
WAITING = """
import records.writer
from tests import waiting_writer
records.writer.write_shard = waiting_writer.write_shard
"""

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
    # It is not waited for.
    threading.Thread(target=threading.Event().wait, daemon={daemon}).start()
    try:
        signal.raise_signal({number})
    finally:
        print("Tidied up.")
module, _, name = {function!r}.rpartition(".")
setattr(importlib.import_module(module), name, stop)
"""


def command(code, *arguments):
    return [sys.executable, "-c", f"{NOT_IGNORED}{code}{RUN}", *arguments]


def environment(**more):
    return {"PYTHONPATH": str(MAIN.parent), "TF_CPP_MIN_LOG_LEVEL": "3", **more}


def run(code, *arguments, cwd):
    return subprocess.run(
        command(code, *arguments),
        cwd=cwd,
        env=environment(),
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
            ["--mode=predict", "--workdir=w", "--image=a.png"],
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
    (tmp_path / "a.png").write_bytes(b"")  # An image file is looked for before all else.
    code = AT_CALL.format(function=function, number=int(number), daemon=False)
    done = run(code, *arguments, cwd=tmp_path)
    check(done, number)
    assert done.stdout.endswith("Tidied up.\n")


def test_while_a_report_is_written(tmp_path):
    """Which ends as a training does: to be started again."""
    function = "hardvqa_tf.report.write.write_report"
    code = AT_CALL.format(function=function, number=int(signal.SIGINT), daemon=True)
    done = run(code, "--mode=report", "--runs=w", cwd=tmp_path)
    assert done.stderr.endswith("Stopped. The same command goes on.\n")
    assert done.returncode == os.EX_TEMPFAIL and "Traceback" not in done.stderr
    assert done.stdout.endswith("Tidied up.\n")


@pytest.mark.parametrize(
    "number, send",
    [
        (signal.SIGINT, os.killpg),  # Ctrl-C on a terminal reaches all of them,
        (signal.SIGTERM, os.kill),  # kill the one that it names.
    ],
)
def test_while_processes_write(number, send, tmp_path):
    """Each ends, and without a word of its own."""
    source, started = tmp_path / "source", tmp_path / "started"
    jsonl_tree(source)
    started.mkdir()
    flags = ["--mode=build", "--dataset=jsonl", f"--source_dir={source}", "--records_dir=r"]
    flags += ["--num_shards=2", "--num_processes=2"]
    building = subprocess.Popen(
        command(WAITING, *flags),
        cwd=tmp_path,
        env=environment(STARTED=str(started)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # A group of its own, as a terminal gives each command.
    )
    while len(os.listdir(started)) < 2 and building.poll() is None:
        time.sleep(0.1)
    send(building.pid, number)
    stdout, stderr = building.communicate(timeout=600)  # The processes hold the pipes, too.
    check(subprocess.CompletedProcess([], building.returncode, stdout, stderr), number)
    assert "Error" not in stderr and not list((tmp_path / "r").glob("*.partial*"))


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
