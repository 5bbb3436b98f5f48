"""From VQA's official files to the official score, through the door, as users type it."""

import json
import re

import pytest
from absl.testing import flagsaver

from hardvqa_tf.command_line import flags, program
from tests.records.vqa_trees import (
    annotate,
    annotations_name,
    ask,
    questions_name,
    v2_tree,
    write_v2,
)


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """main.py with the config of vqa_v2, made tiny; and the folder it works in."""
    flags.define_config()
    flags.FLAGS.mark_as_parsed()
    folder = tmp_path_factory.mktemp("vqa")
    v2_tree(folder / "official")
    return folder


def tiny_config():
    from hardvqa_tf.configs import vqa_v2

    config = vqa_v2.get_config()
    config.records_dir = "data/vqa_v2_maps"
    config.maps.update(encoder="swiftformer_xs", weights=None)
    config.maps.image_size = (32, 64)  # a grid of 2 x 4 cells after stage 3
    config.model.han.num_cells = 1
    config.model.question_lstm.units = 5
    config.model.fusion.units = (6,)
    config.model.classifier.units = (7,)
    config.train.epochs = 1
    config.train.batch_size = 4
    return config


@pytest.fixture
def user(door, monkeypatch, capsys):
    """Runs a mode in the user's folder with the tiny config; returns what it printed."""
    monkeypatch.chdir(door)
    monkeypatch.setattr(flags, "config", lambda config=tiny_config(): config)

    def run(*pipeline_args, **given):
        with flagsaver.as_parsed(**{"dataset": "vqa_v2", "workdir": "run", **given}):
            program.main(["main.py", *pipeline_args])
        return capsys.readouterr().out

    return run


# One chain in this order, each test going on with what the one before left.


def test_build_and_features(user, door):
    out = user(mode="build", source_dir="official", builder_args="test=none,val_share=0.3")
    assert "Building the records of vqa_v2 in data/vqa_v2" in out
    out = user(mode="build", features="true")
    assert re.search(r"8[,.]?\d* (kB|KB|bytes)|MB|GB", out)  # the size is said first
    info = json.loads((door / "data/vqa_v2_maps/dataset_info.json").read_text())
    assert info["features"]["encoder"] == "swiftformer_xs"
    assert info["features"]["shape"] == [2, 4, 112]
    out = user(mode="build", verify="true")
    assert "data/vqa_v2_maps: 14 images, 26 questions" in out


def test_training_says_the_coverage_and_the_metric(user):
    out = user(mode="train")
    assert "val: The 1 answers of the model are 100.0 % of all that people gave" in out
    assert "train: The 1 answers of the model are " in out
    assert "VQA accuracy as the official evaluator of 2021 has it." in out
    assert "--mode=evaluate --workdir=run" in out and "--mode=predict" not in out


@pytest.mark.parametrize("evaluator", ["2018", "2021"])
def test_a_result_file_has_the_score_of_the_evaluation(user, door, evaluator):
    user(mode="evaluate", split="val2014", evaluator=evaluator)
    evaluation = json.loads((door / "run/evaluation_val2014.json").read_text())
    out = user(
        mode="evaluate",
        predictions="run/predictions_val2014.json",
        questions=f"official/{questions_name('val2014')}",
        annotations=f"official/{annotations_name('val2014')}",
        evaluator=evaluator,
        scores="scores.json",
    )
    scores = json.loads((door / "scores.json").read_text())
    rows = {row["type"]: row["accuracy"] for row in evaluation["rows"]}
    assert scores["evaluator"] == evaluation["evaluator"] == int(evaluator)
    assert scores["overall"]["accuracy"] == pytest.approx(rows["all"])
    for kind, score in scores["question_types"].items():
        assert score["accuracy"] == pytest.approx(rows[f"question type: {kind}"])
    assert re.search(r"^all +2 +\d+\.\d\d$", out, re.MULTILINE)


def test_a_resplit(user, door):
    kinds = [kind for kind in ("is", "are", "does") for _ in range(16)]
    questions = [ask(1 + i // 2, i % 2, f"{kind} it?") for i, kind in enumerate(kinds)]
    annotations = [
        annotate(question, "yes" if i % 16 < 8 else "no", kind=kind)
        for i, (kind, question) in enumerate(zip(kinds, questions, strict=True))
    ]
    write_v2(door / "source", "train2014", questions, annotations)
    user(
        mode="build",
        source_dir="source",
        resplit="changing_priors",
        builder_args="val_share=0.0",
        records_dir="cp",
    )
    info = json.loads((door / "cp/dataset_info.json").read_text())
    assert info["test_splits"] == ["test"] and set(info["splits"]) == {"train", "test"}


@pytest.mark.parametrize(
    "given, message",
    [
        ({"mode": "evaluate", "predictions": __file__}, "give --annotations, too"),
        ({"mode": "evaluate", "annotations": __file__}, "give --predictions, too"),
        (
            {"mode": "build", "features": "true", "source_records": "a", "records_dir": "a"},
            "two",
        ),
        ({"mode": "train", "records_dir": "nowhere"}, "--features"),
    ],
    ids=str,
)
def test_mistakes(user, given, message):
    with pytest.raises(SystemExit, match=message):
        user(**given)


def test_flags_of_beam_are_refused_without_beam(user):
    with pytest.raises(SystemExit, match="Unexpected argument"):
        user("--runner=FlinkRunner", mode="build")
