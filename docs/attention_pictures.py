"""Makes the pictures of docs/attention.md: where each way of attending looks, for one question.

    python docs/attention_pictures.py --runs=runs/attention_family --records_dir=data/sort_of_clevr

Writes attention_<way>.png, all of one size. The runs are folders below --runs: for an attention
one without a mixer, for a mixer one with hard attention behind it.

Letters: H W image in pixels, h w grid in cells, T words.
"""

import argparse
import collections
import os
import sys

import numpy as np
import tensorflow as tf
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from hardvqa_tf.looks import look_of, word_means  # noqa: E402
from hardvqa_tf.overlay import (  # noqa: E402
    FAINT,
    FRAME,
    RIGHT,
    TEXT,
    WRONG,
    best_answers,
    draw_mask,
    draw_presence,
    finite_range,
    format_number,
)
from hardvqa_tf.page import Page  # noqa: E402
from hardvqa_tf.pixels import decode_image, scale_pixels  # noqa: E402
from hardvqa_tf.runs import load_run  # noqa: E402
from hardvqa_tf.text import split_words  # noqa: E402
from records.folder import shard_paths  # noqa: E402
from records.schema import parse_example  # noqa: E402

WAYS = ("han", "adahan", "soft", "additive", "bilevel_routing", "query_guided")
PANEL = 225  # side of the square that an image fits into, in pixels, as all lengths here
MARGIN, GAP = 16, 20
WIDTH = 2 * MARGIN + 3 * (PANEL + 2 * FRAME) + 2 * GAP
LETTERS, LINE_HEIGHT = 14, 20
NUM_CAPTION_LINES = 3


def find_question(records_dir, split, number):
    """Returns (encoded image, question, right answer) of a question, by its number in a split.

    Raises:
      SystemExit: if the split has fewer questions.
    """
    left = number
    for serialized in tf.data.TFRecordDataset(shard_paths(records_dir, split)):
        record = parse_example(serialized)
        texts = record["question/text"].numpy()
        if left < len(texts):
            answers = collections.Counter(record["answer/text"][left].numpy().tolist())
            answer = answers.most_common(1)[0][0].decode() if answers else None
            return record["image/encoded"], texts[left].decode(), answer
        left -= len(texts)
    sys.exit(
        f"There is no question {number} in the split {split} of {records_dir}. Expected a "
        f"number below {number - left}. Give another --question."
    )


def ask(run, encoded, question):
    """Asks a model, whose image encoder takes images.

    Args:
      run: of `load_run`.
      encoded: bytes of an image file.
      question: str.

    Returns:
      (dict of this question's outputs, NumPy arrays; list of (answer, probability), best first;
      list of str, the words in the order in which the model reads them).
    """
    pixels = decode_image(encoded, run.config.image_size)
    tokens = run.vocabularies.tokenizer([question])
    batch = {"image": scale_pixels(pixels)[None], "question_tokens": tokens[None]}
    outputs = run.model(batch, training=False)
    outputs = {name: np.asarray(value)[0, 0] for name, value in outputs.items()}
    words = split_words([question])[0][: run.vocabularies.tokenizer.max_words]
    if run.config.model.question_lstm.get("reverse"):
        words = words[::-1]
    return outputs, best_answers(outputs["logits"], run.vocabularies.answers.answers), words


def draw(image, outputs, words, *, title, question, best, answer):
    """Draws the picture of one way: image, where it looks, and what follows from that.

    Args:
      image: uint8[H, W, 3].
      outputs, words, best: of `ask`.
      title: str, over the second panel.
      question, answer: str; the right answer may be None.

    Returns:
      uint8[H', W', 3].
    """
    image = _fit(image)
    panels = [(_frame(image), "The image", ""), *_panels(image, outputs, words, title)]
    page = Page(WIDTH, " ".join([question, answer or "", best[0][0]]))
    page.text(MARGIN, MARGIN, page.font.shorten(question, 18, WIDTH - 2 * MARGIN), 18, TEXT)
    _draw_answer(page, MARGIN + 28, best[0], answer)
    top = MARGIN + 62
    for i, (panel, title, caption) in enumerate(panels):
        x = MARGIN + i * (PANEL + 2 * FRAME + GAP)
        page.text(x, top, page.font.shorten(title, LETTERS, PANEL), LETTERS, FAINT)
        page.paste(x, top + 26, panel, grow=False)
        y = top + 26 + PANEL + 2 * FRAME + 6
        for line in page.font.wrap(caption, LETTERS, PANEL, NUM_CAPTION_LINES):
            page.text(x, y, line, LETTERS, FAINT)
            y += LINE_HEIGHT
    page.y = top + 26 + PANEL + 2 * FRAME + 6 + NUM_CAPTION_LINES * LINE_HEIGHT
    return page.finish(MARGIN // 2)
