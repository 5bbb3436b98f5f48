import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.layers import AdaptiveHardAttention

# Presence 2, 0, 2, 1 -> softmax .40, .05, .40, .15; 0, 3, 0, 0 -> .04, .87, .04, .04;
# 1, 1, 1, 1 -> .25 each.
CELLS = np.array(
    [
        [[2, 0], [0, 0], [0, -2], [1, 0]],
        [[0, 0], [3, 0], [0, 0], [0, 0]],
        [[1, 0], [0, 1], [-1, 0], [0, -1]],
    ],
    "float32",
)


def _mask(cells=CELLS, **arguments):
    gathered = AdaptiveHardAttention(**arguments)(cells)["mask"]
    masked = AdaptiveHardAttention(**arguments, mode="mask")(cells)["mask"]
    np.testing.assert_array_equal(gathered, masked)
    return np.array(gathered).astype(int).tolist()


def test_cells_at_or_above_the_uniform_level_are_kept():
    assert _mask() == [[1, 0, 1, 0], [0, 1, 0, 0], [1, 1, 1, 1]]


def test_rows_are_sorted_and_padded_to_the_longest():
    kept = AdaptiveHardAttention()(CELLS[:2])
    np.testing.assert_array_equal(kept["cells"], [[[2, 0], [0, -2]], [[3, 0], [0, 0]]])
    np.testing.assert_array_equal(kept["valid"], [[1, 1], [1, 0]])
    assert AdaptiveHardAttention()(CELLS)["cells"].shape == (3, 4, 2)


def test_other_thresholds():
    # .15 is kept from 0.1 on, .05 is not; .04 is dropped by both.
    assert _mask(threshold=0.1) == [[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1]]
    assert _mask(threshold=0.045) == [[1, 1, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1]]
    # Nothing reaches 0.9: the strongest is kept all the same, the first among equals.
    assert _mask(threshold=0.9) == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]


def test_the_squared_norm_is_pickier():
    # 1.5, 1.2, 0: softmax .52, .38, .12; squared 2.25, 1.44, 0: .64, .28, .07.
    cells = np.array([[[1.5], [1.2], [0.0]]], "float32")
    assert _mask(cells) == [[1, 1, 0]]
    assert _mask(cells, norm="squared") == [[1, 0, 0]]


def test_max_cells_keeps_the_strongest():
    assert _mask(max_cells=1) == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    assert _mask(max_cells=3) == [[1, 0, 1, 0], [0, 1, 0, 0], [1, 1, 1, 0]]
    assert _mask(max_cells=99) == _mask()


@pytest.mark.parametrize("num_cells", [3, 25, 49, 100, 196])
@pytest.mark.parametrize("size", [0.0, 0.1, 7.7, 1e4])
def test_equal_cells_are_all_kept_whatever_the_rounding(num_cells, size):
    cells = np.full((2, num_cells, 5), size, "float32")
    kept = AdaptiveHardAttention()(cells)
    assert np.array(kept["mask"]).all()
    assert np.array(kept["valid"]).all()
    np.testing.assert_array_equal(kept["cells"], cells)


def test_a_row_of_nan_keeps_one_cell_and_harms_no_other():
    cells = np.concatenate([CELLS, np.full((1, 4, 2), np.nan, "float32")])
    assert _mask(cells) == [*_mask(), [1, 0, 0, 0]]


def test_a_graph_has_as_many_rows_as_the_batch_needs():
    layer = AdaptiveHardAttention()
    symbolic = layer.compute_output_spec(
        tf.keras.KerasTensor((None, 4, 2)), coordinates=tf.keras.KerasTensor((None, 4, 2))
    )
    assert symbolic["cells"].shape == (None, None, 2)
    assert symbolic["coordinates"].shape == (None, None, 2)
    assert symbolic["valid"].shape == (None, None)
    in_graph = tf.function(layer, input_signature=[tf.TensorSpec((None, 4, 2))])
    assert in_graph(CELLS[1:2])["cells"].shape == (1, 1, 2)
    assert in_graph(CELLS[:2])["cells"].shape == (2, 2, 2)
    assert in_graph(CELLS)["cells"].shape == (3, 4, 2)


def test_masking_compiles_under_xla_and_gathering_says_that_it_does_not():
    layer = AdaptiveHardAttention(mode="mask")
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_array_equal(compiled(CELLS)["mask"], layer(CELLS)["mask"])
    assert layer.supports_jit
    assert not AdaptiveHardAttention(mode="gather").supports_jit


def test_the_selection_can_be_suspended():
    cells = np.array([[[0.0, 1.0], [3.0, 4.0], [2.0, 0.0]]], "float32")
    attention = AdaptiveHardAttention(max_cells=1)
    np.testing.assert_array_equal(attention(cells)["mask"], [[False, True, False]])
    attention.keep_all = True
    everything = attention(cells)
    assert np.array(everything["mask"]).all() and np.array(everything["valid"]).all()
    assert everything["cells"].shape == (1, 3, 2)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="uniform level of a grid of P cells is 1/P"):
        AdaptiveHardAttention(threshold=16)
    with pytest.raises(ValueError, match='Use "l2"'):
        AdaptiveHardAttention(norm="l1")
    with pytest.raises(ValueError, match="At least one cell is always kept"):
        AdaptiveHardAttention(max_cells=0)
    with pytest.raises(ValueError, match='or "mask" under XLA'):
        AdaptiveHardAttention(mode="both")
    with pytest.raises(ValueError, match="Give the image encoder a fixed image size"):
        AdaptiveHardAttention().build((None, None, 4))
