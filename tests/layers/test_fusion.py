import keras
import numpy as np
import pytest

from hardvqa_tf.layers import Fusion

B, Q, P, DG, DQ = 2, 3, 4, 5, 6


def _inputs(question_dim=DQ):
    rng = np.random.default_rng(0)
    return rng.normal(size=(B, P, DG)), rng.normal(size=(B, Q, question_dim))


def _joined(grid, question):
    """[grid, question] for every cell of every question, as plainly as can be."""
    rows = [
        [np.concatenate([grid[b, p], question[b, q]]) for p in range(P)]
        for b in range(B)
        for q in range(Q)
    ]
    return np.array(rows)  # [B·Q, P, DG + DQ]


def test_it_is_a_plain_layer_on_the_concatenation():
    grid, question = _inputs()
    fusion = Fusion(units=(7,), activation="tanh", dtype="float64")
    cells = fusion(grid, question)
    assert cells.shape == (B * Q, P, 7)
    plain = keras.layers.Dense(7, activation="tanh", dtype="float64")
    plain.build((None, DG + DQ))
    plain.set_weights(fusion.get_weights())
    expected = plain(_joined(grid, question))
    np.testing.assert_allclose(cells, expected, atol=1e-14)  # float64, another order


def test_the_kernel_starts_at_the_scale_of_the_concatenation():
    fusion = Fusion(units=(300,))
    fusion.build((None, P, 200), (None, Q, 100))
    kernel = fusion.get_weights()[0]
    limit = (6 / (200 + 100 + 300)) ** 0.5  # glorot: uniform in +-sqrt(6 / (in + out))
    assert kernel.shape == (300, 300)
    assert limit * 0.99 < np.abs(kernel[:200]).max() <= limit
    assert limit * 0.99 < np.abs(kernel[200:]).max() <= limit


def test_without_layers_it_is_the_concatenation():
    grid, question = _inputs()
    cells = Fusion(units=(), dtype="float64")(grid, question)
    np.testing.assert_array_equal(cells, _joined(grid, question))


def test_adding_questions_of_the_grids_width_needs_no_weight():
    grid, question = _inputs(question_dim=DG)
    fusion = Fusion(how="add", dtype="float64")
    cells = fusion(grid, question)
    assert not fusion.weights
    np.testing.assert_allclose(cells[Q * 1 + 2, 3], grid[1, 3] + question[1, 2])


def test_adding_is_a_plain_layer_on_the_sum():
    grid, question = _inputs()
    fusion = Fusion(units=(7, 4), how="add", activation="tanh", dtype="float64")
    cells = fusion(grid, question)
    weights = {v.path.split("/", 1)[1]: np.array(v) for v in fusion.variables}
    question = question @ weights["question_projection/kernel"]
    question += weights["question_projection/bias"]
    expected = (grid[:, None] + question[:, :, None]).reshape(B * Q, P, DG)
    for name in ("conv_0", "conv_1"):
        expected = np.tanh(expected @ weights[f"{name}/kernel"] + weights[f"{name}/bias"])
    np.testing.assert_allclose(cells, expected, atol=1e-14)


def test_multiplying_is_a_plain_layer_times_the_projected_question():
    grid, question = _inputs()
    fusion = Fusion(units=(7, 4), how="multiply", activation="tanh", dtype="float64")
    cells = fusion(grid, question)
    weights = {v.path.split("/", 1)[1]: np.array(v) for v in fusion.variables}
    question = question @ weights["question_projection/kernel"]
    question += weights["question_projection/bias"]  # [B, Q, 7]
    grid = np.tanh(grid @ weights["conv_0/kernel"] + weights["conv_0/bias"])  # [B, P, 7]
    expected = (grid[:, None] * question[:, :, None]).reshape(B * Q, P, 7)
    expected = np.tanh(expected @ weights["conv_1/kernel"] + weights["conv_1/bias"])
    np.testing.assert_allclose(cells, expected, atol=1e-14)


def test_multiplying_without_layers_meets_at_the_width_of_the_grid():
    grid, question = _inputs()
    fusion = Fusion(how="multiply", dtype="float64")
    cells = fusion(grid, question)
    kernel, bias = fusion.get_weights()
    question = question @ kernel + bias
    np.testing.assert_allclose(cells[Q * 1 + 2, 3], grid[1, 3] * question[1, 2], atol=1e-14)


def test_dropout_acts_in_training_only():
    grid, question = _inputs()
    fusion = Fusion(units=(50,), activation="linear", dropout=0.5)
    assert (np.array(fusion(grid, question, training=True)) == 0).mean() == pytest.approx(
        0.5, abs=0.1
    )
    assert (np.array(fusion(grid, question, training=False)) != 0).all()


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"Pass e.g. units=\(128, 128\)"):
        Fusion(units=(8, 0))
    with pytest.raises(ValueError, match='Choose "concatenate"'):
        Fusion(how="divide")
    with pytest.raises(ValueError, match="a rate in"):
        Fusion(dropout=1.5)
