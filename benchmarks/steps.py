"""A training step on whichever backend Keras runs, and the matmul that it is held against.

Plain steps, each as its framework wants it: a `tf.function`, a jitted function without state,
autograd. The learning rate is 0 unless given: Adam does all of its work, and every step that
is timed does the same.
"""

import importlib

import keras
import numpy as np
from keras import ops


def make_step(model, inputs, answers, learning_rate=0.0):
    """Returns a function that trains once on this batch, waits, and returns the loss.

    Args:
        model: Keras model with an output `logits`, float[..., A].
        inputs: dict of NumPy arrays, by the names of the model's inputs.
        answers: int32[...], the classes.
    """
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build(model.trainable_variables)
    inputs = {name: ops.convert_to_tensor(value) for name, value in inputs.items()}
    answers = ops.convert_to_tensor(answers)
    make = {"tensorflow": _tensorflow_step, "jax": _jax_step, "torch": _torch_step}
    return make[keras.backend.backend()](model, optimizer, inputs, answers)


def make_matmul(size, seed=0):
    """Returns a function that multiplies two float32[size, size] and waits."""
    rng = np.random.default_rng(seed)
    first, second = (
        ops.convert_to_tensor(rng.random((size, size), np.float32)) for _ in range(2)
    )

    def multiply():
        # Reading one number waits for all of them, on a GPU, too.
        return float(ops.convert_to_numpy(ops.matmul(first, second)[0, 0]))

    return multiply


def device_name():
    """Backend, its version and its device, for the head of a table."""
    backend = keras.backend.backend()
    module = importlib.import_module(backend)
    if backend == "tensorflow":
        device = "GPU" if module.config.list_physical_devices("GPU") else "CPU"
    elif backend == "jax":
        device = module.devices()[0].platform.upper()
    else:
        device = "GPU" if module.cuda.is_available() else "CPU"
    return f"Keras {keras.__version__} on {backend} {module.__version__}, {device}"


def _loss(logits, answers):
    losses = keras.losses.sparse_categorical_crossentropy(answers, logits, from_logits=True)
    return ops.mean(losses)


def _tensorflow_step(model, optimizer, inputs, answers):
    import tensorflow as tf

    variables = model.trainable_variables

    @tf.function
    def step(inputs, answers):  # As arguments: constants would be folded.
        with tf.GradientTape() as tape:
            loss = _loss(model(inputs, training=True)["logits"], answers)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return lambda: float(step(inputs, answers))


def _jax_step(model, optimizer, inputs, answers):
    import jax

    def loss_of(trainable, others, inputs, answers):
        outputs, others = model.stateless_call(trainable, others, inputs, training=True)
        return _loss(outputs["logits"], answers), others

    @jax.jit
    def step(state, inputs, answers):
        trainable, others, slots = state
        gradient_of = jax.value_and_grad(loss_of, has_aux=True)
        (loss, others), gradients = gradient_of(trainable, others, inputs, answers)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return loss, (trainable, others, slots)

    variables = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = tuple([v.value for v in group] for group in variables)

    def run():
        nonlocal state
        loss, state = jax.block_until_ready(step(state, inputs, answers))
        return float(loss)

    return run


def _torch_step(model, optimizer, inputs, answers):
    import torch

    variables = model.trainable_variables

    def run():
        model.zero_grad()
        loss = _loss(model(inputs, training=True)["logits"], answers)
        loss.backward()
        with torch.no_grad():
            optimizer.apply([v.value.grad for v in variables], variables)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return float(loss.detach())

    return run
