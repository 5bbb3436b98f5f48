import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.layers import NonLocalPairwise

N, K, D = 3, 4, 5
VALID = np.array([[1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]], bool)


def _inputs():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, K, D)), rng.uniform(-1, 1, size=(N, K, 2))


def _reference(layer, cells, valid):
    """A loop over rows and over the pairs that exist."""
    w = {v.path.split("/", 1)[1]: np.array(v) for v in layer.variables}

    def embed(name, x):
        return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0.0)

    outputs = []
    for row, exists in zip(cells, valid):
        pairs = [(x, y) for x in row[exists] for y in row[exists]]
        logits = np.array([embed("theta", x) @ embed("phi", y) for x, y in pairs])
        if layer.scale:
            logits = logits / np.sqrt(w["theta/kernel"].shape[1])
        weights = np.exp(logits) / np.exp(logits).sum()  # jointly over the pairs
        values = [embed("g", y) for _, y in pairs]
        if layer.pair_value == "both":
            values = [value + embed("h", x) for value, (x, _) in zip(values, pairs)]
        outputs.append(weights @ np.array(values))
    return np.array(outputs)


@pytest.mark.parametrize(
    "units,scale,pair_value",
    [(None, True, "second"), (None, False, "both"), (7, False, "second"), (7, True, "both")],
)
def test_it_is_one_softmax_over_all_pairs(units, scale, pair_value):
    cells, _ = _inputs()
    layer = NonLocalPairwise(units, scale=scale, pair_value=pair_value, dtype="float64")
    output = layer(cells)
    assert output.shape == (N, units or D)
    # Nothing is trained yet: biases are zero. Give every weight a part.
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
    expected = _reference(layer, cells, np.ones((N, K), bool))
    np.testing.assert_allclose(layer(cells), expected, atol=1e-12)
    expected = _reference(layer, cells, VALID)
    np.testing.assert_allclose(layer(cells, valid=VALID), expected, atol=1e-12)


def test_coordinates_are_part_of_the_cells():
    cells, coordinates = _inputs()
    layer = NonLocalPairwise(units=7, dtype="float64")
    output = layer(cells, valid=VALID, coordinates=coordinates)
    expected = _reference(layer, np.concatenate([cells, coordinates], axis=-1), VALID)
    np.testing.assert_allclose(output, expected, atol=1e-12)
    assert NonLocalPairwise()(cells, coordinates=coordinates).shape == (N, D)


def test_large_logits_and_a_row_without_a_cell_stay_finite():
    cells, _ = _inputs()
    layer = NonLocalPairwise(scale=False)
    assert np.isfinite(layer(cells * 1e3)).all()
    assert np.isfinite(layer(cells, valid=np.zeros((N, K), bool))).all()


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="None for the cells' own width"):
        NonLocalPairwise(units=0)
    with pytest.raises(ValueError, match=r'Use "second" for g\(x_j\)'):
        NonLocalPairwise(pair_value="first")


def test_it_never_makes_the_pairs_values():
    # The widest tensor of the graph has K·K numbers a row, not K·K·units.
    layer = NonLocalPairwise(units=16)
    rows, k = 2, 10
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec((rows, k, 16)))
    sizes = [
        np.prod(output.shape)
        for op in graph.graph.get_operations()
        for output in op.outputs
        if output.shape.is_fully_defined()
    ]
    assert max(sizes) <= rows * k * 16
