import numpy as np
import pytest

from hardvqa_tf.layers import HardAttention

# Norms 1, 5, 0, 2, 3 and 4, 1, 6, 2, 2.
CELLS = np.array(
    [
        [[1, 0], [3, 4], [0, 0], [0, -2], [3, 0]],
        [[4, 0], [0, 1], [0, 6], [2, 0], [0, 2]],
    ],
    "float32",
)


def test_the_strongest_cells_are_kept_strongest_first():
    kept = HardAttention(num_cells=3)(CELLS)
    np.testing.assert_array_equal(
        kept["cells"],
        [[[3, 4], [3, 0], [0, -2]], [[0, 6], [4, 0], [2, 0]]],
    )
    np.testing.assert_array_equal(kept["mask"], [[0, 1, 0, 1, 1], [1, 0, 1, 1, 0]])
    np.testing.assert_allclose(kept["presence"], [[1, 5, 0, 2, 3], [4, 1, 6, 2, 2]])
    assert "valid" not in kept and "coordinates" not in kept


def test_masking_leaves_the_kept_cells_in_their_places():
    kept = HardAttention(num_cells=2, mode="mask")(CELLS)
    np.testing.assert_array_equal(
        kept["cells"],
        [
            [[0, 0], [3, 4], [0, 0], [0, 0], [3, 0]],
            [[4, 0], [0, 0], [0, 6], [0, 0], [0, 0]],
        ],
    )
    np.testing.assert_array_equal(kept["valid"], kept["mask"])


@pytest.mark.parametrize("mode", ["gather", "mask"])
def test_of_equal_cells_the_lower_index_wins(mode):
    cells = np.array([[[1], [-2], [2], [0], [2]]], "float32")
    kept = HardAttention(num_cells=2, mode=mode)(cells)
    np.testing.assert_array_equal(kept["mask"], [[0, 1, 1, 0, 0]])


@pytest.mark.parametrize("num_cells", [1, 40, 150])
def test_of_many_equal_cells_the_first_are_kept(num_cells):
    cells = np.zeros((3, 200, 4), "float32")
    mask = np.array(HardAttention(num_cells=num_cells)(cells)["mask"])
    assert mask[:, :num_cells].all() and not mask[:, num_cells:].any()


@pytest.mark.parametrize(
    "fraction,kept",
    [(0.01, 1), (0.25, 1), (0.3, 2), (0.5, 2), (0.7, 4), (1.0, 5)],  # of 5; 2.5 rounds to 2
)
def test_a_fraction_is_rounded_and_keeps_at_least_one(fraction, kept):
    layer = HardAttention(fraction=fraction)
    assert layer(CELLS)["cells"].shape == (2, kept, 2)
    assert np.array(layer(CELLS)["mask"]).sum() == 2 * kept


def test_a_cell_with_nan_is_the_first_to_go():
    cells = CELLS.copy()
    cells[0, 1, 0] = np.nan
    kept = HardAttention(num_cells=4)(cells)
    np.testing.assert_array_equal(np.array(kept["mask"])[0], [1, 0, 1, 1, 1])
    assert np.isfinite(kept["cells"]).all()
    assert np.isnan(kept["presence"][0, 1])


@pytest.mark.parametrize("mode", ["gather", "mask"])
def test_the_selection_can_be_suspended(mode):
    cells = np.array([[[0.0, 1.0], [3.0, 4.0], [2.0, 0.0]]], "float32")
    attention = HardAttention(num_cells=1, mode=mode)
    attention.keep_all = True
    everything = attention(cells)
    assert np.array(everything["mask"]).all()
    np.testing.assert_allclose(np.sort(np.ravel(everything["cells"])), [0, 0, 1, 2, 3, 4])
    attention.keep_all = False
    np.testing.assert_array_equal(attention(cells)["mask"], [[False, True, False]])


def test_it_has_no_parameters():
    layer = HardAttention(num_cells=2)
    layer(CELLS)
    assert not layer.weights


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="num_cells=6 for a grid of 5 cells. Use a smaller"):
        HardAttention(num_cells=6)(CELLS)
    with pytest.raises(ValueError, match="Exactly one of .* Pass e.g. num_cells=16"):
        HardAttention()
    with pytest.raises(ValueError, match="Exactly one of"):
        HardAttention(num_cells=2, fraction=0.5)
    with pytest.raises(ValueError, match="Use `fraction` for a share"):
        HardAttention(num_cells=0.25)
    with pytest.raises(ValueError, match="Use `num_cells` for a number"):
        HardAttention(fraction=16)
    with pytest.raises(ValueError, match='must be "gather" or "mask"'):
        HardAttention(num_cells=2, mode="multiply")
    with pytest.raises(ValueError, match="Give the image encoder a fixed image size"):
        HardAttention(num_cells=2).build((None, None, 4))
