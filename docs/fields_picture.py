"""Makes docs/images/where_cells_look.png: a mask as it was drawn before, and where it looks.

    python docs/fields_picture.py --runs=runs --records_dir=data/sort_of_clevr

A row for each run, folders below --runs of the names that --names gives: the image; the kept
cells as equal parts of the image, as they were drawn before; the same cells where they look;
and what they see, by the gradient of the kept cells' presence with respect to the pixels.

Letters: H W image in pixels, h w grid in cells.
"""

import argparse
import os
import sys

import numpy as np
import tensorflow as tf
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from docs.attention_pictures import COLUMN, GAP, MARGIN, find_question, fit_panel
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.pictures import panels
from hardvqa_tf.pictures.paper import Paper
from hardvqa_tf.runs import load_run
from hardvqa_tf.vqa.cell_fields import cell_fields
from records.decode import decode_image

WIDTH = 2 * MARGIN + 4 * COLUMN + 3 * GAP
TITLES = ("The image", "Before: equal parts", "Now: where they look", "What they see")


def look(model, pixels, tokens):
    """What a model keeps for one question, and what that is computed from.

    Args:
      model: of images.
      pixels: uint8[H, W, 3], of the model's size.
      tokens: int32[1, T].

    Returns:
      mask bool[h, w], and float[H, W]: |d presence of the kept cells / d pixel|.
    """
    image = tf.Variable(scale_pixels(pixels)[None])
    with tf.GradientTape() as tape:
        outputs = model({"image": image, "question_tokens": tokens[None]}, training=False)
        kept = tf.cast(outputs["mask"], tf.float32)
        presence = tf.reduce_sum(outputs["presence"] * kept)
    gradient = tf.reduce_sum(tf.abs(tape.gradient(presence, image)), axis=-1)
    return outputs["mask"][0, 0].numpy(), gradient[0].numpy()


def distance(fields):
    """How far the cells look from where an equal division has them: in cells, (down, right)."""
    equal = Fields.equal(fields.image_size, fields.grid)
    return [
        float(np.mean(at - parts)) / pitch
        for at, parts, pitch in zip(
            fields.centres(), equal.centres(), fields.pitch, strict=True
        )
    ]


def draw_row(name, image, question, fields, mask, gradient):
    """uint8[H', W', 3]: the four panels, and what they are of.

    Args:
      name: of the encoder.
      image: uint8[H, W, 3].
      question: str.
      fields: `encoders.fields.Fields`.
      mask, gradient: of `look`.
    """
    image = fit_panel(image)
    height, width = image.shape[:2]
    seen = Image.fromarray(np.sqrt(gradient).astype(np.float32)).resize((width, height))
    heat = panels.frame(panels.heat(np.asarray(seen)))
    down, right = distance(fields)
    page = Paper(WIDTH, name + question)
    page.text(MARGIN, MARGIN - 6, name, 19, panels.TEXT)
    size = "x".join(map(str, fields.image_size))
    off = f"{down:+.2f} of a cell down and {right:+.2f} right of its part"
    said = f"{question} At {size} pixels a cell looks {off}."
    x = MARGIN + page.font.length(name, 19) + 16
    page.text(x, MARGIN - 2, page.font.shorten(said, 14, WIDTH - MARGIN - x), 14, panels.FAINT)
    shown = (
        panels.frame(image),
        panels.draw_mask(image, mask),
        panels.draw_mask(image, mask, fields),
        panels.outline(heat, mask, panels.WHITE, fields),
    )
    top = MARGIN + 32
    for i, (title, panel) in enumerate(zip(TITLES, shown, strict=True)):
        x = MARGIN + i * (COLUMN + GAP)
        page.text(x, top, title, 14, panels.FAINT)
        page.paste(x, top + 24, panel)
    return page.finish(8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", required=True, help="the folder that the runs lie in")
    names = ["small_cnn", "swiftformer_xs", "biformer_t"]
    parser.add_argument("--names", nargs="+", default=names)
    parser.add_argument("--records_dir", required=True, help="records of images")
    parser.add_argument("--split", default="val", help="that the question is of")
    parser.add_argument("--question", type=int, default=22, help="its number in the split")
    parser.add_argument("--output", default="docs/images/where_cells_look.png")
    flags = parser.parse_args()
    encoded, question, _ = find_question(flags.records_dir, flags.split, flags.question)
    image, rows = decode_image(encoded).numpy(), []
    for name in flags.names:
        run = load_run(os.path.join(flags.runs, name))
        pixels = decode_image(encoded, run.config.image_size)
        mask, gradient = look(run.model, pixels, run.assets.tokenizer([question]))
        fields = cell_fields(run.model)
        rows.append(draw_row(name, image, question, fields, mask, gradient))
        print(f"{name}: {distance(fields)} cells (down, right)")
    picture = Image.fromarray(np.concatenate(rows)).quantize(256, dither=Image.Dither.NONE)
    os.makedirs(os.path.dirname(os.path.abspath(flags.output)), exist_ok=True)
    picture.save(flags.output, optimize=True)
    print(f"{flags.output}: {os.path.getsize(flags.output):,} bytes")


if __name__ == "__main__":
    main()
