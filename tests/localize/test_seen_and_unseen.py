"""Records of photographs up to the numbers: seen and unseen classes, COCO's areas."""

import json

import numpy as np
import pytest

from hardvqa_tf.evaluate import evaluate_run, format_evaluation
from hardvqa_tf.localize.classes import Classes
from hardvqa_tf.localize.data import open_split
from hardvqa_tf.localize.report.sections import report_intro
from hardvqa_tf.score_files import score_files
from hardvqa_tf.training.loop import train_model
from records.build import build
from tests.localize import tiny_records
from tests.records import photo_trees


@pytest.fixture(scope="module")
def photo_records(tmp_path_factory):
    root = tmp_path_factory.mktemp("photographs")
    drawings = photo_trees.write_drawings(root / "drawings", "cat", "dog", "apple")
    tree = photo_trees.coco_tree(root / "tree")
    arguments = {"drawings": str(drawings), "classes": "cat+dog+apple", "unseen": "dog"}
    arguments["val_share"] = 0.3
    build("coco", str(root / "r"), source_dir=str(tree), builder_args=arguments)
    return str(root / "r")


@pytest.fixture(scope="module")
def photo_config(photo_records):
    config = tiny_records.config_of(photo_records)
    config.dataset = "coco"
    config.train.queries_per_image, config.train.epochs = 2, 1
    return config


def queries_of(config, split, **changed):
    data = open_split(config, split, Classes.from_records(config), with_ids=True, **changed)
    found = {}
    for batch in data.in_order():
        for row in np.argwhere(batch["is_query"].numpy()):
            one = {
                name: value.numpy()[tuple(row)]
                for name, value in batch.items()
                if name not in ("image",)
            }
            found[one["query_id"].decode()] = one
    return found


def test_every_image_is_asked_for_every_class_that_it_shows(photo_config):
    found = queries_of(photo_config, "test", whole_images=True)
    real = {name for name, one in found.items() if one["box_valid"].any()}
    ids = {number: f"{number:012d}" for number in (500, 501, 502)}
    assert real == {
        f"{ids[500]}/cat",
        f"{ids[500]}/dog",
        f"{ids[501]}/dog",
        f"{ids[502]}/apple",
    }
    assert found[f"{ids[500]}/cat"]["box_valid"].sum() == 2
    # 501 shows a crowd of apples: it is asked for none of them, and they are not absent.
    nothing = {name for name, one in found.items() if not one["box_valid"].any()}
    assert (
        nothing
        <= {
            f"{ids[500]}/apple",
            f"{ids[501]}/cat",
            *(f"{ids[502]}/{n}" for n in ("cat", "dog")),
        }
        and len(nothing) == 3
    )
    assert all(one["sketch"].any() and one["sketch_valid"].all() for one in found.values())


def test_training_asks_for_seen_classes_alone(photo_config):
    classes = Classes.from_records(photo_config)
    assert (classes.seen, classes.unseen) == (["apple", "cat"], ["dog"])
    for split in ("train", "val"):
        names = {one["class_name"].decode() for one in queries_of(photo_config, split).values()}
        assert names == {"apple", "cat"}


def test_no_drawing_is_of_two_splits(photo_config):
    """Photographs show none, so that each of a split can be asked with."""
    from hardvqa_tf.localize.drawings import Drawings

    asked = {}
    for split in ("train", "val", "test"):
        drawings = Drawings(photo_config.records_dir, split)
        for name in drawings.classes():
            for numbers in (drawings.fixed(str(i), name, 3) for i in range(20)):
                asked.setdefault((name, split), set()).update(numbers)
    sizes = {key: len(numbers) for key, numbers in asked.items()}
    assert sizes[("cat", "train")] == 4 and sizes[("cat", "test")] == 1
    assert sizes[("dog", "test")] == 6 and ("dog", "train") not in sizes
    of_cats = [asked[("cat", split)] for split in ("train", "val", "test")]
    assert len(set.union(*of_cats)) == sum(map(len, of_cats))


@pytest.fixture(scope="module")
def photo_run(photo_config, untraced, tmp_path_factory):
    workdir, lines = str(tmp_path_factory.mktemp("photo_run")), []
    train_model(photo_config, workdir, report=lines.append)
    return workdir, lines


def test_a_run_says_its_classes_beside_its_numbers(photo_run):
    workdir, lines = photo_run
    sentence = (
        "Classes: 3 (listed), 1 of them unseen in training (listed); leak-free: no training "
        "image shows an unseen one."
    )
    assert sentence in lines
    result = evaluate_run(workdir, "test")
    text = format_evaluation(result)
    assert sentence in text and "right drawing, unseen" in text and "small to 1,024" in text
    assert result["class_set"]["unseen"] == ["dog"] and result["voc"] is None
    with open(f"{workdir}/evaluation_test.json", encoding="utf-8") as file:
        assert json.load(file)["class_set"] == result["class_set"]
    truth = json.load(open(f"{workdir}/annotations_test.json", encoding="utf-8"))
    assert {a["area"] for a in truth["annotations"]} == {41.5}  # as given, not of the box
    assert "object_areas" not in truth["info"]
    scored = score_files(f"{workdir}/predictions_test.json", f"{workdir}/annotations_test.json")
    for name in ("AP", "AP50", "APs", "APl", "AR100"):
        assert scored["overall"][name] == result["rows"]["right drawing"][name]
    assert set(scored["groups"]) == {"seen", "unseen"}

    class Run:
        evaluation = result

    assert sentence in report_intro([Run, Run], "test")
