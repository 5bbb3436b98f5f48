import numpy as np
import tensorflow as tf

from hardvqa_tf.layers import cell_presence


def test_it_is_the_norm_of_each_cell():
    cells = np.array([[[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]]], "float32")
    np.testing.assert_allclose(cell_presence(cells), [[5.0, 0.0, 2.0]])
    np.testing.assert_allclose(cell_presence(cells, squared=True), [[25.0, 0.0, 4.0]])


def test_an_all_zero_cell_has_gradient_zero_and_not_nan():
    cells = tf.constant([[[0.0, 0.0], [3.0, 4.0]]])
    with tf.GradientTape() as tape:
        tape.watch(cells)
        presence = cell_presence(cells)
    np.testing.assert_allclose(tape.gradient(presence, cells), [[[0.0, 0.0], [0.6, 0.8]]])


def test_half_precision_cells_are_summed_in_float32():
    # 70,000 is beyond float16; 256 + 1 would be 256 in bfloat16.
    large = cell_presence(tf.fill((1, 1, 49), tf.constant(100.0, tf.float16)))
    np.testing.assert_allclose(large, [[700.0]])
    fine = cell_presence(tf.constant([[[16.0, 1.0]]], tf.bfloat16), squared=True)
    np.testing.assert_allclose(fine, [[257.0]])
