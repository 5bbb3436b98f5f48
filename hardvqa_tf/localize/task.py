"""Finding what a person drew, as `hardvqa_tf.tasks` describes a task."""

from hardvqa_tf.data.inputs import input_shape
from hardvqa_tf.localize import matching
from hardvqa_tf.localize.card import Card, describe_export
from hardvqa_tf.localize.classes import Classes
from hardvqa_tf.localize.data import open_split
from hardvqa_tf.localize.examples import pick_examples
from hardvqa_tf.localize.judging.judge import BEST, Judge, format_evaluation, format_metrics
from hardvqa_tf.localize.model import build_localizer
from hardvqa_tf.localize.phases import phases
from hardvqa_tf.localize.pictures.gallery import Gallery
from hardvqa_tf.localize.predicting import check_options, first_try, format_prediction, predict
from hardvqa_tf.localize.report.run import ReportedRun
from hardvqa_tf.localize.score import Score
from hardvqa_tf.localize.signatures import make_signatures
from hardvqa_tf.localize.slots import LOCALIZER_ATTENTIONS, LOCALIZER_ENCODERS, MAPS

__all__ = [  # of what is imported, what the task has
    "BEST",
    "Card",
    "Judge",
    "ReportedRun",
    "check_options",
    "describe_export",
    "first_try",
    "format_evaluation",
    "format_metrics",
    "format_prediction",
    "input_shape",
    "make_signatures",
    "open_split",
    "phases",
    "pick_examples",
    "predict",
]

ITEMS, ITEM_ID = "queries", "query_id"
ASSETS_FILE = "classes.json"
JUDGE_OPTIONS = ()
PREDICT_OPTIONS = ("sketch", "threshold")
MEASURES = 2
EXPORTS = True
ONNX_AXES = {0: "B", 1: "Q", 2: "S"}  # images, queries of one, drawings of one


def assets_from_records(config):
    """`Classes` of the config's records."""
    return Classes.from_records(config)


def assets_from_json(content):
    return Classes(**content)


def check_splits(config, assets):
    """Refuses what cannot be learned from, or chosen by, before anything is written.

    Raises:
      ValueError: for a step that XLA compiles. What a split cannot be asked, `open_split` says.
    """
    del assets
    matching.check_config(config)


def build_model(config, assets, *, input_shape=None, static_shapes=None, pretrained=True):
    """`build_localizer`; drawings are of any class, so that assets say nothing to it."""
    del assets
    return build_localizer(
        config, image_size=input_shape, static_shapes=bool(static_shapes), pretrained=pretrained
    )


def check_onnx(config):
    """Refuses: in every localizer, rows look at the tokens of a drawing.

    Of `QueryGuidedAttention`, tf2onnx 1.17 loses a shape: the file that it writes fails when it
    runs.
    """
    del config
    raise ValueError(
        "tf2onnx cannot convert a localizer: it loses a shape where cells look at the drawing. "
        "Use the SavedModel, --export_format=savedmodel."
    )


def describe_model(config):
    parts = config.model
    attention, encoder = (
        table[parts[slot]][1]
        for slot, table in (
            ("attention", LOCALIZER_ATTENTIONS),
            ("image_encoder", LOCALIZER_ENCODERS),
        )
    )
    maps = " over full maps" if parts.decoder_memory == MAPS else ""
    return f"{encoder} + {attention} + {parts.decoder.num_levels} decoder levels{maps}"


def make_score(config):
    return Score(config.train.contrast_weight)


def open_gallery(model, data, assets, config):
    del assets, config
    return Gallery(model, data)


def report_intro(runs, split):
    from hardvqa_tf.localize.report import sections  # Reports alone wait for matplotlib.

    return sections.report_intro(runs, split)


def report_sections(groups, split, records_dir, prefix, load_run):
    from hardvqa_tf.localize.report import sections

    return sections.report_sections(groups, split, records_dir, prefix, load_run)
