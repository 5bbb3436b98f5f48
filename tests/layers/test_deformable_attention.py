import keras
import numpy as np
import pytest

from hardvqa_tf.layers import DeformableAttention
from hardvqa_tf.layers.deformable_attention import look_up

N, NUM, D, DM = 2, 3, 8, 5
SHAPES = ((3, 4), (2, 1))
M, K, P = 2, 3, 14
RNG = np.random.default_rng(0)
OBJECTS = RNG.normal(size=(N, NUM, D))
CELLS = RNG.normal(size=(N, P, DM))
REFERENCES = {size: RNG.uniform(0.1, 0.9, size=(N, NUM, size)) for size in (2, 4)}


def _layer(**arguments):
    arguments = {"map_shapes": SHAPES, "num_heads": M, "num_points": K} | arguments
    layer = DeformableAttention(**arguments, dtype="float64")
    layer(OBJECTS, REFERENCES[2], CELLS)
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(size=w.shape, scale=0.7) for w in layer.get_weights()])
    return layer


def _bilinear(grid, x, y):
    """What lies at (x, y) of a grid [h, w, Dh], in shares of its sides."""
    h, w = grid.shape[:2]
    x, y = x * w - 0.5, y * h - 0.5
    total = 0.0
    for row in range(h):
        for column in range(w):
            near = max(0.0, 1 - abs(x - column)) * max(0.0, 1 - abs(y - row))
            total = total + near * grid[row, column]
    return total


def _expected(layer, references, cells, valid):
    def linear(x, dense):
        kernel, bias = dense.get_weights()
        return x @ kernel + bias

    offsets = linear(OBJECTS, layer.offsets_dense).reshape(N, NUM, M, 2, K, 2)
    logits = linear(OBJECTS, layer.weights_dense).reshape(N, NUM, M, 2 * K)
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    weights = weights.reshape(N, NUM, M, 2, K)
    values = linear(cells, layer.value_dense) * valid[..., None]
    found = np.zeros((N, NUM, M, D // M))
    for n, o, m in np.ndindex(N, NUM, M):
        first = 0
        for number, (h, w) in enumerate(SHAPES):
            grid = values[n, first : first + h * w].reshape(h, w, M, D // M)[:, :, m]
            first += h * w
            for k in range(K):
                dx, dy = offsets[n, o, m, number, k]
                if references.shape[-1] == 2:
                    x, y = references[n, o] + [dx / w, dy / h]
                else:
                    cx, cy, width, height = references[n, o]
                    x, y = cx + dx / K * width / 2, cy + dy / K * height / 2
                found[n, o, m] += weights[n, o, m, number, k] * _bilinear(grid, x, y)
    return linear(found.reshape(N, NUM, D), layer.out_dense)


@pytest.mark.parametrize("size", [2, 4])
def test_it_is_the_equation(size):
    layer, valid = _layer(), np.random.default_rng(3).uniform(size=(N, P)) < 0.7
    found = layer(OBJECTS, REFERENCES[size], CELLS, cells_valid=valid)
    expected = _expected(layer, REFERENCES[size], CELLS, valid)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("size", [2, 4])
def test_a_reference_for_each_map(size):
    layer = _layer()
    each = np.repeat(REFERENCES[size][:, :, None], 2, axis=2)
    expected = layer(OBJECTS, REFERENCES[size], CELLS)
    np.testing.assert_allclose(layer(OBJECTS, each, CELLS), expected, atol=1e-12)
    each[:, :, 1] += 0.2
    assert np.abs(layer(OBJECTS, each, CELLS) - expected).max() > 1e-3


def test_padding_is_zero_whatever_stands_there():
    layer, valid = _layer(), np.arange(P) % 3 > 0
    valid = np.broadcast_to(valid, (N, P))
    other = np.where(valid[..., None], CELLS, 1e6)
    found = layer(OBJECTS, REFERENCES[4], other, cells_valid=valid)
    expected = layer(OBJECTS, REFERENCES[4], CELLS, cells_valid=valid)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(found - layer(OBJECTS, REFERENCES[4], CELLS)).max() > 1e-3


def test_it_starts_around_the_reference():
    """Head m looks in the direction 2 pi m / M, each point one cell further out."""
    layer = DeformableAttention(SHAPES, num_heads=4, num_points=2)
    layer(OBJECTS, REFERENCES[2], CELLS)
    bias = layer.offsets_dense.bias.numpy().reshape(4, 2, 2, 2)
    directions = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    for head, map_number, point in np.ndindex(4, 2, 2):
        expected = directions[head] * (point + 1)
        np.testing.assert_allclose(bias[head, map_number, point], expected, atol=1e-6)
    assert not layer.offsets_dense.kernel.numpy().any()
    assert not layer.weights_dense.kernel.numpy().any()


def test_at_the_centre_of_a_cell_lies_the_cell_and_beyond_the_border_nothing():
    values = np.arange(1.0, 7.0).reshape(1, 6, 1, 1).astype("float32")  # a map of 2x3
    places = np.array(
        [[0.5 / 3, 0.25], [2.5 / 3, 0.75], [0.5, 0.5], [0.0, 0.25], [-1.0, 0.2], [9e9, 0.2]]
    )
    places = places.reshape(1, 6, 1, 1, 1, 2).astype("float32")
    found = look_up(values, [(2, 3)], places, np.ones((1, 6, 1, 1, 1), "float32"))
    np.testing.assert_allclose(np.ravel(found), [1, 6, 3.5, 0.5, 0, 0], atol=1e-6)


def test_what_is_not_a_number_is_no_error():
    """Training tells which queries it comes from; a place beyond all cells would end it."""
    layer = DeformableAttention(SHAPES, num_heads=M, num_points=K)
    objects = OBJECTS.astype("float32").copy()
    references = REFERENCES[2].astype("float32")
    layer(objects, references, CELLS.astype("float32"))
    layer.offsets_dense.kernel.assign_add(keras.ops.ones_like(layer.offsets_dense.kernel))
    objects[0, 1] = np.nan
    found = np.asarray(layer(objects, references, CELLS.astype("float32")))
    assert np.isnan(found[0, 1]).all()
    assert np.isfinite(found[0, [0, 2]]).all() and np.isfinite(found[1]).all()


def test_references_keep_their_precision_in_bfloat16():
    """A place that is told by a 1000th of the image is another one."""
    layer = DeformableAttention([(1, 500)], num_heads=1, num_points=2, dtype="mixed_bfloat16")
    cells = np.zeros((1, 500, 2), "float32")
    cells[0, 400:] = 1.0
    objects = np.ones((1, 2, 2), "float32")
    references = np.array([[[399.5 / 500, 0.5], [400.5 / 500, 0.5]]], "float32")
    layer(objects, references, cells)
    layer.offsets_dense.set_weights([np.zeros((2, 4)), np.zeros(4)])
    for dense in (layer.value_dense, layer.out_dense):
        dense.set_weights([np.eye(2), np.zeros(2)])
    found = np.asarray(keras.ops.cast(layer(objects, references, cells), "float32"))
    np.testing.assert_allclose(found[0, :, 0], [0.0, 1.0], atol=1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"map_shapes": ()}, "`map_shapes` must hold .* at least one"),
        ({"map_shapes": ((3, 0),)}, "`map_shapes` must hold .* positive integers"),
        ({"map_shapes": ((3, 4),)}, r"3·4 = 12\. Received: cells of shape \(2, 14, 5\)"),
        ({"num_heads": 3}, "must divide the objects' width"),
        ({"num_points": 0}, "`num_points` must be a positive integer"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        _layer(**arguments)


@pytest.mark.parametrize("shape", [(N, NUM, 3), (N, NUM, 3, 2), (NUM, 2)])
def test_what_is_no_reference_is_refused(shape):
    with pytest.raises(ValueError, match="`references` must be"):
        DeformableAttention(SHAPES, M)(OBJECTS, np.zeros(shape), CELLS)
