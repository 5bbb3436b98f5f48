"""A localizer that finds what training wants it to find is judged as perfect."""

import pytest
import tensorflow as tf

from hardvqa_tf.localize.decoder import NO_CELL
from hardvqa_tf.localize.judging.asking import ask_split
from hardvqa_tf.localize.judging.queries import areas_of, is_of_nothing
from hardvqa_tf.localize.judging.rows import compare
from hardvqa_tf.localize.scenes import read_scenes
from hardvqa_tf.localize.task import assets_from_records, open_split


@pytest.mark.parametrize("split", ["train", "val", "test", "test_unseen"])
def test_the_targets_of_the_batches_as_detections(scene_config, split):
    """From records over batches and detections to AP: boxes come back to where they were."""
    assets = assets_from_records(scene_config)
    data = open_split(scene_config, split, assets, with_ids=True, whole_images=True)
    scenes = {s.image_id: s for s in read_scenes(scene_config.records_dir, split)}

    def oracle(batch):
        valid = batch["box_valid"]
        return {
            "logits": tf.where(valid, 3.0, NO_CELL),
            "boxes": batch["boxes"],
            "mask": tf.ones([*valid.shape[:2], 1, 1], tf.bool),  # nobody asks for cells here
            "presence": tf.ones([*valid.shape[:2], 1, 1]),
            "dense_logits": tf.zeros([*valid.shape[:2], 1]),
        }

    answers = ask_split(oracle, data, scenes, assets.group_of)
    nothing = [is_of_nothing(query) for query in answers.queries]
    assert 0 < sum(nothing) < len(nothing)
    row = compare(answers.queries, {"oracle": answers.found}, areas=areas_of(answers.queries))[
        "oracle"
    ]
    assert row["AP"] == row["AP50"] == row["AP75"] == row["AR100"] == 1.0
    for query, found in zip(answers.queries, answers.found, strict=True):
        assert len(found.boxes) == len(query.boxes)
