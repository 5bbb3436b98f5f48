"""The files and the numbers of an evaluation."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from hardvqa_tf.evaluate import evaluate_run, format_evaluation
from hardvqa_tf.runs import load_run, save_model, start_run
from hardvqa_tf.training.loop import train_model
from hardvqa_tf.vqa.data import VqaData
from hardvqa_tf.vqa.judging import blind
from hardvqa_tf.vqa.judging.asking import answer_split, make_ask
from hardvqa_tf.vqa.task import build_model, open_split
from records import build
from records.read import read_questions
from tests.records.trees import write_image, write_lines


@pytest.fixture(scope="module")
def evaluated(trained_run, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(trained_run[0], workdir)
    return workdir, evaluate_run(str(workdir), "test")


def test_evaluating_a_run(evaluated):
    workdir, result = evaluated
    assert (result["workdir"], result["split"]) == (str(workdir), "test")
    assert (result["num_questions"], result["num_answered"]) == (30, 30)
    assert (result["num_cells"], result["total_cells"]) == (2.0, 9)
    counts = {row["type"]: row["num_questions"] for row in result["rows"]}
    assert list(counts)[0] == "all" and counts["all"] == 30
    assert counts["relational"] == counts["non-relational"] == 15
    kinds = [name for name in counts if ": " in name]
    assert sum(counts[name] for name in kinds) == 30
    by_type = {row["type"]: row for row in result["rows"]}
    assert by_type["all"]["accuracy"] == pytest.approx(
        sum(by_type[name]["accuracy"] * counts[name] for name in kinds) / 30
    )
    stored = json.loads((workdir / "evaluation_test.json").read_text())
    assert stored == result


def test_the_masks_of_a_run(evaluated):
    _, result = evaluated
    assert (result["num_cells_std"], result["mask_cells"]) == (0.0, None)
    assert 0 < result["presence_entropy"] <= np.log(9)
    assert set(result["masks"]) == {"cells_with_object", "objects_kept", "asked_objects_kept"}
    assert result["masks"]["objects_kept"]["chance"] == pytest.approx(2 / 9)
    found = result["mask_dependence"]
    assert {*found} == {"num_questions", "other_question", "other_image"}
    assert found["num_questions"] == 30
    # Two of nine cells twice: both in 1 of 36 draws, one in 14.
    assert found["other_image"]["chance"] == pytest.approx((1 + 14 / 3) / 36)
    assert 0 < found["other_question"]["overlap"] <= 1
    found = result["faithfulness"]
    assert (found["num_questions"], found["num_cells"]) == (30, 2.0)
    all_types = {"accuracy": result["rows"][0]["accuracy"], "same_answer": 1.0}
    assert found["model"] == found["kept"] == all_types
    assert {*found} == {"num_questions", "num_cells", "model", "kept", "removed", "random"}


def test_soft_attention_is_cut_to_as_many_cells_as_asked_for(config, vocabularies, tmp_path):
    config.model.attention = "soft"
    start_run(str(tmp_path), config, vocabularies)
    save_model(str(tmp_path), build_model(config, vocabularies))
    with pytest.raises(ValueError, match=r"mask_cells=10 for a 3x3 grid \(9 cells\)"):
        evaluate_run(str(tmp_path), "val", mask_cells=10)
    assert not list(tmp_path.glob("predictions_*"))
    result = evaluate_run(str(tmp_path), "val", mask_cells=5)
    assert (result["num_cells"], result["mask_cells"]) == (9.0, 5)
    assert result["masks"]["objects_kept"]["chance"] == pytest.approx(5 / 9)
    assert result["faithfulness"]["num_cells"] == 5.0
    # Five of nine cells twice share one at least: 5, 40, 60, 20 and 1 of 126 draws.
    shares = (5 * 1 / 9 + 40 * 2 / 8 + 60 * 3 / 7 + 20 * 4 / 6 + 1) / 126
    assert result["mask_dependence"]["other_image"]["chance"] == pytest.approx(shares)
    lines = format_evaluation(result).splitlines()
    assert any(line.startswith("masks, the 5 greatest weights ") for line in lines)
    assert any(line.startswith("the 5 greatest weights ") for line in lines)


def test_the_blind_baselines_stand_beside(evaluated, records_dir):
    _, result = evaluated
    train, test = (read_questions(records_dir, split) for split in ("train", "test"))
    expected = blind.blind_accuracy(train, test)
    for row in result["rows"]:
        assert row["blind_by_text"] == expected["text"][row["type"]][0]
        assert row["blind_by_type"] == expected["type"][row["type"]][0]
        assert expected["text"][row["type"]][1] == row["num_questions"]


def test_the_predictions_are_the_models(evaluated, config, vocabularies, records_dir):
    workdir, result = evaluated
    predictions = json.loads((workdir / "predictions_test.json").read_text())
    said = {row["question_id"]: row["answer"] for row in predictions}
    questions = list(read_questions(records_dir, "test"))
    assert [row["question_id"] for row in predictions] == [q.id for q in questions]
    right = sum(said[q.id] == q.answers[0] for q in questions)
    assert result["rows"][0]["accuracy"] == right / 30
    # Whatever the batches: here 3 images x 4 questions with padding, before 5 x 6.
    config.train.batch_size, config.train.questions_per_image = 3, 4
    data = open_split(config, "test", vocabularies, with_ids=True)
    answers = answer_split(make_ask(load_run(str(workdir)).model), data)
    assert sorted(answers.question_id) == sorted(said)
    for id_, prediction, text in zip(
        answers.question_id, answers.prediction, answers.answer_text, strict=True
    ):
        assert vocabularies.answers.answers[prediction] == said[id_]
        assert text == next(q.answers[0] for q in questions if q.id == id_)


def test_a_finished_run_is_asked_all_questions_of_an_image_together(
    config, tmp_path, monkeypatch
):
    """Training, and its validation, as many as the config says."""
    config.train.epochs, config.train.questions_per_image = 1, 4
    read, in_order = [], VqaData.in_order

    def noting(self, *args, **kwargs):
        read.append((self.split, self.questions_per_image))
        return in_order(self, *args, **kwargs)

    monkeypatch.setattr(VqaData, "in_order", noting)
    train_model(config, str(tmp_path), report=lambda line: None)
    assert set(read) == {("val", 4)}
    read.clear()
    evaluate_run(str(tmp_path), "test")
    assert set(read) == {("test", 6)}


def test_other_records_whose_answers_are_hidden(evaluated, tmp_path):
    """As a challenge's test set: predictions are written, and no accuracy is claimed."""
    write_image(tmp_path / "a.png", width=30, height=20)
    asked = [{"image": "a.png", "question": f"Is {i} red?", "id": f"{i}"} for i in (40, 7)]
    write_lines(tmp_path / "test.jsonl", *asked)
    write_lines(tmp_path / "train.jsonl", {**asked[0], "image": "b.png", "id": "1"})
    write_image(tmp_path / "b.png")
    folder = str(tmp_path / "records")
    build.build("jsonl", folder, source_dir=str(tmp_path), num_processes=1)
    workdir = shutil.copytree(evaluated[0], tmp_path / "run")
    result = evaluate_run(str(workdir), "test", records_dir=folder)
    assert (result["num_questions"], result["num_answered"]) == (2, 0)
    assert result["rows"] == [] and result["num_cells"] == 2
    assert result["faithfulness"]["kept"] == {"accuracy": None, "same_answer": 1.0}
    assert "hidden" in format_evaluation(result).splitlines()[-1]
    predictions = json.loads((workdir / "predictions_test.json").read_text())
    assert [row["question_id"] for row in predictions] == [40, 7]


def test_an_unknown_split_and_an_untrained_folder(trained_run, tmp_path):
    with pytest.raises(ValueError, match="split='dev'. Use one of: train, val, test"):
        evaluate_run(trained_run[0], "dev")
    with pytest.raises(ValueError, match="no trained model"):
        evaluate_run(str(tmp_path), "val")
    assert not list(pathlib.Path(trained_run[0]).glob("evaluation_*"))


def test_an_option_of_another_task_is_refused(trained_run):
    with pytest.raises(
        ValueError, match="vqa has no option threshold. .*: evaluator, mask_cel"
    ):
        evaluate_run(trained_run[0], "val", threshold=0.5)
