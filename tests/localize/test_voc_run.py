"""A run on PASCAL VOC's photographs: its evaluation counts as COCO does, and as VOC does."""

import json

import numpy as np
import pytest

from hardvqa_tf.evaluate import evaluate_run, format_evaluation
from hardvqa_tf.localize.judging import judge
from hardvqa_tf.localize.judging.voc import Image, average_precision
from hardvqa_tf.localize.scenes import read_scenes
from hardvqa_tf.training.loop import train_model
from records.build import build
from tests.localize import tiny_records
from tests.records import photo_trees

KEYS = ("AP07", "AP10")


@pytest.fixture(scope="module")
def evaluated(untraced, tmp_path_factory):
    """(records, workdir, what --mode=evaluate --split=test gets of a run of a step or two)."""
    root = tmp_path_factory.mktemp("voc_run")
    drawings = photo_trees.write_drawings(root / "drawings", "cat", "dog", "couch")
    tree = photo_trees.voc_tree(root / "tree")
    arguments = {"classes": "cat+dog+sofa", "drawings": str(drawings)}
    records, workdir = str(root / "records"), str(root / "run")
    build("voc", records, source_dir=str(tree), builder_args=arguments)
    config = tiny_records.config_of(records, decoder__num_levels=1)
    config.dataset, config.train.epochs = "voc", 1
    train_model(config, workdir)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("measure_by_cells", "measure_kept", "measure_faithfulness"):
            patch.setattr(judge, name, lambda *_: None)  # Slow, and no matter of VOC's.
        return records, workdir, evaluate_run(workdir, "test")


def test_voc_s_numbers_stand_beside_coco_s(evaluated):
    _, workdir, result = evaluated
    assert set(result["voc"]) == set(result["rows"])
    assert all(row["num_classes"] == 2 for row in result["voc"].values())  # cat and dog
    lines = format_evaluation(result).splitlines()
    of_coco = next(i for i, line in enumerate(lines) if "AP75" in line)
    of_voc = next(i for i, line in enumerate(lines) if line.endswith("VOC 2007  VOC 2010"))
    assert of_coco < of_voc
    for place, (name, row) in enumerate(result["voc"].items(), of_voc + 1):
        shown = [f"{100 * row[key]:.2f}" for key in KEYS]
        assert lines[place].split() == [*name.split(), *shown]
    with open(f"{workdir}/evaluation_test.json", encoding="utf-8") as file:
        assert json.load(file)["voc"] == result["voc"]


def test_they_are_of_the_detections_that_are_in_the_file(evaluated):
    records, workdir, result = evaluated
    scenes = {scene.image_id: scene for scene in read_scenes(records, "test")}
    truth, found = (
        json.load(open(f"{workdir}/{name}_test.json", encoding="utf-8"))
        for name in ("annotations", "predictions")
    )
    images = {"cat": [], "dog": []}
    for query in truth["images"]:
        scene, name = scenes[query["file_name"]], query["query"]
        own = [one for one in found if one["image_id"] == query["id"]]
        corners = np.array([one["bbox"] for one in own]).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        size = np.tile([query["width"], query["height"]], 2)
        boxes, difficult = (
            values[scene.is_of(name)] for values in (scene.boxes, scene.difficult)
        )
        scores = np.array([one["score"] for one in own])
        images[name].append(Image(boxes * size, difficult, corners, scores))
    own = {name: average_precision(of_class) for name, of_class in images.items()}
    row = result["voc"]["right drawing"]
    for key in KEYS:
        assert row[key] == pytest.approx(np.mean([of[key] for of in own.values()]), abs=1e-6)
