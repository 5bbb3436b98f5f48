"""How machines and devices share a batch; and one batch for all steps."""

import keras
import numpy as np
import pytest

from hardvqa_tf.data.shares import OneBatch
from hardvqa_tf.vqa import task
from hardvqa_tf.vqa.data import VqaData


def test_one_batch_again_and_again(config, vocabularies):
    keras.utils.set_random_seed(config.seed)
    data = task.open_split(config, "train", vocabularies)
    first = next(data.training_epoch(0).as_numpy_iterator())
    one = OneBatch(data)
    for epoch, start in ((0, 0), (7, 98)):
        found = list(one.training_epoch(epoch, start).as_numpy_iterator())
        assert len(found) == one.steps_per_epoch - start
        for name, value in first.items():
            np.testing.assert_array_equal(found[-1][name], value)
    assert one.contents == "one batch of 5 images x 6 questions"
    assert one.batch_contents == "5 images x 6 questions"


class Context:
    """As `tf.distribute.InputContext`: of two hosts with two devices each."""

    num_input_pipelines, num_replicas_in_sync = 2, 4

    def __init__(self, host):
        self.input_pipeline_id = host


@pytest.mark.parametrize("cached, start", [(True, 0), (False, 1)])
def test_hosts_and_devices_share_each_batch(
    records_dir, vocabularies, monkeypatch, cached, start
):
    """Whole batches, put together again from what each device gets; the filled one, too."""
    monkeypatch.setattr("hardvqa_tf.data.batches.CACHE_BYTES", 2**31 if cached else 0)
    data = VqaData(
        records_dir,
        "train",
        vocabularies,
        image_size=(20, 24),
        batch_size=20,
        questions_per_image=5,  # of six: two items an image, 48 in all
        augmentation={"shift": 3, "rotation": 0.2, "fill": 0.5},
        target="sampled_answers",
    )
    assert data.cached == cached and data.steps_per_epoch == 3
    whole = list(data.training_epoch(4, start).as_numpy_iterator())
    first, second = (
        list(data.training_epoch(4, start, Context(host)).as_numpy_iterator())
        for host in range(2)
    )
    assert len(first) == len(second) == 2 * len(whole) == 2 * (3 - start)
    for step, batch in enumerate(whole):
        parts = first[2 * step : 2 * step + 2] + second[2 * step : 2 * step + 2]
        assert [len(part["weights"]) for part in parts] == [5, 5, 5, 5]
        for name, value in batch.items():
            found = np.concatenate([part[name] for part in parts])
            np.testing.assert_array_equal(found, value, err_msg=name)
    assert (whole[-1]["weights"][8:] == 0).all() and (whole[-1]["weights"][:8] > 0).any()


def test_a_batch_that_devices_cannot_share(records_dir, vocabularies):
    data = VqaData(records_dir, "train", vocabularies, image_size=(20, 24), batch_size=6)
    with pytest.raises(
        ValueError, match="6 images for 4 devices. Set train.batch_size to a mu"
    ):
        data.training_epoch(0, 0, Context(0))
