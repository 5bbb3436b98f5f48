"""Small SavedModels: one with the signatures of ours, whose answers can be computed by hand,
and some of others."""

import io
import json
import os

import numpy as np
import tensorflow as tf
from PIL import Image

ANSWERS = ("red", "green", "blue")
GRID = (2, 3)  # H, W


def png(color, size=(6, 4), image_format="PNG"):
    """An image of one colour; size is (width, height)."""
    return encode(np.full((size[1], size[0], 3), color, np.uint8), image_format)


def encode(pixels, image_format="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, image_format)
    return file.getvalue()


class TinyVqa(tf.Module):
    """Answers every question with the colour that the image has most of."""

    def __init__(self):
        self.answers = tf.constant(ANSWERS)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "image"),
            tf.TensorSpec([None], tf.string, "question"),
        ]
    )
    def serving_default(self, image, question):
        return self._answer(_decode(image), question)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "image"),
            tf.TensorSpec([None, None], tf.string, "question"),
        ]
    )
    def many_questions(self, image, question):
        num_questions = tf.shape(question)[1]
        pixels = tf.repeat(_decode(image), num_questions, axis=0)
        outputs = self._answer(pixels, tf.reshape(question, [-1]))
        return {
            name: tf.reshape(value, tf.concat([tf.shape(question), value.shape[1:]], 0))
            for name, value in outputs.items()
        }

    def _answer(self, pixels, question):
        color = tf.reduce_mean(pixels, axis=(1, 2))  # [N, 3]
        shares = tf.math.divide_no_nan(color, tf.reduce_sum(color, axis=1, keepdims=True))
        probabilities, order = tf.math.top_k(shares, 3)
        names = tf.gather(self.answers, order)
        asked = tf.strings.length(question) > 0
        presence = tf.norm(pixels, axis=-1)
        mask = presence >= tf.reduce_mean(presence, axis=(1, 2), keepdims=True)
        return {
            "answer": tf.where(asked, names[:, 0], ""),
            "answer_probability": probabilities[:, 0],
            "top_answers": tf.pad(names, [[0, 0], [0, 2]], constant_values=""),
            "top_probabilities": tf.pad(probabilities, [[0, 0], [0, 2]]),
            "mask": mask,
            "presence": presence,
            "num_cells": tf.reduce_sum(tf.cast(mask, tf.int32), axis=(1, 2)),
            "status": tf.where(asked, "ok", "empty question"),
        }


def _decode(image):
    def decode(encoded):
        pixels = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        return tf.image.resize(tf.cast(pixels, tf.float32) / 255, GRID)

    return tf.map_fn(decode, image, fn_output_signature=tf.TensorSpec([*GRID, 3], tf.float32))


class HalfPlusTwo(tf.Module):
    """TensorFlow Serving's own example."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def serving_default(self, x):
        return {"y": x / 2 + 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def total(self, x):
        return {"sum": tf.reduce_sum(x)}


class Refusing(tf.Module):
    """Gives bytes, and takes no negative numbers."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "number")])
    def serving_default(self, number):
        with tf.control_dependencies([tf.debugging.assert_non_negative(number, "negative")]):
            return {"twice": 2 * number, "raw_bytes": tf.strings.as_string(number)}


def save_tiny_vqa(folder):
    """Writes TinyVqa with a card and an example, as an export does."""
    module = TinyVqa()
    signatures = {"serving_default": module.serving_default}
    signatures["many_questions"] = module.many_questions
    tf.saved_model.save(module, str(folder), signatures=signatures)
    extra = os.path.join(folder, "assets.extra")
    os.makedirs(os.path.join(extra, "examples"))
    with open(os.path.join(extra, "examples", "0.png"), "wb") as file:
        file.write(png((250, 20, 30)))
    question = {"type": "color", "question": "What color is it?", "answer": "red"}
    card = {
        "name": "tiny",
        "image_size": None,
        "grid": GRID,
        "num_answers": 3,
        "input": "image",
        "attention": "han",
        "aggregator": "sum",
        "data": "none",
        "examples": [{"image": "examples/0.png", "questions": [question]}],
    }
    with open(os.path.join(extra, "model.json"), "w", encoding="utf-8") as file:
        json.dump(card, file)


def save(module, folder, *names):
    """Writes a module with methods as signatures."""
    signatures = {name: getattr(module, name) for name in ("serving_default", *names)}
    tf.saved_model.save(module, str(folder), signatures=signatures)
