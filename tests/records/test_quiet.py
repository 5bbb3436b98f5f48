"""TensorFlow's start-up messages stay away; what a program itself says does not."""

import os
import subprocess
import sys

PROGRAM = """
import os, sys
from records import quiet

print("before", file=sys.stderr)
{line}
os.write(2, b"after\\n")
print(os.environ["TF_CPP_MIN_LOG_LEVEL"], "tensorflow" in sys.modules)
"""


def start(line, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(line=line)],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_it_is_quiet_and_only_tensorflow_is():
    done = start("quiet.import_tensorflow()")
    assert done.stdout == "3 True\n", done.stderr
    assert done.stderr == "before\nafter\n"


def test_streams_come_back_when_the_import_fails_and_a_level_that_a_user_sets_stays():
    line = (
        "sys.modules['tensorflow'] = None\n"
        "try: quiet.import_tensorflow()\n"
        "except ImportError: pass"
    )
    done = start(line, TF_CPP_MIN_LOG_LEVEL="1")
    assert done.stdout == "1 True\n", done.stderr
    assert done.stderr == "before\nafter\n"
