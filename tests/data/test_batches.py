"""Batches of whatever a task makes of a record; those of questions: tests/vqa/test_data.py."""

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.data.batches import group_rows
from tests.batches import batches, equal_batches
from tests.records.trees import read_records
from tests.training.brightness import Images


def ids_of(found):
    """Of the images that count, in order."""
    return [i for batch in found for i in batch["image_id"][batch["weights"] > 0]]


@pytest.fixture
def data(config):
    """24 images in batches of five, without a second axis."""
    return Images(config, "train", 2.0)


def test_every_item_once_an_epoch_in_an_order_of_its_own(config, data):
    in_records = [record["image/id"] for record in read_records(config.records_dir, "train")]
    in_order, first, second = (
        batches(found) for found in (data.in_order(), *map(data.training_epoch, (0, 1)))
    )
    assert ids_of(in_order) == in_records
    orders = {tuple(ids_of(found)) for found in (in_order, first, second)}
    assert len(orders) == 3 and all(sorted(order) == sorted(in_records) for order in orders)
    equal_batches(batches(Images(config, "train", 2.0).training_epoch(1, 3)), second[3:])


def test_the_last_batch_is_filled_with_what_does_not_count(data):
    *_, last = batches(data.in_order())
    np.testing.assert_array_equal(last["weights"], [1, 1, 1, 1, 0])
    np.testing.assert_array_equal(last["is_image"], [True, True, True, True, False])
    np.testing.assert_array_equal(last["image"][4], last["image"][0])
    assert last["brightness"].shape == (5,)


def test_rows_are_grouped_and_filled_up():
    rows = tf.reshape(tf.range(10), [5, 2])
    groups = group_rows(rows, 3, -1)
    expected = [[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [-1, -1]]]
    np.testing.assert_array_equal(groups, expected)
    np.testing.assert_array_equal(group_rows(rows, 5, -1), rows[None])
