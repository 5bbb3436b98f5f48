"""A trained run leaves as a SavedModel: image bytes and a question in, answer and mask out.

    image string[B] ──status, decode, resize──► [B, H, W, 3] ┐
    question string[B, Q] ──status, cut into words──► tokens ┴► the Keras model ──► best answers
                                                                             mask, presence

It needs nothing of this repository to run, only TensorFlow and tensorflow-text, or TensorFlow
Serving, which links both. A row that cannot be answered says why in `status`, and the others
are answered all the same.

Letters: B images, Q questions per image, N rows of one image and one question, H W grid, D
width of maps, A answers.
"""

import contextlib
import json
import os
import re
import shutil
import time
import uuid

import keras
import tensorflow as tf

from hardvqa_tf.data.image_status import MAX_PIXELS, OK, image_status
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.export.model_card import model_card, stale_evaluations
from hardvqa_tf.runs import load_run, write_json
from hardvqa_tf.vqa.best_answers import NUM_BEST
from hardvqa_tf.vqa.examples import pick_examples
from hardvqa_tf.vqa.pictures.looks import LOOKS
from hardvqa_tf.vqa.text import PADDING, question_status, ragged_words
from records.decode import decode_images

EMPTY_QUESTION = "empty question"
_NOT_IN_NAMES = r"[^A-Za-z0-9._-]+"
_PARTIAL, _HOUR = "partial-", 3600


def export(workdir, records_dir=None, *, name=None, max_pixels=MAX_PIXELS, report=print):
    """Writes `<workdir>/export/<version>/` of a trained run, beside and renamed when whole.

    Args:
      workdir: folder of a trained run.
      records_dir: where the records are, for example images and the counts of the model card;
        default: where training found them. Where they are not at hand, there are none.
      name: of the model, as in a server's addresses; default: that of the workdir.
      max_pixels: height times width of the largest image that the graph decodes.
      report: called with a line where something is left out.

    Returns:
      The path of the new version.

    Raises:
      ValueError: if there is no trained run, or for a name that cannot be in an address.
    """
    name = _check_name(name) if name else _name_of(workdir)
    run = load_run(workdir)
    for stale in stale_evaluations(workdir):
        report(
            f"{stale} is older than model.keras, so the model card leaves its numbers out. "
            "Evaluate again, and then export."
        )
    folder = os.path.join(workdir, "export")
    os.makedirs(folder, exist_ok=True)
    with _new_version(folder) as (partial, version):
        card = describe(run, name)
        write_saved_model(partial, run.model, run.vocabularies, max_pixels=max_pixels)
        extra, assets = (os.path.join(partial, name) for name in ("assets.extra", "assets"))
        os.makedirs(extra, exist_ok=True)
        os.makedirs(assets, exist_ok=True)
        try:
            card["examples"] = pick_examples(run.config, records_dir, extra)
        except ValueError as error:  # The model is whole without them.
            report(f"No example images are added: {error}")
        write_json(os.path.join(extra, "model.json"), card)
        for file, content in _asset_contents(run).items():
            write_json(os.path.join(assets, file), content)
        with open(os.path.join(partial, "README.md"), "w", encoding="utf-8") as file:
            file.write(model_card(workdir, run, card, version, max_pixels, records_dir))
    return os.path.join(folder, str(version))


def _check_name(name):
    if re.search(_NOT_IN_NAMES, name):
        raise ValueError(
            "A model's name is part of a server's addresses: letters, digits and ._- are "
            f"taken. Received: {name!r}. Use e.g. {re.sub(_NOT_IN_NAMES, '_', name)!r}."
        )
    return name


def _name_of(workdir):
    return re.sub(_NOT_IN_NAMES, "_", os.path.basename(os.path.realpath(workdir)))


def describe(run, name):
    """What a server or a page needs to know of a `runs.Run`: the content of model.json."""
    maps = _takes_maps(run.model)
    parts = run.config.model
    return {
        "name": name,
        "image_size": None if maps else list(run.model.inputs[0].shape[1:3]),
        "grid": list(run.model.output["mask"].shape[2:]),
        "num_answers": len(run.vocabularies.answers),
        "input": "features" if maps else "image",
        "mixer": parts.mixer,
        "attention": parts.attention,
        "aggregator": parts.aggregator,
        "data": run.config.dataset,
        "examples": [],
    }


def write_saved_model(folder, model, vocabularies, *, max_pixels=MAX_PIXELS):
    """Writes the SavedModel alone.

    Args:
      folder: path.
      model: from `build_vqa_model`.
      vocabularies: `Vocabularies`.
      max_pixels: see `export`.
    """
    graph = AnswerGraph(model, vocabularies, max_pixels)
    module = tf.Module()  # what a SavedModel holds: tensors that live on, and functions
    module.model_variables = [variable.value for variable in model.variables]
    module.words = vocabularies.tokenizer.table
    signatures = {
        tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: graph.answer,
        "many_questions": graph.answer_many,
    }
    with _on_any_device(model):
        tf.saved_model.save(module, folder, signatures)


class AnswerGraph:
    """What is done to images and questions before the model, and to its outputs.

    Args:
      model: from `build_vqa_model`; takes images or maps.
      vocabularies: `Vocabularies`.
      max_pixels: see `export`.

    Attributes:
      answer: a `tf.function`: `image` string[N] (or `features` float32[N, H, W, D]) and
        `question` string[N] -> a dict of `answer` string[N], `answer_probability` float32[N];
        `top_answers` string[N, 5] and `top_probabilities` float32[N, 5], best first, filled up
        with "" and 0; `mask` bool[N, H, W], True = looked at; `presence` float32[N, H, W];
        `num_cells` int32[N]; `status` string[N], "ok" or what is wrong, and then all else is
        "" and 0. After soft attention, where every cell counts, also `weights`
        float32[N, H, W]. Of a model with a mixer also what it looked at: `cell_weights`
        float32[N, H, W]; `routes` bool[N, R, R]; or `word_weights` float32[N, H, W, T] with
        `words` string[N, T], filled up with "".
      answer_many: the same for `image` string[B] and `question` string[B, Q]: [B, Q] in front.
        An image is decoded and encoded once, however many questions it has.
    """

    def __init__(self, model, vocabularies, max_pixels=MAX_PIXELS):
        self._model = model
        self._tokenizer = vocabularies.tokenizer
        self._answers = vocabularies.answers.answers
        self._max_pixels = max_pixels
        self._input = model.inputs[0]  # [None, H, W, 3 or D]
        self._maps = _takes_maps(model)
        if self._maps:
            picture = tf.TensorSpec(self._input.shape, tf.float32, "features")
        else:
            picture = tf.TensorSpec([None], tf.string, "image")

        many = tf.TensorSpec([None, None], tf.string, "question")
        # Without autograph, which nothing here needs, tracing takes less time.
        options = {"autograph": False}
        self.answer_many = tf.function(self._answer, [picture, many], **options)

        def answer(picture, question):
            outputs = self.answer_many(picture, question[:, None])
            return {name: value[:, 0] for name, value in outputs.items()}

        one = tf.TensorSpec([None], tf.string, "question")
        self.answer = tf.function(answer, [picture, one], **options)

    def _answer(self, picture, question):
        """[B, ...] and string[B, Q] -> the outputs, [B, Q, ...]."""
        sizes = tf.shape(picture)[0], tf.shape(question)[0]
        same = f"As many rows of {self._input.name} as of question are expected."
        checks = [
            tf.debugging.assert_equal(*sizes, same),
            tf.debugging.assert_positive(tf.size(question), "There is no question."),
        ]
        with tf.control_dependencies(checks):  # before other operations fail, less clearly
            picture, question = tf.identity(picture), tf.identity(question)
        picture, picture_status = self._read_pictures(picture)
        tokens, status = self._read_questions(question)
        status = tf.where(picture_status[:, None] == OK, status, picture_status[:, None])
        inputs = {self._input.name: picture, "question_tokens": tokens}
        outputs = self._model(inputs, training=False)
        looked = self._name_looks(outputs, question, status)
        return self._name_answers(outputs, status) | looked | {"status": status}

    def _read_pictures(self, picture):
        """Returns the model's input [B, ...] and what is wrong, string[B]."""
        if self._maps:
            picture = tf.cast(picture, self._input.dtype)
            is_finite = tf.reduce_all(tf.math.is_finite(picture), axis=[1, 2, 3])
            status = tf.where(is_finite, OK, "The map holds numbers that are not finite.")
            return _replace(picture, is_finite), status
        status = image_status(picture, self._max_pixels)
        pixels = decode_images(picture, status == OK, self._input.shape[1:3])
        return scale_pixels(_replace(pixels, status == OK)), status

    def _read_questions(self, question):
        """string[B, Q] -> int32[B, Q, T] and what is wrong, string[B, Q]."""
        shape, flat = tf.shape(question), tf.reshape(question, [-1])
        status = question_status(flat)
        tokens = self._tokenizer(tf.where(status == OK, flat, ""))
        has_words = tf.reduce_any(tokens != PADDING, axis=1)
        status = tf.where((status == OK) & ~has_words, EMPTY_QUESTION, status)
        tokens = tf.reshape(_replace(tokens, has_words), [shape[0], shape[1], -1])
        return tokens, tf.reshape(status, shape)

    def _name_answers(self, outputs, status):
        logits, mask = outputs["logits"], outputs["mask"]
        number = min(NUM_BEST, len(self._answers))
        # By logits: different ones may become equal when probabilities are rounded.
        _, best = tf.math.top_k(logits, number)
        probabilities = tf.gather(tf.nn.softmax(logits), best, batch_dims=2)
        missing = [[0, 0], [0, 0], [0, NUM_BEST - number]]
        found = {
            "top_answers": tf.pad(tf.gather(self._answers, best), missing, constant_values=""),
            "top_probabilities": tf.pad(probabilities, missing),
            "mask": mask if mask.dtype.is_bool else mask != 0,
            "presence": outputs["presence"],
            "num_cells": outputs["num_cells"],
        }
        if not mask.dtype.is_bool:
            found["weights"] = mask
        found = {name: _blank_unless(status == OK, value) for name, value in found.items()}
        found["answer"] = found["top_answers"][..., 0]
        found["answer_probability"] = found["top_probabilities"][..., 0]
        return found

    def _name_looks(self, outputs, question, status):
        found = {name: outputs[name] for name in LOOKS if name in outputs}
        if "word_weights" in found:
            length = self._tokenizer.max_words
            shape = [*found["word_weights"].shape[:-1], length]  # which Keras does not know
            found["word_weights"] = tf.ensure_shape(found["word_weights"], shape)
            usable = tf.where(status == OK, question, "")
            words = ragged_words(tf.reshape(usable, [-1])).to_tensor("", shape=[None, length])
            found["words"] = tf.reshape(words, [*tf.unstack(tf.shape(question)), length])
        return {name: _blank_unless(status == OK, value) for name, value in found.items()}


def _replace(rows, usable):
    """Puts a usable row in the place of each that is not.

    A blank row would be answered, too, and might ask for more cells than any other.
    """
    number = tf.shape(rows)[0]
    first = tf.argmax(usable, output_type=tf.int32)  # 0 if none is usable
    return tf.gather(rows, tf.where(usable, tf.range(number), first))


def _blank_unless(is_ok, values):
    """[B, Q, ...], zeros or "" where not `is_ok`, bool[B, Q]."""
    is_ok = tf.reshape(is_ok, [*tf.unstack(tf.shape(is_ok)), *[1] * (values.shape.rank - 2)])
    nothing = "" if values.dtype == tf.string else tf.zeros([], values.dtype)
    return tf.where(is_ok, values, nothing)


def _takes_maps(model):
    return model.inputs[0].name == "features"


def _all_layers(model):
    for layer in model.layers:
        yield layer
        yield from _all_layers(layer) if isinstance(layer, keras.Model) else ()


@contextlib.contextmanager
def _on_any_device(model):
    """Keeps operations out of the graph that only the machine's own GPU could run."""
    recurrent = [
        layer
        for layer in _all_layers(model)
        if isinstance(layer, (keras.layers.LSTM, keras.layers.GRU))
    ]
    before = [layer.use_cudnn for layer in recurrent]
    for layer in recurrent:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, value in zip(recurrent, before, strict=True):
            layer.use_cudnn = value


@contextlib.contextmanager
def _new_version(folder):
    """Gives (a folder to write into, the version's number); renames it at the end.

    Servers look for names that are numbers, so what is not whole is not seen by them.
    """
    _remove_leftovers(folder)
    taken = [int(name) for name in os.listdir(folder) if name.isdecimal()]
    version = max(taken, default=0) + 1
    partial = os.path.join(folder, f"{_PARTIAL}{uuid.uuid4().hex}")
    os.mkdir(partial)  # not by tempfile, whose folders no other user can read
    try:
        yield partial, version
        os.rename(partial, os.path.join(folder, str(version)))
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _remove_leftovers(folder):
    """Removes what killed exports left; not what another process may be writing just now."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith(_PARTIAL) and time.time() - os.path.getmtime(path) > _HOUR:
            shutil.rmtree(path, ignore_errors=True)


def _asset_contents(run):
    return {
        "config.json": json.loads(run.config.to_json()),
        "vocabularies.json": run.vocabularies.to_json(),
    }
