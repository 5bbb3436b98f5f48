import numpy as np

from hardvqa_tf.layers import SumPooling

CELLS = np.array([[[1, 10], [2, 20], [3, 30]], [[4, 40], [5, 50], [np.inf, np.nan]]], "float32")


def test_it_sums_the_cells():
    np.testing.assert_allclose(SumPooling()(CELLS[:1]), [[6, 60]])


def test_rows_that_are_not_valid_count_nothing():
    valid = np.array([[True, False, True], [True, True, False]])
    np.testing.assert_allclose(SumPooling()(CELLS, valid=valid), [[4, 40], [9, 90]])
