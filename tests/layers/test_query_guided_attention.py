import keras
import numpy as np
import pytest

from hardvqa_tf.layers import QueryGuidedAttention

N, P, T, D, DS = 2, 5, 3, 6, 4
RNG = np.random.default_rng(0)
CELLS, QUERY = RNG.normal(size=(N, P, D)), RNG.normal(size=(N, T, DS))
VALID = np.array([[True, True, False], [True, False, False]])


def _layer(**arguments):
    layer = QueryGuidedAttention(
        **({"num_heads": 2, "hidden_dim": 7} | arguments), dtype="float64"
    )
    layer(CELLS, QUERY)
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def _reference(layer, cells, query, cell_positions=0.0, query_positions=0.0):
    """The equations as they are written, head by head."""
    w = {v.path.split("/", 1)[1]: np.array(v) for v in layer.variables}

    def linear(x, name):
        return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0.0)

    q = linear(cells + cell_positions, "query")
    k = linear(query + query_positions, "key")
    v = linear(query, "value")
    attended, seen = [], []
    for head in np.split(np.arange(D), layer.num_heads):
        logits = q[..., head] @ np.swapaxes(k[..., head], 1, 2) / np.sqrt(len(head))
        weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        attended.append(weights @ v[..., head])
        seen.append(weights)
    hidden = np.maximum(linear(linear(np.concatenate(attended, -1), "attended"), "hidden"), 0)
    y = cells + linear(hidden, "out")
    y = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-5)
    return y * w["norm/gamma"] + w["norm/beta"], np.mean(seen, axis=0)


@pytest.mark.parametrize("num_heads", [1, 2, 3])
def test_it_is_the_equation(num_heads):
    layer = _layer(num_heads=num_heads)
    positions = {
        "cell_positions": np.random.default_rng(5).normal(size=(1, P, D)),
        "query_positions": np.random.default_rng(6).normal(size=(1, T, DS)),
    }
    for extra in ({}, positions):
        outputs = layer(CELLS, QUERY, **extra)
        expected, weights = _reference(layer, CELLS, QUERY, **extra)
        np.testing.assert_allclose(outputs["cells"], expected, atol=1e-10)
        np.testing.assert_allclose(outputs["weights"], weights, atol=1e-12)


def test_padded_tokens_are_not_looked_at():
    layer = _layer()
    outputs = layer(CELLS, QUERY, valid=VALID)
    for row, length in enumerate([2, 1]):
        alone = layer(CELLS[row : row + 1], QUERY[row : row + 1, :length])
        np.testing.assert_allclose(outputs["cells"][row], alone["cells"][0], atol=1e-12)
        np.testing.assert_allclose(
            outputs["weights"][row, :, :length], alone["weights"][0], atol=1e-12
        )
    assert (np.array(outputs["weights"])[~np.repeat(VALID[:, None], P, axis=1)] == 0).all()


def test_groups_of_tokens_are_looked_at_by_themselves_and_averaged():
    rng = np.random.default_rng(7)
    query = rng.normal(size=(N, 3 * T, DS))
    together, apart = _layer(), _layer(group_size=T)
    valid = np.ones((N, 3, T), bool)
    valid[0, 1] = False  # a group that is not there counts for nothing
    valid[1, 2, 1:] = False
    outputs = apart(CELLS, query, valid=valid.reshape(N, -1))
    weights = np.array(outputs["weights"]).reshape(N, P, 3, T)
    for row, there in ((0, (0, 2)), (1, (0, 1, 2))):
        for group in range(3):
            part = query[row : row + 1, group * T : (group + 1) * T]
            alone = together(CELLS[row : row + 1], part, valid=valid[row : row + 1, group])
            expected = alone["weights"][0] / len(there)
            np.testing.assert_allclose(weights[row, :, group], expected, atol=1e-12)
    # Without a mask all groups count; and one group is all tokens together.
    outputs = apart(CELLS, query)
    np.testing.assert_allclose(np.sum(outputs["weights"], axis=-1), np.ones((N, P)), atol=1e-12)
    for mask in (None, VALID):
        one, same = apart(CELLS, QUERY, valid=mask), together(CELLS, QUERY, valid=mask)
        np.testing.assert_allclose(one["cells"], same["cells"], atol=1e-12)


def test_without_a_token_nothing_is_attended_to():
    layer = _layer()
    outputs = layer(CELLS, QUERY, valid=np.zeros((N, T), bool))
    assert (np.array(outputs["weights"]) == 0).all()
    other = layer(CELLS, 7 * QUERY, valid=np.zeros((N, T), bool))
    np.testing.assert_array_equal(outputs["cells"], other["cells"])
    assert np.isfinite(outputs["cells"]).all()


def test_the_order_of_tokens_does_not_matter_and_that_of_cells_goes_along():
    layer = _layer()
    expected = np.array(layer(CELLS, QUERY)["cells"])
    turned = np.array(layer(CELLS[:, ::-1], QUERY[:, ::-1])["cells"])
    np.testing.assert_allclose(turned[:, ::-1], expected, atol=1e-12)


def test_dropout_acts_in_training_only():
    layer = _layer(dropout=0.5)
    calm, again = (np.array(layer(CELLS, QUERY)["cells"]) for _ in range(2))
    np.testing.assert_array_equal(calm, again)
    trained = layer(CELLS, QUERY, training=True)
    assert np.abs(trained["cells"] - calm).max() > 1e-2
    # What is shown are the weights before the dropout.
    np.testing.assert_allclose(keras.ops.sum(trained["weights"], -1), np.ones((N, P)))


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Use a divisor of 6"):
        QueryGuidedAttention(num_heads=4)(CELLS, QUERY)
    with pytest.raises(ValueError, match="Pass 0.0 for none"):
        QueryGuidedAttention(dropout=1.0)
