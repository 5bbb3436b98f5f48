"""What is written for TensorBoard can be read back, and always the same questions are drawn."""

import glob
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import summaries
from hardvqa_tf.summaries import Board, collect_overlays
from hardvqa_tf.text import AnswerVocabulary
from hardvqa_tf.vqa_model import build_vqa_model

VOCABULARIES = types.SimpleNamespace(answers=AnswerVocabulary(["yes", "no", "2", "3"]))


def read_events(logdir):
    """{tag: (step, tensor)} of all event files."""
    events = {}
    for path in sorted(glob.glob(f"{logdir}/*")):
        for record in tf.data.TFRecordDataset(path):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                events[value.tag] = (event.step, tf.make_ndarray(value.tensor))
    return events


def test_numbers_and_texts_can_be_read_back(tmp_path):
    board = Board(tmp_path)
    board.scalars({"train/loss": 0.5, "val/accuracy": np.float32(0.75)}, 7)
    board.text("config", "**seed** 3", 0)
    events = read_events(tmp_path)  # before it is closed: a killed run keeps its numbers
    assert events["train/loss"] == (7, 0.5)
    assert events["val/accuracy"] == (7, 0.75)
    assert events["config"][0] == 0 and events["config"][1] == b"**seed** 3"
    board.close()


def test_pictures_of_different_heights_can_be_read_back(tmp_path):
    short, tall = np.full((3, 5, 3), 10, np.uint8), np.full((6, 5, 3), 20, np.uint8)
    board = Board(tmp_path)
    board.masks("val/masks", [short, tall, short], 4)
    board.masks("nothing", [], 4)
    board.close()
    events = read_events(tmp_path)
    step, values = events["val/masks"]
    assert step == 4 and "nothing" not in events
    width, height, *pictures = values
    assert (int(width), int(height), len(pictures)) == (5, 6, 3)
    first, second, _ = (tf.io.decode_png(png).numpy() for png in pictures)
    np.testing.assert_array_equal(first[:3], short)
    assert (first[3:] == 255).all()
    np.testing.assert_array_equal(second, tall)


class Batches:
    """Four images with three questions each, the third of the second one padding."""

    types = [["a", "a", "b"], ["a", "c", ""], ["a", "b", "c"], ["d", "a", "a"]]

    def __init__(self, batch_size=2):
        shape = (4, 3)
        names = [[f"{i}{q}" for q in range(3)] for i in range(4)]
        answers = np.array([[0, 1, 2], [3, -1, -1], [0, 0, 0], [1, 1, 1]], np.int32)
        self._values = {
            "image": np.random.default_rng(0).random((4, 16, 24, 3), np.float32),
            "question_tokens": np.full((*shape, 5), 2, np.int32),
            "answers": answers,
            "weights": np.ones(shape, np.float32),
            "is_question": np.array(self.types) != "",
            "question_id": names,
            "question_text": [[f"Größe {n}?" for n in row] for row in names],
            "question_type": self.types,
            "image_id": [[f"image{i}"] * 3 for i in range(4)],
            "answer_text": [["yes"] * 3, ["3", "unheard of", ""], ["yes"] * 3, ["no"] * 3],
        }
        self._batch_size = batch_size

    def in_order(self):
        return tf.data.Dataset.from_tensor_slices(self._values).batch(self._batch_size)


def chosen_ids(num_questions, **changed):
    chosen = summaries._choose_questions(Batches(**changed), num_questions)
    return [question["question_id"].decode() for question in chosen]


def test_one_question_an_image_each_of_a_new_type():
    assert chosen_ids(4) == ["00", "11", "21", "30"]  # types a, c, b, d
    assert chosen_ids(2) == ["00", "11"]
    assert chosen_ids(4, batch_size=1) == chosen_ids(4, batch_size=4)


def test_a_small_split_gives_each_question_once_and_no_padding():
    ids = chosen_ids(20)
    assert len(ids) == len(set(ids)) == 11
    assert "12" not in ids
    assert {i[0] for i in ids[4:8]} == set("0123")  # again spread over the images


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build_vqa_model(
        image_size=(16, 24),
        vocabulary_size=6,
        num_answers=4,
        image_encoder_args={"filters": (4, 5, 6), "strides": (2, 2, 2)},
        question_encoder_args={"embedding_dim": 3, "units": 7},
        fusion_args={"units": (8,)},
        attention_args={"num_cells": 2},
        aggregator="sum",
        classifier_units=(9,),
    )


def test_pictures_show_the_models_answers(model, monkeypatch):
    drawn = []

    def draw(image, mask, presence, **texts):
        drawn.append((image, mask, presence, texts))
        return np.zeros((2, 3, 3), np.uint8)

    monkeypatch.setattr(summaries, "draw_overlay", draw)
    assert len(collect_overlays(model, Batches(), VOCABULARIES, num_questions=4)) == 4
    batch = next(iter(Batches(batch_size=4).in_order()))
    outputs = model({n: batch[n] for n in ("image", "question_tokens")}, training=False)
    for i, q in enumerate([0, 1, 1, 0]):
        image, mask, presence, texts = drawn[i]
        assert image.dtype == np.uint8
        np.testing.assert_allclose(image / 255, batch["image"][i], atol=0.5 / 255 + 1e-6)
        np.testing.assert_array_equal(mask, outputs["mask"][i, q])
        assert mask.shape == (2, 3) and mask.sum() == 2
        # A batch of one question an image instead of three: float32 rounding.
        np.testing.assert_allclose(presence, outputs["presence"][i, q], rtol=1e-5)
        best = int(np.argmax(outputs["logits"][i, q]))
        assert texts["predictions"][0][0] == VOCABULARIES.answers.answers[best]
        assert texts["question"] == f"Größe {i}{q}?"
    assert [texts["answer"] for *_, texts in drawn] == ["yes", "unheard of", "yes", "no"]


def test_pictures_are_the_same_every_time_and_fit_on_the_board(model, tmp_path):
    first = collect_overlays(model, Batches(), VOCABULARIES, num_questions=3)
    again = collect_overlays(model, Batches(), VOCABULARIES, num_questions=3)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    board = Board(tmp_path)
    board.masks("masks", first, 1)
    board.close()
    assert len(read_events(tmp_path)["masks"][1]) == 2 + 3


def test_a_model_on_feature_maps_has_nothing_to_draw_on():
    maps = keras.Input((2, 3, 4), name="features")
    model = keras.Model(maps, keras.layers.Flatten()(maps))
    assert collect_overlays(model, Batches(), VOCABULARIES) == []
