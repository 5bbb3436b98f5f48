import numpy as np
import pytest

from hardvqa_tf.layers import EfficientAdditiveAttention

N, P, D, DQ = 2, 5, 4, 3
CELLS = np.random.default_rng(0).normal(size=(N, P, D))
QUESTION = np.random.default_rng(1).normal(size=(N, DQ))


def _layer(**arguments):
    layer = EfficientAdditiveAttention(**arguments, dtype="float64")
    layer(CELLS, question=QUESTION)
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def _unit(x, axis):
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


def _reference(layer, cells, question=None):
    """The equations as they are written."""
    w = {v.path.split("/", 1)[1]: np.array(v) for v in layer.variables}

    def linear(x, name):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    query, key = _unit(linear(cells, "query"), -1), _unit(linear(cells, "key"), -1)
    a = (query @ w["token_weight"]) / np.sqrt(w["out/bias"].size)  # [N, P]
    alpha = {
        "l2": _unit(a, 1),
        "ones": np.ones_like(a),
        "softmax": np.exp(a) / np.exp(a).sum(1, keepdims=True),
        "none": a,
    }[layer.token_weights]
    g = (alpha[:, :, None] * query).sum(axis=1)
    if question is not None:
        g = g + question @ w["question_projection/kernel"]
    return alpha, linear(linear(g[:, None] * key, "projection") + query, "out")


@pytest.mark.parametrize("token_weights", ["l2", "ones", "softmax", "none"])
@pytest.mark.parametrize("widths", [{}, {"token_dim": 6, "num_heads": 2}])
def test_it_is_the_papers_equation(token_weights, widths):
    layer = _layer(token_weights=token_weights, **widths)
    outputs = layer(CELLS)
    alpha, expected = _reference(layer, CELLS)
    np.testing.assert_allclose(outputs["weights"], alpha, atol=1e-12)
    np.testing.assert_allclose(outputs["cells"], expected, atol=1e-12)


def test_the_question_is_added_to_the_sum():
    layer = _layer(use_question=True)
    _, expected = _reference(layer, CELLS, QUESTION)
    np.testing.assert_allclose(layer(CELLS, question=QUESTION)["cells"], expected, atol=1e-12)


def test_before_it_has_learned_the_question_is_not_heard():
    asked = EfficientAdditiveAttention(use_question=True, dtype="float64")
    first = np.array(asked(CELLS, question=QUESTION)["cells"])
    np.testing.assert_array_equal(asked(CELLS, question=5 * QUESTION)["cells"], first)
    plain = _layer()
    plain.set_weights(asked.get_weights()[:-1])  # the question's kernel is the last
    np.testing.assert_array_equal(plain(CELLS)["cells"], first)


@pytest.mark.parametrize("token_weights", ["l2", "ones", "softmax", "none"])
def test_cells_that_change_places_take_their_outputs_along(token_weights):
    layer = _layer(token_weights=token_weights)
    order = np.array([3, 0, 4, 1, 2])
    outputs, turned = layer(CELLS), layer(CELLS[:, order])
    for name, value in outputs.items():
        np.testing.assert_allclose(turned[name], np.array(value)[:, order], atol=1e-12)
    assert np.abs(np.array(outputs["cells"])[:, 0] - turned["cells"][:, 0]).max() > 0.1


def test_a_grid_is_its_cells():
    layer = _layer()
    cells = np.random.default_rng(3).normal(size=(N, 2, 3, D))
    flat, grid = layer(cells.reshape(N, 6, D)), layer(cells)
    np.testing.assert_allclose(
        np.array(grid["cells"]).reshape(N, 6, D), flat["cells"], atol=1e-12
    )
    np.testing.assert_allclose(
        np.array(grid["weights"]).reshape(N, 6), flat["weights"], atol=1e-12
    )


def test_cells_without_a_direction_are_finite():
    layer = EfficientAdditiveAttention()
    outputs = layer(np.zeros((N, P, D), "float32"))  # query and key: the biases, zeros
    np.testing.assert_array_equal(outputs["cells"], np.zeros((N, P, D)))
    np.testing.assert_array_equal(outputs["weights"], np.zeros((N, P)))


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match='Use "l2" for the authors'):
        EfficientAdditiveAttention(token_weights="sigmoid")
    with pytest.raises(ValueError, match="`num_heads` must be a positive integer"):
        EfficientAdditiveAttention(num_heads=0)
    with pytest.raises(ValueError, match="or set use_question=False"):
        EfficientAdditiveAttention(use_question=True)(CELLS)
    with pytest.raises(ValueError, match=r"shape \(2, 1, 3\). Give one vector for each row"):
        EfficientAdditiveAttention(use_question=True)(CELLS, QUESTION[:, None])
