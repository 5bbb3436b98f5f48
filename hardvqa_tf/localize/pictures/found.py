"""The picture of one query: what was drawn, what was found, and where the model looked.

    drawing(s) | image with boxes | image with the mask over it | presence of each cell
    what is shown, in a line

Letters: H W image in pixels, h w grid in cells, R boxes, G boxes that are right, D drawings.
"""

import numpy as np
from PIL import Image, ImageDraw

from hardvqa_tf.localize.judging.queries import Found
from hardvqa_tf.pictures import panels
from hardvqa_tf.pictures.paper import Font, Paper

MARGIN, GAP, TITLE_HEIGHT = 20, 16, 26  # in pixels, as all lengths here
MAX_LINES = 3
_RIGHT_BOX, _DARK = (60, 225, 130), (20, 22, 28)
_TEXT_SIZE = 13
_TEXT = Font("0123456789.")


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
    kept=None,
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
      kept: (kept cells, of all); None: those of the mask.
      width: W', of the picture.

    Returns:
      uint8[H', W', 3].
    """
    image, mask = panels.check_image(image), panels.check_grid("mask", mask)
    presence = panels.check_grid("presence", presence)
    num_cells, total = kept or (mask.sum(), mask.size)
    titles = ["Drawn", "Found", f"Kept: {num_cells} of {total} cells", "Presence"]
    slot = (width - 2 * MARGIN - (len(titles) - 1) * GAP) // len(titles)
    small = enlarge(image, slot - 2 * panels.FRAME)
    shown = [
        panels.frame(draw_sheet(drawings, small.shape[:2])),
        panels.frame(draw_boxes(small, Found(*found), right)),
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


def enlarge(image, limit):
    """The image with its longer side of `limit` pixels, smooth; uint8[H, W, 3]."""
    scale = limit / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def draw_sheet(drawings, size):
    """Drawings dark on white, in rows of as many as make a square; uint8[*size, 3].

    Args:
      drawings: float[D, 64, 64] in [0, 1], white on black.
      size: (height, width), in the middle of which they stand.
    """
    per_row = int(np.ceil(np.sqrt(len(drawings))))
    num_rows = -(-len(drawings) // per_row)
    sheet = Image.new("L", (size[1], size[0]), 255)
    side = max(1, min(size[0] // num_rows, size[1] // per_row))
    top, left = (size[0] - num_rows * side) // 2, (size[1] - per_row * side) // 2
    for i, drawing in enumerate(drawings):
        ink = Image.fromarray(np.round(255 * (1 - np.asarray(drawing))).astype(np.uint8))
        ink = ink.resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(ink, (left + i % per_row * side, top + i // per_row * side))
    return np.asarray(sheet.convert("RGB"))


def draw_boxes(image, found=None, right=None):
    """The image with boxes: those that are right in green, and what was found in orange.

    A box that reaches beyond the image is clipped by it, so that its lines are seen.

    Args:
      image: uint8[H, W, 3].
      found: `Found`, boxes as shares of the image, best first, with their scores; or None.
      right: float[G, 4], as those; or None.

    Returns:
      uint8[H, W, 3].
    """
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    size = np.array([image.shape[1], image.shape[0]] * 2)
    for box in right if right is not None else ():
        _draw_box(draw, _clipped(box, size), _RIGHT_BOX, 4)
    pairs = [] if found is None else list(zip(found.boxes, found.scores, strict=True))
    for box, _ in reversed(pairs):  # The best on top.
        _draw_box(draw, _clipped(box, size), panels.ORANGE, 2)
    for box, score in reversed(pairs):
        _draw_score(draw, _clipped(box, size), f"{score:.2f}", picture.size)
    return np.asarray(picture)


def _clipped(box, size):
    """From shares to pixels, the last of which is size - 1."""
    return np.minimum(np.clip(box, 0.0, 1.0) * size, size - 1)


def _draw_box(draw, box, color, width):
    """With a dark line on either side, to be seen on any image."""
    left, top, right, bottom = _corners(box)
    draw.rectangle([left - 1, top - 1, right + 1, bottom + 1], outline=_DARK, width=width + 2)
    draw.rectangle([left, top, right, bottom], outline=color, width=width)


def _draw_score(draw, box, text, size):
    """On a tab above the box's corner; within the image, wherever the box is."""
    width = _TEXT.length(text, _TEXT_SIZE) + 6
    height = _TEXT_SIZE + 3
    left, top, *_ = _corners(box)
    left = min(max(left - 1, 0), size[0] - width)
    top = min(max(top - height, 0), size[1] - height)
    draw.rectangle([left, top, left + width - 1, top + height - 1], fill=panels.ORANGE)
    for piece, font in _TEXT.pieces(text, _TEXT_SIZE):
        draw.text((left + 3, top + height - 4), piece, _DARK, font, anchor="ls")


def _corners(box):
    """In order, also of a box without an extent."""
    left, top, right, bottom = (round(float(value)) for value in box)
    return [left, top, max(left, right), max(top, bottom)]
