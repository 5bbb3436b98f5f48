"""What different models look at, for the same questions: the paper's figures 3 and 4.

A row is a question, a column a model; what a model did not look at is dark.
"""

import collections
import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.data.inputs import takes_images
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.pictures import panels
from hardvqa_tf.report_parts.pages import Gallery, Tile
from hardvqa_tf.report_parts.plots import draw_gallery
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.report.run import aggregator_title, aggregators_of, without_aggregator
from hardvqa_tf.vqa.slots import Keeps
from records.decode import decode_image
from records.read import read_records

NUM_QUESTIONS = 6
_FEATURES = (
    "image/encoded",
    "image/orientation",
    "question/id",
    "question/text",
    "question/type",
    "answer/text",
)


@dataclasses.dataclass(frozen=True)
class AskedQuestion:
    """One question about one image; `answer` is the first one people gave, "" if hidden."""

    question_id: str
    text: str
    type: str
    answer: str
    encoded: bytes
    orientation: int = 1

    @functools.cached_property
    def pixels(self):
        """uint8[H, W, 3], in the image's own size."""
        return self.decode().numpy()

    def decode(self, image_size=None):
        return decode_image(self.encoded, image_size, self.orientation)


def choose_questions(records_dir, split, number=NUM_QUESTIONS):
    """One question an image, of the type seen least so far, from the first images on.

    Args:
      records_dir: a folder of records.
      split: "test", ...
      number: of questions; fewer if there are fewer images with questions.

    Returns:
      list of `AskedQuestion`, the same in every call; empty for records of maps.
    """
    chosen, seen = [], collections.Counter()
    for record in read_records(records_dir, split, _FEATURES):
        if not record["image/encoded"]:
            return []
        types = record["question/type"]
        if not types:
            continue
        q = min(range(len(types)), key=lambda q: seen[types[q]])  # min: the first of equals
        seen[types[q]] += 1
        chosen.append(
            AskedQuestion(
                record["question/id"][q],
                record["question/text"][q],
                types[q],
                (record["answer/text"][q] or [""])[0],
                record["image/encoded"],
                record["image/orientation"],
            )
        )
        if len(chosen) == number:
            break
    return chosen


def ask_models(groups, questions, load_run):
    """Asks the first run of each group.

    Args:
      groups: list of `groups.Group`.
      questions: list of `AskedQuestion`; may be empty.
      load_run: from a run's folder to a `runs.Run`.

    Returns:
      {workdir: (number of parameters, list of `Tile`, one a question)}; a model of maps, which
      cannot be asked about images, has no tiles.
    """
    asked = {}
    for group in groups:
        run = load_run(group.first.workdir)
        is_of_images = takes_images(run.model)
        tiles = _ask(run, questions) if is_of_images and questions else []
        asked[group.first.workdir] = run.model.count_params(), tiles
        del run
        keras.backend.clear_session()  # Else every model stays in memory.
    return asked


def galleries(groups, questions, asked, name):
    """A gallery for each aggregator, of the models that leave cells out or weigh them.

    Args:
      groups, questions: as `ask_models` took them.
      asked: what it returned.
      name: what the names of pictures begin with.
    """
    blocks = []
    for aggregator in aggregators_of(groups):
        shown = [
            group
            for group in groups
            if group.first.aggregator == aggregator
            and group.first.keeps is not Keeps.ALL
            and asked[group.first.workdir][1]
        ]
        if shown:
            title = aggregator_title(aggregator)
            blocks.append(_gallery(title, shown, questions, asked, f"{name}masks_{aggregator}"))
    return blocks


def _gallery(title, groups, questions, asked, name):
    header = ["question", "image", *(without_aggregator(group) for group in groups)]
    rows = []
    for number, question in enumerate(questions):
        alt = f"The image of: {question.text}"
        tiles = [Tile(question.pixels, alt, question.answer or "(hidden)")]
        tiles += [asked[group.first.workdir][1][number] for group in groups]
        rows.append((question.text, tiles))
    caption = (
        f"{title}: the image with the right answer, and what each model looked at with its own "
        "answer; dark: not looked at, for soft attention the darker the smaller the weight. "
        "✓ right, ✗ wrong."
    )
    return Gallery(name, caption, header, rows, draw_gallery(header, rows))


def _ask(run, questions):
    """A `Tile` for each question."""
    pixels = [question.decode(run.config.image_size) for question in questions]
    tokens = run.assets.tokenizer([question.text for question in questions])
    batch = {"image": scale_pixels(tf.stack(pixels)), "question_tokens": tokens[:, None]}
    outputs = {k: np.asarray(v)[:, 0] for k, v in run.model(batch, training=False).items()}
    fields = cell_fields(run.model)
    classes, answers = outputs["logits"].argmax(axis=-1), run.assets.answers.answers
    return [
        _tile(question, answers[i], mask, fields)
        for question, i, mask in zip(questions, classes, outputs["mask"], strict=True)
    ]


def _tile(question, answer, mask, fields):
    sign, word = "", ""
    if question.answer:
        right = answer == question.answer
        sign, word = (" ✓", ", right") if right else (" ✗", ", wrong")
    looked = "weights of all cells"
    if mask.dtype == bool:
        looked = f"looked at {np.count_nonzero(mask)} of {mask.size} cells"
    pixels = panels.dim_dropped(question.pixels, mask, fields)
    return Tile(pixels, f"{looked}; answer {answer}{word}", answer + sign)
