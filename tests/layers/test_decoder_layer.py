import numpy as np
import pytest

from hardvqa_tf.layers import DecoderLayer

N, K, P, D, DM = 2, 3, 5, 6, 4
RNG = np.random.default_rng(0)
OBJECTS, CELLS = RNG.normal(size=(N, K, D)), RNG.normal(size=(N, P, DM))
POSITIONS = {
    "object_positions": RNG.normal(size=(1, K, D)),
    "cell_positions": RNG.normal(size=(1, P, DM)),
}


def _layer(**arguments):
    layer = DecoderLayer(**({"num_heads": 2, "hidden_dim": 7} | arguments), dtype="float64")
    layer(OBJECTS, CELLS)
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def _norm(x, norm):
    gamma, beta = (np.array(w) for w in norm.weights)
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * (
        gamma
    ) + beta


def _attention(layer, query, key, value):
    def linear(x, dense):
        w = dense.get_weights()
        return x @ w[0] + (w[1] if len(w) > 1 else 0.0)

    q, k = linear(query, layer.query_dense), linear(key, layer.key_dense)
    v, outputs = linear(value, layer.value_dense), []
    for head in np.split(np.arange(D), layer.num_heads):
        logits = q[..., head] @ np.swapaxes(k[..., head], 1, 2) / np.sqrt(len(head))
        weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        outputs.append(weights @ v[..., head])
    return linear(np.concatenate(outputs, -1), layer.attended_dense)


@pytest.mark.parametrize("norm_first", [False, True])
def test_it_is_the_equation(norm_first):
    layer = _layer(norm_first=norm_first)
    w1, b1 = layer.hidden_dense.get_weights()
    w2, b2 = layer.out_dense.get_weights()
    p, r = POSITIONS["object_positions"], POSITIONS["cell_positions"]
    parts = (
        lambda x: _attention(layer.self_attention, x + p, x + p, x),
        lambda x: _attention(layer.cross_attention, x + p, CELLS + r, CELLS),
        lambda x: np.maximum(x @ w1 + b1, 0) @ w2 + b2,
    )
    x = OBJECTS
    for part, norm in zip(parts, layer.norms, strict=True):
        x = x + part(_norm(x, norm)) if norm_first else _norm(x + part(x), norm)
    np.testing.assert_allclose(layer(OBJECTS, CELLS, **POSITIONS), x, atol=1e-10)


def test_padding_is_not_looked_at():
    layer = _layer()
    valid = np.array([[True, True, False], [True, False, False]])
    cells_valid = np.array([[True, False, True, True, False]] * 2)
    masks = {"objects_valid": valid, "cells_valid": cells_valid}
    expected = np.asarray(layer(OBJECTS, CELLS, **masks))
    objects = np.where(valid[..., None], OBJECTS, 100.0)
    cells = np.where(cells_valid[..., None], CELLS, -100.0)
    found = np.asarray(layer(objects, cells, **masks))
    np.testing.assert_allclose(found[valid], expected[valid], atol=1e-12)
    fewer = layer(OBJECTS[1:, :1], CELLS[1:, [0, 2, 3]])
    np.testing.assert_allclose(fewer[0, 0], expected[1, 0], atol=1e-12)


@pytest.mark.parametrize("norm_first", [False, True])
def test_of_maps_it_looks_by_deformable_attention(norm_first):
    references = np.random.default_rng(4).uniform(0.2, 0.8, size=(N, K, 4))
    valid = np.array([[True, False, True, True, True]] * N)
    layer = DecoderLayer(
        2, 7, norm_first=norm_first, map_shapes=((1, 3), (2, 1)), num_points=2, dtype="float64"
    )
    layer(OBJECTS, CELLS, references=references)
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    w1, b1 = layer.hidden_dense.get_weights()
    w2, b2 = layer.out_dense.get_weights()
    p = POSITIONS["object_positions"]
    parts = (
        lambda x: _attention(layer.self_attention, x + p, x + p, x),
        lambda x: np.array(layer.cross_attention(x + p, references, CELLS, valid)),
        lambda x: np.maximum(x @ w1 + b1, 0) @ w2 + b2,
    )
    x = OBJECTS
    for part, norm in zip(parts, layer.norms, strict=True):
        x = x + part(_norm(x, norm)) if norm_first else _norm(x + part(x), norm)
    found = layer(OBJECTS, CELLS, cells_valid=valid, object_positions=p, references=references)
    np.testing.assert_allclose(found, x, atol=1e-10)


def test_of_maps_it_needs_references():
    layer = DecoderLayer(2, 7, map_shapes=((1, 5),))
    with pytest.raises(ValueError, match="references=None. Call the layer with `references`"):
        layer(OBJECTS, CELLS)


def test_dropout_acts_in_training_only():
    layer = _layer(dropout=0.5)
    np.testing.assert_array_equal(layer(OBJECTS, CELLS), layer(OBJECTS, CELLS))
    assert np.abs(layer(OBJECTS, CELLS, training=True) - layer(OBJECTS, CELLS)).max() > 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 4}, "must divide the objects' width"),
        ({"hidden_dim": 0}, "`hidden_dim` must be a positive integer"),
        ({"dropout": 1.0}, r"must be a rate in \[0, 1\)"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        DecoderLayer(**arguments)(OBJECTS, CELLS)
