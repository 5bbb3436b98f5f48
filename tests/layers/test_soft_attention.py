import numpy as np
import pytest

from hardvqa_tf.layers import SoftAttention, SumPooling

N, P, D, DQ = 2, 5, 4, 3


def _inputs(question_dim):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, P, D)), rng.normal(size=(N, question_dim))


def _reference(layer, cells, u):
    """SAN as its equations are written: the weights and the sum of the last hop."""
    w = {v.path.split("/", 1)[1]: np.array(v) for v in layer.variables}
    if "question_projection/kernel" in w:
        u = u @ w["question_projection/kernel"] + w["question_projection/bias"]
    for hop in range(layer.num_hops):
        question = u @ w[f"question_{hop}/kernel"] + w[f"question_{hop}/bias"]
        hidden = np.tanh(cells @ w[f"cells_{hop}/kernel"] + question[:, None])
        scores = (hidden @ w[f"score_{hop}/kernel"])[..., 0]
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        attended = (weights[:, :, None] * cells).sum(axis=1)
        u = attended + u
    return weights, attended


@pytest.mark.parametrize("num_hops", [1, 2, 3])
@pytest.mark.parametrize("question_dim", [DQ, D])
def test_it_is_san(num_hops, question_dim):
    cells, question = _inputs(question_dim)
    layer = SoftAttention(num_hops=num_hops, hidden_dim=7, dtype="float64")
    seen = layer(cells, question=question)
    weights, attended = _reference(layer, cells, question)
    np.testing.assert_allclose(seen["mask"], weights, atol=1e-14)
    np.testing.assert_allclose(SumPooling(dtype="float64")(seen["cells"]), attended, atol=1e-14)
    np.testing.assert_allclose(np.array(seen["mask"]).sum(axis=1), 1.0)
    np.testing.assert_allclose(seen["presence"], np.linalg.norm(cells, axis=-1))
    assert "valid" not in seen


def test_rescaled_uniform_weights_leave_the_cells_alone():
    cells, question = _inputs(DQ)
    layer = SoftAttention(num_hops=2, hidden_dim=7, rescale=True, dtype="float64")
    layer(cells, question=question)
    layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    seen = layer(cells, question=question)
    np.testing.assert_allclose(seen["mask"], np.full((N, P), 1 / P))
    np.testing.assert_allclose(seen["cells"], cells)


def test_the_question_moves_the_weights():
    cells, question = _inputs(DQ)
    layer = SoftAttention(hidden_dim=7)
    first = np.array(layer(cells, question=question)["mask"])
    other = np.array(layer(cells, question=question + 1.0)["mask"])
    assert np.abs(first - other).max() > 1e-3


def test_dropout_acts_in_training_only():
    cells, question = _inputs(DQ)
    layer = SoftAttention(hidden_dim=7, dropout=0.5)
    calm = [np.array(layer(cells, question=question)["mask"]) for _ in range(2)]
    wild = [np.array(layer(cells, question=question, training=True)["mask"]) for _ in range(2)]
    np.testing.assert_array_equal(*calm)
    assert np.abs(wild[0] - wild[1]).max() > 1e-4


def test_errors_say_what_to_do():
    cells, _ = _inputs(DQ)
    with pytest.raises(ValueError, match="Call the layer with `question`"):
        SoftAttention()(cells)
    with pytest.raises(ValueError, match="num_hops=0.*use `NoAttention`"):
        SoftAttention(num_hops=0)
    with pytest.raises(ValueError, match="a rate in"):
        SoftAttention(dropout=-0.1)
