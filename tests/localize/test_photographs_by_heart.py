"""Eight photographs by people, learnt by heart: from the official form to the official tool.

Genuine photographs of COCO, asked for by drawings of people, through the builder, the training
loop and the evaluation of any run. The same way on invented ones: test_seen_and_unseen.py.
"""

import json
import shutil

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hardvqa_tf.configs import coco
from hardvqa_tf.evaluate import evaluate_run
from hardvqa_tf.score_files import score_files
from hardvqa_tf.training.loop import train_model
from records.build import build
from records.builders.coco_classes import SETS
from tests.shared_data import shared

NUMBER = 8


def chosen_photographs(content):
    """Those of the excerpt whose smallest object to be asked for is the greatest."""
    names = {one["id"]: one["name"] for one in content["categories"]}
    smallest = {}
    for one in content["annotations"]:
        if names[one["category_id"]] in SETS["56"] and not one["iscrowd"]:
            area, image = np.prod(one["bbox"][2:]), one["image_id"]
            smallest[image] = min(area, smallest.get(image, area))
    best = sorted(smallest, key=smallest.get)[-NUMBER:]
    return [image for image in content["images"] if image["id"] in best]


def write_tree(folder):
    """The official form of eight photographs of the excerpt: a train split, and no other."""
    source = shared("coco_ccby")
    content = json.loads((source / "instances.json").read_text())
    images = chosen_photographs(content)
    ids = {image["id"] for image in images}
    things = [one for one in content["annotations"] if one["image_id"] in ids]
    (folder / "train2017").mkdir(parents=True)
    for image in images:
        shutil.copy(source / "images" / image["file_name"], folder / "train2017")
    (folder / "instances_train2017.json").write_text(
        json.dumps(content | {"images": images, "annotations": things})
    )


def by_heart(records_dir):
    """The light model of configs/coco.py on smaller images: a hundred steps of one batch."""
    config = coco.get_config()
    config.records_dir = records_dir
    config.image_size = (128, 128)  # a grid of 16x16 cells
    config.model.han.num_cells = 48
    config.train.val_split = "train"
    config.train.batch_size, config.train.queries_per_image = NUMBER, None
    config.train.overfit_one_batch, config.train.epochs = True, 1
    config.train.schedule, config.train.learning_rate = "constant", 2e-3
    config.train.all_cells_steps = 0
    config.train.augmentation.mirror = False
    return config


def official(annotations, predictions):
    """What COCO's own tool prints, in its order."""
    truth = COCO(annotations)
    judge = COCOeval(truth, truth.loadRes(predictions), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return dict(zip(("AP", "AP50", "AP75", "APs", "APm", "APl"), judge.stats, strict=False))


@pytest.mark.slow
def test_eight_photographs(tmp_path):
    write_tree(tmp_path / "tree")
    build(
        "coco",
        str(tmp_path / "records"),
        source_dir=str(tmp_path / "tree"),
        builder_args={
            "drawings": str(shared("quickdraw")),
            "unseen": "none",
            "val_share": 0,
            "drawings_per_class": 3,  # One to train with, which evaluation of train asks with.
        },
    )
    workdir = str(tmp_path / "run")
    train_model(by_heart(str(tmp_path / "records")), workdir)
    result = evaluate_run(workdir, "train")
    assert result["num_scenes"] == NUMBER and result["num_queries"] > NUMBER
    right, wrong = (result["rows"][name] for name in ("right drawing", "wrong drawing"))
    assert right["AP50"] >= 0.9
    assert wrong["AP50"] < 0.5  # It is the drawing that is read, not the photograph alone.
    files = [f"{workdir}/{name}_train.json" for name in ("predictions", "annotations")]
    again, counted = score_files(*files)["overall"], official(*reversed(files))
    for name, value in counted.items():
        assert value == again[name] == right[name], name
