"""What code, messages and pages tell the user to type exists: every flag that they name."""

import pathlib
import re

import pytest

from hardvqa_tf.configs import base

ROOT = pathlib.Path(__file__).parent.parent
FILES = [
    ROOT / "main.py",
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "records").rglob("*.py"),
    *(ROOT / "hardvqa_tf").rglob("*.py"),
]
DEFINITIONS = (ROOT / "hardvqa_tf" / "command_line" / "flags.py").read_text()
# {name: kind}: "string", "bool", ...
FLAGS = {name: kind for kind, name in re.findall(r'DEFINE_(\w+)\(\s*"(\w+)"', DEFINITIONS)}
# Of programs of ours beside main.py, which documents name.
OF_SCRIPTS = {
    name
    for folder in ("benchmarks", "docs", "tests/serving")
    for path in (ROOT / folder).glob("*.py")
    for name in re.findall(r'add_argument\(\s*"--(\w+)"', path.read_text())
}
OF_OTHERS = {
    *("logdir", "samples_per_plugin"),  # TensorBoard's
    "output",  # docs/screenshot.py's
    "slow",  # pytest's, tests/conftest.py
    *("nodes", "time", "signal", "requeue"),  # Slurm's
    *("model_base_path", "rest_api_port"),  # TensorFlow Serving's
    *("all", "dir", "tag_set", "signature_def", "inputs"),  # saved_model_cli's
    *("rm", "enable_batching", "batching_parameters_file"),  # Docker's, TensorFlow Serving's
    *(
        "flink_master",
        "region",
        "sdk_container_image",
        "setup_file",
    ),  # Apache Beam's, two lines
    *("dask_client_address", "environment_config", "environment_type", "job_endpoint"),
}


def faults_of(text, others=()):
    """Returns the flags of a text that are not to be typed so, each with what is wrong."""
    # Not the style sheet of a page: --name: value, var(--name); nor names with a hyphen.
    named = set(re.findall(r"(?<![\w(-])--([a-z]\w*(?:\.\w+)*)(?!\w*:)(?![\w-])(=?)", text))
    faults = []
    for flag, sign in sorted(named):
        if flag.startswith("config."):
            if not _in_config(flag.split(".")[1:]):
                faults.append(f"--{flag}: no value of the config")
        elif flag not in {
            *FLAGS,
            *OF_OTHERS,
            *others,
            "config",
            "help",
            "helpshort",
            "verbosity",
        }:
            faults.append(f"--{flag}: no flag of main.py")
        elif FLAGS.get(flag) == "bool" and sign == "=":
            faults.append(f"--{flag}: takes no value")
    return faults


def _in_config(keys):
    """Of any task."""
    return any(_is_in(base.get_config(task), keys) for task in base.TABLES)


def _is_in(value, keys):
    for key in keys:
        if key not in value:
            return False
        value = value[key]
    return True


def test_flags_that_are_named_exist():
    faults = {
        str(path.relative_to(ROOT)): faults_of(
            path.read_text(), OF_SCRIPTS if path.suffix == ".md" else ()
        )
        for path in FILES
    }
    assert {path: found for path, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    "text, fault",
    [
        ("give a smaller --batch_size; finished", "--batch_size: no flag of main.py"),
        ("--mode=build --features=resnet101", "--features: takes no value"),
        ("--config.train.learnign_rate=1", "--config.train.learnign_rate: no value of the"),
    ],
)
def test_a_flag_that_does_not_exist_is_found(text, fault):
    assert [found[: len(fault)] for found in faults_of(text)] == [fault]
    assert faults_of("python main.py --mode=build --features --config.train.epochs=3") == []
