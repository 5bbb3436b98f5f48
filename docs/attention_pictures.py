"""Makes the pictures of docs/attention.md: where each way of attending looks, for one question.

    python docs/attention_pictures.py --runs=runs/attention_family --adahan=../adahan \
        --records_dir=data/sort_of_clevr --question=22

Writes attention_<way>.png, all of one size. The runs are folders below --runs, each with the
flag of its way to name it: of an attention one without a mixer, of a mixer one with hard
attention behind it. Prints what every model answers.

Letters: H W image in pixels, h w grid in cells.
"""

import argparse
import collections
import os
import sys

import numpy as np
import tensorflow as tf
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from hardvqa_tf.data.words import split_words
from hardvqa_tf.pictures import panels
from hardvqa_tf.pictures.paper import Paper
from hardvqa_tf.runs import load_run
from hardvqa_tf.vqa import predicting
from hardvqa_tf.vqa.best_answers import best_answers
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.pictures.looks import look_of
from records.decode import decode_image
from records.folder import shard_paths
from records.schema import parse_example

WAYS = ("han", "adahan", "soft", "additive", "bilevel_routing", "query_guided")
PANEL = 225  # side of the square that an image fits into; in pixels, as all lengths here
MARGIN, GAP = 16, 24
COLUMN = PANEL + 2 * panels.FRAME
WIDTH = 2 * MARGIN + 3 * COLUMN + 2 * GAP
NUM_CAPTION_LINES = 4


def find_question(records_dir, split, number):
    """Finds a question by its number in a split, in the order of the records.

    Returns:
      (bytes of the image's file, question, right answer or None).

    Raises:
      SystemExit: if the split has fewer questions.
    """
    num_questions = 0
    for serialized in tf.data.TFRecordDataset(shard_paths(records_dir, split)):
        record = parse_example(serialized)
        texts, i = record["question/text"].numpy(), number - num_questions
        if i < len(texts):
            given = collections.Counter(record["answer/text"][i].numpy().tolist())
            answer = given.most_common(1)[0][0].decode() if given else None
            return record["image/encoded"].numpy(), texts[i].decode(), answer
        num_questions += len(texts)
    sys.exit(
        f"There is no question {number} in {split} of {records_dir}. Expected a number below "
        f"{num_questions}. Give another --question."
    )


def ask(run, encoded, question):
    """Asks a model of images.

    Args:
      run: of `load_run`.
      encoded: bytes of the image's file.
      question: str.

    Returns:
      (dict of this question's outputs, NumPy arrays; list of (answer, probability), best first;
      list of str, the question's words).
    """
    tokenizer = run.assets.tokenizer
    pixels = decode_image(encoded, run.config.image_size)
    outputs = predicting.ask(run.model, pixels, tokenizer([question]))
    words = split_words([question])[0][: tokenizer.max_words]
    return outputs, best_answers(outputs["logits"], run.assets.answers.answers), words


def draw_way(way, image, question, answer, outputs, predictions, words, fields=None):
    """Draws one way's picture: the image, where it looks, and what goes with that.

    Args:
      way: a name in WAYS.
      image: uint8[H, W, 3].
      answer: the right one; None where it is not known.
      outputs, predictions, words: of `ask`.
      fields: `encoders.fields.Fields`, where the cells look; None: the image divided equally.

    Returns:
      uint8[H', W', 3], of the same shape whatever the way, if the image is the same.
    """
    image = fit_panel(image)
    page = Paper(WIDTH, " ".join([question, answer or "", *words, predictions[0][0]]))
    page.text(MARGIN, MARGIN - 6, page.font.shorten(question, 19, WIDTH - 200), 19, panels.TEXT)
    _draw_answer(page, MARGIN - 3, *predictions[0], answer)
    shown = [
        ("The image", panels.frame(image), ""),
        *_panels(way, image, outputs, words, fields),
    ]
    top = MARGIN + 32
    below = top + 24 + image.shape[0] + 2 * panels.FRAME + 4
    for i, (title, panel, caption) in enumerate(shown):
        x = MARGIN + i * (COLUMN + GAP)
        page.text(x, top, title, 14, panels.FAINT)
        page.paste(x, top + 24, panel, grow=False)
        lines = page.font.wrap(caption, 13, COLUMN, NUM_CAPTION_LINES)
        for j, line in enumerate(lines):
            page.text(x, below + 18 * j, line, 13, panels.FAINT)
    page.y = below + 18 * NUM_CAPTION_LINES
    return page.finish(4)


def _panels(way, image, outputs, words, fields):
    """[(title, panel, caption)], where it looks first."""
    mask, presence = outputs["mask"], outputs["presence"]
    look, masked = look_of(outputs, words, fields=fields), panels.draw_mask(image, mask, fields)
    if look is None:
        low, high = panels.format_range(*panels.finite_range(presence))
        shown = panels.draw_presence(image, presence, mask, fields)
        return [
            (f"{way}: {_describe(mask)}", masked, _legend(mask)),
            ("Presence of each cell", shown, f"from {low}, dark, to {high}, light"),
        ]
    panel = look.draw(image)
    if "word_weights" in outputs:
        read = look.draw_beside(COLUMN)
        return [(way, panel, look.legend), ("Words that the kept cells read", read, "")]
    return [
        (way, panel, f"{look.caption}; {look.legend}"),
        (f"han behind it: {_describe(mask)}", masked, _legend(mask)),
    ]


def _describe(mask):
    kept = f"{np.count_nonzero(mask)} of {mask.size} cells"
    return kept if mask.dtype == bool else f"{kept}, weighted"


def _legend(mask):
    if mask.dtype == bool:
        return "clear: kept, dim: dropped"
    greatest = panels.format_number(panels.finite_range(mask)[1])
    return f"brightness = weight; clear: {greatest}, the greatest"


def _draw_answer(page, y, said, probability, answer):
    """At the right end of the first line."""
    is_right = said == answer
    text = f"{said}, {100 * probability:.0f} %"
    color = panels.TEXT if answer is None else panels.RIGHT if is_right else panels.WRONG
    x = WIDTH - MARGIN - page.font.length(text, 15)
    page.text(x, y, text, 15, color)
    if answer is not None:
        page.sign(x - 22, y + 2, is_right, color)


def fit_panel(image):
    """Makes the longer side PANEL; pixels stay sharp where that is a multiple."""
    scale = PANEL / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BOX)
    return np.asarray(resized)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", required=True, help="the folder that the runs lie in")
    parser.add_argument("--records_dir", required=True, help="records of images")
    parser.add_argument("--split", default="val", help="that the question is of")
    parser.add_argument("--question", type=int, default=22, help="its number in the split")
    parser.add_argument("--output_dir", default="docs/images")
    parser.add_argument("--han", default="small_cnn_han", help="folder of its run, as below")
    parser.add_argument("--adahan", default="small_cnn_adahan")
    parser.add_argument("--soft", default="small_cnn_soft")
    parser.add_argument("--additive", default="additive_han")
    parser.add_argument("--bilevel_routing", default="bilevel_routing_han")
    parser.add_argument("--query_guided", default="query_guided_han")
    flags = parser.parse_args()
    encoded, question, answer = find_question(flags.records_dir, flags.split, flags.question)
    image = decode_image(encoded).numpy()
    print(f"{question} {answer}")
    os.makedirs(flags.output_dir, exist_ok=True)
    for way in WAYS:
        run = load_run(os.path.join(flags.runs, getattr(flags, way)))
        outputs, predictions, words = ask(run, encoded, question)
        fields = cell_fields(run.model)
        picture = draw_way(way, image, question, answer, outputs, predictions, words, fields)
        path = os.path.join(flags.output_dir, f"attention_{way}.png")
        # 256 colours are enough for what is shown here, and a third of the bytes.
        quantized = Image.fromarray(picture).quantize(256, dither=Image.Dither.NONE)
        quantized.save(path, optimize=True)
        said, probability = predictions[0]
        print(f"{path}: {said}, {100 * probability:.1f} %; {os.path.getsize(path):,} bytes")


if __name__ == "__main__":
    main()
