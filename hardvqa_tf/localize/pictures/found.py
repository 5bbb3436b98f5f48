"""The picture of one query: what was drawn, what was found, and where the model looked.

    drawing(s) | image with boxes | image with the mask over it | presence of each cell
    what is shown, in a line

Letters: H W image in pixels, h w grid in cells, R boxes, G boxes that are right, D drawings.
"""

import numpy as np
from PIL import Image, ImageDraw

from hardvqa_tf.pictures import panels
from hardvqa_tf.pictures.paper import Paper

MARGIN, GAP, TITLE_HEIGHT = 20, 16, 26  # in pixels, as all lengths here
MAX_LINES = 3
_RIGHT_BOX = (40, 200, 110)


def draw_found(
    image,
    drawings,
    found,
    mask,
    presence,
    *,
    text,
    right=None,
    fields=None,
    width=1080,
):
    """Draws one query's picture.

    Args:
      image: uint8[H, W, 3].
      drawings: float[D, 64, 64] in [0, 1], white on black.
      found: (boxes, scores): float[R, 4], (left, top, right, bottom) as shares of the image,
        and float[R].
      mask: bool[h, w], True = kept.
      presence: float[h, w], the norm of each cell.
      text: what is shown, below the panels.
      right: float[G, 4], as the boxes; None where they are not known.
      fields: `encoders.fields.Fields`, where cells look; None: see `panels`.
      width: W', of the picture.

    Returns:
      uint8[H', W', 3].
    """
    image, mask = panels.check_image(image), panels.check_grid("mask", mask)
    presence = panels.check_grid("presence", presence)
    titles = ["Drawn", "Found", f"Kept: {mask.sum()} of {mask.size} cells", "Presence"]
    slot = (width - 2 * MARGIN - (len(titles) - 1) * GAP) // len(titles)
    small = panels.fit(image, slot - 2 * panels.FRAME)
    shown = [
        panels.frame(_side_by_side(drawings, small.shape[:2])),
        panels.frame(_with_boxes(small, *found, right)),
        panels.draw_mask(small, mask, fields),
        panels.draw_presence(small, presence, mask, fields),
    ]
    page = Paper(width, text)
    for i, (title, panel) in enumerate(zip(titles, shown, strict=True)):
        x = MARGIN + i * (slot + GAP)
        page.text(x, MARGIN, title, 14, panels.FAINT)
        page.paste(x, MARGIN + TITLE_HEIGHT, panel)
    page.y += 12
    for line in page.font.wrap(text, 16, width - 2 * MARGIN, MAX_LINES):
        page.text(MARGIN, page.y, line, 16, panels.TEXT)
        page.y += 22
    return page.finish(MARGIN)


def _side_by_side(drawings, size):
    """Dark on light, in rows of as many as make a square, in a panel of `size`."""
    per_row = int(np.ceil(np.sqrt(len(drawings))))
    sheet = Image.new("L", (size[1], size[0]), 255)
    side = min(size) // per_row
    for i, drawing in enumerate(drawings):
        ink = Image.fromarray(np.round(255 * (1 - np.asarray(drawing))).astype(np.uint8))
        ink = ink.resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(ink, (i % per_row * side, i // per_row * side))
    return np.asarray(sheet.convert("RGB"))


def _with_boxes(image, boxes, scores, right):
    """Boxes that are right in green, beneath; those that were found in orange with scores."""
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    size = np.array([image.shape[1], image.shape[0]] * 2)
    for box in right if right is not None else ():
        draw.rectangle(_corners(box * size), outline=_RIGHT_BOX, width=4)
    for box, score in reversed(list(zip(boxes, scores, strict=True))):  # The best on top.
        corners = _corners(box * size)
        draw.rectangle(corners, outline=panels.ORANGE, width=2)
        draw.text((corners[0] + 3, corners[1] + 1), f"{score:.2f}", fill=panels.ORANGE)
    return np.asarray(picture)


def _corners(box):
    """In order, also of a box without an extent."""
    left, top, right, bottom = (round(float(value)) for value in box)
    return [left, top, max(left, right), max(top, bottom)]
