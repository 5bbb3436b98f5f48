"""Whose result file it is, is read from its content."""

import json

import pytest
from absl.testing import flagsaver

from hardvqa_tf.command_line import flags, program
from hardvqa_tf.score_files import SCORERS, format_scores, score_files

VQA = [{"question_id": 3, "answer": "yes"}]
PEOPLE = [
    {
        "question_id": 3,
        "image_id": 1,
        "question_type": "is the",
        "answer_type": "yes/no",
        "answers": [{"answer": "yes", "answer_id": i} for i in range(10)],
    }
]
COCO = [{"image_id": 1, "category_id": 2, "bbox": [0, 0, 9, 9], "score": 0.5}]
TRUTH = {
    "images": [{"id": 1}],
    "categories": [{"id": 2}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 2, "bbox": [0, 0, 9, 9], "area": 81}
        | {"iscrowd": 0}
    ],
}


@pytest.fixture
def paths(tmp_path):
    """Writes files and returns their paths."""

    def write(*contents):
        written = []
        for number, content in enumerate(contents):
            written.append(str(tmp_path / f"{number}.json"))
            (tmp_path / f"{number}.json").write_text(json.dumps(content))
        return written

    return write


def test_each_task_scores_its_own(paths):
    vqa = score_files(*paths(VQA, {"annotations": PEOPLE}))
    assert (vqa["task"], vqa["overall"]["percent"], vqa["evaluator"]) == ("vqa", 100.0, 2021)
    assert "VQA accuracy" in format_scores(vqa)
    coco = score_files(*paths(COCO, TRUTH))
    assert (coco["task"], coco["overall"]["AP"]) == ("localize", pytest.approx(1.0))
    assert "pycocotools" in format_scores(coco)
    assert {vqa["task"], coco["task"]} == SCORERS.keys()


def test_an_empty_list_is_of_the_kind_of_the_annotations(paths):
    assert score_files(*paths([], TRUTH))["overall"]["AP"] == 0.0
    with pytest.raises(ValueError, match="0.json: expected predictions, a JSON list with one"):
        score_files(*paths([], PEOPLE))


@pytest.mark.parametrize("contents", [(VQA, TRUTH), (COCO, PEOPLE), (COCO, {"questions": VQA})])
def test_files_of_two_kinds(paths, contents):
    with pytest.raises(ValueError, match="0.json and .*1.json do not belong together.*COCO"):
        score_files(*paths(*contents))


@pytest.mark.parametrize("content", [[{"caption": "x"}], {}, 7, "text", [1, None]])
def test_files_of_no_kind(paths, content):
    with pytest.raises(ValueError, match="0.json: these are no results .*VQA.* or .*COCO") as e:
        score_files(*paths(content, content))
    assert json.dumps(content) in str(e.value)


def test_an_option_of_the_other_kind(paths):
    with pytest.raises(ValueError, match=r"COCO\), there is no option evaluator.*=2018. Leave"):
        score_files(*paths(COCO, TRUTH), evaluator=2018)
    assert score_files(*paths(VQA, PEOPLE), evaluator=2018)["evaluator"] == 2018


def test_from_the_command_line(paths, tmp_path, capsys):
    flags.define_config()
    flags.FLAGS.mark_as_parsed()
    predictions, annotations = paths(COCO, TRUTH)
    given = {"mode": "evaluate", "predictions": predictions, "annotations": annotations}
    with flagsaver.as_parsed(**given, scores=str(tmp_path / "scores.json")):
        program.main(["main.py"])
    assert "all             1         1  100.00" in capsys.readouterr().out
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores == score_files(predictions, annotations)
    with flagsaver.as_parsed(**given, questions=predictions):
        with pytest.raises(SystemExit, match="Error: .*there is no option questions"):
            program.main(["main.py"])
