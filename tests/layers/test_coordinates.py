import numpy as np
import pytest

from hardvqa_tf.layers import CellCoordinates


def test_x_goes_right_and_y_goes_down_row_by_row():
    coordinates = CellCoordinates(height=2, width=3)(np.zeros((2, 6, 4), "float32"))
    expected = [[-1, -1], [0, -1], [1, -1], [-1, 1], [0, 1], [1, 1]]
    np.testing.assert_allclose(coordinates, [expected, expected])


def test_an_axis_of_one_cell_is_at_its_middle():
    coordinates = CellCoordinates(height=1, width=2)(np.zeros((1, 2, 4), "float32"))
    np.testing.assert_allclose(coordinates, [[[-1, 0], [1, 0]]])


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Pass the shape of the grid"):
        CellCoordinates(height=0, width=3)
    with pytest.raises(ValueError, match="2·3 = 6 cells.*Pass the grid's own height"):
        CellCoordinates(height=2, width=3)(np.zeros((1, 5, 4), "float32"))
