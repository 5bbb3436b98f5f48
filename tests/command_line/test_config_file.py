"""A config file that is wrong is told in a sentence with its line, never by a traceback."""

import pytest

from hardvqa_tf.command_line import config_file, flags
from tests.test_main import run

HEAD = (
    "from hardvqa_tf.configs import jsonl\ndef get_config():\n    config = jsonl.get_config()\n"
)
FAULTS = {
    "def get_config(:\n": "SyntaxError: invalid syntax",
    "x = 1\n": "it has no function get_config. A config is a Python file with",
    "def get_config():\n    1 / 0\n": "line 2, '1 / 0': ZeroDivisionError: division by zero.",
    "import nothing_of_the_kind\n": "line 1, 'import nothing_of_the_kind': ModuleNotFound",
    "def get_config(size):\n    return 1\n": "missing 1 required positional argument: 'size'",
    "def get_config():\n    pass\n": "get_config() returns no config, but NoneType. A config",
    "def get_config():\n    return {'seed': 1}\n": "returns no config, but dict.",
    HEAD + "    config.train.batch_size = '8'\n": "line 4, \"config.train.batch_size = '8'\": ",
    HEAD
    + "    config.train = 5\n": "line 4, 'config.train = 5': TypeError: Could not override",
    HEAD + "    config.train.bach_size = 5\n": "line 4, 'config.train.bach_size = 5': ",
    HEAD + "    del config.seed\n": "line 4, 'del config.seed': AttributeError: ",
    "raise OSError('no disk')\n": "line 1, \"raise OSError('no disk')\": OSError: no disk.",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_named_with_its_line(text, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(text)
    mistake = config_file.mistake_in(str(path))
    assert mistake.startswith(f"--config={path}: ") and FAULTS[text] in mistake
    assert "\n" not in mistake.replace(str(path), "")


def test_a_file_that_makes_a_config_has_no_fault(tmp_path):
    (tmp_path / "mine.py").write_text(HEAD + "    return config\n")
    assert config_file.mistake_in(str(tmp_path / "mine.py")) is None
    (tmp_path / "with.py").write_text(
        HEAD.replace("def get_config()", "def get_config(seed)")
        + "    config.seed = int(seed)\n    return config\n"
    )
    assert config_file.mistake_in(f"{tmp_path}/with.py:7") is None
    assert "invalid literal" in config_file.mistake_in(f"{tmp_path}/with.py:a")


def test_no_file(tmp_path):
    assert "nothing.py: there is no such file. A config is" in config_file.mistake_in(
        f"{tmp_path}/nothing.py"
    )
    assert f"{tmp_path}: it is a folder." in config_file.mistake_in(str(tmp_path))
    assert "--config=: there is no such file." in config_file.mistake_in("")


@pytest.mark.parametrize(
    "arguments, given",
    [
        (["--mode=train", "--config.seed=1", "--configure"], None),
        (["--config=a.py", "--seed", "--config", "b.py"], "b.py"),
        (["-config=a.py:x=1", "--mode=train"], "a.py:x=1"),
        (["--config=a.py", "--", "--config=b.py"], "a.py"),
        (["--config"], None),
        ([], None),
    ],
)
def test_given_in(arguments, given):
    assert config_file.given_in(arguments) == given


@pytest.mark.parametrize(
    "more", [[], ["--config.train.epochs=1"]], ids=["alone", "with a value"]
)
def test_at_the_door(more, tmp_path):
    (tmp_path / "mine.py").write_text("def get_config():\n    return None\n")
    done = run("--mode=train", "--config=mine.py", "--workdir=run", *more, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "Error: --config=mine.py: get_config() returns no config" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_a_section_beside_one_of_its_values():
    given = ["--config.train.epochs=1", "--config.train=5", "--config.seed=1"]
    assert list(flags._unknown_keys(given, "vqa")) == [
        "--config.train=5: give its values, --config.train.NAME=..."
    ]


def test_a_section_at_the_door(tmp_path):
    done = run("--mode=train", "--config.train.epochs=1", "--config.train=5", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "Error: --config.train=5: give its values, --config.train.NAME=..." in done.stderr
