"""A config becomes data, a model and an optimizer."""

import contextlib

import keras

from hardvqa_tf.training import schedules
from hardvqa_tf.vqa import slots
from hardvqa_tf.vqa.data import VqaData, input_size
from hardvqa_tf.vqa.model import build_vqa_model
from hardvqa_tf.vqa.vocabularies import Vocabularies


def vocabularies_from_config(config):
    """`Vocabularies` of the config's records, as large as the config says."""
    return Vocabularies.from_records(
        config.records_dir, config.max_words, config.num_answers, config.min_answer_count
    )


def open_split(config, split, vocabularies, target="answers", with_strings=False):
    """`VqaData` of a split, as the config says."""
    return VqaData(
        config.records_dir,
        split,
        vocabularies,
        image_size=size_of_inputs(config),
        batch_size=config.train.batch_size,
        questions_per_image=config.train.questions_per_image,
        steps_per_epoch=config.train.steps_per_epoch,
        seed=config.seed,
        augmentation=config.train.augmentation,
        target=target,
        with_strings=with_strings,
    )


def model_from_config(
    config, vocabularies, image_size=None, static_shapes=None, pretrained=True
):
    """`build_vqa_model` with the arguments of the parts that the config names.

    Args:
      image_size: takes the place of the config's: the shape of maps is known to the records.
      static_shapes: see `build_vqa_model`; default: where the config trains with XLA.
      pretrained: False for a model whose weights are those of a run: the files that the run
        began from are not read, and need not be there.
    """
    if static_shapes is None:
        static_shapes = config.train.jit_compile
    parts = config.model

    def arguments(name):
        given = slots.arguments_that_count(parts[name])
        if not pretrained and "weights" in given:
            given["weights"] = "random"
        return {key: value for key, value in given.items() if value is not None}

    return build_vqa_model(
        image_size=image_size or config.image_size,
        vocabulary_size=vocabularies.tokenizer.vocabulary_size,
        num_answers=len(vocabularies.answers),
        image_encoder=parts.image_encoder,
        image_encoder_args=arguments(parts.image_encoder),
        question_encoder_args=arguments("question_lstm"),
        question_norm_scale=parts.question_norm_scale,
        fusion_args=arguments("fusion"),
        mixer=parts.mixer,
        mixer_args=arguments(parts.mixer),
        attention=parts.attention,
        attention_args=arguments(parts.attention),
        aggregator=parts.aggregator,
        aggregator_args=arguments(parts.aggregator),
        classifier_units=parts.classifier.units,
        classifier_dropout=parts.classifier.dropout,
        static_shapes=static_shapes,
    )


def size_of_inputs(config):
    """(H, W) of the images that a model of this config takes, or (H, W, D) of the maps."""
    return input_size(config.records_dir, config.model.image_encoder, config.image_size)


@contextlib.contextmanager
def precision(name):
    """Layers that are made within this context compute in that precision.

    Args:
      name: "float32" or "mixed_bfloat16".
    """
    if name not in ("float32", "mixed_bfloat16"):
        raise ValueError(
            f"Unknown precision. Received: train.precision={name!r}. Use one of: float32, "
            "mixed_bfloat16 (float16 would need its loss scaled)."
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_optimizer(config, steps_per_epoch):
    """Adam with the schedule of `config`, the train section of a config."""
    total = config.epochs * steps_per_epoch
    if config.schedule == "constant":
        rate = config.learning_rate
    elif config.schedule == "cosine":
        rate = schedules.WarmupCosine(config.learning_rate, config.warmup_steps, total)
    elif config.schedule == "slow_start":
        steps = max(1, round(config.epochs_per_doubling * steps_per_epoch))
        rate = schedules.SlowStart(config.start_rate, config.learning_rate, steps)
    else:
        raise ValueError(
            f"Unknown schedule. Received: train.schedule={config.schedule!r}. "
            "Use one of: constant, cosine, slow_start."
        )
    return keras.optimizers.Adam(rate, weight_decay=config.weight_decay or None)
