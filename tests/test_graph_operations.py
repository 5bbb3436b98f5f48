"""Operations counted in a traced graph are those that the formulas give."""

import keras
import pytest
import tensorflow as tf

from benchmarks import graph_operations, operations


def training_step(layers, example):
    """A `tf.function` that gives the loss of a chain of layers, and all gradients."""
    model = keras.Sequential([keras.Input(example.shape[1:]), *layers])

    @tf.function
    def step(inputs):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(model(inputs, training=True)))
        return loss, tape.gradient(loss, model.trainable_variables)

    return step


def test_linear_layers_forward_and_backward():
    example = tf.ones((5, 3))
    step = training_step([keras.layers.Dense(7), keras.layers.Dense(11)], example)
    counts = graph_operations.count(step, example)
    assert counts == {
        "MatMul": operations.dense(5, 3, 7, input_is_data=True) + operations.dense(5, 7, 11)
    }


def test_convolutions_forward_and_backward():
    example = tf.ones((2, 9, 8, 3))
    made = [keras.layers.Conv2D(5, 3, strides=2, padding="same"), keras.layers.Conv2D(4, 1)]
    counts = graph_operations.count(training_step(made, example), example)
    first, second = 2 * 5 * 4 * 9 * 3 * 5, 2 * 5 * 4 * 5 * 4  # B h w, kernel
    assert counts == {
        "Conv2D": 2 * (first + second),
        "Conv2DBackpropInput": 2 * second,
        "Conv2DBackpropFilter": 2 * (first + second),
    }


def test_depthwise_convolutions():
    example = tf.ones((2, 6, 5, 3))
    made = [keras.layers.Conv2D(4, 1), keras.layers.DepthwiseConv2D(3, padding="same")]
    counts = graph_operations.count(training_step(made, example), example)
    once = 2 * 6 * 5 * 4 * 9
    kind = "DepthwiseConv2dNative"
    assert [counts[kind + way] for way in ("", "BackpropInput", "BackpropFilter")] == [
        2 * once
    ] * 3


@pytest.mark.parametrize("transposed", [False, True])
def test_products_of_batches(transposed):
    first = tf.ones((2, 5, 7)) if transposed else tf.ones((2, 7, 5))
    product = tf.function(lambda a, b: tf.matmul(a, b, transpose_a=transposed))
    counts = graph_operations.count(product, first, tf.ones((2, 5, 3)))
    assert sum(counts.values()) == 2 * 2 * 7 * 5 * 3


def test_what_cannot_be_counted_is_refused():
    inner = tf.function(lambda x: tf.matmul(x, x))
    with pytest.raises(ValueError, match="PartitionedCall computes is not counted"):
        graph_operations.count(tf.function(lambda x: inner(x) + 1.0), tf.ones((3, 3)))
    product = tf.function(lambda x: tf.einsum("ab,bc->ac", x, x))
    with pytest.raises(ValueError, match="Einsum computes is not counted"):
        graph_operations.count(product, tf.ones((3, 3)))

    @tf.function(input_signature=[tf.TensorSpec((None, 3))])
    def unknown(x):
        return tf.matmul(x, x, transpose_b=True)

    with pytest.raises(ValueError, match="not known from the arguments"):
        graph_operations.count(unknown, tf.ones((2, 3)))
