"""A picture of one answer: what the model looked at, and what it then said.

    image | image with the mask over it | presence of each cell
    what the mixer looked at, of a model that has one (`looks`)
    question, the right answer, the five best answers with their probabilities

Letters: H W image in pixels, h w grid in cells. Cell (i, j) of the grid is the image's part
from i·H/h to (i+1)·H/h and from j·W/w to (j+1)·W/w. (What a cell knows reaches further: the
receptive field of a convolution is larger than its stride.)
"""

import io

import numpy as np
from PIL import Image

from hardvqa_tf.pictures.paper import Page

MARGIN, GAP = 24, 20  # around everything, between panels; in pixels, as all lengths here
FRAME = 2  # a panel's border, in which the outline of cells at the image's edge is drawn
TITLE_HEIGHT, MIN_COLUMN = 28, 230
MAX_QUESTION_LINES, MAX_LEGEND_LINES = 6, 8
NUM_ANSWERS = 5

TEXT, FAINT, LINE = (30, 32, 38), (104, 108, 118), (222, 224, 229)
BAR, RIGHT, WRONG = (70, 90, 140), (22, 120, 60), (190, 40, 40)
ORANGE = (255, 150, 0)
# Dark to light without a step back, so that it reads in greyscale too: the luminance of these
# colours rises evenly.
_RAMP = np.array(
    [(24, 18, 66), (68, 44, 138), (156, 58, 142), (226, 102, 96), (250, 174, 84)]
    + [(253, 240, 180)],
    np.float64,
)


def draw_overlay(
    image, mask, presence=None, *, question, predictions, answer=None, look=None, width=1080
):
    """Draws one question's picture.

    Args:
      image: uint8[H, W, 3].
      mask: bool[h, w], True = looked at; or float[h, w], weights of soft attention.
      presence: float[h, w], the norm of each cell; None leaves its panel out.
      question: str.
      predictions: list of (answer, probability), best first; the first five are drawn.
      answer: the right answer; None where it is not known.
      look: `looks.Look`, what a mixer looked at; None leaves its part out.
      width: W', of the picture; 400 at least.

    Returns:
      uint8[H', W', 3].

    Raises:
      ValueError: if image, mask or presence have another shape or dtype, or width is too small.
    """
    if width < 400:
        raise ValueError(
            f"`width` must be at least 400 pixels, for three panels. Received: {width}."
        )
    image, mask = check_image(image), check_grid("mask", mask)
    titles = ["Image", _describe_mask(mask)]
    if presence is not None:
        presence = check_grid("presence", presence)
        titles.append("Presence (norm of each cell)")
    slot = (width - 2 * MARGIN - (len(titles) - 1) * GAP) // len(titles)
    small = _fit(image, slot - 2 * FRAME)
    panels = [frame(small), draw_mask(small, mask)]
    if presence is not None:
        panels.append(draw_presence(small.shape[:2], presence, mask))

    texts = [question, answer or "", *(text for text, _ in predictions)]
    page = Page(width, " ".join(texts + ([look.title, look.legend] if look else [])))
    # The first panel flush left, the last flush right, as wide as its title at least.
    column = max(panels[0].shape[1], MIN_COLUMN)
    step = (width - 2 * MARGIN - column) // (len(panels) - 1)
    for i, (title, panel) in enumerate(zip(titles, panels, strict=True)):
        x = MARGIN + i * step
        page.text(x, MARGIN, title, 15, FAINT)
        page.paste(x, MARGIN + TITLE_HEIGHT, panel)
    _draw_mask_legend(page, MARGIN + step, mask)
    if presence is not None:
        _draw_presence_legend(page, MARGIN + 2 * step, column, presence)
    page.y += 46
    if look:
        _draw_look(page, look, small)
    _draw_question(page, question)
    _draw_verdict(page, predictions, answer)
    _draw_answers(page, predictions[:NUM_ANSWERS], answer)
    return page.finish(MARGIN)


def best_answers(logits, answers):
    """The most probable answers.

    Args:
      logits: float[A].
      answers: list of str, A of them.

    Returns:
      list of (answer, probability), best first: five, or all of fewer.
    """
    logits = np.asarray(logits, np.float64)
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    best = np.argsort(-logits, kind="stable")[:NUM_ANSWERS]
    return [(answers[i], float(probabilities[i])) for i in best]


def to_png(picture):
    """uint8[H, W, 3] -> the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def cell_edges(size, num_cells):
    """Where cells begin and end along one side.

    Args:
      size: of the side in pixels.
      num_cells: that the grid has along it.

    Returns:
      int[num_cells + 1], from 0 to `size`.
    """
    return np.round(np.arange(num_cells + 1) * size / num_cells).astype(int)


def dim_dropped(image, mask):
    """Dims and desaturates what was not looked at.

    Args:
      image: uint8[H, W, 3].
      mask: bool[h, w]; or float[h, w], for which a cell is as clear as its weight is large
        relative to the greatest one.

    Returns:
      uint8[H, W, 3], equal to the image in cells that were looked at.
    """
    clear = np.nan_to_num(np.asarray(mask, np.float64))
    clear = np.clip(clear / max(clear.max(), 1e-30), 0.0, 1.0)
    clear = to_pixels(clear, image.shape[:2])[..., None]
    gray = image @ np.array([0.299, 0.587, 0.114])
    dim = 34 + 0.30 * gray[..., None]
    return np.round(clear * image + (1 - clear) * dim).astype(np.uint8)


def heat(values, limits=None):
    """Colours values from dark (their minimum) to light (their maximum).

    Args:
      values: float[...]; what is not finite gets the darkest colour.
      limits: (darkest, lightest) in the place of minimum and maximum; between them all values.

    Returns:
      uint8[..., 3].
    """
    low, high = finite_range(values) if limits is None else limits
    values = np.where(np.isfinite(values), values, low)
    share = (values - low) / ((high - low) or 1.0)
    stops = np.linspace(0.0, 1.0, len(_RAMP))
    channels = [np.interp(share, stops, _RAMP[:, c]) for c in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)


# Panels.


def _fit(image, limit):
    """Enlarges by a whole factor, which keeps pixels square, or makes smaller."""
    height, width = image.shape[:2]
    factor = limit // max(height, width)
    if factor:
        return image.repeat(factor, axis=0).repeat(factor, axis=1)
    scale = limit / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def frame(panel, color=LINE):
    """uint8[H, W, 3] -> uint8[H + 2 FRAME, W + 2 FRAME, 3]."""
    framed = np.empty((panel.shape[0] + 2 * FRAME, panel.shape[1] + 2 * FRAME, 3), np.uint8)
    framed[:] = color
    framed[FRAME:-FRAME, FRAME:-FRAME] = panel
    return framed


def draw_mask(image, mask):
    panel = frame(dim_dropped(image, mask))
    return outline(panel, mask, ORANGE) if mask.dtype == bool else panel


def draw_presence(size, presence, mask):
    panel = frame(to_pixels(heat(presence), size))
    hard = mask.dtype == bool and mask.shape == presence.shape
    return outline(panel, mask, (255, 255, 255)) if hard else panel


def outline(panel, mask, color):
    """Draws around kept cells, outside of them, so that what was looked at stays as it is."""
    size = panel.shape[0] - 2 * FRAME, panel.shape[1] - 2 * FRAME
    kept = np.pad(to_pixels(mask, size), 2 * FRAME)
    near = np.zeros(panel.shape[:2], bool)
    height, width = near.shape
    for dy in range(2 * FRAME + 1):
        for dx in range(2 * FRAME + 1):
            near |= kept[dy : dy + height, dx : dx + width]
    kept = kept[FRAME:-FRAME, FRAME:-FRAME]
    return np.where((near & ~kept)[..., None], np.array(color, np.uint8), panel)


def to_pixels(cells, size):
    """[h, w, ...] -> [H, W, ...], each cell repeated over its pixels."""
    rows = np.diff(cell_edges(size[0], cells.shape[0]))
    columns = np.diff(cell_edges(size[1], cells.shape[1]))
    return cells.repeat(rows, axis=0).repeat(columns, axis=1)


def _draw_mask_legend(page, x, mask):
    if mask.dtype == bool:
        text = "clear: looked at, dim: dropped"
    else:
        greatest = format_number(finite_range(mask)[1])
        text = f"brightness = weight; clear: {greatest}, the greatest"
    page.text(x, page.y + 8, text, 13, FAINT)


def _draw_presence_legend(page, x, width, presence):
    low, high = (format_number(value) for value in finite_range(presence))
    left = x + page.font.length(low, 13) + 8
    right = x + width - page.font.length(high, 13) - 8
    page.text(x, page.y + 8, low, 13, FAINT)
    page.text(right + 8, page.y + 8, high, 13, FAINT)
    if right > left:
        bar = heat(np.linspace(0.0, 1.0, right - left))[None].repeat(10, axis=0)
        page.paste(left, page.y + 11, bar, grow=False)


def _draw_look(page, look, image):
    """A row of its own: the panel, and beside it what is to be seen there."""
    top, panel = page.y, look.draw(image)
    page.text(MARGIN, top, look.title, 15, FAINT)
    page.paste(MARGIN, top + TITLE_HEIGHT, panel)
    x = MARGIN + panel.shape[1] + GAP
    y, room = top + TITLE_HEIGHT, page.width - MARGIN - x
    for line in page.font.wrap(look.legend, 13, room, MAX_LEGEND_LINES):
        page.text(x, y, line, 13, FAINT)
        y += 18
    if look.draw_beside:
        page.paste(x, y + 8, look.draw_beside(room))
    page.y = max(page.y, y) + 24


# Text.


def _draw_question(page, question):
    lines = page.font.wrap(question, 22, page.width - 2 * MARGIN, MAX_QUESTION_LINES)
    for line in lines:
        page.text(MARGIN, page.y, line, 22, TEXT)
        page.y += 30
    page.y += 6


def _draw_verdict(page, predictions, answer):
    if answer is None or not predictions:
        page.text(MARGIN, page.y, "The right answer is not known.", 16, FAINT)
    else:
        said = predictions[0][0]
        color = RIGHT if said == answer else WRONG
        page.sign(MARGIN, page.y + 2, said == answer, color)
        # Shortened apart, so that two long answers are both seen.
        said, answer = (page.font.shorten(t, 16, page.width // 3) for t in (said, answer))
        text = f"{said} is right" if color == RIGHT else f"{said} is wrong, {answer} is right"
        page.text(MARGIN + 24, page.y, text, 16, color)
    page.y += 34


def _draw_answers(page, predictions, answer):
    """One row each: answer, bar, probability; a sign beside the right one."""
    longest = max((page.font.length(text, 16) for text, _ in predictions), default=0)
    label = min(longest, (page.width - 2 * MARGIN) // 3)
    left, right = MARGIN + label + 16, page.width - MARGIN - 100
    for text, probability in predictions:
        share = min(max(float(np.nan_to_num(probability)), 0.0), 1.0)
        percent = f"{100 * probability:.1f} %"
        page.text(MARGIN, page.y, page.font.shorten(text, 16, label), 16, TEXT)
        page.box(left, page.y + 5, right - left, 12, LINE)
        page.box(left, page.y + 5, round(share * (right - left)), 12, BAR)
        page.text(right + 70 - page.font.length(percent, 16), page.y, percent, 16, TEXT)
        if text == answer:
            page.sign(page.width - MARGIN - 16, page.y + 2, True, RIGHT)
        page.y += 26


def _describe_mask(mask):
    kept = np.count_nonzero(mask)
    if mask.dtype == bool:
        return f"Looked at: {kept} of {mask.size} cells"
    return f"Looked at: {kept} of {mask.size} cells, weighted"


def format_number(value):
    return f"{value:.3g}"


def finite_range(values):
    finite = np.asarray(values, np.float64)[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


# Checks.


def check_image(image):
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            "`image` must be uint8[H, W, 3]. Received: "
            f"{image.dtype}{list(image.shape)}. Pixels in [0, 1] become it by "
            "`np.round(255 * image).astype(np.uint8)`."
        )
    return image


def check_grid(name, grid):
    grid = np.asarray(grid)
    if grid.ndim != 2 or not grid.size or not (grid.dtype == bool or grid.dtype.kind == "f"):
        raise ValueError(
            f"`{name}` must be bool[h, w] or float[h, w], one value a cell. Received: "
            f"{grid.dtype}{list(grid.shape)}. Pass one question's row of the model's `{name}`."
        )
    return grid
