"""The model: encoders, fusion, attention, aggregator and classifier, put together.

Malinowski, Doersch, Santoro, Battaglia: "Learning Visual Question Answering by Bootstrapping
Hard Attention", ECCV 2018 (arXiv 1808.00300), figure 2:

    image ──encoder──► grid [B, H, W, D] ┐
    question ──LSTM──► [B·Q, D]          ┴ fusion ► cells [B·Q, P, D] ► attention ► [B·Q, K, D]
                                         ► aggregator ► [B·Q, D] ► classifier ► logits [B, Q, A]

Between fusion and attention a mixer, ours, may refine the cells: what attention then selects by
knows of the other cells.

The image tower runs once per image, however many questions share it. Every name in a slot goes
with every name in the others; a new part is a line in `slots`.
"""

import keras
from keras import ops

from hardvqa_tf import encoders, layers
from hardvqa_tf.data.inputs import IMAGE, MAPS, takes_images
from hardvqa_tf.encoders.fields import fields_of
from hardvqa_tf.encoders.question_lstm import LSTM
from hardvqa_tf.vqa import layer_names, slots
from hardvqa_tf.vqa.slots import Reads

# What makes the parts that `slots` names: {name: function or layer}.
IMAGE_ENCODERS = slots.makers("image_encoder", encoders)
MIXERS = slots.makers("mixer", layers)
ATTENTIONS = slots.makers("attention", layers)
AGGREGATORS = slots.makers("aggregator", layers)


def build_vqa_model(
    *,
    image_size,
    vocabulary_size,
    num_answers,
    image_encoder="small_cnn",
    image_encoder_args=None,
    question_encoder_args=None,
    question_norm_scale=None,
    fusion_args=None,
    mixer="none",
    mixer_args=None,
    attention="han",
    attention_args=None,
    aggregator="relation",
    aggregator_args=None,
    classifier_units=(1024, 2048),
    classifier_dropout=0.0,
    static_shapes=False,
):
    """Builds the model.

    Args:
      image_size: (H, W) of the images in pixels; for `features` the maps' shape (H, W, D).
      vocabulary_size: V, ids that question tokens can take, padding and unknown included.
      num_answers: A, classes.
      image_encoder: a name in IMAGE_ENCODERS; "features" takes precomputed maps,
        "none" looks at nothing (a model of the question alone).
      question_norm_scale: None, or the scale at which a `QuestionNorm` of the question
        vectors starts. It removes what all questions have in common, which is most of it at
        first; a small scale, e.g. 0.1, keeps the first products with image cells small.
      mixer: a name in MIXERS: what refines the fused cells before the attention.
      attention: a name in ATTENTIONS.
      aggregator: a name in AGGREGATORS.
      classifier_units: widths of the classifier's hidden layers; the paper's are (1024, 2048).
      classifier_dropout: rate before the logits.
      static_shapes: make no tensor whose shape depends on the data, as XLA needs: the same
        function, computed for all questions, cells and pairs where it would have been for some.
      *_args: keyword arguments of the part, see its docstring.

    Returns:
      A functional `keras.Model`. Inputs, a dict: `image` float32[B, H, W, 3] in [0, 1] (or
      `features` float[B, H, W, D]) and `question_tokens` int32[B, Q, T]. Outputs, a dict:
      `logits` float32[B, Q, A]; `mask` [B, Q, H, W] of the grid, True = kept (soft attention:
      float weights that sum to 1); `presence` float32[B, Q, H, W], the norm of each cell;
      `num_cells` int32[B, Q], cells that were looked at. With a mixer also what it looked at:
      `cell_weights` float32[B, Q, H, W] (additive), `routes` bool[B, Q, R, R], from region to
      region (bilevel_routing), or `word_weights` float32[B, Q, H, W, T] (query_guided), the
      words in the order of `question_tokens`.

    Raises:
      ValueError: for an unknown name, with the known ones.
    """
    tokens = keras.Input((None, None), dtype="int32", name="question_tokens")
    picture, grid = _encode_image(image_encoder, image_size, image_encoder_args or {})
    height, width, depth = grid.shape[1:]
    num_cells = height * width
    question, words, is_word = _encode_questions(
        tokens,
        vocabulary_size,
        question_encoder_args or {},
        question_norm_scale,
        distinct=not static_shapes,
        with_words=slots.part("mixer", mixer).reads is Reads.WORDS,
    )

    cells = keras.layers.Reshape((num_cells, depth), name=layer_names.CELLS)(grid)
    cells = layers.Fusion(**(fusion_args or {}), name=layer_names.FUSION)(cells, question)
    question = MergeQuestions(name=layer_names.QUESTIONS)(question)  # [B·Q, D]
    cells, looked = _mix(
        mixer, mixer_args or {}, cells, (height, width), question, words, is_word
    )
    coordinates = layers.CellCoordinates(height, width, name=layer_names.COORDINATES)(cells)

    attention_args, aggregator_args = attention_args or {}, aggregator_args or {}
    if static_shapes:
        attention_args = attention_args | slots.part("attention", attention).static_args
        aggregator_args = aggregator_args | slots.part("aggregator", aggregator).static_args
    attend = _pick("attention", attention, ATTENTIONS)
    kept = attend(**attention_args, name=layer_names.ATTENTION)(
        cells, question=question, coordinates=coordinates
    )
    aggregate = _pick("aggregator", aggregator, AGGREGATORS)
    vector = aggregate(**aggregator_args, name=layer_names.AGGREGATOR)(
        kept["cells"],
        valid=kept.get("valid"),
        question=question,
        coordinates=kept["coordinates"],
    )

    hidden = vector
    for i, units in enumerate(classifier_units):
        hidden = keras.layers.Dense(units, activation="relu", name=f"classifier_{i}")(hidden)
    hidden = keras.layers.Dropout(classifier_dropout, name="classifier_dropout")(hidden)
    logits = keras.layers.Dense(num_answers, dtype="float32", name=layer_names.LOGITS)(hidden)

    # Back from rows [B·Q, ...] to [B, Q, ...]; a mask gets the geometry of the grid.
    split = {
        "logits": SplitQuestions((num_answers,), name="logits")(logits, tokens),
        "mask": SplitQuestions((height, width), name="mask")(kept["mask"], tokens),
        "presence": SplitQuestions((height, width), name="presence")(kept["presence"], tokens),
    }
    split["num_cells"] = CountCells(name="num_cells")(split["mask"])
    for name, (rows, shape) in looked.items():
        split[name] = SplitQuestions(shape, name=name)(rows, tokens)
    return keras.Model([picture, tokens], split, name="vqa")


def grid_fields(model):
    """Where in the image the cells of a model's mask look.

    Args:
      model: from `build_vqa_model`, or one that was loaded.

    Returns:
      `encoders.fields.Fields`, in pixels of the image as the model takes it. None where the
      model cannot know: it takes maps, or looks at no image.
    """
    if not takes_images(model):
        return None
    return fields_of(model, model.get_layer(layer_names.CELLS).input)


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class MergeQuestions(keras.layers.Layer):
    """[B, Q, ...] -> [B·Q, ...]."""

    def call(self, inputs):
        return ops.reshape(inputs, (-1, *ops.shape(inputs)[2:]))

    def compute_output_shape(self, input_shape):
        batch, questions, *rest = input_shape
        rows = None if batch is None or questions is None else batch * questions
        return (rows, *rest)


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class SplitQuestions(keras.layers.Layer):
    """[B·Q, ...] -> [B, Q, *row_shape], with B and Q those of the question tokens.

    Args:
      row_shape: shape of one question's output; None for a size that is not known.
    """

    def __init__(self, row_shape, **kwargs):
        # autocast off: a float32 result stays float32 under mixed precision.
        super().__init__(autocast=False, **kwargs)
        self.row_shape = tuple(row_shape)

    def call(self, rows, tokens):
        row_shape = ops.shape(rows)[1:] if None in self.row_shape else self.row_shape
        return ops.reshape(rows, (*ops.shape(tokens)[:2], *row_shape))

    def compute_output_spec(self, rows, tokens):
        return keras.KerasTensor((*tokens.shape[:2], *self.row_shape), dtype=rows.dtype)

    def get_config(self):
        return super().get_config() | {"row_shape": self.row_shape}


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class CountCells(keras.layers.Layer):
    """Cells that were looked at: those with a non-zero mask. [B, Q, H, W] -> int32[B, Q]."""

    def call(self, mask):
        return ops.sum(ops.cast(ops.not_equal(mask, 0), "int32"), axis=(2, 3))

    def compute_output_spec(self, mask):
        return keras.KerasTensor(mask.shape[:2], dtype="int32")


def _encode_image(name, image_size, arguments):
    encode = _pick("image_encoder", name, IMAGE_ENCODERS)
    if name == MAPS:
        encoder = encode(tuple(image_size), name="feature_maps", **arguments)
        picture = keras.Input(tuple(image_size), dtype="float16", name=MAPS)
    else:
        encoder = encode(image_size=tuple(image_size), **arguments)
        picture = keras.Input((*image_size, 3), dtype="float32", name=IMAGE)
    return picture, encoder(picture)


def _encode_questions(tokens, vocabulary_size, arguments, norm_scale, distinct, with_words):
    """Questions [B, Q, D]; also the states [B·Q, T, D] at all words, and which are words."""
    encoder = encoders.question_lstm(vocabulary_size, **arguments)
    if with_words:
        states = encoder.get_layer(LSTM).output
        if arguments.get("reverse"):  # Back into the order of the tokens.
            states = layers.ReverseTokens(name="words_in_order")(encoder.input, states=states)
        encoder = keras.Model(encoder.input, [encoder.output, states], name=encoder.name)
    merged = MergeQuestions(name="tokens_of_batch")(tokens)  # [B·Q, T]
    words = is_word = None
    if distinct:
        once, index = layers.DistinctRows(name="distinct_questions")(merged)
        encoded = encoder(once)
    else:
        encoded, index = encoder(merged), None
    if with_words:
        encoded, words = encoded
        words = words if index is None else layers.TakeRows(name="word_rows")(words, index)
        is_word = ops.not_equal(merged, 0)
    rows = encoded
    if index is not None:
        rows = layers.TakeRows(name="question_rows")(encoded, index)  # [B·Q, D]
    if norm_scale is not None:
        rows = layers.QuestionNorm(norm_scale, name="question_norm")(rows, merged)
    question = SplitQuestions((rows.shape[-1],), name="question")(rows, tokens)
    return question, words, is_word


def _mix(name, arguments, cells, grid_shape, question, words, is_word):
    """Refines cells [N, P, D]; also {output: (what was looked at, its shape per question)}.

    Mixers of cells and of the grid add to the cells what they make of the normalised cells, as
    in BiFormer's blocks; a mixer of words adds by itself. Its words are the states of the
    question's LSTM, in the order of the tokens.
    """
    height, width = grid_shape
    reads = slots.part("mixer", name).reads
    if reads is Reads.NOTHING:
        return cells, {}
    mix = _pick("mixer", name, MIXERS)(**arguments, name="mixer")
    if reads is Reads.WORDS:
        seen = mix(cells, words, valid=is_word)
        weights = keras.layers.Reshape((height, width, -1), dtype="float32", name="word_grid")(
            seen["weights"]
        )
        return seen["cells"], {"word_weights": (weights, (height, width, None))}
    normed = keras.layers.LayerNormalization(epsilon=1e-6, name="mixer_norm")(cells)
    if reads is Reads.CELLS:
        seen = mix(normed, question=question)
        looked = {"cell_weights": (seen["weights"], (height, width))}
        refined = seen["cells"]
    else:
        d = cells.shape[-1]
        grid = keras.layers.Reshape((height, width, d), name="mixer_grid")(normed)
        seen = mix(grid, question=question)
        looked = {"routes": (seen["routes"], seen["routes"].shape[1:])}
        refined = keras.layers.Reshape((height * width, d), name="mixer_cells")(seen["cells"])
    return keras.layers.Add(name="refined_cells")([cells, refined]), looked


def _pick(slot, name, makers):
    slots.part(slot, name)  # raises for a name that the slot does not know
    return makers[name]
