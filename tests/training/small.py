"""What tests of a training step share: a small model, a batch and its steps."""

import types

import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.training.steps import TrainSteps
from hardvqa_tf.vqa.model import build_vqa_model
from hardvqa_tf.vqa.phases import phases
from hardvqa_tf.vqa.score import Score

# On stored maps: no convolutions.
B, Q, T, A = 5, 3, 4, 6


def small_model(attention="han", changed=None, **attention_args):
    keras.utils.set_random_seed(2)
    arguments = {
        "image_size": (2, 4, 7),
        "vocabulary_size": 9,
        "num_answers": A,
        "image_encoder": "features",
        "question_encoder_args": {"embedding_dim": 3, "units": 8},
        "fusion_args": {"units": (8,)},
        "attention": attention,
        "attention_args": attention_args or {"num_cells": 3},
        "aggregator": "sum",
        "classifier_units": (10,),
    }
    return build_vqa_model(**arguments | (changed or {}))


def make_batch(seed=0):
    """Answers are unknown, and questions without weight, unevenly over the batch."""
    rng = np.random.default_rng(seed)
    weights = np.ones((B, Q), np.float32)
    weights[0, 1:] = weights[4] = 0
    if seed == 2:
        weights[3:] = 0  # all that a second device of two would get
    answers = rng.integers(0, A, (B, Q)).astype(np.int32)
    answers[1, 2] = -1
    return {
        "features": rng.normal(size=(B, 2, 4, 7)).astype(np.float16),
        "question_tokens": rng.integers(0, 9, (B, Q, T)).astype(np.int32),
        "answers": answers,
        "weights": weights,
    }


def make_steps(model, average=None, **changed):
    train = {"all_cells_steps": 0, "clip_norm": 0.0, "loss": "softmax", "jit_compile": False}
    train = types.SimpleNamespace(**train | {"steps_per_execution": 1} | changed)
    strategy, optimizer = tf.distribute.get_strategy(), keras.optimizers.SGD(0.01)
    optimizer.build(model.trainable_variables)
    score, of_model = Score(train.loss), phases(model, types.SimpleNamespace(train=train))
    return TrainSteps(strategy, model, optimizer, score, of_model, train, average)
