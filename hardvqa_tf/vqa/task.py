"""Visual question answering, as `hardvqa_tf.tasks` describes a task."""

from hardvqa_tf.data.inputs import input_shape, trains_on_maps
from hardvqa_tf.vqa import slots
from hardvqa_tf.vqa.card import Card, describe_export
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.data import open_split
from hardvqa_tf.vqa.examples import pick_examples
from hardvqa_tf.vqa.judging.judge import BEST, Judge
from hardvqa_tf.vqa.judging.tables import format_evaluation
from hardvqa_tf.vqa.model import build_vqa_model
from hardvqa_tf.vqa.phases import phases
from hardvqa_tf.vqa.pictures.gallery import Gallery
from hardvqa_tf.vqa.predicting import check_options, first_try, format_prediction, predict
from hardvqa_tf.vqa.report.run import ReportedRun
from hardvqa_tf.vqa.score import Score
from hardvqa_tf.vqa.signatures import make_signatures
from hardvqa_tf.vqa.vocabularies import Vocabularies
from records.build import read_info
from records.read import read_questions

__all__ = [  # of what is imported, what the task has
    "BEST",
    "Card",
    "Judge",
    "ReportedRun",
    "check_options",
    "describe_export",
    "first_try",
    "format_evaluation",
    "format_prediction",
    "input_shape",
    "make_signatures",
    "open_split",
    "phases",
    "predict",
    "pick_examples",
]

ITEMS, ITEM_ID = "questions", "question_id"
EXPORTS = True
ASSETS_FILE = "vocabularies.json"
JUDGE_OPTIONS = ("evaluator", "mask_cells")
PREDICT_OPTIONS = ("question", "region", "fields")
# 2: without `mask_dependence`. 1, or none said: an object's cell was that of an equal division.
MEASURES = 3
ONNX_AXES = {0: "B", 1: "Q", 2: "T", 4: "T"}  # images, questions of one, words of one


def check_splits(config, assets):
    """Refuses to train on a split without an answer, or to choose the best epoch by one.

    Nor does an answer serve that is not among the model's.

    Raises:
      ValueError: naming the splits that have answers.
    """
    splits = read_info(config.records_dir)["splits"]
    uses = {"train.split": "nothing can be learned from it"}
    uses["train.val_split"] = "it cannot say which epoch is the best"
    for key, why in uses.items():
        split = config.train[key.removeprefix("train.")]
        if split in splits and not _has_known_answer(config.records_dir, split, assets):
            folder = config.records_dir
            answered = [name for name in splits if _has_known_answer(folder, name, assets)]
            raise ValueError(
                f"The split {split!r} of {config.records_dir} has no answer that the model can "
                f"give, to any of its {splits[split]['num_questions']:,} questions: {why}. "
                f"Received: {key}={split!r}, for a model of {len(assets.answers):,} answers. "
                f"Splits with such answers: {', '.join(answered) or 'none'}."
            )


def _has_known_answer(records_dir, split, assets):
    known = set(assets.answers.answers)
    if not read_info(records_dir)["splits"][split]["num_answered"]:
        return False
    # Mostly the first question's.
    return any(known.intersection(q.answers) for q in read_questions(records_dir, split))


def assets_from_records(config):
    """`Vocabularies` of the config's records, as large as the config says."""
    return Vocabularies.from_records(
        config.records_dir, config.max_words, config.num_answers, config.min_answer_count
    )


def assets_from_json(content):
    return Vocabularies.from_json(content)


def build_model(config, assets, *, input_shape=None, static_shapes=None, pretrained=True):
    """`build_vqa_model` with the arguments of the parts that the config names.

    Args:
      config: of the run.
      assets: `Vocabularies`.
      input_shape: from `input_shape`, whose maps are known to the records alone; None: images
        of the config's size.
      static_shapes: see `build_vqa_model`; None: where the config compiles the step.
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

    image_size = input_shape or config.image_size
    if not trains_on_maps(config):
        image_size = image_size[:2]
    return build_vqa_model(
        image_size=image_size,
        vocabulary_size=assets.tokenizer.vocabulary_size,
        num_answers=len(assets.answers),
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


def check_onnx(config):
    """Refuses a model that the converter to ONNX cannot convert.

    tf2onnx 1.17 reads the shape of the words' states before they are states of questions again:
    the file it writes fails when it runs.
    """
    mixer = config.model.mixer
    if slots.part("mixer", mixer).reads is slots.Reads.WORDS:
        raise ValueError(
            f"tf2onnx cannot convert a model with the mixer {mixer}. Received: "
            f"model.mixer={mixer}. Use the SavedModel, --export_format=savedmodel."
        )


def describe_model(config):
    parts = config.model
    return f"{parts.image_encoder} + {parts.attention} + {parts.aggregator}"


def make_score(config):
    return Score(config.train.loss)


def format_metrics(metrics):
    """Parts of the line that tells an epoch: training, validation by group, and cells."""
    groups = [
        f"{name.removeprefix('val/')} {100 * value:.1f}"
        for name, value in metrics.items()
        if name.startswith("val/") and name != BEST and ": " not in name
    ]
    return [
        f"train {100 * metrics['train/accuracy']:.1f} %",
        f"val {100 * metrics.get(BEST, float('nan')):.1f} %"
        + (f" ({', '.join(groups)})" if groups else ""),
        f"{metrics['train/num_cells']:.1f} cells",
    ]


def open_gallery(model, data, assets, config):
    """`Gallery`; of a model of maps, with the images that they were made of."""
    return Gallery(
        model,
        data,
        assets,
        image_records_dir=config.maps.image_records_dir,
        fields=cell_fields(model, config.records_dir),
    )


def report_intro(runs, split):
    from hardvqa_tf.vqa.report import sections  # Reports alone wait for matplotlib.

    return sections.report_intro(runs, split)


def report_sections(groups, split, records_dir, prefix, load_run):
    from hardvqa_tf.vqa.report import sections

    return sections.report_sections(groups, split, records_dir, prefix, load_run)
