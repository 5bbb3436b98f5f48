"""A picture of one answer: what the model looked at, and what it then said.

    image | image with the mask over it | presence of each cell
    what the mixer looked at, of a model that has one (`looks`)
    question, the right answer, the five best answers with their probabilities

Letters: H W image in pixels, h w grid in cells; `pictures.panels` says where a cell is drawn.
"""

import numpy as np

from hardvqa_tf.pictures import panels
from hardvqa_tf.pictures.paper import LEFT_OUT, Paper
from hardvqa_tf.vqa.best_answers import NUM_BEST

MARGIN, GAP = 24, 20  # around everything, between panels; in pixels, as all lengths here
TITLE_HEIGHT, MIN_COLUMN = 28, 230
MAX_QUESTION_LINES, MAX_LEGEND_LINES = 6, 8


def draw_overlay(
    image,
    mask,
    presence=None,
    *,
    question,
    predictions,
    answer=None,
    look=None,
    fields=None,
    extents=False,
    width=1080,
):
    """Draws one question's picture.

    Args:
      image: uint8[H, W, 3].
      mask: bool[h, w], True = looked at; or float[h, w], weights of soft attention.
      presence: float[h, w], the norm of each cell; None leaves its panel out.
      question: str.
      predictions: list of (answer, probability), best first; the first five are drawn.
      answer: the right answer; None where it is not known, and then nothing is said of it.
      look: `looks.Look`, what a mixer looked at; None leaves its part out.
      fields: `encoders.fields.Fields`, where cells look; None: see `panels`.
      extents: whether all that kept cells see is shown, half as clear as themselves.
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
    image, mask = panels.check_image(image), panels.check_grid("mask", mask)
    titles = ["Image", _describe_mask(mask)]
    if presence is not None:
        presence = panels.check_grid("presence", presence)
        titles.append("Presence (norm of each cell)")
    slot = (width - 2 * MARGIN - (len(titles) - 1) * GAP) // len(titles)
    small = panels.fit(image, slot - 2 * panels.FRAME)
    shown = [panels.frame(small), panels.draw_mask(small, mask, fields, extents)]
    if presence is not None:
        shown.append(panels.draw_presence(small, presence, mask, fields))

    texts = [question, answer or "", *(text for text, _ in predictions)]
    page = Paper(width, " ".join(texts + ([look.title, look.legend] if look else [])))
    # The first panel flush left, the last flush right, as wide as its title at least.
    column = max(shown[0].shape[1], MIN_COLUMN)
    step = (width - 2 * MARGIN - column) // (len(shown) - 1)
    for i, (title, panel) in enumerate(zip(titles, shown, strict=True)):
        x = MARGIN + i * step
        page.text(x, MARGIN, title, 15, panels.FAINT)
        page.paste(x, MARGIN + TITLE_HEIGHT, panel)
    _draw_mask_legend(page, MARGIN + step, mask, extents)
    if presence is not None:
        _draw_presence_legend(page, MARGIN + 2 * step, column, presence)
    page.y += 46
    if look:
        _draw_look(page, look, small)
    _draw_question(page, question)
    _draw_verdict(page, predictions, answer)
    _draw_answers(page, predictions[:NUM_BEST], answer)
    return page.finish(MARGIN)


def _draw_mask_legend(page, x, mask, extents):
    if mask.dtype == bool:
        text = "clear: looked at, dim: dropped"
        if extents:
            text = "clear: looked at, half: seen from there, dim: dropped"
    else:
        greatest = panels.format_number(panels.finite_range(mask)[1])
        text = f"brightness = weight; clear: {greatest}, the greatest"
    page.text(x, page.y + 8, text, 13, panels.FAINT)


def _draw_presence_legend(page, x, width, presence):
    low, high = panels.format_range(*panels.finite_range(presence))
    if low == high:
        page.text(x, page.y + 8, f"{low} in every cell", 13, panels.FAINT)
        return
    left = x + page.font.length(low, 13) + 8
    right = x + width - page.font.length(high, 13) - 8
    page.text(x, page.y + 8, low, 13, panels.FAINT)
    page.text(right + 8, page.y + 8, high, 13, panels.FAINT)
    if right > left:
        bar = panels.heat(np.linspace(0.0, 1.0, right - left))[None].repeat(10, axis=0)
        page.paste(left, page.y + 11, bar, grow=False)


def _draw_look(page, look, image):
    """A row of its own: the panel, and beside it what is to be seen there."""
    top, panel = page.y, look.draw(image)
    page.text(MARGIN, top, look.title, 15, panels.FAINT)
    page.paste(MARGIN, top + TITLE_HEIGHT, panel)
    x = MARGIN + panel.shape[1] + GAP
    y, room = top + TITLE_HEIGHT, page.width - MARGIN - x
    for line in page.font.wrap(look.legend, 13, room, MAX_LEGEND_LINES):
        page.text(x, y, line, 13, panels.FAINT)
        y += 18
    if look.draw_beside:
        page.paste(x, y + 8, look.draw_beside(room))
    page.y = max(page.y, y) + 24


# Text.


def _draw_question(page, question):
    lines = page.font.wrap(question, 22, page.width - 2 * MARGIN, MAX_QUESTION_LINES)
    for line in lines:
        page.text(MARGIN, page.y, line, 22, panels.TEXT)
        page.y += 30
    if page.font.leaves_out(question):
        hint = f"{LEFT_OUT} is a script of which this system has no font."
        page.text(MARGIN, page.y, hint, 13, panels.FAINT)
        page.y += 24
    page.y += 6


def _draw_verdict(page, predictions, answer):
    if answer is None or not predictions:
        return
    said = predictions[0][0]
    color = panels.RIGHT if said == answer else panels.WRONG
    page.sign(MARGIN, page.y + 2, said == answer, color)
    # Shortened apart, so that two long answers are both seen.
    said, answer = (page.font.shorten(t, 16, page.width // 3) for t in (said, answer))
    text = (
        f"{said} is right" if color == panels.RIGHT else f"{said} is wrong, {answer} is right"
    )
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
        page.text(MARGIN, page.y, page.font.shorten(text, 16, label), 16, panels.TEXT)
        page.box(left, page.y + 5, right - left, 12, panels.LINE)
        page.box(left, page.y + 5, round(share * (right - left)), 12, panels.BAR)
        page.text(right + 70 - page.font.length(percent, 16), page.y, percent, 16, panels.TEXT)
        if text == answer:
            page.sign(page.width - MARGIN - 16, page.y + 2, True, panels.RIGHT)
        page.y += 26


def _describe_mask(mask):
    kept = np.count_nonzero(mask)
    if mask.dtype == bool:
        return f"Looked at: {kept} of {mask.size} cells"
    return f"Looked at: {kept} of {mask.size} cells, weighted"
