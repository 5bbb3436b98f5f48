"""The model card of an export: what is known of a model, how to call it, and what it refuses.

Every value comes from the run's own files; of what they do not say, nothing is said. What is
said of questions and answers, or of whatever else the model is about, its task knows.
"""

import json
import os

from hardvqa_tf.runs import read_json, read_metrics
from hardvqa_tf.tasks import task_of
from records.folder import INFO_NAME, has_records
from records.formats import MAX_SCANS, MAX_SIDE, ONE_OF_THEM, SCANS_TO_IMAGE


def model_card(workdir, run, facts, version, max_pixels, records_dir=None):
    """Writes the text.

    Args:
      workdir: folder of the run.
      run: `runs.Run`.
      facts: the content of model.json.
      version: of the export, int.
      max_pixels: height times width of the largest image that the graph decodes.
      records_dir: where the records are; default: where training found them.

    Returns:
      str, Markdown.
    """
    task = task_of(run.config)
    card = task.Card(run, facts)
    sections = [
        _title(card, run, facts, version),
        _data(task, run, facts, records_dir or run.config.records_dir),
        _metrics(task, card, workdir),
        f"## How to ask it\n\n{card.calls()}",
        _outputs(task, card),
        f"## Where a cell looks\n\n{card.cells()}",
        _refused(card, facts, max_pixels),
        _limits(card, facts),
        _config(run),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def stale_evaluations(workdir):
    """Names of evaluation files that are older than the model: the numbers may be another's."""
    made = os.path.getmtime(os.path.join(workdir, "model.keras"))
    return [
        name
        for name in _evaluation_files(workdir)
        if os.path.getmtime(os.path.join(workdir, name)) < made
    ]


def _title(card, run, facts, version):
    return (
        f"# {facts['name']}, version {version}\n\n{card.summary()}; "
        f"{run.model.count_params():,} parameters. A TensorFlow SavedModel; it needs "
        f"{card.needs}, or TensorFlow Serving, and nothing else."
    )


def _data(task, run, facts, records_dir):
    lines = [f"## Data\n\nTrained on `{facts['data']}`, split `{run.config.train.split}`."]
    path = os.path.join(records_dir, INFO_NAME)
    info = read_json(path) if has_records(records_dir) else {}
    splits = info.get("splits", {}) if info.get("dataset") == facts["data"] else {}
    for split, found in splits.items():
        # Queries follow from the objects of an image.
        items = task.ITEMS if f"num_{task.ITEMS}" in found else "objects"
        lines.append(
            f"- `{split}`: {found[f'num_{items}']:,} {items} about "
            f"{found['num_images']:,} images"
        )
    return "\n".join([lines[0], "", *lines[1:]]).rstrip()


def _metrics(task, card, workdir):
    stale = stale_evaluations(workdir)
    names = [name for name in _evaluation_files(workdir) if name not in stale]
    tables = [card.evaluation(read_json(os.path.join(workdir, name))) for name in names]
    if not names:
        tables = [_best_epoch(task, card, workdir)]
    tables = [table for table in tables if table]
    return "\n\n".join(["## Metrics", *tables]) if tables else ""


def _best_epoch(task, card, workdir):
    """The numbers of training, for a run that was never evaluated."""
    if not os.path.exists(os.path.join(workdir, "metrics.jsonl")):
        return ""
    epochs = [epoch for epoch in read_metrics(workdir) if task.BEST in epoch]
    if not epochs:
        return ""
    best = max(epochs, key=lambda epoch: epoch[task.BEST])
    return (
        f"After epoch {best['epoch']}, on the split that the best epoch was chosen on:\n\n"
        f"{card.epoch(best)}"
    )


def _outputs(task, card):
    rows = (f"| `{name}` | {kind} | {text} |" for name, kind, text in card.outputs())
    table = "\n".join(["| | | |", "|---|---|---|", *rows])
    return f"## What it gives\n\nFor each of the {task.ITEMS}:\n\n{table}"


def _refused(card, facts, max_pixels):
    kinds, also = [_MAP], ""
    if facts["input"] == "image":
        kinds = [kind.format(max_pixels=max_pixels, max_side=MAX_SIDE) for kind in _IMAGES]
        also = f"\n\n{_NOT_GUARDED}"
    lines = ";\n".join(f"- {kind}" for kind in [*kinds, *card.refused()])
    return f"## What is guarded\n\n{_GUARDED}\n\n{lines}.{also}"


_GUARDED = """A row of the following kinds gets a `status`, and the other rows of the batch are
answered:"""
_MAP = "a map with numbers that are not finite in float16"
_IMAGES = (
    f"bytes that are not {ONE_OF_THEM}, or none",
    "an image whose header says more than {max_pixels:,} pixels, or a side above "
    "{max_side:,}: it\n  is not decoded",
    "an image whose end is missing (a JPEG's, PNG's or GIF's end mark, a BMP's last pixel)",
    f"a JPEG of more than {MAX_SCANS} scans, or whose scans have together more than "
    f"{SCANS_TO_IMAGE} times\n  as many pixels as an image may have",
    "a JPEG whose header is broken, or that is lossless, of twelve bits, or of four inks "
    "without\n  Adobe's mark; a BMP that is compressed, has colours in a palette, other masks "
    "than the usual\n  ones, or bytes behind its pixels",
    "a PNG or a BMP with transparent pixels, behind which are colours that nobody sees",
)
_NOT_GUARDED = """\
Of a GIF, which is decoded with all of its frames, the first must be its whole screen, and the
others lie within it; all together have at most four times as many pixels as an image may have.

Not guarded, because only decoding shows it: damage within an image whose header and end are
whole, for instance a PNG with a wrong checksum. TensorFlow's decoder then fails the whole call.
A server that answers strangers should ask again row by row when a call fails."""


def _limits(card, facts):
    lines = card.limits()
    if facts["input"] == "image":
        lines.append(
            f"Every image is resized to {_times(facts['image_size'])} pixels, each side by "
            "itself. A photo's orientation tag is ignored, what is transparent in a GIF is "
            "seen as black, and of a moving image the first frame is seen."
        )
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _config(run):
    text = json.dumps(json.loads(run.config.to_json()), indent=1, ensure_ascii=False)
    return f"## Config\n\nAlso in `assets/config.json`.\n\n```json\n{text}\n```"


def _evaluation_files(workdir):
    names = sorted(os.listdir(workdir))
    return [n for n in names if n.startswith("evaluation_") and n.endswith(".json")]


def _times(sizes):
    return " x ".join(str(size) for size in sizes)
