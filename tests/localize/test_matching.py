import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.localize import matching
from hardvqa_tf.localize.losses import localizer_loss, matching_cost

RNG = np.random.default_rng(0)


def least_cost(cost):
    """The least sum over all ways to give every target a prediction of its own."""
    k, g = cost.shape
    ways = itertools.permutations(range(k), g)
    return min(sum(cost[i, j] for j, i in enumerate(way)) for way in ways)


def test_the_assignment_is_the_cheapest_one():
    """Of two levels with different numbers of predictions, two images, three queries."""
    costs = [RNG.normal(size=(2, 3, k, 3)).astype("float32") for k in (6, 4)]
    valid = np.array([[[1, 1, 1], [0, 1, 0], [0, 0, 0]], [[1, 0, 1], [1, 1, 0], [0, 1, 1]]]) > 0
    for cost, matched in zip(costs, matching.assign(costs, valid), strict=True):
        assert matched.dtype == np.int32
        np.testing.assert_array_equal(matched >= 0, valid)
        for b, q in np.ndindex(2, 3):
            targets = np.flatnonzero(valid[b, q])
            found = matched[b, q, targets]
            assert len(set(found)) == len(found)
            total = cost[b, q, found, targets].sum()
            np.testing.assert_allclose(total, least_cost(cost[b, q][:, targets]), atol=1e-5)


def test_what_stands_in_the_padding_does_not_matter():
    cost = RNG.normal(size=(1, 2, 5, 3)).astype("float32")
    valid = np.array([[[True, False, True], [False, False, True]]])
    expected = matching.assign([cost], valid)
    for other in (1e9, -1e9, np.nan):
        padded = np.where(valid[:, :, None], cost, np.float32(other))
        np.testing.assert_array_equal(matching.assign([padded], valid), expected)


def test_targets_without_a_prediction_are_left_over():
    cost = np.array([[[5.0, 1.0, 3.0], [2.0, 4.0, 9.0]]], "float32")  # two for three
    (matched,) = matching.assign([cost], np.ones((1, 3), bool))
    np.testing.assert_array_equal(matched, [[1, 0, -1]])


def test_what_is_not_a_number_is_taken_last_and_stops_nothing():
    cost = np.array([[[np.nan], [2.0], [np.inf], [1.0]]], "float32")
    (matched,) = matching.assign([cost], np.ones((1, 1), bool))
    assert matched == [[3]]
    (matched,) = matching.assign([np.full_like(cost, np.nan)], np.ones((1, 1), bool))
    assert matched in range(4)


def test_in_a_graph_of_any_batch():
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 2, 4, 3]),
            tf.TensorSpec([None, 2, 5, 3]),
            tf.TensorSpec([None, 2, 3], tf.bool),
        ]
    )
    def match(one, other, valid):
        found = matching.match([one, other], valid)
        assert [level.shape.as_list() for level in found] == [[None, 2, 3]] * 2
        return found

    for b in (1, 3):
        costs = [RNG.normal(size=(b, 2, k, 3)).astype("float32") for k in (4, 5)]
        valid = RNG.uniform(size=(b, 2, 3)) < 0.6
        for found, expected in zip(match(*costs, valid), matching.assign(costs, valid)):
            np.testing.assert_array_equal(found, expected)


def test_xla_is_refused_in_a_line():
    def step(cost, valid):
        return matching.match([cost], valid)[0]

    cost, valid = tf.zeros([1, 4, 3]), tf.ones([1, 3], tf.bool)
    with pytest.raises(ValueError, match="jit_compile must be False for the task") as error:
        tf.function(step, jit_compile=True)(cost, valid)
    assert "\n" not in matching.XLA_REFUSED and error

    @tf.function
    def around(cost, valid):  # as a training step is compiled: within another
        return tf.function(step, jit_compile=True)(cost, valid)

    with pytest.raises(ValueError, match="jit_compile must be False for the task"):
        around(cost, valid)
    tf.function(step)(cost, valid)


def test_levels_are_matched_each_anew():
    """The one at the target wins on its level, wherever another level has it."""
    targets = np.array([[[[0.5, 0.5, 0.2, 0.2]]]], "float32")
    far, near = [0.2, 0.2, 0.1, 0.1], targets[0, 0, 0]
    outputs = {
        "dense_logits": np.zeros((1, 1, 3), "float32"),
        "dense_boxes": np.array([[[far, far, near]]], "float32"),
        "level_0_logits": np.zeros((1, 1, 2), "float32"),
        "level_0_boxes": np.array([[[near, far]]], "float32"),
    }
    seen = []

    def match(costs, valid):
        seen.extend(matching.match(costs, valid))
        return seen

    found = localizer_loss(outputs, targets, tf.ones([1, 1, 1], tf.bool), match)
    assert [int(level[0, 0, 0]) for level in seen] == [2, 0]
    assert float(found["l1"][0, 0]) == pytest.approx(0, abs=1e-6)
    assert float(found["giou"][0, 0]) == pytest.approx(0, abs=1e-6)
    cost = matching_cost(outputs["level_0_logits"], outputs["level_0_boxes"], targets)
    # At 0 the class costs 2 (0.25 - 0.75) 0.25 log 2; the box -2, its GIoU being 1.
    assert float(cost[0, 0, 0, 0]) == pytest.approx(-0.25 * np.log(2) - 2, abs=1e-5)
    assert keras.backend.standardize_dtype(cost.dtype) == "float32"
