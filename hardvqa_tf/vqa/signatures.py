"""What an exported model takes and gives: a table of its outputs, and the graph.

    image string[B] ──status, decode, resize──► [B, H, W, 3] ┐
    question string[B, Q] ──status, cut into words──► tokens ┴► the Keras model ──► best answers
                                                                             mask, presence

A row that cannot be answered says why in `status`, and the others are answered all the same.

Letters: B images, Q questions per image, N rows of one image and one question, H W grid, D
width of maps, A answers, R regions of a grid, T words of a question.
"""

import tensorflow as tf

from hardvqa_tf.data.image_status import OK, image_status
from hardvqa_tf.data.inputs import IMAGE, MAPS, takes_maps
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.data.signature_rows import Output, blank_unless, replace_unusable
from hardvqa_tf.data.words import ragged_words
from hardvqa_tf.vqa import slots
from hardvqa_tf.vqa.best_answers import NUM_BEST
from hardvqa_tf.vqa.pictures.looks import LOOKS
from hardvqa_tf.vqa.text import question_status
from records.decode import decode_images
from records.formats import MAX_PIXELS

# The one list of them, in the order that documents have. Which are there for some parts of a
# model alone, `slots` says.
OUTPUTS = (
    Output("answer", "string", (), "the best answer"),
    Output("answer_probability", "float32", (), "its probability"),
    Output("top_answers", "string", (NUM_BEST,), 'the best ones, filled up with ""'),
    Output("top_probabilities", "float32", (NUM_BEST,), "theirs, filled up with 0"),
    Output("mask", "bool", ("H", "W"), "True: the cell was looked at"),
    Output("presence", "float32", ("H", "W"), "the norm of each cell"),
    Output("num_cells", "int32", (), "how many cells were looked at"),
    Output("weights", "float32", ("H", "W"), "soft attention's, sum 1"),
    Output(
        *("cell_weights", "float32", ("H", "W")),
        "the mixer's weight of each cell, which may be negative",
    ),
    Output(
        *("routes", "bool", ("R", "R")),
        "True: the row's region looks at the column's; regions row by row",
    ),
    Output("words", "string", ("T",), 'those of the question, filled up with ""'),
    Output("word_weights", "float32", ("H", "W", "T"), "each cell's, sum 1"),
    Output("status", "string", (), '"ok", or what is wrong; all else is then "" and 0'),
)


def outputs_of(parts):
    """The OUTPUTS of a model, by its parts: a dict of a name for each slot."""
    givers = {output.name: slots.who_gives(output.name) for output in OUTPUTS}
    return [
        output
        for output in OUTPUTS
        if (giver := givers[output.name]) is None or parts.get(giver[0]) == giver[1]
    ]


def make_signatures(model, assets, max_pixels=MAX_PIXELS, best_epoch=None):
    """The signatures of an export.

    Args:
      model: from `build_vqa_model`.
      assets: `Vocabularies`.
      max_pixels: see `AnswerGraph`.
      best_epoch: metrics of training, of which no answer depends.

    Returns:
      ({name: `tf.function`}, what they need to live).
    """
    del best_epoch
    graph = AnswerGraph(model, assets, max_pixels)
    signatures = {
        tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: graph.answer,
        "many_questions": graph.answer_many,
    }
    return signatures, [assets.tokenizer.table]


class AnswerGraph:
    """What is done to images and questions before the model, and to its outputs.

    Args:
      model: from `build_vqa_model`; takes images or maps.
      vocabularies: `Vocabularies`.
      max_pixels: height times width of the largest image that is decoded.

    Attributes:
      answer: a `tf.function`: `image` string[N] (or `features` float32[N, H, W, D]) and
        `question` string[N] -> a dict of OUTPUTS, [N, ...]. Of a row that cannot be answered
        `status` says what is wrong, and all else is "" and 0.
      answer_many: the same for `image` string[B] and `question` string[B, Q]: [B, Q] in front.
        An image is decoded and encoded once, however many questions it has.
    """

    def __init__(self, model, vocabularies, max_pixels=MAX_PIXELS):
        self._model = model
        self._tokenizer = vocabularies.tokenizer
        self._answers = vocabularies.answers.answers
        self._max_pixels = max_pixels
        self._input = model.inputs[0]  # [None, H, W, 3 or D]
        self._maps = takes_maps(model)
        if self._maps:
            picture = tf.TensorSpec(self._input.shape, tf.float32, MAPS)
        else:
            picture = tf.TensorSpec([None], tf.string, IMAGE)

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
            return replace_unusable(picture, is_finite), status
        status = image_status(picture, self._max_pixels)
        pixels = decode_images(picture, status == OK, self._input.shape[1:3])
        return scale_pixels(replace_unusable(pixels, status == OK)), status

    def _read_questions(self, question):
        """string[B, Q] -> int32[B, Q, T] and what is wrong, string[B, Q]."""
        shape, flat = tf.shape(question), tf.reshape(question, [-1])
        status = question_status(flat)
        tokens = self._tokenizer(tf.where(status == OK, flat, ""))
        tokens = tf.reshape(replace_unusable(tokens, status == OK), [shape[0], shape[1], -1])
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
        found = {name: blank_unless(status == OK, value) for name, value in found.items()}
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
        return {name: blank_unless(status == OK, value) for name, value in found.items()}
