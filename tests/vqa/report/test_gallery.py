"""Which questions all models are asked, and that their masks are drawn where they look."""

import types

import keras
import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from hardvqa_tf.pictures import panels
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.report.gallery import AskedQuestion, ask_models, choose_questions
from tests.small_models import build, inputs


def test_masks_are_drawn_where_the_model_looks():
    keras.utils.set_random_seed(0)
    model = build()
    values = inputs(b=1, q=1)
    pixels = (values["image"][0] * 255).round().astype(np.uint8)
    tokens = tf.constant(values["question_tokens"])
    question = AskedQuestion("1", "Red?", "", "yes", tf.io.encode_png(pixels).numpy())
    answers = types.SimpleNamespace(answers=["yes", "no", "2", "3"])
    assets = types.SimpleNamespace(tokenizer=lambda texts: tokens[0], answers=answers)
    run = types.SimpleNamespace(
        model=model, assets=assets, config=ConfigDict({"image_size": (16, 32)})
    )
    group = types.SimpleNamespace(first=types.SimpleNamespace(workdir="run"))
    _, (tile,) = ask_models([group], [question], lambda workdir: run)["run"]
    image = tf.constant(pixels[None] / np.float32(255))
    mask = np.asarray(model({"image": image, "question_tokens": tokens})["mask"])[0, 0]
    expected = panels.dim_dropped(pixels, mask, cell_fields(model))
    np.testing.assert_array_equal(tile.pixels, expected)
    assert (expected != panels.dim_dropped(pixels, mask)).any()


def test_the_same_questions_are_chosen_again(records_dir):
    chosen = choose_questions(records_dir, "test", 4)
    assert chosen == choose_questions(records_dir, "test", 4)
    assert len({question.type for question in chosen}) == 4  # of six types, each once
    assert len({question.question_id for question in chosen}) == 4
    assert all(question.answer and question.text.endswith("?") for question in chosen)
    assert len(choose_questions(records_dir, "test", 99)) == 5  # one an image
