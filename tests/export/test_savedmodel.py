"""The exported graph answers as the Keras model does, alone in another process, row by row."""

import io
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.export.savedmodel import write_saved_model
from hardvqa_tf.runs import load_run
from hardvqa_tf.training.optimizers import precision
from hardvqa_tf.vqa import Vocabularies
from hardvqa_tf.vqa.model import AGGREGATORS, ATTENTIONS, build_vqa_model
from hardvqa_tf.vqa.pictures.looks import LOOKS
from hardvqa_tf.vqa.signatures import AnswerGraph, make_signatures
from records.decode import decode_image
from records.questions import EMPTY_QUESTION
from tests.conftest import EXPORTED_ANSWERS, EXPORTED_WORDS
from tests.serving_ops import CORE, TEXT, operations_of

VOCABULARIES = Vocabularies(EXPORTED_WORDS, EXPORTED_ANSWERS, max_words=5)
SIZE = (20, 24)  # a grid of 3 x 3 cells
QUESTIONS = ["What color?", "is the GRÖSSE 1?", "the the the the the the what", "unknown"]
OUTPUTS = {"top_answers", "top_probabilities", "answer", "answer_probability", "mask"} | {
    *("presence", "num_cells", "status")
}


def build_model(attention="han", aggregator="sum", answers=len(EXPORTED_ANSWERS), **changed):
    keras.utils.set_random_seed(1)
    arguments = {
        "image_size": SIZE,
        "vocabulary_size": VOCABULARIES.tokenizer.vocabulary_size,
        "num_answers": answers,
        "image_encoder_args": {"filters": (4, 5, 6), "strides": (2, 2, 2)},
        "question_encoder_args": {"embedding_dim": 3, "units": 7},
        "fusion_args": {"units": (8,)},
        "attention": attention,
        "attention_args": {"num_cells": 2} if attention == "han" else {},
        "aggregator": aggregator,
        "aggregator_args": {"units": (9, 10)} if aggregator == "relation" else {},
        "classifier_units": (11,),
    }
    return build_vqa_model(**(arguments | changed))


def encode(format_="PNG", mode="RGB", size=(50, 40), seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, format_)
    return buffer.getvalue()


IMAGES = [encode("JPEG", size=(31, 27)), encode("PNG", "RGBA"), encode("GIF", size=SIZE[::-1])]


def save_and_load(folder, model, vocabularies=VOCABULARIES):
    write_saved_model(str(folder), model, *make_signatures(model, vocabularies))
    assert operations_of(folder) <= CORE | TEXT
    return tf.saved_model.load(str(folder)).signatures


def answers_of_keras(model, picture, questions, answers=EXPORTED_ANSWERS):
    """[B, ...] pictures and lists of questions -> what the export should give, [B, Q, ...]."""
    tokens = np.stack([VOCABULARIES.tokenizer(of_image) for of_image in questions])
    inputs = {model.inputs[0].name: picture, "question_tokens": tokens}
    found = {k: np.asarray(v) for k, v in model(inputs, training=False).items()}
    logits = found.pop("logits")
    best = np.argsort(-logits, axis=-1, kind="stable")[..., :5]
    probabilities = np.asarray(keras.ops.softmax(logits))
    found["top_answers"] = np.array([a.encode() for a in answers], object)[best]
    found["top_probabilities"] = np.take_along_axis(probabilities, best, -1)
    found["answer"] = found["top_answers"][..., 0]
    found["answer_probability"] = found["top_probabilities"][..., 0]
    if found["mask"].dtype != bool:
        found["weights"] = found["mask"]
        found["mask"] = found["mask"] != 0
    return found | {"status": np.full(logits.shape[:2], b"ok", object)}


def read_images(images, size=SIZE):
    return np.stack([scale_pixels(decode_image(image, size)) for image in images])


def equal(found, expected, tolerance=1e-5):
    assert set(found) == set(expected)
    for name, value in expected.items():
        value = np.asarray(value)
        assert found[name].numpy().shape == value.shape, name
        if value.dtype == np.float32:
            np.testing.assert_allclose(found[name], value, atol=tolerance, rtol=0, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.fixture(scope="module")
def adahan_model(exported_run):
    """It keeps more cells of some rows than of others."""
    return load_run(exported_run).model


@pytest.fixture(scope="module")
def adahan(exported_run):
    """The signatures of its export."""
    return tf.saved_model.load(os.path.join(exported_run, "export", "1")).signatures


def test_the_export_answers_as_the_model(adahan_model, adahan):
    check_many_questions(adahan_model, adahan)
    # One question on each image: through the other signature, the same.
    questions = [QUESTIONS[1], QUESTIONS[2]]
    expected = answers_of_keras(adahan_model, read_images(IMAGES[:2]), [[q] for q in questions])
    found = adahan["serving_default"](
        image=tf.constant(IMAGES[:2]), question=tf.constant(questions)
    )
    equal(found, {name: value[:, 0] for name, value in expected.items()})


def check_many_questions(model, ask):
    questions = [QUESTIONS[:2], QUESTIONS[2:], QUESTIONS[1:3]]
    expected = answers_of_keras(model, read_images(IMAGES), questions)
    found = ask["many_questions"](image=tf.constant(IMAGES), question=tf.constant(questions))
    equal(found, expected)
    soft = model.output["mask"].dtype != "bool"
    assert set(found) == OUTPUTS | ({"weights"} if soft else set())


MIXER_ARGS = {
    "additive": {"use_question": True},
    "bilevel_routing": {"num_heads": 2, "num_regions": 2, "top_k": 3, "use_question": True},
    "query_guided": {"num_heads": 2, "hidden_dim": 9},
}
WORDS = {  # of QUESTIONS, at most five each
    QUESTIONS[0]: ["what", "color", "?", "", ""],
    QUESTIONS[1]: ["is", "the", "grösse", "1", "?"],
    QUESTIONS[2]: ["the"] * 5,
    QUESTIONS[3]: ["unknown", "", "", "", ""],
}


def build_mixed(mixer, **changed):
    return build_model(mixer=mixer, mixer_args=MIXER_ARGS[mixer], **changed)


def expect(model, questions):
    """What the export should give for IMAGES."""
    expected = answers_of_keras(model, read_images(IMAGES), questions)
    if "word_weights" in expected:
        words = [[[word.encode() for word in WORDS[q]] for q in row] for row in questions]
        expected["words"] = np.array(words, object)
    return expected


@pytest.mark.parametrize("mixer", MIXER_ARGS)
def test_what_a_mixer_looked_at_comes_out(mixer):
    """Of bad rows zeros, "" and False."""
    model = build_mixed(mixer, question_encoder_args={"units": 5, "reverse": True})
    questions = [QUESTIONS[:2], QUESTIONS[2:], QUESTIONS[1:3]]
    expected = expect(model, questions)
    questions[0][1] = ""
    ask = AnswerGraph(model, VOCABULARIES).answer_many.python_function
    found = ask(tf.constant([*IMAGES[:2], b"no image"]), tf.constant(questions))
    equal({n: v[1] for n, v in found.items()}, {n: v[1] for n, v in expected.items()})
    looked = set(found) - OUTPUTS
    assert looked <= {*LOOKS, "words"} and looked & {*LOOKS}
    for name in looked:
        nothing = b"" if found[name].dtype == tf.string else 0
        assert np.any(found[name][0, 0].numpy() != nothing), name
        assert np.all(found[name][0, 1].numpy() == nothing), name
        assert np.all(found[name][2].numpy() == nothing), name


@pytest.mark.slow
@pytest.mark.parametrize("mixer", MIXER_ARGS)
def test_every_mixer_is_exported(mixer, tmp_path):
    model = build_mixed(mixer)
    ask, questions = save_and_load(tmp_path, model), [[q] for q in QUESTIONS[:3]]
    expected = expect(model, questions)
    found = ask["many_questions"](image=tf.constant(IMAGES), question=tf.constant(questions))
    equal(found, expected)
    found = ask["serving_default"](
        image=tf.constant(IMAGES), question=tf.constant([q for (q,) in questions])
    )
    equal(found, {name: value[:, 0] for name, value in expected.items()})


@pytest.mark.slow
@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_combination_is_exported(attention, aggregator, tmp_path):
    model = build_model(attention, aggregator)
    check_many_questions(model, save_and_load(tmp_path, model))


@pytest.mark.parametrize(
    "changed",
    [
        {"image_encoder": "none", "image_encoder_args": {}, "attention": "none"},
        {"static_shapes": True, "attention": "adahan", "aggregator": "relation"},
        {"question_norm_scale": 0.1, "question_encoder_args": {"pool": "mean"}},
        {"question_encoder_args": {"reverse": True, "units": 5}},
    ],
    ids=["no_image", "static_shapes", "question_norm", "reverse"],
)
@pytest.mark.slow
def test_other_models_are_exported(changed, tmp_path):
    model = build_model(**changed)
    check_many_questions(model, save_and_load(tmp_path, model))


MAPS = {"image_size": (2, 3, 4), "image_encoder": "features", "image_encoder_args": {}}


def test_a_model_on_maps_with_few_answers():
    """Fewer answers than five are filled up; a map that is not finite is a bad row."""
    vocabularies = Vocabularies(EXPORTED_WORDS, ["yes", "no", "red"], max_words=5)
    model = build_model("soft", "pairwise", answers=3, **MAPS)
    graph = AnswerGraph(model, vocabularies)
    features, questions = draw_maps(), [QUESTIONS[:2], QUESTIONS[2:], QUESTIONS[1:3]]
    expected = answers_of_keras(model, features, questions, ["yes", "no", "red"])
    filled = [[0, 0], [0, 0], [0, 2]]
    expected["top_answers"] = np.pad(expected["top_answers"], filled, constant_values=b"")
    expected["top_probabilities"] = np.pad(expected["top_probabilities"], filled)
    ask = graph.answer_many.python_function  # Step by step: its graph is for the slow test.
    found = ask(tf.constant(features, tf.float32), tf.constant(questions))
    equal(found, expected)
    features[1, 0, 0, 0] = np.inf
    found = ask(tf.constant(features, tf.float32), tf.constant(questions))
    status = found.pop("status").numpy()
    assert status[::2].tolist() == [[b"ok", b"ok"]] * 2
    assert all(b"not finite" in text for text in status[1])
    for name, value in found.items():
        nothing = b"" if value.dtype == tf.string else 0
        assert np.all(value[1].numpy() == nothing), name
        np.testing.assert_array_equal(value[0], expected[name][0])


def draw_maps():
    return np.random.default_rng(0).normal(size=(3, 2, 3, 4)).astype(np.float16)


@pytest.mark.slow
def test_a_model_on_maps_is_exported(tmp_path):
    model = build_model("adahan", "pairwise", **MAPS)
    ask = save_and_load(tmp_path, model)
    features, questions = draw_maps(), QUESTIONS[:3]
    expected = answers_of_keras(model, features, [[q] for q in questions])
    given = features.astype(np.float32)
    given[1, 0, 0, 0] = 1e6  # too large for float16
    rows = ask["serving_default"](features=tf.constant(given), question=tf.constant(questions))
    assert b"not finite" in rows["status"].numpy()[1]
    equal(
        {name: value[::2] for name, value in rows.items()},
        {name: value[::2, 0] for name, value in expected.items()},
    )


@pytest.mark.slow
def test_what_only_a_gpu_runs_stays_out_of_the_graph(tmp_path, monkeypatch):
    """Exported where there is a GPU, it must run where there is none."""
    model, devices = build_model("none", "sum"), tf.config.list_logical_devices
    monkeypatch.setattr(
        tf.config, "list_logical_devices", lambda kind=None: devices() if kind else []
    )

    @tf.function(autograph=False)
    def ask(tokens):
        return model({"image": tf.zeros((1, *SIZE, 3)), "question_tokens": tokens})

    graph = ask.get_concrete_function(tf.TensorSpec([1, 1, 5], tf.int32)).graph
    used = {node.op for f in graph.as_graph_def().library.function for node in f.node_def}
    used |= {node.op for node in graph.as_graph_def().node}
    assert "CudnnRNNV3" in used  # as Keras has it on such a machine
    save_and_load(tmp_path, model)
    assert not any("Cudnn" in name for name in operations_of(tmp_path))


@pytest.mark.slow
def test_a_model_of_mixed_precision(tmp_path):
    with precision("mixed_bfloat16"):
        model = build_model("soft", "relation")
    check_many_questions(model, save_and_load(tmp_path, model))


BAD = [
    (b"", "What?", "The image is empty."),
    (b"GET / HTTP/1.1", "What?", "not an image"),
    (IMAGES[0][:100], "What?", "header is broken"),
    (IMAGES[0][:-300], "What?", "cut off"),
    (IMAGES[1][:-1], "What?", "cut off"),
    (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x4e\x20\0\0\x4e\x20" + bytes(90),
        "What?",
        "too large",
    ),
    (IMAGES[1], "", "The question has no words"),
    (IMAGES[1], " \t\n", "The question has no words"),
    (IMAGES[1], "\u200b\u2800", "The question has no words"),
    (IMAGES[1], "\0", "The question has no words"),
    (IMAGES[1], "Is it\0 red?", "has a NUL character"),
    (IMAGES[1], b"caf\xe9?", "is not UTF-8 text"),
    (IMAGES[1], "what " * 3000, "too long"),
]


def test_bad_rows_leave_the_others_as_they_are(adahan):
    good = [(IMAGES[0], QUESTIONS[0]), (IMAGES[2], QUESTIONS[1])]
    images, questions = zip(*good, strict=True)
    alone = adahan["serving_default"](
        image=tf.constant(images), question=tf.constant(questions)
    )
    mixed = [*BAD, good[0], *BAD, good[1]]
    images = tf.constant([row[0] for row in mixed])
    found = adahan["serving_default"](image=images, question=tf.constant([r[1] for r in mixed]))
    places = [len(BAD), 2 * len(BAD) + 1]
    assert [found["status"].numpy()[i] for i in places] == [b"ok", b"ok"]
    for name, value in found.items():
        if value.dtype == tf.float32:  # in another order of summation: float32 rounding
            np.testing.assert_allclose(value.numpy()[places], alone[name], atol=1e-6)
        else:
            np.testing.assert_array_equal(value.numpy()[places], alone[name], err_msg=name)
    for i, (_, _, sentence) in enumerate(BAD):
        assert sentence in found["status"].numpy()[i].decode()
        for name, value in found.items():
            if name != "status":
                nothing = b"" if value.dtype == tf.string else 0
                assert np.all(value.numpy()[i] == nothing), name


def test_nothing_but_bad_rows(adahan):
    found = adahan["serving_default"](
        image=tf.constant([b"", b"no"]), question=tf.constant(["", "?"])
    )
    assert [s[:12] for s in found["status"].numpy()] == [b"The image is", b"This is not "]
    assert found["answer"].numpy().tolist() == [b"", b""]
    assert not found["num_cells"].numpy().any()


def test_empty_questions_fill_up_rows(adahan):
    questions = [[QUESTIONS[0], QUESTIONS[1]], [QUESTIONS[2], ""]]
    found = adahan["many_questions"](
        image=tf.constant(IMAGES[:2]), question=tf.constant(questions)
    )
    assert found["status"].numpy().tolist() == [
        [b"ok", b"ok"],
        [b"ok", EMPTY_QUESTION.encode()],
    ]
    assert found["mask"].shape == (2, 2, 3, 3)
    one = adahan["serving_default"](
        image=tf.constant(IMAGES[1:2]), question=tf.constant(questions[1][:1])
    )
    np.testing.assert_allclose(
        found["top_probabilities"][1, :1], one["top_probabilities"], atol=1e-6
    )


@pytest.mark.parametrize(
    "number, question, message",
    [
        (1, ["a", "b", "c"], "As many rows of image as of question"),
        (0, [], "There is no question"),
    ],
)
def test_rows_must_fit(adahan, number, question, message):
    image = tf.constant(IMAGES[:number], tf.string)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        adahan["serving_default"](image=image, question=tf.constant(question, tf.string))


def test_rows_of_unknown_length_are_merged(adahan_model):
    """In a graph, where neither B nor Q nor T is known."""
    model = adahan_model
    question = tf.constant([[[2, 3, 0], [4, 0, 0]]])
    picture = tf.constant(read_images(IMAGES[:1]))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None], tf.int32)])
    def ask(tokens):
        return model({"image": picture, "question_tokens": tokens})

    expected = model({"image": picture, "question_tokens": question})
    np.testing.assert_allclose(ask(question)["logits"], expected["logits"], atol=1e-6)
