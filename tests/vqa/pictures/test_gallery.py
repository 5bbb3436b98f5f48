"""A gallery asks always the same questions, of each type as many, and draws the answers."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.vqa.model import build_vqa_model, grid_fields
from hardvqa_tf.vqa.pictures import gallery
from hardvqa_tf.vqa.pictures.gallery import Gallery
from hardvqa_tf.vqa.pictures.looks import look_of
from hardvqa_tf.vqa.pictures.overlay import draw_overlay
from hardvqa_tf.vqa.text import AnswerVocabulary
from records import folder, read, schema

VOCABULARIES = types.SimpleNamespace(answers=AnswerVocabulary(["yes", "no", "2", "3"]))


class Batches:
    """Four images with three questions each, the third of the second one padding."""

    split = "val"
    types = [["a", "a", "b"], ["a", "c", ""], ["a", "b", "c"], ["d", "a", "a"]]

    def __init__(self, batch_size=2, features=False):
        shape = (4, 3)
        names = [[f"{i}{q}" for q in range(3)] for i in range(4)]
        answers = np.array([[0, 1, 2], [3, -1, -1], [0, 0, 0], [1, 1, 1]], np.int32)
        rng = np.random.default_rng(0)
        if features:
            pictures = {"features": rng.random((4, 2, 3, 5)).astype(np.float16)}
        else:
            pictures = {"image": rng.random((4, 16, 24, 3), np.float32)}
        self._values = pictures | {
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
        self.num_readings = 0

    def in_order(self):
        self.num_readings += 1
        return tf.data.Dataset.from_tensor_slices(self._values).batch(self._batch_size)


def build_model(**changed):
    keras.utils.set_random_seed(0)
    arguments = {
        "image_size": (16, 24),
        "image_encoder_args": {"filters": (4, 5, 6), "strides": (2, 2, 2)},
    }
    return build_vqa_model(
        **(arguments | changed),
        vocabulary_size=6,
        num_answers=4,
        question_encoder_args={"embedding_dim": 3, "units": 7},
        fusion_args={"units": (8,)},
        attention_args={"num_cells": 2},
        aggregator="sum",
        classifier_units=(9,),
    )


@pytest.fixture(scope="module")
def model():
    return build_model()


@pytest.fixture(scope="module")
def model_on_maps():
    return build_model(image_size=(2, 3, 5), image_encoder="features", image_encoder_args={})


def chosen_ids(num_questions, **changed):
    chosen = gallery._choose_questions(Batches(**changed), num_questions)
    return [question_id.decode() for question_id in chosen]


def test_one_question_of_each_type_each_about_another_image():
    # Types by their frequency: a (6), b (2), c (2), d (1).
    assert chosen_ids(4) == ["00", "21", "11", "30"]
    assert chosen_ids(2) == ["00", "21"]
    assert chosen_ids(6) == ["00", "21", "11", "30", "01", "02"]
    assert chosen_ids(4, batch_size=1) == chosen_ids(4, batch_size=4)


def test_a_small_split_gives_each_question_once_and_no_padding():
    ids = chosen_ids(20)
    assert len(ids) == len(set(ids)) == 11
    assert "12" not in ids


def test_a_type_that_comes_late_is_found(monkeypatch):
    data = Batches(batch_size=1)
    assert "30" in [i.decode() for i in gallery._choose_questions(data, 4)]  # type d
    monkeypatch.setattr(gallery, "IMAGES_TO_CHOOSE_FROM", 3)
    ids = [i.decode() for i in gallery._choose_questions(data, 11)]
    assert {i[0] for i in ids} == set("012"), "read further than it should"


def test_the_questions_are_chosen_once_and_the_model_traced_once(model):
    data = Batches()
    questions = Gallery(model, data, VOCABULARIES, num_questions=3)
    assert data.num_readings == 0
    first = questions.ask()
    readings = data.num_readings
    questions.pictures()
    questions.ask()
    assert data.num_readings == readings > 0
    assert questions._ask.experimental_get_tracing_count() == 1
    assert first["mask"].shape == first["presence"].shape == (3, 2, 3)
    assert first["logits"].shape == (3, 4)


def test_it_asks_the_model_as_it_is_now(model):
    questions = Gallery(model, Batches(), VOCABULARIES, num_questions=3)
    before = questions.ask()["logits"]
    bias = model.get_layer("classifier_logits").bias
    bias.assign_add([0.0, 0.0, 5.0, 0.0])
    after = questions.ask()["logits"]
    bias.assign_sub([0.0, 0.0, 5.0, 0.0])
    np.testing.assert_allclose(after - before, [[0, 0, 5, 0]] * 3, atol=1e-5)


def test_pictures_show_the_models_answers(model):
    drawn = []

    def draw(image, mask, presence, **texts):
        drawn.append((image, mask, presence, texts))
        return np.zeros((2, 3, 3), np.uint8)

    questions = Gallery(model, Batches(), VOCABULARIES, num_questions=4)
    assert len(questions.pictures(draw=draw)) == 4
    batch = next(iter(Batches(batch_size=4).in_order()))
    outputs = model({n: batch[n] for n in ("image", "question_tokens")}, training=False)
    for (image, mask, presence, texts), (i, q) in zip(
        drawn, [(0, 0), (2, 1), (1, 1), (3, 0)], strict=True
    ):
        assert image.dtype == np.uint8
        np.testing.assert_allclose(image / 255, batch["image"][i], atol=0.5 / 255 + 1e-6)
        np.testing.assert_array_equal(mask, outputs["mask"][i, q])
        assert mask.shape == (2, 3) and mask.sum() == 2
        # A batch of one question an image instead of three: float32 rounding.
        np.testing.assert_allclose(presence, outputs["presence"][i, q], rtol=1e-5)
        best = int(np.argmax(outputs["logits"][i, q]))
        assert texts["predictions"][0][0] == VOCABULARIES.answers.answers[best]
        assert texts["question"] == f"Größe {i}{q}?"
    assert [texts["answer"] for *_, texts in drawn] == ["yes", "yes", "unheard of", "no"]


def test_cells_are_drawn_where_they_look(model, model_on_maps):
    """Of a model on maps that is where the records say, or the image is divided equally."""
    fields = []

    def draw(*_, **given):
        fields.append(given["fields"])
        return np.zeros((2, 3, 3), np.uint8)

    Gallery(model, Batches(), VOCABULARIES, num_questions=1).pictures(draw=draw)
    # Three convolutions with a stride of 2 and padding below and right alone.
    assert fields[-1].origin == (7.5, 7.5) and fields[-1].pitch == (8, 8)
    maps = Batches(features=True)
    Gallery(model_on_maps, maps, VOCABULARIES, num_questions=1).pictures(draw=draw)
    assert fields[-1] == Fields.equal((2, 3), (2, 3))
    kept = Fields((0.5, 0.5), (8, 8), (31, 31), (16, 24), (2, 3))
    questions = Gallery(model_on_maps, maps, VOCABULARIES, num_questions=1, fields=kept)
    questions.pictures(draw=draw)
    assert fields[-1] == kept


def test_what_a_mixer_looked_at_is_drawn():
    mixed = build_model(mixer="query_guided", mixer_args={"num_heads": 2, "hidden_dim": 5})
    questions = Gallery(mixed, Batches(), VOCABULARIES, num_questions=2)
    outputs, found = questions.ask(), []

    def draw(*_, look, **__):
        found.append(look)
        return np.zeros((2, 3, 3), np.uint8)

    questions.pictures(outputs, draw=draw)
    image = np.full((20, 30, 3), 200, np.uint8)
    for i, (look, name) in enumerate(zip(found, ("00", "21"), strict=True)):
        one = {key: value[i] for key, value in outputs.items()}
        expected = look_of(one, ["grösse", name, "?"], fields=grid_fields(mixed))
        assert look.caption == expected.caption and look.legend == expected.legend
        np.testing.assert_array_equal(look.draw(image), expected.draw(image))
    assert [picture.shape for picture in questions.pictures()] == [(215, 350, 3)] * 2


def test_large_pictures_are_the_same_every_time(model):
    first, again = (
        Gallery(model, Batches(), VOCABULARIES, num_questions=3).pictures(draw=draw_overlay)
        for _ in range(2)
    )
    assert len(first) == 3 and first[0].shape[1] == 1080
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_empty_split_gives_no_picture(model):
    data = Batches()
    data._values["is_question"] = np.zeros((4, 3), bool)
    questions = Gallery(model, data, VOCABULARIES)
    assert questions.ask() == {} and questions.pictures() == []


def pixels_of(questions):
    images = []
    questions.pictures(draw=lambda image, *_, **__: images.append(image))
    return images


def test_a_model_on_maps_is_drawn_on_the_images_that_the_maps_are_of(
    model_on_maps, tmp_path, monkeypatch
):
    colors = {f"image{i}": 50 * i for i in range(3)}  # that of image3 is lacking
    path = str(tmp_path / "x-val.tfrecord-00000-of-00001")
    with tf.io.TFRecordWriter(path) as writer:
        for image_id, color in colors.items():
            png = tf.io.encode_png(np.full((8, 12, 3), color, np.uint8)).numpy()
            example = schema.ImageExample(image_id, "here", lambda: b"", ())
            writer.write(schema.serialize_example(example, png, 8, 12))
    (tmp_path / folder.INFO_NAME).touch()  # Finished; what it says is the records' own test.
    monkeypatch.setattr(read, "shard_paths", lambda *_: [path])
    questions = Gallery(
        model_on_maps,
        Batches(features=True),
        VOCABULARIES,
        num_questions=4,
        image_records_dir=str(tmp_path),
    )
    images = pixels_of(questions)  # of images 0, 2, 1, 3
    assert [image.shape for image in images[:3]] == [(8, 12, 3)] * 3
    assert [image.max() for image in images[:3]] == [0, 100, 50]
    assert images[3].shape == (32, 48, 3) and len(np.unique(images[3])) == 1


@pytest.mark.parametrize("records_dir", [None, "nowhere"])
def test_a_model_on_maps_without_images_is_drawn_on_grey(model_on_maps, records_dir):
    data = Batches(features=True)
    questions = Gallery(model_on_maps, data, VOCABULARIES, 2, image_records_dir=records_dir)
    for image in pixels_of(questions):
        assert image.shape == (2 * 16, 3 * 16, 3) and len(np.unique(image)) == 1
    assert [picture.shape for picture in questions.pictures()] == [(215, 350, 3)] * 2
