"""Hard attention that gathers gives what hard attention that masks gives, and its gradients.

Gathering is what saves work; masking is what is plainly right. No aggregator may tell them
apart, and no dropped cell may be felt.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import layers

ATTENTIONS = {
    "han": (layers.HardAttention, {"num_cells": 3}),
    "adahan": (layers.AdaptiveHardAttention, {}),
    "adahan_limited": (layers.AdaptiveHardAttention, {"threshold": 0.05, "max_cells": 3}),
}
AGGREGATORS = {
    "sum": (layers.SumPooling, {}),
    "pairwise": (layers.NonLocalPairwise, {"units": 4}),
    "pairwise_both": (layers.NonLocalPairwise, {"pair_value": "both", "scale": False}),
    "relation": (layers.RelationNetwork, {"units": (7, 4)}),
    "relation_mean": (layers.RelationNetwork, {"units": (7, 4), "pool": "mean"}),
    "relation_unordered": (layers.RelationNetwork, {"units": (7, 4), "pairs": "unordered"}),
    "relation_weighted": (layers.RelationNetwork, {"units": (7, 4), "flat": False}),
    "relation_unordered_weighted": (
        layers.RelationNetwork,
        {"units": (7, 4), "pairs": "unordered", "flat": False, "pool": "mean"},
    ),
}
# One for each way of computing.
SOME = ["sum", "pairwise_both", "relation", "relation_unordered_weighted"]
N, P, D, DQ = 3, 7, 5, 2


def _inputs(seed=0):
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(N, P, D)) * rng.uniform(0.2, 1.5, size=(N, P, 1))
    question = rng.normal(size=(N, DQ))
    coordinates = rng.uniform(-1, 1, size=(N, P, 2))
    return [tf.constant(x, tf.float64) for x in (cells, question, coordinates)]


def _aggregate(attention, aggregator, cells, question, coordinates):
    """Output, the mask, and the gradients by cells and by weights."""
    with tf.GradientTape() as tape:
        tape.watch(cells)
        seen = attention(cells, question=question, coordinates=coordinates)
        output = aggregator(
            seen["cells"],
            valid=seen.get("valid"),
            question=question,
            coordinates=seen["coordinates"],
        )
        loss = tf.reduce_sum(tf.sin(output))
    weights = [v.value for v in aggregator.trainable_variables]
    by_cells, *by_weights = tape.gradient(loss, [cells, *weights])
    return output.numpy(), seen["mask"].numpy(), by_cells.numpy(), by_weights


@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_same_output_and_the_same_gradients(attention, aggregator):
    attention_class, attention_arguments = ATTENTIONS[attention]
    aggregator_class, aggregator_arguments = AGGREGATORS[aggregator]
    aggregator = aggregator_class(**aggregator_arguments, dtype="float64")
    gather = attention_class(**attention_arguments, mode="gather", dtype="float64")
    masked = attention_class(**attention_arguments, mode="mask", dtype="float64")
    inputs = _inputs()
    output, mask, by_cells, by_weights = _aggregate(gather, aggregator, *inputs)
    expected, expected_mask, by_cells_expected, by_weights_expected = _aggregate(
        masked, aggregator, *inputs
    )
    np.testing.assert_array_equal(mask, expected_mask)
    assert 0 < mask.sum() < mask.size
    # Sums of some tens of float64 products in another order.
    np.testing.assert_allclose(output, expected, atol=1e-12)
    np.testing.assert_allclose(by_cells, by_cells_expected, atol=1e-12)
    for actual, wanted in zip(by_weights, by_weights_expected, strict=True):
        np.testing.assert_allclose(actual, wanted, atol=1e-12)


@pytest.mark.parametrize("mode", ["gather", "mask"])
@pytest.mark.parametrize("aggregator", SOME)
@pytest.mark.parametrize("attention", ["han", "adahan"])
def test_dropped_cells_get_exactly_no_gradient_and_kept_ones_get_one(
    attention, aggregator, mode
):
    """How it learns although selection has no gradient: by the values of the kept cells."""
    attention_class, attention_arguments = ATTENTIONS[attention]
    aggregator_class, aggregator_arguments = AGGREGATORS[aggregator]
    attention = attention_class(**attention_arguments, mode=mode, dtype="float64")
    aggregator = aggregator_class(
        **aggregator_arguments,
        # So that no kept cell falls on the flat side of every ReLU.
        **({"activation": "tanh"} if aggregator_class is layers.RelationNetwork else {}),
        dtype="float64",
    )
    _, mask, by_cells, _ = _aggregate(attention, aggregator, *_inputs(1))
    size = np.abs(by_cells).max(axis=-1)
    assert (size[~mask] == 0).all()
    assert (size[mask] > 0).all()


@pytest.mark.parametrize("mode", ["gather", "mask"])
@pytest.mark.parametrize("aggregator", SOME)
@pytest.mark.parametrize("attention", ["han", "adahan"])
def test_a_nan_in_a_dropped_cell_reaches_nothing(attention, aggregator, mode):
    attention_class, attention_arguments = ATTENTIONS[attention]
    aggregator_class, aggregator_arguments = AGGREGATORS[aggregator]
    attention = attention_class(**attention_arguments, mode=mode, dtype="float64")
    aggregator = aggregator_class(**aggregator_arguments, dtype="float64")
    cells, question, coordinates = _inputs(2)
    broken = cells.numpy()
    broken[1, 4, 0] = np.nan
    output, mask, by_cells, by_weights = _aggregate(
        attention, aggregator, tf.constant(broken), question, coordinates
    )
    assert not mask[1, 4]
    assert mask.any(axis=1).all()
    assert np.isfinite(output).all()
    assert np.isfinite(by_cells[mask]).all()
    assert all(np.isfinite(gradient).all() for gradient in by_weights)


@pytest.mark.parametrize("aggregator", SOME)
def test_keeping_all_cells_is_no_attention(aggregator):
    aggregator_class, aggregator_arguments = AGGREGATORS[aggregator]
    aggregator = aggregator_class(**aggregator_arguments, dtype="float64")
    inputs = _inputs(3)
    expected = _aggregate(layers.NoAttention(dtype="float64"), aggregator, *inputs)[0]
    for attention in (
        layers.HardAttention(num_cells=P, dtype="float64"),
        layers.HardAttention(fraction=1.0, mode="mask", dtype="float64"),
        layers.AdaptiveHardAttention(threshold=1e-9, dtype="float64"),
        layers.AdaptiveHardAttention(threshold=1e-9, mode="mask", dtype="float64"),
    ):
        output, mask, _, _ = _aggregate(attention, aggregator, *inputs)
        assert mask.all()
        np.testing.assert_allclose(output, expected, atol=1e-12)


def test_coordinates_stay_with_their_cells():
    cells, _, coordinates = _inputs(4)
    for attention in (
        layers.HardAttention(num_cells=3, dtype="float64"),
        layers.AdaptiveHardAttention(dtype="float64"),
    ):
        kept = keras.tree.map_structure(
            keras.ops.convert_to_numpy, attention(cells, coordinates=coordinates)
        )
        valid = kept.get("valid", np.ones(kept["cells"].shape[:2], bool))
        assert valid.any(axis=1).all()
        for n, k in zip(*np.nonzero(valid)):
            (p,) = np.flatnonzero((cells.numpy()[n] == kept["cells"][n, k]).all(axis=-1))
            assert kept["mask"][n, p]
            np.testing.assert_array_equal(kept["coordinates"][n, k], coordinates[n, p])
        assert (kept["coordinates"][~valid] == 0).all()
