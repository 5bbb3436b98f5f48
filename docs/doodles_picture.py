"""Makes docs/images/doodles.png: drawings of every named class, and of some random ones.

    python docs/doodles_picture.py

Below each other in three columns, a row for each class: its name, and its drawings of the seeds
0 to 7. The sheet is grey, with few shades: a small file.
"""

import argparse
import os
import sys

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from hardvqa_tf.pictures import panels
from hardvqa_tf.pictures.paper import Paper
from records.drawings.doodles import class_names, draw
from records.drawings.rasterize import rasterize_strokes

SIZE = 40  # of a drawing, in pixels
GAP = 4
NAME = 92
COLUMN_GAP = 24
SHADES = 5


def draw_rows(names, num_drawings):
    """uint8[H, W, 3]: a row for each class, its name and its drawings."""
    page = Paper(NAME + num_drawings * (SIZE + GAP), " ".join(names))
    for name in names:
        top = page.y + GAP
        page.text(0, top + 12, name, 12, panels.TEXT)
        for i in range(num_drawings):
            ink = rasterize_strokes(draw(name, i), SIZE)
            shade = (255 - 255 * ink).astype(np.uint8)
            page.paste(NAME + i * (SIZE + GAP), top, np.stack([shade] * 3, axis=-1))
    return page.finish(GAP)


def draw_sheet(names, num_drawings, num_columns):
    """uint8[H, W, 3]: the rows in so many columns, the first ones on the left."""
    high = -(-len(names) // num_columns)
    columns = [draw_rows(names[i : i + high], num_drawings) for i in range(0, len(names), high)]
    tallest = max(len(column) for column in columns)
    white = [((0, tallest - len(column)), (0, COLUMN_GAP), (0, 0)) for column in columns]
    padded = [np.pad(c, w, constant_values=255) for c, w in zip(columns, white, strict=True)]
    return np.concatenate(padded, axis=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--random", type=int, default=10, help="number of random classes")
    parser.add_argument("--drawings", type=int, default=8, help="of a class")
    parser.add_argument("--columns", type=int, default=3)
    parser.add_argument("--output", default="docs/images/doodles.png")
    flags = parser.parse_args()
    sheet = draw_sheet(class_names(flags.random), flags.drawings, flags.columns)
    picture = Image.fromarray(sheet).convert("L")
    picture = picture.quantize(SHADES, dither=Image.Dither.NONE)
    os.makedirs(os.path.dirname(os.path.abspath(flags.output)), exist_ok=True)
    picture.save(flags.output, optimize=True)
    print(f"{flags.output}: {os.path.getsize(flags.output):,} bytes")


if __name__ == "__main__":
    main()
