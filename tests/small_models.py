"""A small whole model, its inputs, and what is asked of it whatever its parts are."""

import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.vqa.losses import softmax_cross_entropy
from hardvqa_tf.vqa.model import build_vqa_model

B, Q, T, V, A = 2, 3, 5, 11, 4
HEIGHT, WIDTH = 2, 4  # of the grid
ANSWERS = np.array([[0, 1, 2], [3, 0, 1]], np.int32)


def build(**changed):
    """With 3 of 8 cells kept and summed, unless `changed` says otherwise."""
    arguments = {
        "image_size": (16, 32),
        "vocabulary_size": V,
        "num_answers": A,
        "image_encoder_args": {"filters": (4, 5, 6), "strides": (2, 2, 2)},
        "question_encoder_args": {"embedding_dim": 3, "units": 7},
        "fusion_args": {"units": (8,)},
        "attention": "han",
        "attention_args": {"num_cells": 3},
        "aggregator": "sum",
        "classifier_units": (13,),
    }
    return build_vqa_model(**(arguments | changed))


def inputs(b=B, q=Q, t=T, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.random((b, 16, 32, 3), np.float32),
        "question_tokens": rng.integers(1, V, (b, q, t)).astype(np.int32),
    }


def numpy(outputs):
    return {name: np.asarray(value) for name, value in outputs.items()}


def assert_close(found, expected, atol=1e-5):
    # Rounding alone: matrix products of other shapes add in another order.
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], atol=atol, err_msg=name)


def gradients_of_a_step(model):
    """Of every weight, each finite and not zero."""
    with tf.GradientTape() as tape:
        logits = model(inputs(), training=True)["logits"]
        loss = tf.reduce_sum(softmax_cross_entropy(logits, ANSWERS))
    gradients = tape.gradient(loss, model.trainable_variables)
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        assert gradient is not None, variable.path
        gradient = tf.convert_to_tensor(gradient)
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, variable.path
    return gradients


def check_saving(model, folder):
    """Loaded again, it gives the same: by the same operations in the same order."""
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    batch = inputs(3, 2, 4)
    assert_close(numpy(loaded(batch)), numpy(model(batch)), atol=1e-6)


def with_longer_padding(batch):
    """The same questions, one of them of two words, as the batch and with more padding."""
    tokens = batch["question_tokens"].copy()
    tokens[1, 0, 2:] = 0
    longer = np.pad(tokens, ((0, 0), (0, 0), (0, 3)))
    return batch | {"question_tokens": tokens}, batch | {"question_tokens": longer}


def one_question(batch):
    """The second question about the first image, alone."""
    tokens = batch["question_tokens"][:1, 1:2]
    return {"image": batch["image"][:1], "question_tokens": tokens}
