"""What a run leaves in its workdir, and how it is read again."""

import json
import shutil

import pytest

from hardvqa_tf import runs
from hardvqa_tf.vqa import Vocabularies


def test_other_words_in_the_same_folder_are_refused(trained_run, config, vocabularies):
    fewer = Vocabularies(["what"], vocabularies.answers.answers, 13)
    with pytest.raises(ValueError, match="another vocabularies.json: words differ"):
        runs.start_run(trained_run[0], config, fewer)


def test_a_damaged_folder_says_what_to_do(trained_run, tmp_path):
    with pytest.raises(ValueError, match="model.keras is missing. Train one: python main.py"):
        runs.load_run(str(tmp_path / "nothing"))
    workdir = shutil.copytree(trained_run[0], tmp_path / "run")
    whole = (workdir / "model.keras").read_bytes()
    (workdir / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be loaded .* copy it again"):
        runs.load_run(str(workdir))
    (workdir / "model.keras").write_bytes(whole)
    (workdir / "config.json").write_text('{"seed": ')
    with pytest.raises(ValueError, match="config.json is not JSON"):
        runs.load_run(str(workdir))


def test_a_run_that_is_older_than_a_value_loads(trained_run, tmp_path):
    workdir = shutil.copytree(trained_run[0], tmp_path / "run")
    stored = json.loads((workdir / "config.json").read_text())
    del stored["metric"], stored["train"]["ema_decay"], stored["task"]
    (workdir / "config.json").write_text(json.dumps(stored))
    found = runs.load_run(str(workdir)).config
    assert (found.metric, found.train.ema_decay) == ("exact", 0.0)
    assert (found.train.epochs, found.model.question_lstm.units) == (2, 7)  # as it was trained
